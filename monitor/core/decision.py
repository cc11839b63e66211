"""What is asked when somebody may have to hear of an alert, and what is answered."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.core.rule import Severity


class Why(StrEnum):
    """The reason of a decision; the first eleven tell something, the others do not."""

    FIRST = "first"
    ESCALATED = "escalated"
    REPEAT = "repeat"
    UNHEARD = "unheard"  # nobody acknowledged it in time
    RESOLVED = "resolved"
    SUMMARY = "summary"  # what was still untold and the end of it, in one message
    QUIET_EDIT = "quiet_edit"  # the message is changed in place, nobody is called
    ACKED = "acked"  # the same, to show who acknowledged it
    ACK_OVER = "ack_over"  # the same, to show that nobody has it any more
    REPORTED = "reported"
    SETTLED = "settled"
    ALREADY_TOLD = "already_told"
    NOT_DUE = "not_due"  # told, and it is not yet time to repeat it
    ACKNOWLEDGED = "acknowledged"  # told, and not repeated while somebody has it
    MUTED = "muted"  # its route is closed
    SILENCED = "silenced"
    INHIBITED = "inhibited"
    NOT_ROUTED = "not_routed"
    NEVER_TOLD = "never_told"  # an end whose beginning was never owed to this receiver
    RESOLVED_OFF = "resolved_off"
    QUIET_CLOSE = "quiet_close"
    UNCHANGED = "unchanged"  # the settled report says what the first one said
    PENDING = "pending"

    @property
    def tells(self) -> bool:
        """Whether something goes into the outbox."""
        return self in _TELLING

    @property
    def holds(self) -> bool:
        """Whether what waits is to wait on."""
        return self in {Why.MUTED, Why.SILENCED, Why.INHIBITED}


_TELLING = frozenset(list(Why)[:11])


class Part(StrEnum):
    """Where a notification goes: the root message, the thread below it, or a message apart."""

    ROOT = "root"
    THREAD = "thread"
    MESSAGE = "message"


class Home(StrEnum):
    """Which conversation a notification goes into."""

    STANDING = "standing"  # the one in which the alert was told
    GROUP = "group"  # the same, else that of its group; a storm's while there is one
    DIGEST = "digest"  # that of the route's next digest
    FLAP = "flap"  # that of the hour, of one condition that comes and goes
    ALONE = "alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one receiver is owed and was told about one alert.

    ``delivered``: something of it was taken, or may have been. ``first_at``: when something
    of it first was taken, or was to be. ``waiting``: something of it has not been tried to
    the end. ``severity`` is the heaviest ever put into words. ``changed``: the report of now
    differs from the one that was told.
    """

    transitions: frozenset[str] = frozenset()
    delivered: bool = False
    waiting: bool = False
    severity: Severity | None = None
    first_at: datetime | None = None
    told_at: datetime | None = None
    repeats: int = 0
    changed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The conversation that the alert belongs to at this receiver.

    ``opened_at`` None: there is none yet. ``told_at``: when the receiver last took
    something of it. ``clear``: no alert of it fires any more. ``rooted``: its root message
    stands, or may. ``severity``: the heaviest that fires in it. ``crowd``: it takes what a
    storm brings, so whatever happens in it waits for its next beat.
    """

    opened_at: datetime | None = None
    told_at: datetime | None = None
    clear: bool = False
    rooted: bool = False
    severity: Severity | None = None
    crowd: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to put into the outbox for one alert and receiver, and why; or why nothing.

    ``until``: when the answer may be another, where that is known. ``slot``: of the digest
    or the hour that ``home`` stands for.
    """

    alert: str
    receiver: str
    why: Why
    transition: str = ""
    parts: tuple[Part, ...] = ()
    due: datetime | None = None
    home: Home = Home.GROUP
    slot: datetime | None = None
    repeat: int = 0
    loud: bool = False
    untold: bool = False  # nothing of it was told while it was firing
    detail: str = ""
    until: datetime | None = None
