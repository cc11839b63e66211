"""One person and every call made to them, across batches and providers, by keyed hash.

A rule about people says of one person whether a limit is broken (``Check``), from that
person's calls alone and not from the time of asking. Whoever answers may therefore ask it
only about people of whom something moved, and remember the rest.

A limit is broken by a call, and the batch whose call it was tells of it (``PlacedCall.here``):
of two batches that call one person by turns both do, and of two of which only the second went
too far that one does, naming the other.

Persons and calls are named tuples because every one that moves passes through here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from monitor.core.model import Outcome

# When a call was placed of which nothing tells when: before all that was watched.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class PlacedCall(NamedTuple):
    """One call to a person: when it was placed, where, and what came of it.

    ``at`` is the vendor's own time of its start (``exact``), else the earliest time at which
    it may have been placed, of which ``until`` is the latest. ``zones`` are the IANA zones
    that the person may be in, empty where nothing tells.
    """

    at: datetime
    exact: bool
    here: bool  # in the batch that is judged
    provider: str
    batch: str  # its title
    call_id: str
    outcome: Outcome | None = None  # None: under way
    follow_up: bool = False
    attempt: int = 0
    disposition: str | None = None
    hangup: str | None = None
    ended_at: datetime | None = None
    zones: tuple[str, ...] = ()
    until: datetime | None = None  # None: ``at`` itself
    placed: bool = True  # False: waits in a queue, or was given up before anybody was dialled


class PersonCalls(NamedTuple):
    """Somebody's calls, in the order in which they were placed."""

    phone: str | None  # masked
    contact_id: str  # in the batch that is judged
    calls: tuple[PlacedCall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One person for whom a limit was broken, last at ``at``.

    ``text`` is for people and says what happened to this one, without name or number: "got 9
    calls in 40 min from Renewals A and Renewals B".
    ``kind`` is what is counted where many people break a limit in a few ways: "after 21:00".
    """

    at: datetime
    text: str
    weight: float = 1  # the greatest is named first
    exact: bool = True
    kind: str = ""
    evidence: tuple[str, ...] = ()  # call ids
    phone: str | None = None  # masked; set by whoever answers
    batches: tuple[str, ...] = ()  # titles


class Check(Protocol):
    """What a rule asks of one person. Hashable: equal checks have equal answers."""

    def __call__(self, person: PersonCalls) -> Breach | None:
        """The breach, or None. Depends on the person's calls only."""
        ...

    def __hash__(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaches:
    """How many people of a batch a limit was broken for, and the gravest of them.

    ``whole``: everybody was looked at; else there may be more, since the people of a large
    batch are read bit by bit after a start.
    """

    n: int = 0
    gravest: tuple[Breach, ...] = ()  # at most three
    exact: int = 0  # of n, those of exact times
    kinds: Mapping[str, int] = field(default_factory=dict)  # people by ``Breach.kind``
    first_at: datetime | None = None
    last_at: datetime | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """People whom a batch shares with others; ``whole`` as in Breaches."""

    n: int = 0
    of: int = 0
    batches: tuple[tuple[str, int], ...] = ()  # title and how many, the most first
    evidence: tuple[str, ...] = ()  # contact ids
    whole: bool = True


class PeopleLog(Protocol):
    """Questions about the people of one batch, wherever else they were called."""

    def breaches(self, check: Check, since: datetime) -> Breaches:
        """Of the people called in this batch: those whose breach is later than ``since``."""
        ...

    def in_other_open_batches(self) -> Overlap:
        """People yet to be dialled in this batch, and in another open batch, too."""
        ...

    def reached_before(self, since: datetime) -> Overlap:
        """People of this batch who talked in a call of another batch that ended after ``since``."""
        ...


class NobodyCalled:
    """A PeopleLog of people about whom nothing is known."""

    def breaches(self, check: Check, since: datetime) -> Breaches:
        """None."""
        del check, since
        return Breaches()

    def in_other_open_batches(self) -> Overlap:
        """None."""
        return Overlap()

    def reached_before(self, since: datetime) -> Overlap:
        """None."""
        del since
        return Overlap()


def summed(found: Iterable[Breach], *, whole: bool = True) -> Breaches:
    """Single breaches counted; of equal weight the latest is the graver."""
    breaches = sorted(found, key=_gravity, reverse=True)
    kinds: dict[str, int] = {}
    for each in breaches:
        kinds[each.kind] = kinds.get(each.kind, 0) + 1
    return Breaches(
        n=len(breaches),
        gravest=tuple(breaches[:3]),
        exact=sum(each.exact for each in breaches),
        kinds=kinds,
        first_at=min((each.at for each in breaches), default=None),
        last_at=max((each.at for each in breaches), default=None),
        whole=whole,
    )


def _gravity(breach: Breach) -> tuple[float, datetime, tuple[str, ...]]:
    return breach.weight, breach.at, breach.evidence
