"""How the values that a written condition may name are read from the facts about a batch.

A value that nothing tells is None, never 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from monitor.core.calendar import next_closing, permitted_between
from monitor.core.calls import Window
from monitor.core.completion import moves_unseen
from monitor.core.expression import Value
from monitor.core.facts import BatchFacts
from monitor.core.failures import lately
from monitor.core.model import FAILED, Outcome, Sentiment
from monitor.core.money import left
from monitor.core.tally import call_key
from monitor.core.wording import money, percent, span

MINUTE = timedelta(minutes=1)
COUNT, SHARE, MINUTES, MONEY, TRUTH = "", "share", "min", "money", "truth"
HOUR, WEEKDAY = "hour", "weekday"  # by the clock and the calendar: no count of anything


@dataclass(frozen=True)
class Sight:
    """What the values of one condition are read from."""

    facts: BatchFacts
    length: timedelta
    currency: str

    @cached_property
    def window(self) -> Window:
        """The calls that ended lately."""
        return lately(self.facts, self.length)

    def ended(self, *outcomes: Outcome) -> int:
        """Calls of the window that ended so; all of them where no way is named."""
        return self.window.count(frozenset(outcomes)) if outcomes else self.window.n

    def all_ended(self, *outcomes: Outcome) -> int:
        """The same of the batch's whole life."""
        tally = self.facts.tally
        return sum(tally.get(call_key(each), 0) for each in outcomes or Outcome)

    def spent(self, micros: Mapping[str, int]) -> float | None:
        """An amount in units of the currency; None where nothing is told, or in another."""
        return micros[self.currency] / 1_000_000 if set(micros) == {self.currency} else None

    def minutes_since(self, start: datetime | None) -> float | None:
        """Permitted minutes from then until now."""
        if start is None:
            return None
        return permitted_between(self.facts.calendar, start, self.facts.now) / MINUTE


@dataclass(frozen=True, slots=True)
class Name:
    """One name: what it is called, measured in, and means."""

    name: str
    unit: str
    meaning: str
    value: Callable[[Sight], Value]
    outcomes: frozenset[Outcome] = frozenset()  # calls of the window that show what is wrong

    @property
    def kind(self) -> str:
        """``truth`` or ``number``."""
        return TRUTH if self.unit == TRUTH else "number"

    def shown(self, value: Value, currency: str) -> str:
        """The value for people."""
        if value is None:
            return "unknown"
        if self.unit == TRUTH:
            return "yes" if value else "no"
        if self.unit == SHARE:
            return percent(value)
        if self.unit == MINUTES:
            return span(value * MINUTE)
        if self.unit == MONEY:
            return money(round(value * 1_000_000), currency)
        return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"

    def measure(self, currency: str) -> tuple[float, str]:
        """By what a value is multiplied for a finding, and the unit that it has there."""
        measures = {SHARE: (100, "%"), MINUTES: (60, "s"), MONEY: (1, currency)}
        return measures.get(self.unit, (1, ""))


# Some vendors have one word for failures and for calls that reached nobody.
_ONE_WORD = {*FAILED, Outcome.NO_ANSWER, Outcome.BUSY}


def _told(sight: Sight, *outcomes: Outcome) -> bool:
    """Whether calls that ended so are told from others at this vendor."""
    can = sight.facts.capabilities
    if _ONE_WORD & set(outcomes) and not can.tells_failures:
        return False
    return Outcome.VOICEMAIL not in outcomes or can.voicemail


def count_of(*outcomes: Outcome) -> Callable[[Sight], Value]:
    """How many calls of the window ended so."""
    return lambda sight: sight.ended(*outcomes) if _told(sight, *outcomes) else None


def share_of(*outcomes: Outcome) -> Callable[[Sight], Value]:
    """Which part of the calls of the window ended so; of none nothing is known."""

    def value(sight: Sight) -> Value:
        if not sight.ended() or not _told(sight, *outcomes):
            return None
        return sight.ended(*outcomes) / sight.ended()

    return value


