"""Signatures: the published vectors pass, and nothing that differs by a bit does."""

import base64
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.providers.schemes import ELEVENLABS, RETELL, STANDARD_WEBHOOKS, SVIX
from monitor.providers.signing import (
    Basic,
    Hmac,
    SecretPath,
    Signing,
    StaticHeader,
    Verifier,
    path_secret,
    sign,
)

# Published with the Standard Webhooks specification.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, STAMP = b"msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
VECTOR_BODY = b'{"test": 2432232314}'
SIGNATURE = b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
THEN = datetime.fromtimestamp(STAMP, UTC)
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
BODY = b'{"call_id": "c-1"}'
PLAIN = Hmac(header="X-Webhook-Signature")


def standard(
    *,
    signature: bytes = SIGNATURE,
    unique: bytes = ID,
    stamp: bytes = b"1614265330",
    body: bytes = VECTOR_BODY,
    now: datetime = THEN,
    secrets: tuple[str, ...] = (SECRET,),
) -> bool:
    headers = {
        b"webhook-id": unique,
        b"webhook-timestamp": stamp,
        b"webhook-signature": signature,
    }
    return Verifier(STANDARD_WEBHOOKS, secrets, ()).check(headers, None, body, now) is not None


def test_the_published_vector_is_accepted_with_its_id() -> None:
    headers = {
        b"webhook-id": ID,
        b"webhook-timestamp": b"1614265330",
        b"webhook-signature": SIGNATURE,
    }

    verified = Verifier(STANDARD_WEBHOOKS, (SECRET,), ()).check(headers, None, VECTOR_BODY, THEN)

    assert verified is not None
    assert verified.unique == ID


@pytest.mark.parametrize(
    ("changes", "accepted"),
    [
        pytest.param({"secrets": (SECRET.removeprefix("whsec_"),)}, True, id="no prefix"),
        pytest.param({"secrets": ("whsec_AAAA", SECRET)}, True, id="an older secret beside it"),
        pytest.param({"secrets": ("whsec_AAAA",)}, False, id="another secret"),
        pytest.param({"signature": b"v1,AAAA " + SIGNATURE}, True, id="several signatures"),
        pytest.param({"signature": SIGNATURE.replace(b"v1", b"v2")}, False, id="another version"),
        pytest.param({"signature": b""}, False, id="no signature"),
        pytest.param({"signature": b"\xff\xfe"}, False, id="not ascii"),
        pytest.param({"unique": b""}, False, id="no id"),
        pytest.param({"stamp": b""}, False, id="no time"),
        pytest.param({"stamp": b"soon"}, False, id="a time that is none"),
        pytest.param({"now": THEN + timedelta(minutes=5)}, True, id="five minutes old"),
        pytest.param({"now": THEN + timedelta(seconds=301)}, False, id="too old"),
        pytest.param({"now": THEN - timedelta(seconds=301)}, False, id="from the future"),
        pytest.param({"body": VECTOR_BODY + b" "}, False, id="another body"),
    ],
)
def test_a_standard_webhook_is_accepted_only_whole_and_in_time(
    changes: dict[str, object], *, accepted: bool
) -> None:
    assert standard(**changes) is accepted  # type: ignore[arg-type]  # the cases are typed above


def _signed(message: bytes, key: bytes = b"s3cret", algorithm: str = "sha256") -> bytes:
    return hmac.digest(key, message, algorithm).hex().encode()


STAMPED = str(int(NOW.timestamp())).encode()
MILLIS = STAMPED + b"000"
SCHEMES = [
    pytest.param(PLAIN, {b"x-webhook-signature": _signed(BODY)}, id="hex of the body"),
    pytest.param(
        Hmac(header="x-sig", value="sha512={digest}", algorithm="sha512", encoding="hex"),
        {b"x-sig": b"sha512=" + _signed(BODY, algorithm="sha512")},
        id="sha512 behind a word",
    ),
    pytest.param(
        Hmac(header="x-sig", encoding="base64"),
        {b"x-sig": base64.b64encode(hmac.digest(b"s3cret", BODY, "sha256"))},
        id="base64",
    ),
    pytest.param(
        Hmac(header="x-sig", message=("{time}", ".", "{body}"), time_header="x-time"),
        {b"x-sig": _signed(STAMPED + b"." + BODY), b"x-time": STAMPED},
        id="a time beside it",
    ),
    pytest.param(
        ELEVENLABS,
        {b"elevenlabs-signature": b"t=%s,v0=%s" % (STAMPED, _signed(STAMPED + b"." + BODY))},
        id="ElevenLabs",
    ),
    pytest.param(
        RETELL,
        {b"x-retell-signature": b"v=%s,d=%s" % (MILLIS, _signed(BODY + MILLIS))},
        id="Retell",
    ),
    pytest.param(StaticHeader(header="X-Secret"), {b"x-secret": b"s3cret"}, id="a header"),
    pytest.param(
        StaticHeader(header="Authorization", prefix="Bearer "),
        {b"authorization": b"Bearer s3cret"},
        id="bearer",
    ),
    pytest.param(
        Basic(), {b"authorization": b"Basic " + base64.b64encode(b"s3cret")}, id="basic auth"
    ),
]


