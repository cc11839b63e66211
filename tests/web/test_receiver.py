"""Webhooks as they come in: who is let in, what is kept, and what is answered."""

import asyncio
import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from hmac import digest

import httpx
import pytest
from structlog.testing import capture_logs

from monitor.errors import StoreError
from monitor.providers.schemes import STANDARD_WEBHOOKS
from monitor.providers.signing import Hmac, Verifier, path_secret
from monitor.store.inbox import Arrived
from monitor.web.metrics import Numbers
from monitor.web.receiver import MOST, Receiver, Sender
from monitor.web.server import application
from tests.loopback import NOW, StillClock

SECRET = "a secret of this vendor"
HEADER = "x-webhook-signature"
BODY = b'{"call_id": "c-1"}'


def read(body: bytes, now: datetime) -> Arrived:
    poison = "not JSON" if body.startswith(b"poison") else None
    unique = sha256(body).digest()
    return Arrived(
        provider="renewals",
        unique_key=unique,
        received_at=now,
        event="call",
        proves="call",
        digest=unique,
        told='{"as": "told"}',
        poison=poison,
    )


@dataclass
class Shelf:
    """Where webhooks are kept; a commit may be held back, or fail."""

    kept: dict[bytes, Arrived] = field(default_factory=dict)
    commits: list[int] = field(default_factory=list)
    hold: asyncio.Event | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    broken: bool = False
    never: frozenset[bytes] = frozenset()  # of these no row can be made

    async def keep(self, arrived: Sequence[Arrived]) -> list[bool]:
        self.begun.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.broken:
            raise StoreError("the disk is full")
        if any(each.digest in self.never for each in arrived):
            raise OverflowError("a number too long")
        self.commits.append(len(arrived))
        new = []
        for each in arrived:
            new.append(each.unique_key not in self.kept)
            self.kept.setdefault(each.unique_key, each)
        return new


@dataclass
class Site:
    """A receiver with its shelf, asked in process."""

    shelf: Shelf = field(default_factory=Shelf)
    read: Callable[[bytes, datetime], Arrived] = read
    signing: Hmac = field(default_factory=lambda: Hmac(header=HEADER))
    secrets: tuple[str, ...] = (SECRET,)
    receiver: Receiver = field(init=False)

    def __post_init__(self) -> None:
        self.receiver = Receiver(self.shelf.keep, StillClock())
        verifier = Verifier(self.signing, self.secrets, (path_secret("renewals", SECRET),))
        self.receiver.serve(
            {"renewals": Sender(provider="renewals", verifier=verifier, read=self.read)}
        )

    async def send(
        self,
        body: bytes = BODY,
        path: str = "/webhooks/renewals",
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        app = application(problems=_nothing, numbers=_never, token="t", receiver=self.receiver)
        transport = httpx.ASGITransport(app=app)
        given = {HEADER: signed(body)} | dict(headers or {})
        raw = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]
        async with httpx.AsyncClient(transport=transport, base_url="http://offhook") as client:
            return await client.request(method, path, content=body, headers=raw)


async def _nothing() -> tuple[str, ...]:
    return ()


async def _never() -> Numbers:
    raise AssertionError


def signed(body: bytes, secret: str = SECRET) -> str:
    return digest(secret.encode(), body, "sha256").hex()


async def test_a_signed_webhook_is_kept_before_it_is_answered_and_needs_no_token() -> None:
    site = Site()

    answer = await site.send()

    assert answer.status_code == 200
    assert [each.told for each in site.shelf.kept.values()] == ['{"as": "told"}']


