"""What asking one provider costs: requests, bytes, errors, and what its key may still ask.

Counted by the process that asks; whoever reads the database sees it as it stood at ``at``.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

HOUR_S = 3600.0
_SLOT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Requests of some span. ``received`` are body bytes as they came over the wire.

    ``errors`` are counted by the words of ``Failure``; ``not_modified`` answers carried no body.
    """

    seconds: float
    requests: int
    received: int
    not_modified: int
    waited_s: float
    errors: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What the provider's key may ask, in requests a minute, together with all who share it.

    ``quiet_s``: it is left alone for so long, because of ``refused`` (a word of ``Failure``).
    """

    per_minute: float
    ceiling: float
    waiting: int = 0
    quiet_s: float = 0.0
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """How one provider was asked: since the process began, and in the last hour of that."""

    at: datetime
    total: Asked
    hour: Asked
    allowance: Allowance


@dataclass(slots=True)
class _Slot:
    began: float
    requests: int = 0
    received: int = 0
    not_modified: int = 0
    waited_s: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)

    def add(self, received: int, waited_s: float, error: str | None, *, not_modified: bool) -> None:
        self.requests += 1
        self.received += received
        self.not_modified += not_modified
        self.waited_s += waited_s
        if error is not None:
            self.errors[error] += 1


class Count:
    """Counts requests as they come; the times given to it are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._all = _Slot(now)
        self._slots: deque[_Slot] = deque()

    def add(
        self,
        now: float,
        *,
        received: int = 0,
        waited_s: float = 0.0,
        error: str | None = None,
        not_modified: bool = False,
    ) -> None:
        """One request came to its end."""
        self._forget(now)
        if not self._slots or now - self._slots[-1].began >= _SLOT_S:
            self._slots.append(_Slot(now))
        for slot in (self._all, self._slots[-1]):
            slot.add(received, waited_s, error, not_modified=not_modified)

    def total(self, now: float) -> Asked:
        """Everything since the beginning."""
        return _asked([self._all], now - self._all.began)

    def hour(self, now: float) -> Asked:
        """The last hour, or all of it while it is younger than that."""
        self._forget(now)
        return _asked(self._slots, min(now - self._all.began, HOUR_S))

    def _forget(self, now: float) -> None:
        while self._slots and now - self._slots[0].began >= HOUR_S:
            self._slots.popleft()


def _asked(slots: "list[_Slot] | deque[_Slot]", seconds: float) -> Asked:
    errors: Counter[str] = Counter()
    for slot in slots:
        errors.update(slot.errors)
    return Asked(
        seconds=seconds,
        requests=sum(slot.requests for slot in slots),
        received=sum(slot.received for slot in slots),
        not_modified=sum(slot.not_modified for slot in slots),
        waited_s=round(sum(slot.waited_s for slot in slots), 3),
        errors=dict(sorted(errors.items())),
    )
