"""How fast a batch gets on, what is left of it, and when that will be done.

Everything is counted in time in which calls could be made. What is left is counted in calls,
because a person who is called again is work again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, sqrt

from monitor.core.calendar import permitted_after
from monitor.core.completion import ended_calls
from monitor.core.facts import BatchFacts
from monitor.core.model import OPEN_CONTACT, ContactStatus, Outcome
from monitor.core.stats import share
from monitor.core.tally import CONTACTS, UNDIALLED, call_key, people, unlisted
from monitor.core.wording import clock, counted, people_text

_HOUR = timedelta(hours=1)
_UNPLANNED = timedelta(hours=1)
# Vendors cut calls off after 30 min, and tell of it a while later.
LONGEST_CALL = timedelta(minutes=35)
_FAR = 1 / 3
_COMPLETED = frozenset({Outcome.COMPLETED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What was done in a length of calling time."""

    n: int
    time: timedelta

    @property
    def per_hour(self) -> float:
        """How many in an hour; 0 where there was no time."""
        return self.n / (self.time / _HOUR) if self.time else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is left of a batch, and the calling time that it will take at its pace."""

    people: int
    calls: int  # an estimate: people, times the calls that one takes
    pace: Pace
    needed: timedelta
    done_at: datetime | None  # None: not within the hours that are known


def people_left(facts: BatchFacts) -> int:
    """People who are not done: who wait, are talked to, or are to be called again."""
    return people(facts.tally, *OPEN_CONTACT) + unlisted(facts.batch.counts, facts.tally)


def all_wait_since(facts: BatchFacts) -> datetime | None:
    """Since when the first waits, where everybody who does waits for a retry; else None."""
    late = facts.retries.overdue(facts.now), facts.retries.unscheduled(facts.now)
    if facts.waiting > sum(each.n for each in late):
        return None
    return min((each.oldest[0].since for each in late if each.oldest), default=None)


def patience(facts: BatchFacts) -> timedelta:
    """How long those who wait are left to the vendor.

    An hour where no retry is planned yet; as long as a call may last where the only line is
    busy with one.
    """
    lost = facts.retries.unscheduled(facts.now).n
    if lost and facts.waiting == lost:
        return _UNPLANNED
    return LONGEST_CALL if facts.live and facts.batch.concurrency == 1 else timedelta(0)


def waiting_words(facts: BatchFacts, since: datetime | None) -> str:
    """Who waits, since when if that is to be said, and which lines are busy, for people."""
    waiting, lines = facts.waiting, facts.batch.concurrency
    if not waiting:
        return "nobody waits"
    text = f"{people_text(waiting)} {'waits' if waiting == 1 else 'wait'}"
    if since is not None:
        text += f" since {clock(since, facts.zone, facts.now)}"
    if lines is None:
        return text
    about = "about " if facts.estimates("live") else ""
    return f"{text}, {about}{facts.live:,} of {counted(lines, 'line')} busy"


def to_retry(facts: BatchFacts) -> int:
    """Of those who are not done, the people who were called and are to be called again."""
    return people(facts.tally, ContactStatus.RETRYING, ContactStatus.FOLLOW_UP)


def calls_each(facts: BatchFacts) -> float | None:
    """How many calls a person takes until they are done; None before anybody is.

    As many as were made for each who is done: the calls of those who are not are counted in,
    so that retries still to come are, too. At most what the retry policy allows.
    """
    tally, policy = facts.tally, facts.batch.retry
    away = people(tally, *OPEN_CONTACT, ContactStatus.SKIPPED)
    done = tally.get(CONTACTS, 0) - away
    if done <= 0:
        return None
    each = max(ended_calls(tally) / done, 1.0)
    if policy is None or policy.max_retries is None:
        return each
    return min(each, policy.max_retries + 1.0)


def measured(facts: BatchFacts, window: timedelta) -> Pace:
    """Calls that ended in the last ``window`` known, of this run alone."""
    end = known_until(facts)
    start = max(end - window, facts.running_at or facts.first_seen_at or end)
    n = facts.calls.window(start, end).n
    return Pace(n=n, time=facts.dialling_between(start, end))


def lifelong(facts: BatchFacts) -> Pace:
    """Calls of its whole life, which cost nothing to know; no pace where its start is not told.

    What it did before it was first seen counts, as does a pause then: it is no quicker than so.
    """
    told = facts.batch.began_at
    if told is None or facts.run > 1:
        return Pace(n=0, time=timedelta(0))
    return Pace(n=ended_calls(facts.tally), time=facts.dialling_between(told, facts.now))


def known_until(facts: BatchFacts) -> datetime:
    """Until when all that moved is known: a look that moves counts comes before its reading."""
    known = facts.certainty
    at = known.observed_at if known.recounted else known.read_at or known.swept_at
    return min(at or facts.now, facts.now)


def conversations(facts: BatchFacts, length: timedelta, back: timedelta = timedelta(0)) -> Pace:
    """Completed calls of a ``length`` that ended ``back`` before that, of this run alone."""
    end = known_until(facts) - back
    start = max(end - length, min(facts.running_at or facts.first_seen_at or end, end))
    n = facts.calls.window(start, end).count(_COMPLETED)
    return Pace(n=n, time=facts.dialling_between(start, end))


def conversed(facts: BatchFacts) -> Pace:
    """All completed calls, over the time since it was seen running; for a first, rough look."""
    began = facts.running_at or facts.first_seen_at or facts.now
    n = facts.tally.get(call_key(Outcome.COMPLETED), 0)
    return Pace(n=n, time=facts.dialling_between(began, facts.now))


def forecast(facts: BatchFacts, pace: Pace) -> Forecast | None:
    """When the batch will be done at this pace; None before anybody is done, or at no pace."""
    each = calls_each(facts)
    if each is None or not pace.per_hour:
        return None
    left = people_left(facts)
    calls = ceil(left * each)
    needed = calls / pace.per_hour * _HOUR
    return Forecast(
        people=left,
        calls=calls,
        pace=pace,
        needed=needed,
        done_at=permitted_after(facts.calendar, facts.now, needed),
    )


def with_ease(facts: BatchFacts, left: timedelta) -> Forecast | None:
    """The forecast at the pace of its whole life, where that needs a third of ``left`` or less.

    So far from late no hour of calls is looked through.
    """
    coming = forecast(facts, lifelong(facts))
    return coming if coming and coming.needed < left * _FAR else None


def slower(late: Pace, early: Pace) -> float:
    """How many standard deviations the late pace lies below the early one; 0 where it does not.

    Both are counts of chance events, whose square roots spread alike however many there are.
    """
    if not late.time or not early.time:
        return 0.0
    ratio = late.time / early.time
    expected = sqrt((early.n + _NEAR) * ratio)
    return max(2 * (expected - sqrt(late.n + _NEAR)) / sqrt(1 + ratio), 0.0)


_NEAR = 3 / 8


def kept(late: Pace, early: Pace) -> float:
    """The late pace as a share of the early one."""
    return late.per_hour / early.per_hour if early.n else 1.0


def seen_undialled(facts: BatchFacts) -> int:
    """People for whom no call was made as the lists show, and those whom the vendor refused."""
    return facts.tally.get(UNDIALLED, 0) + (facts.batch.counts.rejected or 0)


def undialled_words(facts: BatchFacts, missed: int) -> str:
    """Why people were never dialled: "22 rejected, 15 skipped"."""
    tally, counts = facts.tally, facts.batch.counts
    rejected = min(counts.rejected or 0, missed)
    queued = min(people(tally, ContactStatus.PENDING), missed - rejected)
    skipped = min(people(tally, ContactStatus.SKIPPED), missed - rejected - queued)
    parts = (
        (rejected, "rejected"),
        (skipped, "skipped"),
        (queued, "left in the queue"),
        (missed - rejected - skipped - queued, "on no list"),
    )
    return ", ".join(f"{n:,} {what}" for n, what in parts if n)


def part_of(n: int, whole: int) -> float:
    """A share in percent, as findings carry it."""
    return round(share(n, whole) * 100, 1)