async def test_what_comes_again_is_answered_like_the_first_and_changes_nothing() -> None:
    site = Site()

    answers = [await site.send() for _ in range(3)]

    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"kept\n")}
    assert len(site.shelf.kept) == 1
    assert site.receiver.taken["renewals"].repeated == 2


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        pytest.param("/webhooks/renewals", {HEADER: "0" * 64}, id="forged"),
        pytest.param("/webhooks/renewals", {HEADER: ""}, id="unsigned"),
        pytest.param("/webhooks/renewals", {HEADER: "\xff"}, id="not ascii"),
        pytest.param("/webhooks/nobody", {}, id="unknown provider"),
        pytest.param("/webhooks/renewals/wrong", {}, id="wrong secret path"),
        pytest.param("/webhooks/nobody/wrong", {}, id="unknown provider with a path"),
    ],
)
async def test_who_is_not_proven_and_who_does_not_exist_hear_the_same(
    path: str, headers: dict[str, str]
) -> None:
    site = Site()
    known = await site.send(headers={HEADER: "0"})

    answer = await site.send(path=path, headers=headers)

    assert answer.status_code == 401
    assert (answer.content, dict(answer.headers)) == (known.content, dict(known.headers))
    assert site.shelf.kept == {}


async def test_rejections_are_counted() -> None:
    site = Site()
    for _ in range(3):
        await site.send(headers={HEADER: "0"})
    await site.send()

    assert site.receiver.taken["renewals"].rejected == 3


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_refused(method: str) -> None:
    answer = await Site().send(method=method)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "encoding", ["gzip", "br", "deflate", "gzip, identity", "x", "identity", ""]
)
async def test_packed_bodies_are_refused_unread(encoding: str) -> None:
    site = Site()

    assert (await site.send(headers={"content-encoding": encoding})).status_code == 415
    assert site.shelf.kept == {}


async def test_a_body_at_the_limit_is_kept_and_one_byte_more_is_not() -> None:
    site = Site()

    assert (await site.send(b"x" * MOST)).status_code == 200
    answer = await site.send(b"x" * (MOST + 1))
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")


