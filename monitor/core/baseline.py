"""What is usual: the share that a rule compares with, and where it comes from.

A multiple of nothing says nothing, so a share of nothing among the calls compared with is
no special case: the share seen must reach its own limit, and be surely higher.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol

from monitor.core.calls import CallLog, Peer
from monitor.core.facts import BatchFacts
from monitor.core.instants import EPOCH
from monitor.core.stats import difference, share, wilson
from monitor.core.wording import counted, percent


class Compare(StrEnum):
    """What a share is compared with, beside its own limit."""

    ABSOLUTE = "absolute"  # nothing
    EARLIER = "earlier"  # the batch's own calls before the window
    PREVIOUS_BATCHES = "previous_batches"  # the last of its campaign or name
    SIBLINGS = "siblings"  # the provider's other open batches, in the same window


class Counted(NamedTuple):
    """So many of so many calls."""

    part: int
    whole: int

    @property
    def share(self) -> float:
        """From 0 to 1; nothing of nothing is 0."""
        return share(self.part, self.whole)


class Count(Protocol):
    """What a rule counts in a span of a batch's calls. Hashable: equal ones count the same."""

    def __call__(self, log: CallLog, start: datetime, end: datetime) -> Counted:
        """So many of so many."""
        ...

    def __hash__(self) -> int: ...


PREVIOUS_MOST = 5  # batches
EARLIER_REACH = 6  # windows before the window
SURE = 0.95
SETTLED = timedelta(minutes=10)  # what ended so long ago seldom changes any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """The share that is usual; ``where`` says for people among which calls."""

    seen: Counted
    where: str
    fixed: bool = False  # what goes wrong now is no part of it

    @property
    def text(self) -> str:
        """For a sentence: "usually 24 %, n 310"."""
        said = "none" if not self.seen.part else percent(self.seen.share)
        return f"usually {said}, n {self.seen.whole:,}"

    @property
    def line(self) -> tuple[str, str]:
        """For the details, with its interval and where it comes from."""
        return "usual", f"{interval_text(self.seen)} ({self.where})"


@lru_cache(maxsize=1_000)  # what is usual stays the same for long
def interval_text(seen: Counted, confidence: float = SURE) -> str:
    """A share with how sure it is: "45 % of 42 calls, 31 % to 60 % at 95 % confidence"."""
    low, high = wilson(seen.part, seen.whole, confidence)
    return (
        f"{percent(seen.share)} of {counted(seen.whole, 'call')}, "
        f"{percent(low)} to {percent(high)} at {percent(confidence)} confidence"
    )


def usual(
    facts: BatchFacts,
    compare: Compare,
    start: datetime,
    window: timedelta,
    count: Count,
    least: int,
) -> Usual:
    """What is usual by one way of comparing; of no calls where there is nothing to go by.

    Where the batches before have fewer than ``least`` calls, the batch's own earlier ones.
    """
    if compare is Compare.SIBLINGS:
        return _of_siblings(facts, start, count)
    if compare is Compare.PREVIOUS_BATCHES:
        before = of_previous(facts, count)
        if before.seen.whole >= least:
            return before
    return _of_earlier(facts, start, window, count)


def of_previous(facts: BatchFacts, count: Count, most: int = PREVIOUS_MOST) -> Usual:
    """What is usual in the last batches of the same campaign or name."""
    peers = facts.peers.previous(most)

    def ask() -> Counted:
        return _together(count(each.calls, each.start, each.end) for each in peers)

    seen = facts.peers.once((count, most), ask)
    where = "the batch before" if len(peers) == 1 else f"the {len(peers)} batches before"
    return Usual(seen=seen, where=where, fixed=True)


def _of_siblings(facts: BatchFacts, start: datetime, count: Count) -> Usual:
    peers = siblings(facts)
    seen = _together(count(each.calls, start, facts.now) for each in peers)
    return Usual(seen=seen, where=counted(len(peers), "other open batch", "other open batches"))


def _of_earlier(facts: BatchFacts, start: datetime, window: timedelta, count: Count) -> Usual:
    """The calls of the batch before the window, as far back as is cheap to count."""
    seen = count(own(facts), *before_window(start, window))
    return Usual(seen=seen, where="earlier in this batch")


def own(facts: BatchFacts) -> CallLog:
    """The batch's own calls, remembered where that is possible."""
    return facts.peers.own() or facts.calls


def before_window(start: datetime, window: timedelta) -> tuple[datetime, datetime]:
    """The span before a window, cut to a grid: whoever asks again soon asks for the same."""
    end = start - (start - EPOCH) % (window / 2)
    return end - window * EARLIER_REACH, end


def siblings(facts: BatchFacts) -> tuple[Peer, ...]:
    """The other open batches of the same provider."""
    return tuple(each for each in facts.peers.siblings() if each.provider == facts.batch.provider)


def _together(found: Iterable[Counted]) -> Counted:
    part = whole = 0
    for each in found:
        part += each.part
        whole += each.whole
    return Counted(part, whole)


def surely_apart(seen: Counted, other: Counted, confidence: float, *, above: bool) -> bool:
    """Whether one share is surely above (below) another, at the confidence given."""
    low, high = difference(*seen, *other, confidence)
    return low > 0 if above else high < 0
