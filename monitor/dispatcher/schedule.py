"""When to try again, how long to wait before looking, and when to give up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

_CHAT = (2, 5, 15, 30, 60, 120, 300, 600)
_EMAIL = (60, 300, 900, 1800, 3600)
_JITTER = 0.2
_LEAST_WAIT_S, _MOST_WAIT_S = 1.0, 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The dispatcher's patience.

    ``settle``: how long after an attempt of unknown outcome its message may still turn up in
    the channel. ``lease``: longer than any notifier's own deadline. ``life``: after so long
    a message is given up. ``pace``: seconds from one message to the next, by kind of
    receiver. ``trouble_after``: a receiver that fails for so long is reported.
    """

    settle: timedelta = timedelta(seconds=30)
    lease: timedelta = timedelta(seconds=75)
    life: timedelta = timedelta(hours=24)
    trouble_after: timedelta = timedelta(minutes=3)
    pace: Mapping[str, float] = field(default_factory=lambda: {"slack": 1.0})


def retry_delay(kind: str, attempts: int, chance: float) -> timedelta:
    """How long after the ``attempts``-th failure to try again; ``chance`` in [0, 1) spreads it.

    Mail servers that put senders off expect minutes, chats expect seconds.
    """
    steps = _EMAIL if kind == "email" else _CHAT
    seconds = steps[min(max(attempts, 1), len(steps)) - 1]
    return timedelta(seconds=seconds * (1 - _JITTER + 2 * _JITTER * chance))


def asked_delay(retry_after: float) -> timedelta:
    """As long as the receiver asked for, within reason."""
    if not retry_after > _LEAST_WAIT_S:  # also what is no number
        return timedelta(seconds=_LEAST_WAIT_S)
    return timedelta(seconds=min(retry_after, _MOST_WAIT_S))
