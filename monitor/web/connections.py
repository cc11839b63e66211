"""Closing connections that come too slowly or too many, so that others always get through.

The server below waits without end for a request that never comes whole. Here every
connection has so long for its head, so long for its body, and so long to take its answer;
and when there are too many, the one that has kept everybody waiting longest is closed for
the new one. Bytes that trickle in buy no time, and a body in crumbs is refused: each piece
costs the server many times what it costs the sender.
"""

import asyncio
import ipaddress
import logging
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# A body of 256 KiB in the smallest packets of any network has half as many.
MOST_PIECES = 1024
LONGEST_HEAD = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long is waited, in seconds, and for how many connections, in all and of one address."""

    head_s: float = 5.0
    body_s: float = 10.0
    answer_s: float = 30.0
    most: int = 200
    most_of_one: int = 100


class _Phase(Enum):
    IDLE = "idle"  # between requests: the server's own keep-alive time counts
    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"
    UNREAD = "unread"  # the answer waits for a peer that does not read


class Door:
    """The connections of one server, oldest first."""

    def __init__(self, patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self.inside: dict[GuardedProtocol, str] = {}
        self.closed = 0  # how many were closed for being slow or too many

    def enter(self, new: "GuardedProtocol", address: str) -> None:
        """Let one more in, for which another may have to go."""
        origin = _origin(address)
        self.inside[new] = origin
        of_one = [each for each, other in self.inside.items() if other == origin]
        if len(of_one) > self.patience.most_of_one:
            self._make_room(of_one)
        elif len(self.inside) > self.patience.most:
            self._make_room(list(self.inside))

    def _make_room(self, among: "list[GuardedProtocol]") -> None:
        waiting = [each for each in among[:-1] if each.phase is not _Phase.ANSWER]
        (waiting or among[-1:])[0].abort()

    def leave(self, gone: "GuardedProtocol") -> None:
        """One is gone."""
        self.inside.pop(gone, None)


def _origin(address: str) -> str:
    """Who an address belongs to: whoever has one of IPv6 has the 2**64 around it."""
    if ":" not in address:
        return address
    found = ipaddress.IPv6Address(address.partition("%")[0])
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, 64), strict=False))


class _Pieces(h11.Connection):
    """Counts the pieces of each body."""

    _pieces = 0

    def next_event(self) -> Any:
        """What came next; RemoteProtocolError when a body comes in too many pieces."""
        event = super().next_event()
        if isinstance(event, h11.Data):
            self._pieces += 1
            if self._pieces > MOST_PIECES:
                msg = "a body in crumbs"
                raise h11.RemoteProtocolError(msg)
        elif isinstance(event, h11.Request):
            self._pieces = 0
        return event


class _Corked(asyncio.Transport):
    """Sends what is written within one turn of the loop at once: one packet, not three."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes | bytearray | memoryview] = []
        self.is_closing = transport.is_closing  # type: ignore[method-assign]  # straight through
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]  # the same
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]  # the same
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]  # the same
        self.abort = transport.abort  # type: ignore[method-assign]  # the same

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send it soon."""
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def close(self) -> None:
        """Send what is left, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces and not self._transport.is_closing():
            self._transport.write(b"".join(pieces))


class GuardedProtocol(H11Protocol):
    """uvicorn's protocol, with a time for every part of an exchange."""

    door: ClassVar[Door]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As the server makes one for each connection."""
        super().__init__(*args, **kwargs)
        self.conn = _Pieces(h11.SERVER, LONGEST_HEAD)
        # Any stranger can cause the warnings, as often as they like.
        self.logger = _faults

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the class above has it
        """Begin to wait for a head."""
        self.phase = _Phase.IDLE
        self._timer: asyncio.TimerHandle | None = None
        super().connection_made(_Corked(transport, self.loop))
        self._enter_phase(_Phase.HEAD)
        self.door.enter(self, self.client[0] if self.client else "")

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._enter_phase(_Phase.IDLE)
        self.door.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take some bytes; only the next part of the exchange begins a new time."""
        super().data_received(data)
        if not self.transport.is_closing() and self.phase is not _Phase.UNREAD:
            self._enter_phase(self._phase_now())

    def on_response_complete(self) -> None:
        """The answer is out; whatever came behind the request is the next one's."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._enter_phase(_Phase.UNREAD)
        elif self.phase is not _Phase.UNREAD:
            more = self.conn.their_state is not h11.IDLE or self.conn.trailing_data[0]
            self._enter_phase(self._phase_now() if more else _Phase.IDLE)

    def timeout_keep_alive_handler(self) -> None:
        """Nothing more was asked: closed, once what is written is read."""
        super().timeout_keep_alive_handler()
        self._enter_phase(_Phase.UNREAD)

    def pause_writing(self) -> None:
        """The peer does not read: it is not kept any more at the cost of others."""
        super().pause_writing()
        self._enter_phase(_Phase.UNREAD)

    def resume_writing(self) -> None:
        """The peer reads again."""
        super().resume_writing()
        if not self.transport.is_closing():
            over = self.cycle.response_complete
            self._enter_phase(_Phase.IDLE if over else _Phase.ANSWER)

    def send_400_response(self, msg: str) -> None:
        """Say so where an answer can still be sent, else close."""
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once, without a word."""
        self.door.closed += 1
        self.door.leave(self)
        self._enter_phase(_Phase.IDLE)
        self.transport.abort()

    def _phase_now(self) -> _Phase:
        state: Any = self.conn.their_state
        if state is h11.IDLE:
            return _Phase.HEAD
        return _Phase.BODY if state is h11.SEND_BODY else _Phase.ANSWER

    def _enter_phase(self, phase: _Phase) -> None:
        if phase is self.phase:
            return
        self.phase = phase
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        patience = self.door.patience
        seconds = {
            _Phase.HEAD: patience.head_s,
            _Phase.BODY: patience.body_s,
            _Phase.ANSWER: patience.answer_s,
            _Phase.UNREAD: patience.body_s,
        }.get(phase)
        if seconds is not None:
            self._timer = self.loop.call_later(seconds, self.abort)


_faults = logging.getLogger("uvicorn.error.faults")
_faults.setLevel(logging.ERROR)


def guarded_protocol(door: Door) -> type[GuardedProtocol]:
    """The protocol for a server with this door."""
    return type("GuardedProtocol", (GuardedProtocol,), {"door": door})
