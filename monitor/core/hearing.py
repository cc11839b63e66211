"""What came of webhooks: which ends they told, how late, and which were refused.

An end is that of a call or of a batch. Polls see every end sooner or later, so what they saw
and no webhook told is what webhooks missed.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from monitor.core.stats import share

# Vendors try again for a while: what a poll saw is not missed before that.
GRACE = timedelta(minutes=2)
# Later than this after the end is late: a poll would have been as quick.
LATE = timedelta(seconds=30)
# Polls lean on webhooks that told so many ends of late, and missed and delayed so few.
_RELIED_ON_AFTER = 5
_MISSED_AT_MOST = 0.02
_LATE_AT_MOST = 0.1
# What is told is only verified by looking, so many poll intervals apart: in time, or late.
_WHILE_TOLD = 4
_WHILE_TOLD_LATE = 2
# So many misses in a row since the newest webhook, and they are gone.
_GONE_AFTER = 3
_REMEMBERED = timedelta(days=1)
# So many of late are no accident, even if others come.
_NO_ACCIDENT = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Which ends a provider's webhooks should tell, and since when somebody listens.

    Not ``named``: they only say that something moved, so no end can be matched with one.
    """

    since: datetime
    calls: bool
    batches: bool
    named: bool = True


class Arrival(NamedTuple):
    """When one end was heard of: by webhook, by poll; ``ended_at`` where the vendor tells it."""

    first_at: datetime
    webhook_at: datetime | None
    poll_at: datetime | None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """How long after an end it was heard of, in seconds: half of them, and all but 5 %."""

    p50_s: float
    p95_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Some ends, counted. ``missed`` were seen by polls alone, ``alone`` told by webhooks alone.

    ``late`` are those among ``both`` whose webhook came late; ``in_a_row`` those missed since
    the newest webhook. A delay is None where nothing came that way of which it can be told.
    """

    both: int = 0
    missed: int = 0
    alone: int = 0
    late: int = 0
    in_a_row: int = 0
    webhooks: Delays | None = None
    polls: Delays | None = None

    @property
    def missed_share(self) -> float:
        """Of what polls saw, how much no webhook told; from 0 to 1."""
        return share(self.missed, self.both + self.missed)

    @property
    def late_share(self) -> float:
        """Of what both told, how much came late by webhook; from 0 to 1."""
        return share(self.late, self.both)

    @property
    def complete(self) -> bool:
        """Whether the webhooks come, and miss little."""
        return (
            self.both >= _RELIED_ON_AFTER
            and self.missed_share <= _MISSED_AT_MOST
            and self.in_a_row < _GONE_AFTER
        )

    def intervals(self, poll_every: timedelta) -> int:
        """How many poll intervals may lie between two looks while these webhooks tell.

        1 where polls cannot lean on them. Those that come late are worth a few polls too, if
        all but some have come by the next one.
        """
        if not self.complete:
            return 1
        if self.late_share <= _LATE_AT_MOST:
            return _WHILE_TOLD
        by_next = _WHILE_TOLD_LATE * poll_every.total_seconds()
        return _WHILE_TOLD_LATE if self.webhooks and self.webhooks.p95_s <= by_next else 1


def heard(arrivals: Sequence[Arrival], now: datetime) -> Heard:
    """Count some ends. What polls saw within ``GRACE`` may yet be told by webhook."""
    told = [each for each in arrivals if each.webhook_at is not None]
    seen = [each for each in arrivals if each.poll_at is not None]
    both = [each for each in told if each.poll_at is not None]
    missed = [each for each in seen if each.webhook_at is None and now - each.first_at >= GRACE]
    newest = max((at for each in told if (at := each.webhook_at)), default=None)
    by_webhook = [_delay(each, at) for each in told if (at := each.webhook_at) and _is_dated(each)]
    by_poll = [_delay(each, at) for each in seen if (at := each.poll_at) and _is_dated(each)]
    return Heard(
        both=len(both),
        missed=len(missed),
        alone=len(told) - len(both),
        late=sum(_delay(each, at) > LATE for each in both if (at := each.webhook_at)),
        in_a_row=sum(newest is None or each.first_at > newest for each in missed),
        webhooks=_delays(by_webhook),
        polls=_delays(by_poll),
    )


def _is_dated(arrival: Arrival) -> bool:
    """Whether anything tells when the end was but the one way in which it was heard of.

    No end is kept as later than it was seen: one of that very time is not known better.
    """
    told = arrival.ended_at is not None and arrival.ended_at < arrival.first_at
    return told or None not in (arrival.webhook_at, arrival.poll_at)


def _delay(arrival: Arrival, at: datetime) -> timedelta:
    """From the end until then; from when it was first heard of, if nobody tells the end."""
    return at - min(arrival.ended_at or arrival.first_at, arrival.first_at)


def _delays(found: list[timedelta]) -> Delays | None:
    if not found:
        return None
    ordered = sorted(found)

    def at(part: float) -> float:
        place = max(ceil(part * len(ordered)) - 1, 0)
        return round(ordered[place].total_seconds(), 3)

    return Delays(p50_s=at(0.5), p95_s=at(0.95))


# More are not remembered one by one.
REFUSED_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Webhooks of one provider that did not prove who sent them.

    ``times`` are those of the last ones that have the form of the vendor's, oldest first.
    Since the last good one ``in_a_row`` of that form came, the first at ``in_a_row_since``, and
    ``unsigned`` others, from ``unsigned_since`` to ``unsigned_at``: counted since the process
    began. ``refused_at`` is the last one of the vendor's form ever, ``accepted_at`` the last
    good one.
    """

    times: tuple[datetime, ...] = ()
    in_a_row: int = 0
    in_a_row_since: datetime | None = None
    unsigned: int = 0
    unsigned_since: datetime | None = None
    unsigned_at: datetime | None = None
    refused_at: datetime | None = None
    accepted_at: datetime | None = None

    def since(
        self, refused_at: datetime | None, accepted_at: datetime | None, now: datetime
    ) -> "Refused":
        """The same with what was known of before the process began; no time is to come."""
        return replace(
            self,
            refused_at=_latest(now, self.refused_at, refused_at),
            accepted_at=_latest(now, self.accepted_at, accepted_at),
        )


