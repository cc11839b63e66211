"""Closing connections that come too slowly or too many, so that others always get through.

The server below waits without end for a request that never comes whole. Here every
connection has so long for its head, so long for its body, and so long to take its answer;
and when there are too many, the one that has kept everybody waiting longest is closed for
the new one. Bytes that trickle in buy no time.
"""

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


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


class Door:
    """The connections of one server, oldest first."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self.inside: dict[GuardedProtocol, str] = {}
        self.closed = 0  # how many were closed for being slow or too many

    def enter(self, new: "GuardedProtocol", address: str) -> None:
        """Let one more in, for which another may have to go."""
        self.inside[new] = address
        of_one = [each for each, other in self.inside.items() if other == address]
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


class GuardedProtocol(H11Protocol):
    """uvicorn's protocol, with a time for every part of an exchange."""

    door: ClassVar[Door]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the class above has it
        """Begin to wait for a head."""
        self.phase = _Phase.IDLE
        self._timer: asyncio.TimerHandle | None = None
        super().connection_made(transport)
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
        if not self.transport.is_closing():
            self._enter_phase(self._phase_now())

    def on_response_complete(self) -> None:
        """The answer is out; whatever came behind the request is the next one's head."""
        super().on_response_complete()
        if not self.transport.is_closing():
            rest = self.conn.trailing_data[0]
            self._enter_phase(self._phase_now() if rest else _Phase.IDLE)

    def abort(self) -> None:
        """Close at once, without a word."""
        self.door.closed += 1
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
        }.get(phase)
        if seconds is not None:
            self._timer = self.loop.call_later(seconds, self.abort)


def guarded_protocol(door: Door) -> type[GuardedProtocol]:
    """The protocol for a server with this door."""
    return type("GuardedProtocol", (GuardedProtocol,), {"door": door})