@pytest.mark.parametrize(("signing", "headers"), SCHEMES)
def test_each_scheme_accepts_what_is_right_and_no_other_secret(
    signing: Signing, headers: dict[bytes, bytes]
) -> None:
    assert Verifier(signing, ("s3cret",), ()).check(headers, None, BODY, NOW) is not None
    assert Verifier(signing, ("old", "s3cret"), ()).check(headers, None, BODY, NOW) is not None
    assert Verifier(signing, ("other",), ()).check(headers, None, BODY, NOW) is None
    assert Verifier(signing, (), ()).check(headers, None, BODY, NOW) is None
    assert Verifier(signing, ("s3cret",), ()).check({}, None, BODY, NOW) is None


@pytest.mark.parametrize(("signing", "headers"), SCHEMES[:6])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(place=st.integers(0, 8 * 60), in_body=st.booleans())
def test_one_flipped_bit_is_never_accepted(
    signing: Signing, headers: dict[bytes, bytes], place: int, *, in_body: bool
) -> None:
    verifier = Verifier(signing, ("s3cret",), ())
    if in_body:
        assert verifier.check(headers, None, _flipped(BODY, place), NOW) is None
        return
    for name, value in headers.items():
        changed = headers | {name: _flipped(value, place)}
        assert verifier.check(changed, None, BODY, NOW) is None


def _flipped(text: bytes, place: int) -> bytes:
    place %= 8 * len(text)
    at, bit = divmod(place, 8)
    return text[:at] + bytes([text[at] ^ (1 << bit)]) + text[at + 1 :]


def test_a_secret_part_of_the_address_proves_that_to_ask_pays_and_no_more() -> None:
    secret = path_secret("renewals", "s3cret")
    verifier = Verifier(SecretPath(), (), (secret,))

    verified = verifier.check({}, secret.encode(), BODY, NOW)

    assert verified is not None
    assert verified.hint_only
    assert verifier.check({}, b"wrong", BODY, NOW) is None
    assert verifier.check({}, None, BODY, NOW) is None
    assert path_secret("other", "s3cret") != secret


def test_svix_is_the_same_under_other_names() -> None:
    headers = {
        b"svix-id": ID,
        b"svix-timestamp": b"1614265330",
        b"svix-signature": SIGNATURE,
    }

    assert Verifier(SVIX, (SECRET,), ()).check(headers, None, VECTOR_BODY, THEN) is not None


