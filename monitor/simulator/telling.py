"""What a vendor tells by itself, before it is signed and sent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from monitor.simulator.batch import Batch
from monitor.simulator.truth import Entry

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a vendor sends its webhooks, where its documentation leaves that open.

    Spans are seconds, from what happened to the first attempt. ``again`` are the waits before
    the further attempts of what is retried at all: nobody documents their number or spacing.
    ``in_call``: also told is what happens during a call. ``signs_status``: Bland signs the
    webhooks of a batch's status too.
    """

    status_after: tuple[float, float] = (0.1, 1.5)
    record_after: tuple[float, float] = (1.0, 60.0)  # Bland: up to a minute after a call
    again: tuple[float, ...] = (5.0, 30.0, 120.0)
    in_call: bool = True
    signs_status: bool = True


class Tell(NamedTuple):
    """Something to be told within the span ``after``, in seconds from now.

    ``body`` is asked for when it is sent; None sends nothing. Only what is ``kept`` is retried.
    """

    what: str
    after: tuple[float, float]
    body: Callable[[], Body | None]
    kept: bool
    signed: bool = True


class Tells(Protocol):
    """What one vendor tells of what happens."""

    def __call__(self, batch: Batch, entry: Entry, habits: Habits) -> list[Tell]:
        """Everything that is told because of one entry of the truth."""
        ...
