"""Signatures: the published vectors pass, and nothing that differs by a bit does."""

import base64
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.providers.signing import (
    ELEVENLABS,
    RETELL,
    STANDARD_WEBHOOKS,
    SVIX,
    Basic,
    Hmac,
    SecretPath,
    Signing,
    StaticHeader,
    Verifier,
    path_secret,
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
