"""What is to happen when: at a time, or once so much is done."""

import heapq
from collections.abc import Callable
from datetime import datetime
from itertools import count

Deed = Callable[[datetime], None]


class Agenda:
    """Deeds in the order of their times."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.order = count()
        self._events: list[tuple[datetime, int, Deed]] = []
        self._on_share: list[tuple[float, Deed]] = []

    def at(self, when: datetime, deed: Deed) -> None:
        """Let something happen then."""
        heapq.heappush(self._events, (when, next(self.order), deed))

    def when_done(self, share: float, deed: Deed) -> None:
        """Let something happen once this share of the people is done."""
        self._on_share.append((share, deed))
        self._on_share.sort(key=lambda each: each[0])

    def reached(self, share: float, at: datetime) -> None:
        """So much is done."""
        while self._on_share and share >= self._on_share[0][0]:
            self._on_share.pop(0)[1](at)

    def advance(self, now: datetime) -> None:
        """Everything until now."""
        self.now = now
        while self._events and self._events[0][0] <= now:
            when, _, deed = heapq.heappop(self._events)
            deed(when)

    @property
    def next_at(self) -> datetime | None:
        """When something happens next."""
        return self._events[0][0] if self._events else None
