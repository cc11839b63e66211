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
from monitor.errors import StoreError
from monitor.providers.signing import Verified, Verifier, body_key
from monitor.store.inbox import Arrived

log = structlog.get_logger()

KIB = 1024
MOST = 256 * KIB
# The server closes a connection whose body takes longer; this is for one that never closes.
READ_S = 15.0

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
    rejected_since: datetime | None = None  # the first of those after the last good one
    rejected_in_a_row: int = 0


class Receiver:
    """The application behind ``/webhooks/``. ``arrived`` is called after each commit of news."""

    def __init__(
        self,
        keep: Keep,
        clock: Clock,
        *,
        arrived: Callable[[], None],
        most: int = MOST,
    ) -> None:
        self.senders: Mapping[str, Sender] = {}
        self.taken: dict[str, Taken] = {}
        self._group = _Group(keep)
        self._clock = clock
        self._arrived = arrived
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
        headers += [(b"connection", b"close")] * (status in {408, 413, 415})
        body = f"{text}\n".encode()
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, str]:
        headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))  # the first of a name counts
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
        if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
            raise _RefusedError(415, "send it without a content-encoding")
        try:
            async with asyncio.timeout(READ_S):
                return await _body(receive, self._most)
        except TimeoutError as error:
            raise _RefusedError(408, "the body took too long") from error

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
            taken = self._of(sender)
            taken.rejected += 1
            taken.rejected_in_a_row += 1
            taken.rejected_since = taken.rejected_since or now
        return sender, verified

    async def _keep(
        self, sender: Sender, verified: Verified, body: bytes, now: datetime
    ) -> tuple[int, str]:
        arrived = sender.read(body, now)
        if verified.hint_only:
            # Whoever knows the address may have sent it: it proves nothing but that to ask pays.
            arrived = replace(arrived, told=None, proves="hint")
        if verified.unique is not None:
            unique = body_key(sender.provider.encode() + b"\0id\0" + verified.unique)
            arrived = replace(arrived, unique_key=unique)
        try:
            new = await self._group.put(arrived)
        except StoreError as error:
            log.warning("webhook_not_kept", provider=sender.provider, error=str(error))
            return 503, "try again"
        taken = self._of(sender)
        taken.rejected_in_a_row, taken.rejected_since = 0, None
        taken.accepted += new
        taken.repeated += not new
        taken.poison += bool(new and arrived.poison)
        if new:
            self._arrived()
        return 200, "kept"

    def _of(self, sender: Sender) -> Taken:
        return self.taken.setdefault(sender.provider, Taken())


class _RefusedError(Exception):
    """The request is not read any further."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


async def _body(receive: Receive, most: int) -> bytes:
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


class _Group:
    """Commits together whatever arrived during the last commit; nobody waits for a timer."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._waiting: list[tuple[Arrived, asyncio.Future[bool]]] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, arrived: Arrived) -> bool:
        """Whether it was new, once it is kept for good; StoreError when it is not kept."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrived, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._commit())
        return await future

    async def _commit(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting, []
            new: list[bool] | None = None
            failure = StoreError("the commit was cut off")
            try:
                new = await self._keep([arrived for arrived, _ in some])
            except StoreError as error:
                failure = error
            finally:
                for place, (_, future) in enumerate(some):
                    if future.done():
                        continue  # the sender hung up
                    if new is None:
                        future.set_exception(failure)
                    else:
                        future.set_result(new[place])