async def test_a_body_that_breaks_off_is_not_read_as_a_shorter_one() -> None:
    site = Site()
    sent: list[dict[str, object]] = []
    steps: Iterator[dict[str, object]] = iter(
        [
            {"type": "http.request", "body": BODY, "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    scope = {
        "type": "http",
        "method": "POST",
        "headers": [(HEADER.encode(), signed(BODY).encode())],
        "path_params": {"provider": "renewals"},
    }

    async def receive() -> dict[str, object]:
        return next(steps)

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await site.receiver(scope, receive, send)  # type: ignore[arg-type]  # as a server calls it

    assert sent[0]["status"] == 400
    assert site.shelf.kept == {}


async def test_a_secret_address_lets_hints_in_and_nothing_that_proves() -> None:
    site = Site()

    answer = await site.send(
        path=f"/webhooks/renewals/{path_secret('renewals', SECRET)}", headers={HEADER: ""}
    )

    assert answer.status_code == 200
    (kept,) = site.shelf.kept.values()
    assert (kept.proves, kept.told) == ("hint", None)


async def test_poison_is_kept_and_answered_like_anything_else() -> None:
    site = Site()

    assert (await site.send(b"poison")).status_code == 200
    assert site.receiver.taken["renewals"].poison == 1


async def test_the_senders_own_id_tells_two_deliveries_of_one_message() -> None:
    site = Site(signing=STANDARD_WEBHOOKS, secrets=("whsec_c2VjcmV0",))
    stamp = str(int(NOW.timestamp()))

    def standard(unique: str) -> dict[str, str]:
        message = f"{unique}.{stamp}.".encode() + BODY
        made = base64.b64encode(digest(b"secret", message, "sha256")).decode()
        return {
            "webhook-id": unique,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{made}",
        }

    for unique in ("msg_1", "msg_2", "msg_1"):
        assert (await site.send(headers=standard(unique))).status_code == 200

    assert len(site.shelf.kept) == 2


async def test_what_cannot_be_kept_is_to_be_sent_again() -> None:
    site = Site()
    site.shelf.broken = True

    answer = await site.send()

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_whatever_arrives_during_a_commit_shares_the_next() -> None:
    everybody = asyncio.Event()
    bodies: list[bytes] = []

    def counted(body: bytes, now: datetime) -> Arrived:
        bodies.append(body)
        if len(bodies) == 40:
            everybody.set()
        return read(body, now)

    site = Site(read=counted)
    site.shelf.hold = asyncio.Event()
    first = asyncio.create_task(site.send(b"first"))
    await site.shelf.begun.wait()
    others = [asyncio.create_task(site.send(b"%d" % n)) for n in range(39)]
    await everybody.wait()

    site.shelf.hold.set()
    answers = await asyncio.gather(first, *others)

    assert {answer.status_code for answer in answers} == {200}
    assert site.shelf.commits == [1, 39]


async def test_a_row_that_cannot_be_kept_takes_no_other_along() -> None:
    everybody = asyncio.Event()
    bodies: list[bytes] = []

    def counted(body: bytes, now: datetime) -> Arrived:
        bodies.append(body)
        if len(bodies) == 5:
            everybody.set()
        return read(body, now)

    site = Site(read=counted)
    site.shelf.hold = asyncio.Event()
    site.shelf.never = frozenset({sha256(b"odd").digest()})
    first = asyncio.create_task(site.send(b"odd"))
    await site.shelf.begun.wait()
    others = [asyncio.create_task(site.send(body)) for body in (b"1", b"odd", b"2", b"3")]
    await everybody.wait()

    site.shelf.hold.set()
    with capture_logs() as told:
        async with asyncio.timeout(5):
            answers = await asyncio.gather(first, *others)
            later = await site.send(b"4")

    assert [answer.status_code for answer in answers] == [503, 200, 503, 200, 200]
    assert later.status_code == 200
    assert [each["error"] for each in told if each["event"] == "webhook_cannot_be_kept"] == [
        "OverflowError"
    ] * 2


async def test_nobody_hangs_when_the_keeping_is_cut_off() -> None:
    came = asyncio.Event()

    def told(body: bytes, now: datetime) -> Arrived:
        if body == b"second":
            came.set()
        return read(body, now)

    site = Site(read=told)
    site.shelf.hold = asyncio.Event()
    first = asyncio.create_task(site.send(b"first"))
    await site.shelf.begun.wait()
    second = asyncio.create_task(site.send(b"second"))
    await came.wait()
    assert site.receiver._group._task is not None
    site.receiver._group._task.cancel()

    async with asyncio.timeout(5):
        answers = await asyncio.gather(first, second)

    assert [answer.status_code for answer in answers] == [503, 503]


# What was refused


async def test_refusals_are_counted_by_provider_and_a_good_one_ends_the_row() -> None:
    site = Site()
    for n in range(3):
        await site.send(headers={HEADER: signed(b"%d" % n)})
    told = site.receiver.refusals["renewals"].told()
    assert (told.in_a_row, told.unsigned, len(told.times)) == (3, 0, 3)

    await site.send()
    told = site.receiver.refusals["renewals"].told()
    assert (told.in_a_row, len(told.times), told.accepted_at) == (0, 3, NOW)


async def test_who_tries_addresses_makes_no_provider_look_ill() -> None:
    site = Site()
    await site.send()
    for path in ("/webhooks/unknown", "/webhooks/renewals", "/webhooks/renewals/admin"):
        await site.send(path=path, headers={HEADER: ""})

    assert set(site.receiver.refusals) == {"renewals"}
    assert site.receiver.refusals["renewals"].told().times == ()


async def test_a_wrong_secret_in_the_address_is_counted() -> None:
    site = Site()
    await site.send()
    await site.send(path=f"/webhooks/renewals/{path_secret('renewals', 'another')}")

    assert site.receiver.refusals["renewals"].told().in_a_row == 1


async def test_what_offhook_sends_to_itself_does_not_end_the_row() -> None:
    def rehearse(body: bytes, now: datetime) -> Arrived:
        return replace(read(body, now), call_id="offhook-test-1")

    site = Site(read=rehearse)
    await site.send(headers={HEADER: signed(b"other")})
    await site.send()

    told = site.receiver.refusals["renewals"].told()
    assert (told.in_a_row, told.accepted_at) == (1, None)
