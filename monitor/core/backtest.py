"""What other rules, or other limits, would have told of what has happened, beside what was told.

An alert of a replay and one that was told are the same when they are of one rule and one
batch and fired at the same time, or were firing at the same time.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from statistics import median

from monitor.core.flapping import TIMES, WITHIN
from monitor.core.ledger import BRIEF, Episode, flapped
from monitor.core.wording import span

# How far apart the same alert may fire in life and in a replay: looks are taken to come evenly.
NEAR = timedelta(minutes=2)
NOISE = (
    f"Noise: the share of its alerts that were over by themselves within {span(BRIEF)}, came and "
    f"went {TIMES} times within {span(WITHIN)}, or were silenced when they were told."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """One alert that fired, in life or in a replay.

    ``of_batch`` False: it is of a provider, a day or what was expected, and ``batch`` is the id
    of that. ``batch_ended_at`` None: it goes on. ``spent``: what the batch cost after it, in
    micros.
    """

    instance: str
    provider: str
    batch: str
    title: str
    episode: Episode
    severity: str
    reason: str
    of_batch: bool = True
    batch_ended_at: datetime | None = None
    spent: Mapping[str, int] = field(default_factory=dict)

    @property
    def place(self) -> tuple[str, str, str]:
        """Which rule, and of which batch."""
        return self.instance, self.provider, self.batch

    @property
    def lead(self) -> timedelta | None:
        """How long before the end of its batch it was told; None for reports of the end."""
        if self.batch_ended_at is None or self.episode.report:
            return None
        return max(self.batch_ended_at - self.episode.fired_at, timedelta(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What a replay tells beside what was told."""

    same: tuple[tuple[Fired, Fired], ...] = ()  # told, replayed
    new: tuple[Fired, ...] = ()
    gone: tuple[Fired, ...] = ()


def compare(told: Iterable[Fired], replayed: Iterable[Fired]) -> Differences:
    """Which alerts are the same, the earliest first; each is the same as one other at most."""
    left: dict[tuple[str, str, str], list[Fired]] = defaultdict(list)
    for each in sorted(told, key=_fired_at):
        left[each.place].append(each)
    same, new = [], []
    for each in sorted(replayed, key=_fired_at):
        found = next((one for one in left[each.place] if _is_same(one, each)), None)
        if found is None:
            new.append(each)
        else:
            left[each.place].remove(found)
            same.append((found, each))
    gone = sorted((each for some in left.values() for each in some), key=_fired_at)
    return Differences(same=tuple(same), new=tuple(new), gone=tuple(gone))


def _fired_at(each: Fired) -> datetime:
    return each.episode.fired_at


def _is_same(one: Fired, other: Fired) -> bool:
    first, second = one.episode, other.episode
    if first.report and second.report:
        return first.key == second.key
    if abs(first.fired_at - second.fired_at) <= NEAR:
        return True
    begun = max(first.fired_at, second.fired_at)
    return all(each.closed_at is None or each.closed_at > begun for each in (first, second))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one rule would have told. ``noisy`` alerts are counted once each, for any cause."""

    instance: str
    fires: int = 0
    batches: int = 0
    noisy: int = 0
    brief: int = 0
    flapped: int = 0
    silenced: int = 0
    lead: timedelta | None = None  # the median
    firing: timedelta = timedelta(0)  # in all
    spent: Mapping[str, int] = field(default_factory=dict)  # after the first of each batch
    same: int = 0
    new: int = 0
    gone: int = 0

    @property
    def noise(self) -> float | None:
        """The share of its alerts that were of little use; None where there is none."""
        return self.noisy / self.fires if self.fires else None


def entries(found: Differences, names: Sequence[str], until: datetime) -> tuple[Entry, ...]:
    """Each rule of ``names``, and each other that was told, those that fired most first."""
    replayed: dict[str, list[Fired]] = defaultdict(list)
    for told, again in found.same:
        replayed[again.instance].append(_with_deeds(again, told))
    for each in found.new:
        replayed[each.instance].append(each)
    gone: dict[str, int] = defaultdict(int)
    for each in found.gone:
        gone[each.instance] += 1
    every = dict.fromkeys((*names, *gone))
    made = [
        replace(
            _entry(name, replayed.get(name, []), until),
            same=sum(again.instance == name for _, again in found.same),
            new=sum(each.instance == name for each in found.new),
            gone=gone[name],
        )
        for name in every
    ]
    return tuple(sorted(made, key=lambda each: (-each.fires, -each.gone, each.instance)))


def _with_deeds(each: Fired, told: Fired) -> Fired:
    """With what people did about it when it was told."""
    deeds = told.episode
    episode = replace(
        each.episode,
        acknowledged_at=deeds.acknowledged_at,
        acted_at=deeds.acted_at,
        silenced=deeds.silenced,
    )
    return replace(each, episode=episode)


def _entry(name: str, fired: Sequence[Fired], until: datetime) -> Entry:
    episodes = [each.episode for each in fired]
    bouts = {each.key for bout in flapped(episodes) for each in bout}
    noisy = [each for each in episodes if each.brief or each.silenced or each.key in bouts]
    leads = [lead.total_seconds() for each in fired if (lead := each.lead) is not None]
    lasting = [each for each in episodes if not each.report]
    spent: dict[str, int] = defaultdict(int)
    for each in _first_of_each(fired):
        for currency, micros in each.spent.items():
            spent[currency] += micros
    return Entry(
        instance=name,
        fires=len(episodes),
        batches=len({each.place for each in fired if each.of_batch}),
        noisy=len(noisy),
        brief=sum(each.brief for each in episodes),
        flapped=len(bouts),
        silenced=sum(each.silenced for each in episodes),
        lead=timedelta(seconds=round(median(leads))) if leads else None,
        firing=sum(((each.closed_at or until) - each.fired_at for each in lasting), timedelta(0)),
        spent=dict(spent),
    )


def _first_of_each(fired: Iterable[Fired]) -> Iterable[Fired]:
    first: dict[tuple[str, str, str], Fired] = {}
    for each in sorted(fired, key=_fired_at):
        if not each.episode.report:
            first.setdefault(each.place, each)
    return first.values()
