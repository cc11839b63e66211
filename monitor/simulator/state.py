"""The people and the calls of one batch in columns, a few bytes each."""

from array import array

from monitor.core.model import ContactStatus, Outcome

STAGES = (
    ContactStatus.PENDING,
    ContactStatus.DISPATCHED,
    ContactStatus.IN_CALL,
    ContactStatus.RETRYING,
    ContactStatus.FOLLOW_UP,
    ContactStatus.COMPLETED,
    ContactStatus.FAILED,
    ContactStatus.BUSY,
    ContactStatus.NO_ANSWER,
    ContactStatus.SKIPPED,
    ContactStatus.EXHAUSTED,
)
(
    PENDING,
    DISPATCHED,
    IN_CALL,
    RETRYING,
    FOLLOW_UP,
    COMPLETED,
    FAILED,
    BUSY,
    NO_ANSWER,
    SKIPPED,
    EXHAUSTED,
) = range(len(STAGES))
WAITING = (PENDING, RETRYING, FOLLOW_UP)
LIVE = (DISPATCHED, IN_CALL)

ENDS = (
    Outcome.COMPLETED,
    Outcome.VOICEMAIL,
    Outcome.NO_ANSWER,
    Outcome.BUSY,
    Outcome.FAILED,
    Outcome.ERROR,
    Outcome.CANCELLED,
)
TALKED, MAILBOX, UNANSWERED, ENGAGED, BROKEN, QUEUE_ERROR, CALLED_OFF = range(len(ENDS))
STAGE_AFTER = (COMPLETED, COMPLETED, NO_ANSWER, BUSY, FAILED, FAILED, SKIPPED)


class People:
    """The people of one batch, by their place in its list; ``counts`` are by stage."""

    def __init__(self) -> None:
        self.stage = bytearray()
        self.changed = array("d")
        self.last_call = array("i")
        self.next_at: dict[int, float] = {}
        self.counts = [0] * len(STAGES)

    def __len__(self) -> int:
        return len(self.stage)

    def add(self, n: int, t: float) -> None:
        """``n`` more people who wait for their first call."""
        self.stage.extend(bytes([PENDING]) * n)
        self.changed.extend(array("d", [t]) * n)
        self.last_call.extend(array("i", [-1]) * n)
        self.counts[PENDING] += n

    def move(self, person: int, stage: int, t: float) -> int:
        """Give one person another stage; the one before."""
        before = self.stage[person]
        self.counts[before] -= 1
        self.counts[stage] += 1
        self.stage[person] = stage
        self.changed[person] = t
        return before

    def number(self, stages: tuple[int, ...]) -> int:
        """How many people are in one of these stages."""
        return sum(self.counts[stage] for stage in stages)


class Calls:
    """The calls of one batch in the order of their starts; each knows the one before it.

    ``ended`` is 0 while a call is open. ``end`` is decided when the call starts and known to
    nobody until it has ended. ``attempt`` counts from 0 for each person, without follow-ups.
    """

    def __init__(self) -> None:
        self.person = array("I")
        self.before = array("i")
        self.started = array("d")
        self.ended = array("d")
        self.talk = array("f")
        self.end = bytearray()
        self.error = bytearray()
        self.attempt = bytearray()
        self.follow_up = bytearray()

    def __len__(self) -> int:
        return len(self.person)

    def start(
        self, person: int, before: int, t: float, talk: float, end: int, error: int, attempt: int
    ) -> int:
        """A call begins; its row."""
        self.person.append(person)
        self.before.append(before)
        self.started.append(t)
        self.ended.append(0.0)
        self.talk.append(talk)
        self.end.append(end)
        self.error.append(error)
        self.attempt.append(attempt)
        self.follow_up.append(0)
        return len(self.person) - 1

    def chain(self, last: int) -> list[int]:
        """The rows of one person's calls, oldest first, from the row of the last one."""
        rows = []
        while last >= 0:
            rows.append(last)
            last = self.before[last]
        rows.reverse()
        return rows
