"""What calls that went wrong have in common, beside those of the same span that did not.

Two questions: how they failed (the error, the hang-up reason) and where (the number they came
from, the agent's version, the attempt, the country, the area, the hour). How they failed is
told once half of them share it. Where is told only if half of them share it and it stands
among them surely more often than among the others, so that chance alone names nobody.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from monitor.core.calls import EndedCall, Field, Value, values
from monitor.core.stats import difference, share
from monitor.core.text import clip
from monitor.core.wording import clock

HOW = (Field.ERROR, Field.HANGUP, Field.DISPOSITION)
WHERE = (
    Field.FROM_NUMBER,
    Field.AGENT_VERSION,
    Field.ATTEMPT,
    Field.COUNTRY,
    Field.AREA,
    Field.HOUR,
)
MOST = 1_000  # calls are looked at: enough to say what they share
LEAST = 5  # calls that went wrong, before it is said where
_SURE = 0.99  # many values are tried, and one of a hundred stands out by chance
_LONG = timedelta(hours=2)  # in a shorter span the hour says no more than the span

Wrong = Callable[[EndedCall], bool]


class Common(NamedTuple):
    """One value, with how often it stands among the calls that went wrong, and the others."""

    field: Field
    value: Value
    wrong: int
    of_wrong: int
    right: int
    of_right: int

    @property
    def lift(self) -> float | None:
        """How many times as often as among the others; None where none of those has it."""
        among = share(self.right, self.of_right)
        return share(self.wrong, self.of_wrong) / among if among else None

    @property
    def apart(self) -> float:
        """By how much the share is surely higher than among the others."""
        wrong = (self.wrong, self.of_wrong)
        return difference(*wrong, self.right, self.of_right, _SURE).low

    def numbers(self, bad: str) -> str:
        """Its numbers for people: "17 of 19 failed calls, 2 of 23 others, 10 times as often"."""
        text = f"{self.wrong:,} of {self.of_wrong:,} {bad}"
        if not self.of_right:
            return text
        text += f", {self.right:,} of {self.of_right:,} others"
        lift = self.lift
        return text if lift is None else f"{text}, {lift:.3g} times as often"


class Pivot(NamedTuple):
    """What stands out: how calls went wrong, where, and up to three of them."""

    how: Common | None
    where: Common | None
    others: tuple[Common, ...]  # what else stands out, the surest first
    evidence: tuple[str, ...]


def pivot(calls: Sequence[EndedCall], wrong: Wrong, skip: Iterable[Field] = ()) -> Pivot:
    """What the calls that went wrong have in common; newest first, without the fields to skip."""
    bad = [call for call in calls if wrong(call)]
    good = [call for call in calls if not wrong(call)]
    left = set(skip)
    hows = [one for field in HOW if field not in left if (one := _how(field, bad, good))]
    found = [one for field in WHERE if field not in left for one in _where(field, bad, good)]
    found.sort(key=lambda one: -one.apart)  # stable: of equals, the first field
    where = found[0] if found else None
    others = (*hows[1:], *_each_field_once(found[1:], where))
    how = hows[0] if hows else None
    return Pivot(how, where, others, _evidence(bad, where or how))


def _how(field: Field, bad: Sequence[EndedCall], good: Sequence[EndedCall]) -> Common | None:
    counted = Counter(value for value in values(bad, field) if value is not None)
    if not counted:
        return None
    value, n = min(counted.items(), key=lambda pair: (-pair[1], str(pair[0])))
    one = Common(field, value, n, len(bad), _count(good, field, value), len(good))
    rarer = 2 * share(one.right, one.of_right) <= share(n, len(bad))
    return one if n > 1 and n * 2 >= len(bad) and rarer else None


def _where(field: Field, bad: Sequence[EndedCall], good: Sequence[EndedCall]) -> list[Common]:
    if len(bad) < LEAST or not good or (field is Field.HOUR and not _is_long(bad, good)):
        return []
    known, others = Counter(values(bad, field)), Counter(values(good, field))
    found = [
        Common(field, value, n, len(bad), others[value], len(good))
        for value, n in known.items()
        if value is not None and n >= LEAST and n * 2 >= len(bad)
    ]
    return [one for one in found if one.apart > 0]


def _is_long(*some: Sequence[EndedCall]) -> bool:
    ends = [call.ended_at for calls in some for call in calls]
    return max(ends) - min(ends) >= _LONG


def _count(calls: Sequence[EndedCall], field: Field, value: Value) -> int:
    return sum(1 for each in values(calls, field) if each == value)


def _each_field_once(found: Iterable[Common], taken: Common | None) -> list[Common]:
    seen = set() if taken is None else {taken.field}
    kept = []
    for one in found:
        if one.field not in seen:
            seen.add(one.field)
            kept.append(one)
    return kept


def _evidence(bad: Sequence[EndedCall], one: Common | None) -> tuple[str, ...]:
    """Three of the calls that went wrong, of those with the value where there is one."""
    chosen = bad if one is None else [call for call in bad if call.value(one.field) == one.value]
    return tuple(call.call_id for call in chosen[:3])


def how_text(one: Common, whole: int | None = None) -> str:
    """For a sentence: "19 with the same error: Call failed"; ``whole``: of so many."""
    many = "all" if one.wrong == whole else f"{one.wrong:,}"
    return f"{many} with the same {_LABELS[one.field]}: {_clipped(one.value, 80)}"


def where_text(one: Common, zone: tzinfo, now: datetime) -> str:
    """For a sentence: "17 of 19 from ••0134 (2 of 23 others)"."""
    where = place_text(one.field, one.value, zone, now)
    return f"{one.wrong:,} of {one.of_wrong:,} {where} ({one.right:,} of {one.of_right:,} others)"


def place_text(field: Field, value: Value, zone: tzinfo, now: datetime) -> str:
    """Where a call stands by one field, for people: "from ••0134", "on the second attempt"."""
    if field is Field.HOUR and isinstance(value, int):
        day = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        hour = day.replace(hour=value)
        return f"between {clock(hour, zone, hour)} and {clock(hour + _HOUR, zone, hour)}"
    if field is Field.ATTEMPT and isinstance(value, int):
        return f"on {_ATTEMPTS.get(value, f'attempt {value + 1}')}"
    return f"{_PLACES[field]} {_clipped(value, 60)}"


def line(one: Common, bad: str, zone: tzinfo, now: datetime) -> tuple[str, str]:
    """A detail: what it is, its value, and its numbers."""
    if one.field in HOW:
        return f"same {_LABELS[one.field]}", f"{_clipped(one.value, 100)} ({one.numbers(bad)})"
    label = f"same {_LABELS[one.field]}"
    return label, f"{place_text(one.field, one.value, zone, now)} ({one.numbers(bad)})"


def _clipped(value: Value, limit: int) -> str:
    return clip(str(value), limit).rstrip(".")


_HOUR = timedelta(hours=1)
_ATTEMPTS = {0: "the first attempt", 1: "the second attempt", 2: "the third attempt"}
_LABELS = {
    Field.ERROR: "error",
    Field.HANGUP: "hang-up reason",
    Field.DISPOSITION: "disposition",
    Field.FROM_NUMBER: "from-number",
    Field.AGENT_VERSION: "agent version",
    Field.ATTEMPT: "attempt",
    Field.COUNTRY: "country",
    Field.AREA: "area",
    Field.HOUR: "hour",
}
_PLACES = {
    Field.FROM_NUMBER: "from",
    Field.AGENT_VERSION: "with agent version",
    Field.COUNTRY: "to",
    Field.AREA: "to area",
}
