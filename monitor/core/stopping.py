"""What somebody did to a batch through Offhook, and what may be done to it as it stands."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from monitor.core.text import clip, one_line
from monitor.core.wording import clock
from monitor.core.words import BatchStatus

PAUSE, RESUME, STOP = "pause", "resume", "stop"
ACTIONS = (PAUSE, RESUME, STOP)
NAME = 80
PAST = {PAUSE: "paused", RESUME: "resumed", STOP: "stopped"}
# A vendor shows within this time what it took, and calls under way end within it.
SHOWN_WITHIN = timedelta(minutes=10)
# How a batch stands once the vendor has done it.
AFTER = {
    PAUSE: BatchStatus.PAUSED,
    RESUME: BatchStatus.RUNNING,
    STOP: BatchStatus.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedBy:
    """Who paused or stopped a batch in its present run, and when."""

    action: str
    who: str
    at: datetime

    @property
    def final(self) -> bool:
        """Whether it was stopped for good; a pause is over with the vendor's word that it is."""
        return self.action == STOP

    def words(self, zone: tzinfo, now: datetime) -> str:
        """For people: "paused by ann, 14:03"."""
        return f"{PAST[self.action]} by {named(self.who)}, {clock(self.at, zone, now)}"


def named(who: str) -> str:
    """A name as it may be shown: one short line."""
    return clip(one_line(who[: NAME * 4]), NAME)


def holds(stopped_by: StoppedBy | None, status: BatchStatus, moved_at: datetime | None) -> bool:
    """Whether nothing is dialled because somebody wants it so.

    A stop that the vendor does not show holds until the batch moves long after it: then it
    is dialled all the same.
    """
    if stopped_by is None:
        return False
    if status is not BatchStatus.RUNNING:
        return stopped_by.final or status is BatchStatus.PAUSED
    still = moved_at is None or moved_at - stopped_by.at <= SHOWN_WITHIN
    return stopped_by.final and still


def already(action: str, status: BatchStatus) -> bool:
    """Whether the batch stands as the action would have it."""
    return status is AFTER[action]


def unfit(action: str, status: BatchStatus) -> str | None:
    """Why the action makes no sense for a batch of this status, for people; None when it does.

    A status that Offhook does not know keeps nobody from acting: the vendor decides.
    """
    if already(action, status):
        return f"it is {PAST[action] if action != RESUME else 'running'} already"
    if status.terminal:
        return "it has ended"
    if action == RESUME and status is BatchStatus.SCHEDULED:
        return "it has not begun, and to resume it would begin it"
    return None


def offered(actions: Collection[str], status: BatchStatus) -> tuple[str, ...]:
    """What a message offers for a batch of this status, of what may be done at all.

    What cannot be undone is offered only where nothing milder is.
    """
    if status is BatchStatus.PAUSED:
        return (RESUME,) if RESUME in actions else ()
    if status is not BatchStatus.RUNNING:
        return ()
    mildest = PAUSE if PAUSE in actions else STOP
    return (mildest,) if mildest in actions else ()
