"""What the alerts of a rule were worth, and what that says of the rule.

An episode belongs to the month in which it fired, with all that came of it later: messages,
acknowledgements, what people did, what was spent. Advice is given from numbers alone, one
sentence with these in it, and none where there are too few of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median

from monitor.core.flapping import TIMES, WITHIN
from monitor.core.wording import counted, span

# What somebody does within an hour of an alert was done because of it; a recovery within
# five minutes that nobody touched needed nobody.
ACTED_WITHIN = timedelta(hours=1)
BRIEF = timedelta(minutes=5)
# With fewer episodes one odd day would speak for the rule.
ENOUGH = 5
MOST = 0.8
SLOW = timedelta(minutes=5)  # from the first sight to the alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One alert that fired, and what came of it.

    ``acknowledged_at`` is the first acknowledgement, ``acted_at`` the first thing somebody
    did to its batch, ``silenced`` whether a silence held it back for a while, ``sent`` how
    many messages of it were taken. A ``report`` is made and closed at once.
    """

    key: str
    fingerprint: str
    instance: str
    since: datetime
    fired_at: datetime
    closed_at: datetime | None = None
    recovered: bool = False
    report: bool = False
    sent: int = 0
    acknowledged_at: datetime | None = None
    acted_at: datetime | None = None
    silenced: bool = False

    @property
    def acted_on(self) -> bool:
        """Whether somebody did something about it in time."""
        return self.acted_at is not None and self.acted_at - self.fired_at <= ACTED_WITHIN

    @property
    def lasted(self) -> timedelta | None:
        """How long it fired; None while it does, and for reports."""
        if self.report or self.closed_at is None:
            return None
        return self.closed_at - self.fired_at

    @property
    def brief(self) -> bool:
        """Over by itself before anybody could have helped."""
        touched = self.acknowledged_at is not None or self.acted_on
        lasted = self.lasted
        return self.recovered and not touched and lasted is not None and lasted <= BRIEF

    @property
    def unwanted(self) -> bool:
        """Silenced, or nobody ever said or did anything about it."""
        return self.silenced or (self.acknowledged_at is None and not self.acted_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Money in micros by currency. ``whole`` is False where costs are not known (any more)."""

    micros: Mapping[str, int] = field(default_factory=dict)
    estimated: bool = False
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One rule in one month. The medians are None where there is nothing to take them of.

    ``spent`` is what the batches cost after their first alert of this rule in the month.
    """

    instance: str
    episodes: int = 0
    sent: int = 0
    acknowledged: int = 0
    acknowledged_after: timedelta | None = None
    acted: int = 0
    silenced: int = 0
    flapped: int = 0
    flapped_gap: timedelta | None = None  # between one episode and the next of a bout
    brief: int = 0
    unwanted: int = 0
    reports: int = 0
    firing: timedelta | None = None
    waited: timedelta | None = None  # from first sight to firing
    spent: Spent = field(default_factory=Spent)


def entries(
    episodes: Iterable[Episode], spent: Mapping[str, Spent], instances: Sequence[str]
) -> tuple[Entry, ...]:
    """The ledger of one month: every rule that fired, then those of ``instances`` that did not."""
    by_rule: dict[str, list[Episode]] = defaultdict(list)
    for episode in episodes:
        by_rule[episode.instance].append(episode)
    fired = sorted(by_rule, key=lambda name: (-len(by_rule[name]), name))
    silent = [name for name in instances if name not in by_rule]
    return tuple(
        _entry(name, by_rule.get(name, []), spent.get(name, Spent())) for name in (*fired, *silent)
    )


def _entry(name: str, episodes: Sequence[Episode], spent: Spent) -> Entry:
    bouts = flapped(episodes)
    return Entry(
        instance=name,
        episodes=len(episodes),
        sent=sum(each.sent for each in episodes),
        acknowledged=sum(each.acknowledged_at is not None for each in episodes),
        acknowledged_after=_median(
            each.acknowledged_at - each.fired_at for each in episodes if each.acknowledged_at
        ),
        acted=sum(each.acted_on for each in episodes),
        silenced=sum(each.silenced for each in episodes),
        flapped=sum(map(len, bouts)),
        flapped_gap=_median(gap for bout in bouts for gap in _gaps(bout)),
        brief=sum(each.brief for each in episodes),
        unwanted=sum(each.unwanted for each in episodes),
        reports=sum(each.report for each in episodes),
        firing=_median(each.lasted for each in episodes),
        waited=_median(each.fired_at - each.since for each in episodes if not each.report),
        spent=spent,
    )


def _median(lengths: Iterable[timedelta | None]) -> timedelta | None:
    seconds = [each.total_seconds() for each in lengths if each is not None]
    return timedelta(seconds=round(median(seconds))) if seconds else None


def flapped(episodes: Iterable[Episode]) -> list[list[Episode]]:
    """The episodes that are part of a bout: so many of one condition within an hour."""
    by_condition: dict[str, list[Episode]] = defaultdict(list)
    for episode in episodes:
        if not episode.report:
            by_condition[episode.fingerprint].append(episode)
    found = []
    for known in by_condition.values():
        known.sort(key=lambda each: each.fired_at)
        inside: set[int] = set()
        for first in range(len(known) - TIMES + 1):
            if known[first + TIMES - 1].fired_at - known[first].fired_at <= WITHIN:
                inside.update(range(first, first + TIMES))
        if inside:
            found.append([known[place] for place in sorted(inside)])
    return found


def _gaps(bout: Sequence[Episode]) -> Iterable[timedelta]:
    """From the end of one to the beginning of the next."""
    for one, following in pairwise(bout):
        if one.closed_at is not None and following.fired_at - one.fired_at <= WITHIN:
            yield max(following.fired_at - one.closed_at, timedelta(0))


class Proposal(StrEnum):
    """What to do with a rule."""

    KEEP = "keep"
    RAISE = "raise"
    LOWER = "lower"
    TURN_OFF = "turn off"
    SMOOTH = "smooth"
    NOTHING = "nothing"  # it did not fire, or there are too few to say


@dataclass(frozen=True, slots=True)
class Advice:
    """A proposal with its reason: one sentence for people."""

    proposal: Proposal
    reason: str


def advise(entry: Entry) -> Advice:
    """What the numbers of a rule propose; the first that holds."""
    n = entry.episodes
    if n == 0:
        return Advice(Proposal.NOTHING, "it did not fire; a rule that costs nothing may stay")
    if n < ENOUGH:
        return Advice(Proposal.NOTHING, f"too few to say: {counted(n, 'episode')}")
    for found in (_too_jumpy(entry), _too_loud(entry), _useful(entry), _ignored(entry)):
        if found is not None:
            return found
    return Advice(
        Proposal.KEEP,
        f"of {n} episodes {entry.acknowledged} were acknowledged and {entry.acted} acted on",
    )


def _too_jumpy(entry: Entry) -> Advice | None:
    if entry.flapped * 2 < entry.episodes:
        return None
    keep = timedelta(minutes=5)
    if entry.flapped_gap is not None and entry.flapped_gap >= keep:
        keep = min(timedelta(minutes=-(-entry.flapped_gap // timedelta(minutes=5)) * 5), WITHIN)
    return Advice(
        Proposal.SMOOTH,
        f"{entry.flapped} of {entry.episodes} episodes came and went, {TIMES} or more of one "
        f"thing in an hour: set keep_firing_for to {span(keep)}",
    )


def _too_loud(entry: Entry) -> Advice | None:
    n = entry.episodes
    if entry.silenced >= MOST * n:
        return Advice(
            Proposal.TURN_OFF,
            f"{entry.silenced} of {n} episodes were silenced: turn it off, or narrow its match",
        )
    if entry.brief >= MOST * n:
        return Advice(
            Proposal.RAISE,
            f"{entry.brief} of {n} episodes were over by themselves within {span(BRIEF)} and "
            f"nobody did anything: raise for to {span(BRIEF)}, or its threshold",
        )
    return None


def _useful(entry: Entry) -> Advice | None:
    n = entry.episodes
    if max(entry.acted, entry.acknowledged) * 2 < n:
        return None
    said = f"{entry.acted} of {n} episodes were acted on, {entry.acknowledged} acknowledged"
    if entry.acknowledged_after is not None:
        said += f" after {span(entry.acknowledged_after)}"
    if entry.acted >= MOST * n and entry.waited is not None and entry.waited >= SLOW:
        return Advice(
            Proposal.LOWER,
            f"{said}, and it waits {span(entry.waited)} before it tells: lower for",
        )
    return Advice(Proposal.KEEP, said)


def _ignored(entry: Entry) -> Advice | None:
    n = entry.episodes
    if entry.unwanted < MOST * n:
        return None
    said = f"nobody acknowledged or acted on {entry.unwanted} of {n} episodes"
    if entry.reports * 2 >= n:
        return Advice(Proposal.KEEP, f"{said}, and reports ask for nothing: a digest would do")
    return Advice(Proposal.LOWER, f"{said}: lower its severity, or raise its threshold")
