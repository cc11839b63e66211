"""One batch as who looks at its whole provider saw it in the past: what of it changes, and when.

Small beside the batch's own past, so that those of all batches of a provider go together.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from monitor.core.model import Counts
from monitor.core.money import dialled, left
from monitor.core.pastmoves import Moment, Past
from monitor.core.tally import costs

Span = tuple[datetime, datetime]  # from its start to before its end
Since = tuple[datetime, str]  # from then on it was so
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class Need(NamedTuple):
    """From ``at`` on so many people are left, and those dialled so far have cost so much."""

    at: datetime
    left: int
    dialled: int
    micros: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One batch. ``unseen``: when nobody had looked at it for long.

    ``gone``: since when the vendor did not know it, and why ("" when it did again), and
    ``unlisted`` the same of its list. ``needs`` are those of whoever forecasts what it will cost.
    """

    batch: int
    open: tuple[Span, ...]
    unseen: tuple[Span, ...] = ()
    gone: tuple[Since, ...] = ()
    unlisted: tuple[Since, ...] = ()
    needs: Sequence[Need] = ()

    @property
    def turns(self) -> Iterator[datetime]:
        """When anything but what it costs was another than before."""
        for span in (*self.open, *self.unseen):
            yield from span
        yield from (at for at, _ in (*self.gone, *self.unlisted))

    def is_open(self, now: datetime) -> bool:
        """Whether it was watched then."""
        return within(self.open, now) is not None

    def fresh_at(self, now: datetime) -> datetime:
        """When it was last looked at."""
        unseen = within(self.unseen, now)
        return now if unseen is None else unseen[0]

    def gone_at(self, now: datetime) -> tuple[datetime | None, str]:
        """Since when the vendor did not know it, and what else it showed; None: it did."""
        first, word = None, ""
        for at, word_then in self.gone:
            if at > now:
                break
            first, word = ((first or at) if word_then else None), word_then
        return first, word

    def unlisted_since(self, now: datetime) -> datetime | None:
        """Since when its list could not be read whole."""
        first = None
        for at, why in self.unlisted:
            if at <= now:
                first = (first or at) if why else None
        return first

    def need(self, now: datetime) -> Need | None:
        """What it needed then."""
        place = bisect_right(self.needs, now, key=_at)
        return self.needs[place - 1] if place else None


def within(spans: Sequence[Span], now: datetime) -> Span | None:
    """The one of these in which a moment lies; they follow one another."""
    place = bisect_right(spans, now, key=_start)
    return spans[place - 1] if place and now < spans[place - 1][1] else None


def _start(span: Span) -> datetime:
    return span[0]


def _at(need: Need) -> datetime:
    return need.at


def watched(batch: int, past: Past, seen_until: datetime, *, money: bool) -> Watched:
    """What a batch's past says to its provider; ``seen_until``: the newest look.

    ``money``: what it costs is asked for.
    """
    if not past.whole:
        return Watched(batch=batch, open=())
    spans = tuple(_open(past.moments))
    unseen = [(each.unseen_since, each.at) for each in past.moments if each.unseen_since]
    if spans and spans[-1][1] == NEVER:
        unseen.append((seen_until, NEVER))
    gone = ((each.at, _gone(each)) for each in past.moments if each.gone is not None)
    unlisted = ((each.at, each.unlisted) for each in past.moments if each.unlisted is not None)
    return Watched(
        batch=batch,
        open=spans,
        unseen=tuple(unseen),
        gone=tuple(gone),
        unlisted=tuple(unlisted),
        needs=tuple(_needs(past)) if money else (),
    )


def _gone(moment: Moment) -> str:
    if not moment.gone:
        return ""
    return ELSEWHERE if moment.elsewhere else HERE


ELSEWHERE, HERE = "elsewhere", "here"


def _open(moments: Sequence[Moment]) -> Iterator[Span]:
    began: datetime | None = None
    for moment in moments:
        status = moment.status
        if status is None:
            continue
        if status.terminal and began is not None:
            yield began, moment.at
            began = None
        elif not status.terminal and began is None:
            began = moment.at
    if began is not None:
        yield began, NEVER


def _needs(past: Past) -> Iterator[Need]:
    tally, counts = dict(past.tally), Counts()
    for place, moment in enumerate(past.moments):
        if place:
            for key, n in moment.delta.items():
                tally[key] = tally.get(key, 0) + n
        counts = moment.counts or counts
        if not place or moment.delta or moment.counts:
            yield Need(moment.at, left(counts, tally), dialled(tally), costs(tally))
