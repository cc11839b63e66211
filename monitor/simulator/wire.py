"""What lies between a simulated service and its caller: a record of requests, and faults.

``Wire`` wraps any ASGI application. Every request is recorded with the bytes that went out;
a fault can stand in for an answer, change it, hold it back or break the connection.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, before it is answered. Header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Seen:
    """A request and what went out for it: body bytes, and header bytes beside them."""

    asked: Asked
    status: int = 0
    body_bytes: int = 0
    head_bytes: int = 0
    answer: bytes | None = None  # only where the wire keeps answers

    @property
    def bytes_out(self) -> int:
        """Everything that was sent for this request."""
        return self.body_bytes + self.head_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with one answer.

    ``acts``: the service did its work although the answer is lost or replaced. ``edit``
    changes the true body (and so implies ``acts``), ``cut`` breaks the connection after so
    many bytes of it, ``reset`` before any. ``hold`` delays until it is set.
    """

    status: int | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    hold: asyncio.Event | None = None
    reset: bool = False
    cut: int | None = None
    edit: Callable[[bytes], bytes] | None = None
    acts: bool = False


When = Callable[[Asked], bool]


@dataclass(slots=True)
class _Trap:
    when: When
    fault: Fault
    left: int | None


@dataclass(slots=True)
class _Answer:
    """An answer that an application gave, held back."""

    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message["headers"])
        else:
            self.body += message.get("body", b"")


class Wire:
    """An ASGI application around another one. ``keep`` also keeps the bodies that went out."""

    def __init__(self, app: ASGIApp, *, keep: bool = False) -> None:
        self.app = app
        self.keep = keep
        self.seen: list[Seen] = []
        self._traps: list[_Trap] = []

    @property
    def bytes_out(self) -> int:
        """Everything that was sent since the last ``forget``."""
        return sum(seen.bytes_out for seen in self.seen)

    def forget(self) -> None:
        """Begin a new record."""
        self.seen.clear()

    def to(self, path: str) -> tuple[Seen, ...]:
        """The recorded requests whose path matches a pattern in full."""
        return tuple(seen for seen in self.seen if re.fullmatch(path, seen.asked.path))

    def fail(self, when: When | str, fault: Fault, *, times: int | None = None) -> None:
        """Let requests go wrong: those that ``when`` picks, or whose path matches in full.

        The latest applicable fault wins; ``times`` None is until ``mend``.
        """
        pattern = when

        def on_path(asked: Asked) -> bool:
            return re.fullmatch(str(pattern), asked.path) is not None

        self._traps.insert(0, _Trap(on_path if isinstance(when, str) else when, fault, times))

    def mend(self) -> None:
        """All faults are over."""
        self._traps.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        seen = Seen(_asked(scope, body))
        self.seen.append(seen)
        out = self._counted(seen, send)
        fault = self._fault_for(seen.asked)
        if fault is None:
            await self.app(scope, _replay(body), out)
        else:
            await self._go_wrong(fault, scope, body, out)

    def _fault_for(self, asked: Asked) -> Fault | None:
        for trap in self._traps:
            if trap.left != 0 and trap.when(asked):
                if trap.left is not None:
                    trap.left -= 1
                return trap.fault
        return None

    def _counted(self, seen: Seen, send: Send) -> Send:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                seen.head_bytes = sum(len(k) + len(v) + 4 for k, v in message["headers"])
            else:
                body = message.get("body", b"")
                seen.body_bytes += len(body)
                if self.keep:
                    seen.answer = (seen.answer or b"") + body
            await send(message)

        # A broken connection is broken at the server's own object.
        counted.__dict__["cycle"] = getattr(send, "__self__", None)
        return counted

    async def _go_wrong(self, fault: Fault, scope: Scope, body: bytes, out: Send) -> None:
        if fault.hold is not None:
            await fault.hold.wait()
        await asyncio.sleep(fault.delay)
        answer = _Answer(headers=[(b"content-type", b"application/json")])
        if fault.acts or fault.edit or fault.cut is not None or _only_late(fault):
            await self.app(scope, _replay(body), answer.send)
        if fault.reset:
            _break(out)
            return
        if fault.edit:
            answer.body = fault.edit(answer.body)
        if fault.body is not None or fault.status is not None:
            answer.body = fault.body or b""
        answer.status = fault.status or answer.status
        await _send(answer, fault, out)


def _only_late(fault: Fault) -> bool:
    return fault.status is None and fault.body is None and not fault.reset


async def _send(answer: _Answer, fault: Fault, out: Send) -> None:
    headers = {key.lower(): value for key, value in answer.headers}
    headers |= {key.lower().encode(): value.encode() for key, value in fault.headers.items()}
    headers[b"content-length"] = str(len(answer.body)).encode()
    start = {"status": answer.status, "headers": list(headers.items())}
    await out({"type": "http.response.start", **start})
    if fault.cut is None:
        await out({"type": "http.response.body", "body": answer.body})
        return
    await out({"type": "http.response.body", "body": answer.body[: fault.cut], "more_body": True})
    _break(out)


def _break(out: Send) -> None:
    """Drop the connection without another byte; needs uvicorn below."""
    cycle: Any = out.__dict__["cycle"]
    transport = getattr(cycle, "transport", None)
    if transport is None:
        msg = "a connection can only be broken when the wire is served by uvicorn"
        raise RuntimeError(msg)
    cycle.response_started = cycle.response_complete = True
    transport.abort()


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return bytes(body)


def _replay(body: bytes) -> Receive:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _asked(scope: Scope, body: bytes) -> Asked:
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
    return Asked(
        scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers, body
    )
