"""What people press in Slack, where it comes by HTTP: proven, answered at once, done afterwards.

Slack signs the raw body with the time of sending. Whoever cannot sign hears nothing of why,
and what was heard once is not heard again.
"""

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import structlog
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from monitor.clock import Clock

log = structlog.get_logger()

KIB = 1024
MOST = 256 * KIB
PATIENCE = timedelta(minutes=5)  # between sending and arriving, and between the two clocks
QUIET = timedelta(minutes=1)  # between two lines about what was refused
_REMEMBERED = 10_000
_SIGNATURE = re.compile(rb"v0=[0-9a-f]{64}")
_TIMESTAMP = re.compile(rb"[0-9]{1,12}")

Take = Callable[[Any, Collection[str]], dict[str, Any] | None]


class BusyError(Exception):
    """So much waits to be done that this is not heard at all."""


@dataclass(frozen=True, slots=True)
class Signer:
    """One app's secret, and the receivers that it serves."""

    secret: SecretStr
    receivers: frozenset[str]


def signature(secret: str, timestamp: bytes, body: bytes) -> bytes:
    """The signature that Slack sends with this body."""
    signed = b"v0:" + timestamp + b":" + body
    return b"v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()


class SlackDoor:
    """The application behind ``/slack/actions``. Without signers it answers like nothing at all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._signers: tuple[Signer, ...] = ()
        self._take: Take = _nothing
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._warned_at: datetime | None = None
        self._unsaid = 0  # refusals since then

    def serve(self, signers: Sequence[Signer], take: Take) -> None:
        """From now on these may send."""
        self._signers, self._take = tuple(signers), take

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        status, body = await self._answer(scope, receive)
        headers = [
            (b"content-type", b"application/json" if status == 200 else b"text/plain"),
            (b"content-length", str(len(body)).encode()),
        ]
        # The rest of a body that was refused is not waited for.
        headers += [(b"connection", b"close")] * (status in {405, 413})
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        if scope["method"] != "POST":
            return 405, b"presses are sent by POST\n"
        body = await _body(scope, receive)
        if body is None:
            return 413, b"too long\n"
        receivers = self._proven(dict(scope["headers"]), body)
        if not receivers:
            return 401, b"not accepted\n"
        payload = _payload(body)
        if payload is None:
            return 400, b"not a payload of Slack's\n"
        try:
            said = self._take(payload, receivers)
        except BusyError:
            return 503, b"too much at once; try again\n"  # Slack shows that to whoever pressed
        return 200, b"" if said is None else msgspec.json.encode(said)

    def _proven(self, headers: Mapping[bytes, bytes], body: bytes) -> frozenset[str]:
        """The receivers for which this may speak; none when it is forged, stale or a copy."""
        given = headers.get(b"x-slack-signature", b"")
        timestamp = headers.get(b"x-slack-request-timestamp", b"")
        if not _SIGNATURE.fullmatch(given) or not _TIMESTAMP.fullmatch(timestamp):
            return frozenset()
        found: frozenset[str] = frozenset()
        for signer in self._signers:
            made = signature(signer.secret.get_secret_value(), timestamp, body)
            if hmac.compare_digest(made, given):
                found |= signer.receivers
        if not found:
            self._warn("the signature is not Slack's; look at signing_secret")
            return found
        if not _is_now(timestamp, self._clock.now()):
            self._warn("it was not sent just now; look at this machine's clock")
            return frozenset()
        if given in self._seen:
            return frozenset()
        self._seen[given] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return found

    def _warn(self, why: str) -> None:
        """Now and then only: any stranger can cause it, as often as they like."""
        now = self._clock.now()
        if not self._signers or (self._warned_at and now - self._warned_at < QUIET):
            self._unsaid += 1
            return
        log.warning("press_refused", why=why, others=self._unsaid)
        self._warned_at, self._unsaid = now, 0


def _is_now(timestamp: bytes, now: datetime) -> bool:
    return abs(now.timestamp() - int(timestamp)) <= PATIENCE.total_seconds()


def _payload(body: bytes) -> Any:
    """The one form field that holds JSON; None for anything else."""
    try:
        fields = parse_qsl(body.decode(), max_num_fields=10, strict_parsing=True)
        texts = [value for name, value in fields if name == "payload"]
        return msgspec.json.decode(texts[0], type=dict[str, Any]) if len(texts) == 1 else None
    except (ValueError, RecursionError):
        return None


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """The whole body; None for one that is too long. The server breaks off what comes slowly."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    if not length.isdigit() or int(length[:20]) > MOST:
        return None
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST or message["type"] == "http.disconnect":
            return None
        if not message.get("more_body"):
            return bytes(body)


def _nothing(payload: Any, receivers: Collection[str]) -> None:
    del payload, receivers
