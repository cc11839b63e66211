"""Sending a webhook as the vendor would, through the public address, and following it.

It ends where nobody is told of it: kept, taken in, and the outbox not stuck.
"""

import asyncio
import secrets
from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine

from monitor.app.health import stuck
from monitor.app.registration import Address
from monitor.clock import Clock
from monitor.egress import DIRECT, Egress
from monitor.errors import HttpError, StoreError
from monitor.http import Answer, Asks, HttpClient
from monitor.providers.facts import Webhooks
from monitor.providers.rehearsal import PREFIX, rehearsal
from monitor.providers.signing import body_key, sign
from monitor.store import inbox
from monitor.store.inbox import Trace

ANSWER_S = 15.0
FOLLOW_S = 15.0
_LOOK_EVERY_S = 0.05
_ANSWER_LIMIT = 64 * 1024
_SLACK = timedelta(minutes=1)  # between the clocks of two machines


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far it came. ``after_s``: seconds since it was sent, None where that is not known."""

    name: str
    ok: bool
    text: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """One address that was tried; the steps end with the first that went wrong."""

    address: str  # without its secret
    steps: tuple[Step, ...]

    @property
    def ok(self) -> bool:
        """Whether it came the whole way."""
        return all(step.ok for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Where to look what became of it, and how to get there.

    ``engine`` opens the daemon's database, read-only.
    """

    engine: Callable[[], Engine]
    receivers: Container[str]
    egress: Egress = DIRECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One webhook that was sent, and the id that it alone names."""

    provider: str
    subject: str
    body: bytes
    sent_at: datetime


def rehearse(
    addresses: tuple[Address, ...], webhooks: Webhooks | None, beside: Beside, clock: Clock
) -> tuple[Rehearsed, ...]:
    """Try each address."""
    return asyncio.run(_rehearse(addresses, webhooks, beside, clock))


async def _rehearse(
    addresses: tuple[Address, ...], webhooks: Webhooks | None, beside: Beside, clock: Clock
) -> tuple[Rehearsed, ...]:
    http = HttpClient(clock, egress=beside.egress)
    try:
        return tuple(
            [
                Rehearsed(
                    address=each.shown,
                    steps=tuple(await _tried(each, webhooks, http, beside, clock)),
                )
                for each in addresses
            ]
        )
    finally:
        await http.aclose()


async def _tried(
    address: Address, webhooks: Webhooks | None, http: Asks, beside: Beside, clock: Clock
) -> list[Step]:
    subject = f"{PREFIX}{secrets.token_hex(6)}"
    body = rehearsal(webhooks, subject)
    sample = Sample(provider=address.provider, subject=subject, body=body, sent_at=clock.now())
    answered = await _sent(address, sample, http, clock)
    if not answered.ok:
        return [answered]
    try:
        engine = beside.engine()
    except StoreError as error:
        return [answered, Step(name="kept", ok=False, text=f"it cannot be followed here: {error}")]
    try:
        return [answered, *await _followed(engine, sample, beside, clock)]
    finally:
        engine.dispose()


async def _sent(address: Address, sample: Sample, http: Asks, clock: Clock) -> Step:
    signed = sign(address.signing, address.secret, sample.body, clock.now(), sample.subject)
    begun = clock.monotonic()
    try:
        answer = await http.request(
            "POST",
            address.url,
            headers={"content-type": "application/json", **signed},
            content=sample.body,
            deadline=ANSWER_S,
            limit=_ANSWER_LIMIT,
        )
    except HttpError as error:
        return Step(name="answered", ok=False, text=_no_answer(error))
    wrong = _wrong(answer)
    return Step(
        name="answered",
        ok=wrong is None,
        text=f"{answer.status}" if wrong is None else f"{answer.status}: {wrong}",
        after_s=clock.monotonic() - begun,
    )


async def _followed(engine: Engine, sample: Sample, beside: Beside, clock: Clock) -> list[Step]:
    """What the database says of it, until it is taken in or the time is up."""
    until = clock.monotonic() + FOLLOW_S
    found = _trace(engine, sample)
    while not _is_settled(found) and clock.monotonic() < until:
        await clock.sleep(_LOOK_EVERY_S)
        found = _trace(engine, sample)
    if found is None:
        text = "no row of it is in this database: another daemon answers at this address"
        return [Step(name="kept", ok=False, text=text)]
    kept = Step(
        name="kept",
        ok=True,
        text="in the inbox",
        after_s=(found.received_at - sample.sent_at).total_seconds(),
    )
    taken = _taken(found, sample.sent_at)
    if not taken.ok:
        return [kept, taken]
    with engine.begin() as conn:
        return [kept, taken, _outbox(conn, beside.receivers, clock.now())]


def _trace(engine: Engine, sample: Sample) -> Trace | None:
    digest, since = body_key(sample.body), sample.sent_at - _SLACK
    with engine.begin() as conn:
        return inbox.trace(conn, sample.provider, sample.subject, digest, since)


def _is_settled(found: Trace | None) -> bool:
    """Whether nothing more becomes of it: what cannot be read is set aside as it comes."""
    return found is not None and (found.done_at is not None or found.state == "poison")


def _taken(found: Trace, sent_at: datetime) -> Step:
    if found.state == "poison":
        return Step(name="taken in", ok=False, text=f"set aside: {found.why}")
    if found.done_at is None:
        text = f"not within {FOLLOW_S:g} s; does the daemon run? See: offhook status"
        return Step(name="taken in", ok=False, text=text)
    after = (found.done_at - sent_at).total_seconds()
    return Step(name="taken in", ok=True, text="as a test; nobody is told of it", after_s=after)


def _outbox(conn: Connection, receivers: Container[str], now: datetime) -> Step:
    late = stuck(conn, receivers, now)
    if late:
        return Step(name="outbox", ok=False, text="; ".join(late))
    return Step(name="outbox", ok=True, text="no message waits too long")


def _no_answer(error: HttpError) -> str:
    """What to look at when no answer came."""
    match error.kind:
        case "tls":
            todo = "vendors refuse it too: give the proxy a certificate for this name"
        case "unreachable" | "timeout_before":
            todo = (
                "does the daemon run, and the reverse proxy before it? Does the name lead there"
                " (DNS), and does the firewall let it through? From inside, try"
                " --url with the address that [web] listens on"
            )
        case "timeout" | "reset":
            todo = "the proxy or the daemon took the request and did not answer; see their logs"
        case _:
            todo = "something other than Offhook answers at this address"
    return f"{error.text}; {todo}"


def _wrong(answer: Answer) -> str | None:
    """What an answer means that is not Offhook's good one; None for that."""
    told = answer.body[:200].strip()
    if (answer.status, told) == (200, b"kept"):
        return None
    if (answer.status, told) == (401, b"not accepted"):
        return (
            "the daemon does not accept it: its webhook_secret differs from the one here, or it"
            " does not know this provider; reload it, and run this with its configuration"
        )
    if 300 <= answer.status < 400:
        target = _host(answer.headers.get("location", ""))
        return f"it is redirected to {target}; vendors do not follow: use the last address"
    return _MEANS.get(answer.status, "this is not Offhook's answer") + (
        "" if answer.status in _MEANS else "; the reverse proxy must forward /webhooks/"
    )


def _host(location: str) -> str:
    try:
        return urlsplit(location).hostname or "another path"
    except ValueError:
        return "an address that is none"


_LOGIN = "something before the daemon asks for a login; /webhooks/ must be open"
_NOBODY = "nothing takes webhooks there; the reverse proxy must forward /webhooks/"
_BEHIND = "the reverse proxy cannot reach the daemon; does it run, and listen there?"
_MEANS = {
    401: _LOGIN,
    403: _LOGIN,
    404: _NOBODY,
    405: _NOBODY,
    413: "something before the daemon refuses the body; allow 256 KiB",
    502: _BEHIND,
    503: "it cannot be taken now: see the daemon's log for webhook_not_kept, then the proxy's",
    504: _BEHIND,
}