WORD = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789-", min_size=1, max_size=12)
HMACS = st.builds(
    Hmac,
    header=WORD.map("X-Sig-".__add__),
    value=st.sampled_from(["{digest}", "v1,{digest}", "t={time},v0={digest}", "sha256={digest}"]),
    message=st.permutations(["{time}", "{id}", ".", "{body}"]).map(tuple),
    algorithm=st.sampled_from(["sha1", "sha256", "sha512"]),
    encoding=st.sampled_from(["hex", "base64"]),
    many=st.sampled_from(["", " "]),
    id_header=WORD.map("X-Id-".__add__),
    time_header=WORD.map("X-Time-".__add__),
    unit=st.sampled_from(["s", "ms"]),
)
SIGNINGS = (
    HMACS
    | st.sampled_from([STANDARD_WEBHOOKS, SVIX, ELEVENLABS, RETELL, PLAIN])
    | st.builds(StaticHeader, header=WORD, prefix=st.sampled_from(["", "Bearer "]))
    | st.just(Basic())
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    signing=SIGNINGS,
    body=st.binary(max_size=200),
    unique=WORD,
    at=st.datetimes(datetime(2001, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants bounds without a zone
    place=st.integers(0, 1600),
)
def test_what_is_signed_is_accepted_then_and_by_that_secret_only(
    signing: Signing, body: bytes, unique: str, at: datetime, place: int
) -> None:
    secret, other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAAAAAAAAAAAAAAAAAAAAAA"
    made = sign(signing, secret, body, at, unique)
    headers = {name.lower().encode(): value.encode() for name, value in made.items()}

    assert Verifier(signing, (other, secret), ()).check(headers, None, body, at) is not None
    assert Verifier(signing, (other,), ()).check(headers, None, body, at) is None
    if isinstance(signing, Hmac):
        verifier = Verifier(signing, (secret,), ())
        assert body == b"" or verifier.check(headers, None, _flipped(body, place), at) is None
        late = at + timedelta(hours=1)
        assert (verifier.check(headers, None, body, late) is None) is ("{time}" in signing.message)


def test_the_published_vector_is_what_would_be_signed() -> None:
    made = sign(STANDARD_WEBHOOKS, SECRET, VECTOR_BODY, THEN, ID.decode())

    assert made == {
        "webhook-id": ID.decode(),
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE.decode(),
    }


def test_an_address_that_is_the_secret_needs_no_headers() -> None:
    assert sign(SecretPath(), "s3cret", BODY, NOW) == {}


WRONG = b"0" * 64
MADE = path_secret("renewals", "another secret").encode()


@pytest.mark.parametrize(
    ("signing", "headers", "path", "tried"),
    [
        pytest.param(PLAIN, {b"x-webhook-signature": WRONG}, None, True, id="another digest"),
        pytest.param(PLAIN, {b"x-webhook-signature": b"x"}, None, False, id="no digest"),
        pytest.param(PLAIN, {b"x-webhook-signature": WRONG + b"0"}, None, False, id="too long"),
        pytest.param(PLAIN, {}, None, False, id="no header"),
        pytest.param(
            ELEVENLABS,
            {b"elevenlabs-signature": b"t=%s,v0=%s" % (STAMPED, WRONG)},
            None,
            True,
            id="of now",
        ),
        pytest.param(
            ELEVENLABS,
            {b"elevenlabs-signature": b"t=1614265330,v0=" + WRONG},
            None,
            False,
            id="of long ago",
        ),
        pytest.param(StaticHeader(header="X-Secret"), {b"x-secret": b"?"}, None, True, id="word"),
        pytest.param(
            StaticHeader(header="Authorization", prefix="Bearer "),
            {b"authorization": b"Basic eDp5"},
            None,
            False,
            id="another kind",
        ),
        pytest.param(Basic(), {b"authorization": b"Basic eDp5"}, None, True, id="basic"),
        pytest.param(Basic(), {b"authorization": b"Bearer x"}, None, False, id="bearer for basic"),
        pytest.param(SecretPath(), {b"x-secret": b"?"}, None, False, id="nothing is signed"),
        pytest.param(PLAIN, {}, MADE, True, id="an address made from another secret"),
        pytest.param(PLAIN, {}, b"d41d8cd98f00b204e9800998ecf8427e", False, id="a hash"),
        pytest.param(PLAIN, {}, b"wp-admin", False, id="an address that is tried"),
    ],
)
def test_only_what_lacks_nothing_but_the_secret_looks_like_the_senders(
    signing: Signing, headers: dict[bytes, bytes], path: bytes | None, *, tried: bool
) -> None:
    verifier = Verifier(signing, ("s3cret",), (path_secret("renewals", "s3cret"),))

    assert verifier.check(headers, path, BODY, NOW) is None
    assert verifier.is_tried(headers, path, NOW) is tried


def test_many_forged_signatures_cost_one_hash_of_the_body_for_each_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashed: list[bytes] = []

    def counted(key: bytes, message: bytes, algorithm: str) -> bytes:
        hashed.append(key)
        return digest(key, message, algorithm)

    digest = hmac.digest
    monkeypatch.setattr(hmac, "digest", counted)
    forged = base64.b64encode(b"0" * 32)
    headers = {
        b"webhook-id": ID,
        b"webhook-timestamp": b"1614265330",
        b"webhook-signature": b" ".join([b"v1," + forged] * 9),
    }
    secrets = (SECRET, "whsec_AAAA", "whsec_BBBB")

    verifier = Verifier(STANDARD_WEBHOOKS, secrets, ())
    assert verifier.check(headers, None, VECTOR_BODY, THEN) is None
    assert len(hashed) == 3

    headers[b"webhook-signature"] += b" " + SIGNATURE
    assert verifier.check(headers, None, VECTOR_BODY, THEN) is not None
