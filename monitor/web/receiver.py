"""Taking webhooks: read, verify, keep, answer; nothing else happens within the request.

What is sent twice is answered like the first time and changes nothing. Whoever cannot prove
who they are hears the same as whoever asks for a provider that does not exist.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from starlette.types import Receive, Scope, Send

from monitor.clock import Clock
from monitor.core.hearing import Refusals
from monitor.errors import StoreError
from monitor.providers.rehearsal import is_rehearsal
from monitor.providers.signing import Verified, Verifier, body_key
from monitor.store.inbox import Arrived

log = structlog.get_logger()

KIB = 1024
MOST = 256 * KIB

Read = Callable[[bytes, datetime], Arrived]
Keep = Callable[[Sequence[Arrived]], Awaitable[list[bool]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One provider that may send: how it proves itself, and how its bodies are read.

    ``read`` translates a body into what is kept of it and never raises for one: what it
    cannot read is kept as poison.
    """

    provider: str
    verifier: Verifier
    read: Read


@dataclass(slots=True)
class Taken:
    """How the webhooks of one provider went, since the start."""

    accepted: int = 0
    repeated: int = 0
    rejected: int = 0
    poison: int = 0


class Receiver:
    """The application behind ``/webhooks/``."""

    def __init__(self, keep: Keep, clock: Clock, *, most: int = MOST) -> None:
        self.senders: Mapping[str, Sender] = {}
        self.taken: dict[str, Taken] = {}
        self.refusals: dict[str, Refusals] = {}  # by provider
        self._group = _Group(keep)
        self._clock = clock
        self._most = most

    def serve(self, senders: Mapping[str, Sender]) -> None:
        """From now on these may send."""
        self.senders = dict(senders)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        status, text = await self._answer(scope, receive)
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        headers += [(b"allow", b"POST")] * (status == 405)
        headers += [(b"retry-after", b"5")] * (status == 503)
        # The rest of a body that was refused is not waited for.
        headers += [(b"connection", b"close")] * (status in {400, 405, 413, 415})
        body = f"{text}\n".encode()
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, str]:
        headers = _by_name(scope["headers"])
        try:
            body = await self._read(scope, headers, receive)
        except _RefusedError as refused:
            return refused.status, refused.text
        now = self._clock.now()
        sender, verified = self._verified(scope, headers, body, now)
        if sender is None or verified is None:
            return 401, "not accepted"
        return await self._keep(sender, verified, body, now)

    async def _read(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        if scope["method"] != "POST":
            raise _RefusedError(405, "webhooks are sent by POST")
        if b"content-encoding" in headers:
            raise _RefusedError(415, "send it without a content-encoding")
        length = headers.get(b"content-length")
        if length is not None and b"transfer-encoding" in headers:
            # Two lengths are two readings: what stands between us and the sender may differ.
            raise _RefusedError(400, "two lengths")
        if length is not None and length.isdigit() and int(length[:20]) > self._most:
            raise _RefusedError(413, f"longer than {self._most // KIB} KiB")
        return await _body(receive, self._most)

    def _verified(
        self, scope: Scope, headers: Mapping[bytes, bytes], body: bytes, now: datetime
    ) -> tuple[Sender | None, Verified | None]:
        values = scope["path_params"]
        sender = self.senders.get(values["provider"])
        if sender is None:
            return None, None
        path = values.get("secret")
        secret = None if path is None else path.encode("utf-8", "surrogateescape")
        verified = sender.verifier.check(headers, secret, body, now)
        if verified is None:
            self._of(sender).rejected += 1
            signed = sender.verifier.is_tried(headers, secret, now)
            self._refusals_of(sender).refused(now, signed=signed)
        return sender, verified

    async def _keep(
        self, sender: Sender, verified: Verified, body: bytes, now: datetime
    ) -> tuple[int, str]:
        arrived = sender.read(body, now)
        if verified.hint_only:
            # Whoever knows the address may have sent it: it proves nothing but that to ask pays.
            # What is proven later by the same body is no repetition of it.
            unique = body_key(b"hint\0" + arrived.unique_key)
            arrived = replace(arrived, told=None, proves="hint", unique_key=unique)
        if verified.unique is not None:
            unique = body_key(sender.provider.encode() + b"\0id\0" + verified.unique)
            arrived = replace(arrived, unique_key=unique)
        try:
            new = await self._group.put(arrived)
        except StoreError as error:
            log.warning("webhook_not_kept", provider=sender.provider, error=str(error))
            return 503, "try again"
        taken = self._of(sender)
        # What Offhook sent to itself says nothing of the vendor's secret.
        if not is_rehearsal(arrived.batch_id, arrived.call_id):
            self._refusals_of(sender).accepted(now)
        taken.accepted += new
        taken.repeated += not new
        taken.poison += bool(new and arrived.poison)
        return 200, "kept"

    def _of(self, sender: Sender) -> Taken:
        return self.taken.setdefault(sender.provider, Taken())

    def _refusals_of(self, sender: Sender) -> Refusals:
        return self.refusals.setdefault(sender.provider, Refusals())


def _by_name(pairs: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name. What comes twice is joined, as others would read it: it proves nothing."""
    headers = dict(pairs)
    if len(headers) != len(pairs):
        headers = {}
        for name, value in pairs:
            headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


class _RefusedError(Exception):
    """The request is not read any further."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


async def _body(receive: Receive, most: int) -> bytes:
    """The whole body. The server breaks off what comes too slowly."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _RefusedError(400, "broken off")  # what came of it proves nothing
        body += message.get("body", b"")
        if len(body) > most:
            raise _RefusedError(413, f"longer than {most // KIB} KiB")
        if not message.get("more_body"):
            return bytes(body)


_Waiting = tuple[Arrived, asyncio.Future[bool]]


class _Group:
    """Commits together whatever arrived during the last commit; nobody waits for a timer."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, arrived: Arrived) -> bool:
        """Whether it was new, once it is kept for good; StoreError when it is not kept."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrived, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._commit())
            self._task.add_done_callback(_ended)
        return await future

    async def _commit(self) -> None:
        some: list[_Waiting] = []
        try:
            while self._waiting:
                some, self._waiting = self._waiting, []
                await self._settle(some)
        finally:
            # Cut off: nobody who came meanwhile would ever be answered.
            for _, future in (*some, *self._waiting):
                if not future.done():
                    future.set_exception(StoreError("the commit was cut off"))
            self._waiting = []

    async def _settle(self, some: Sequence[_Waiting]) -> None:
        """Keep these, and tell each what became of it; the store apart, one row spoils no other."""
        kept = self._keep([arrived for arrived, _ in some])
        (found,) = await asyncio.gather(kept, return_exceptions=True)
        if isinstance(found, list):
            for (_, future), new in zip(some, found, strict=True):
                if not future.done():  # else the sender hung up
                    future.set_result(new)
        elif not isinstance(found, Exception):
            raise found
        elif isinstance(found, StoreError):
            _fail(some, found)
        elif len(some) > 1:
            for each in some:
                await self._settle([each])
        else:
            error = type(found).__name__
            log.error("webhook_cannot_be_kept", provider=some[0][0].provider, error=error)
            _fail(some, StoreError(f"it cannot be kept ({error})"))


def _fail(some: Sequence[_Waiting], error: StoreError) -> None:
    for _, future in some:
        if not future.done():
            future.set_exception(error)


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("webhooks_commit_failed", error=type(error).__name__)