def count_of_all(*outcomes: Outcome) -> Callable[[Sight], Value]:
    """The same count of the batch's whole life."""
    return lambda sight: sight.all_ended(*outcomes) if _told(sight, *outcomes) else None


def share_of_all(*outcomes: Outcome) -> Callable[[Sight], Value]:
    """The same share of the batch's whole life."""

    def value(sight: Sight) -> Value:
        if not sight.all_ended() or not _told(sight, *outcomes):
            return None
        return sight.all_ended(*outcomes) / sight.all_ended()

    return value


def an_hour(sight: Sight) -> Value:
    """Calls ended in an hour of permitted time."""
    length = sight.minutes_since(sight.window.start)
    return sight.window.n * 60 / length if length else None


def spent(sight: Sight) -> Value:
    """What the batch has cost so far."""
    return sight.spent(sight.facts.spent.micros)


def spent_lately(sight: Sight) -> Value:
    """What the calls of the window cost."""
    start, now = sight.window.start, sight.facts.now
    return sight.spent(sight.facts.calls.spent(start, now).micros)


def for_each(
    whole: Callable[[Sight], Value], parts: Callable[[BatchFacts], int]
) -> Callable[[Sight], Value]:
    """An amount divided by a number of people or calls; by none it is not known."""

    def value(sight: Sight) -> Value:
        all_, n = whole(sight), parts(sight.facts)
        return all_ / n if all_ is not None and n else None

    return value


def lines_busy(sight: Sight) -> Value:
    """Lines in use, where the vendor tells."""
    facts = sight.facts
    told = facts.batch.counts.live is not None or facts.capabilities.in_flight
    return facts.live if told else None


def retries(ask: Callable[[BatchFacts], int]) -> Callable[[Sight], Value]:
    """A count of people who wait for another call, where the vendor shows retries."""
    return lambda sight: ask(sight.facts) if sight.facts.capabilities.retries else None


def late_minutes(sight: Sight) -> Value:
    """Permitted time by which the oldest retry is late; 0 where none is."""
    if not sight.facts.capabilities.retries:
        return None
    oldest = sight.facts.retries.overdue(sight.facts.now).oldest
    return sight.minutes_since(oldest[0].since) if oldest else 0.0


def idle(sight: Sight) -> Value:
    """Permitted time since anything moved."""
    facts = sight.facts
    if moves_unseen(facts):
        return None
    moved = max((at for at in (facts.moved_at, facts.resumed_at) if at), default=None)
    return sight.minutes_since(moved)


def running(sight: Sight) -> Value:
    """Permitted time since the batch began."""
    return sight.minutes_since(sight.facts.batch.started_at or sight.facts.first_seen_at)


def to_closing(sight: Sight) -> Value:
    """Time until calls may be made no more; of hours without an end it is not known."""
    facts = sight.facts
    closing = next_closing(facts.calendar, facts.now) if facts.open_now else None
    return None if closing is None else (closing - facts.now) / MINUTE


def sentiment(word: Sentiment) -> Callable[[Sight], Value]:
    """Which part of the conversations judged by the vendor went so."""

    def value(sight: Sight) -> Value:
        heard = sum(sight.facts.tally.get(f"sentiment.{each}", 0) for each in Sentiment)
        return sight.facts.tally.get(f"sentiment.{word}", 0) / heard if heard else None

    return value


def done(facts: BatchFacts) -> int:
    """People for whom no call is to be made any more."""
    return max(facts.people - left(facts.batch.counts, facts.tally), 0)


def of_people(count: Callable[[BatchFacts], int]) -> Callable[[Sight], Value]:
    """A count that is always known."""
    return lambda sight: count(sight.facts)


def share_of_people(count: Callable[[BatchFacts], int]) -> Callable[[Sight], Value]:
    """Which part of the people of the batch a count is."""

    def value(sight: Sight) -> Value:
        facts = sight.facts
        return count(facts) / facts.people if facts.people else None

    return value
