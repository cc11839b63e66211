"""When to try again, how long to wait before looking, and when to give up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.clock import Clock

_CHAT = (2, 5, 15, 30, 60, 120, 300, 600)
_EMAIL = (60, 300, 900, 1800, 3600)
_JITTER = 0.2
_LEAST_WAIT_S, _MOST_WAIT_S = 1.0, 3600.0
# What is refused for good is tried this often, as somebody may have put it right.
PROBE_EVERY = timedelta(hours=1)
# And this often while something critical waits that was not tried yet.
PROBE_URGENT = timedelta(minutes=5)
# A word that nobody knows is taken for a refusal after so many tries.
UNKNOWN_AT_MOST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The dispatcher's patience.

    ``settle``: how long after an attempt of unknown outcome its message may still turn up in
    the channel. ``lease``: longer than any notifier's own deadline. ``life``: after so long
    a message is given up. ``pace``: seconds from one message to the next, by kind of
    receiver. ``trouble_after``: a receiver that cannot be reached or answers nothing for so
    long is reported; ``lag``: one that asks to wait, by kind. Mail servers put senders off
    for a quarter of an hour before they take the first mail.
    """

    settle: timedelta = timedelta(seconds=30)
    lease: timedelta = timedelta(seconds=75)
    life: timedelta = timedelta(hours=24)
    trouble_after: timedelta = timedelta(minutes=3)
    pace: Mapping[str, float] = field(default_factory=lambda: {"slack": 1.0})
    lag: Mapping[str, timedelta] = field(default_factory=lambda: {"email": timedelta(minutes=20)})

    def lag_after(self, kind: str) -> timedelta:
        """For how long a receiver of this kind may ask to wait before it is reported."""
        return self.lag.get(kind, timedelta(minutes=2))


class Pace:
    """So many seconds from one message to the next."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._last = float("-inf")

    def left(self) -> float:
        """Seconds until the next may go."""
        return self._last + self._seconds - self._clock.monotonic()

    async def keep(self) -> None:
        """Wait until it may."""
        if (left := self.left()) > 0:
            await self._clock.sleep(left)

    def begin(self) -> None:
        """One has gone just now."""
        self._last = self._clock.monotonic()


def retry_delay(kind: str, attempts: int, chance: float) -> timedelta:
    """How long after the ``attempts``-th failure to try again; ``chance`` in [0, 1) spreads it.

    Mail servers that put senders off expect minutes, chats expect seconds.
    """
    steps = _EMAIL if kind == "email" else _CHAT
    return _spread(timedelta(seconds=steps[min(max(attempts, 1), len(steps)) - 1]), chance)


def probe_delay(chance: float) -> timedelta:
    """How long after a refusal to ask whether it still stands."""
    return _spread(PROBE_EVERY, chance)


def _spread(delay: timedelta, chance: float) -> timedelta:
    return delay * (1 - _JITTER + 2 * _JITTER * chance)


def asked_delay(retry_after: float) -> timedelta:
    """As long as the receiver asked for, within reason."""
    if not retry_after > _LEAST_WAIT_S:  # also what is no number
        return timedelta(seconds=_LEAST_WAIT_S)
    return timedelta(seconds=min(retry_after, _MOST_WAIT_S))
