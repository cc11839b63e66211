"""People of one batch who wait for another call, or are in one: what rules ask about them.

Answered by indexed queries whose cost follows those who are late, not the batch's size. A
test answers them from plain lists.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRetry:
    """A person whose next call should have been made, or is not even planned."""

    contact_id: str
    due_at: datetime | None  # None: waits in a retrying state with nothing scheduled
    since: datetime  # due_at, or when it was first seen waiting unscheduled


# People who wait for a retry are counted no further than this, unless a rule asks for more:
# so many are enough to know, and counting a million takes longer than all rules together.
COUNTED_MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRetries:
    """How many people wait too long, counted no further than asked, and the three oldest."""

    n: int
    oldest: tuple[LateRetry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLine:
    """A person who is being dialled or talked to, and since when."""

    contact_id: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLines:
    """How many people hold a line for too long, counted no further than asked; the oldest."""

    n: int
    oldest: tuple[HeldLine, ...] = ()  # at most three


class RetryLadder(Protocol):
    """Questions about the people of one batch who wait for another call, or are in one.

    Each counts no further than ``most``.
    """

    def overdue(self, until: datetime, most: int = COUNTED_MOST) -> LateRetries:
        """People whose retry was due at ``until`` or earlier."""
        ...

    def unscheduled(self, until: datetime, most: int = COUNTED_MOST) -> LateRetries:
        """People who have waited since ``until`` or longer with no retry scheduled."""
        ...

    def scheduled_after(self, now: datetime, most: int = COUNTED_MOST) -> int:
        """How many people have a retry in the future."""
        ...

    def last_due(self) -> datetime | None:
        """When the last of all scheduled retries is due; None when none is scheduled."""
        ...

    def held(self, until: datetime, most: int = COUNTED_MOST) -> HeldLines:
        """People who have been dialled or talked to since ``until`` or longer."""
        ...