def _latest(now: datetime, *times: datetime | None) -> datetime | None:
    return max((min(at, now) for at in times if at is not None), default=None)


class Refusals:
    """Keeps account of them as they come."""

    def __init__(self) -> None:
        self._times: deque[datetime] = deque(maxlen=REFUSED_MOST)
        self._in_a_row = 0
        self._in_a_row_since: datetime | None = None
        self._unsigned = 0
        self._unsigned_since: datetime | None = None
        self._unsigned_at: datetime | None = None
        self._accepted_at: datetime | None = None

    def refused(self, at: datetime, *, signed: bool) -> None:
        """One was refused; ``signed``: it has the form of the vendor's."""
        if signed:
            self._times.append(at)
            self._in_a_row += 1
            self._in_a_row_since = self._in_a_row_since or at
        else:
            self._unsigned += 1
            self._unsigned_since = self._unsigned_since or at
            self._unsigned_at = at

    def accepted(self, at: datetime) -> None:
        """One was good."""
        self._in_a_row = self._unsigned = 0
        self._in_a_row_since = self._unsigned_since = None
        self._accepted_at = at

    def told(self) -> Refused:
        """How it stands now."""
        return Refused(
            times=tuple(self._times),
            in_a_row=self._in_a_row,
            in_a_row_since=self._in_a_row_since,
            unsigned=self._unsigned,
            unsigned_since=self._unsigned_since,
            unsigned_at=self._unsigned_at,
            refused_at=self._times[-1] if self._times else None,
            accepted_at=self._accepted_at,
        )


# What polls saw of late is weighed over so long.
LATELY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lately:
    """The ends that polls saw of late, and how many of them no webhook told, from when to when."""

    ends: int = 0
    missed: int = 0
    missed_since: datetime | None = None
    missed_until: datetime | None = None

    @property
    def missed_share(self) -> float:
        """From 0 to 1."""
        return share(self.missed, self.ends)

    @property
    def missed_for(self) -> timedelta:
        """From the first to the last."""
        if self.missed_since is None or self.missed_until is None:
            return timedelta(0)
        return self.missed_until - self.missed_since


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """How the webhooks of one provider stand.

    ``heard_at``: the last one that was taken in. ``missed``: ends that polls have seen since
    then and no webhook told, counted up to a limit, from ``missed_since`` to ``missed_until``.
    ``unreadable`` webhooks are set aside. ``lately`` is None where webhooks name no ends, so
    that none can be matched with one.
    """

    heard_at: datetime | None = None
    missed: int = 0
    missed_since: datetime | None = None
    missed_until: datetime | None = None
    unreadable: int = 0
    lately: Lately | None = None
    refused: Refused = Refused()

    def remembers(self, now: datetime) -> bool:
        """Whether a webhook came within a day: what was missed is remembered no longer."""
        return self.heard_at is not None and now - self.heard_at < _REMEMBERED

    @property
    def misses(self) -> bool:
        """Whether more ends are missed than a vendor loses now and then."""
        late = self.lately
        return self.missed >= _GONE_AFTER or (
            late is not None and late.missed >= _GONE_AFTER and late.missed_share >= _NO_ACCIDENT
        )
