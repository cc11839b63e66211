"""What calls cost: amounts, what is still to be spent, and when an account runs dry.

Amounts of different currencies are never added or compared. A forecast goes by what each
person has cost so far, so it is an estimate, also where every cost behind it is known.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.core.calendar import Calendar, permitted_after
from monitor.core.calls import Spent
from monitor.core.model import ContactStatus, Counts
from monitor.core.tally import CONTACTS, UNDIALLED, Tally, call_key, costs, people, unlisted
from monitor.core.wording import money, moneys, people_text
from monitor.core.words import Outcome

# The spending of so long a time is the present one.
PRESENT = timedelta(minutes=30)
# So many people must have been called before a batch says by itself what a person costs.
ENOUGH = 10
# Nobody plans by a time that lies further ahead.
HORIZON = timedelta(days=7)

_AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{1,6})?) ([A-Z]{3})")
_WAITING = (ContactStatus.PENDING, ContactStatus.RETRYING, ContactStatus.FOLLOW_UP)


@dataclass(frozen=True, slots=True, order=True)
class Amount:
    """Money, in micros of a unit of its currency."""

    micros: int
    currency: str

    def __str__(self) -> str:
        return money(self.micros, self.currency)

    @property
    def units(self) -> float:
        """As a plain number: 12.34."""
        return self.micros / 1_000_000


def parse_amount(text: str) -> Amount:
    """Read "50 USD" or "0.09 EUR"; ValueError says what would be right."""
    match = _AMOUNT.fullmatch(text)
    if not match:
        msg = 'an amount and a currency are written such as "50 USD" or "0.09 EUR"'
        raise ValueError(msg)
    whole, _, part = match.group(1).partition(".")
    return Amount(int(whole) * 1_000_000 + int(part.ljust(6, "0") or 0), match.group(2))


def brief(micros: float, currency: str) -> str:
    """An amount as one says it: whole units from 10 on, cents below: "74 USD", "8.50 USD"."""
    if abs(micros) < 10_000_000:
        return money(round(micros), currency)
    return f"{micros / 1_000_000:,.0f} {currency}"


def so_far(tally: Tally) -> Spent:
    """What all ended calls of a batch have cost, as far as it is known."""
    return Spent(micros=costs(tally), estimated=tally.get("cost.estimated", 0) > 0)


def dialled(tally: Tally) -> int:
    """People for whom at least one call was made."""
    return max(tally.get(CONTACTS, 0) - tally.get(UNDIALLED, 0), 0)


def completed(tally: Tally) -> int:
    """People with whom it came to a conversation; where nobody is listed, such calls."""
    if tally.get(CONTACTS):
        return people(tally, ContactStatus.COMPLETED)
    return tally.get(call_key(Outcome.COMPLETED), 0)


def left(counts: Counts, tally: Tally) -> int:
    """People who wait for a call, now or later, those who are on no list yet included."""
    return people(tally, *_WAITING) + unlisted(counts, tally)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One open batch: what it has cost so far and lately, and how many people are left.

    ``before`` is what a person cost in the batch before it, by currency.
    """

    title: str
    left: int
    dialled: int = 0
    spent: Spent = field(default_factory=lambda: Spent(micros={}))
    lately: Spent = field(default_factory=lambda: Spent(micros={}))
    before: Mapping[str, float] = field(default_factory=dict)

    def a_person(self, currency: str) -> float | None:
        """What a person costs here, in micros; None where nothing tells yet."""
        micros = self.spent.micros.get(currency, 0)
        if self.dialled >= ENOUGH and micros:
            return micros / self.dialled
        return self.before.get(currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What open batches will still cost, and the titles of those of which nothing tells."""

    micros: float
    people: int
    untold: tuple[str, ...] = ()


def forecast(courses: Sequence[Course], currency: str) -> Forecast:
    """What the people who are left will cost at the present cost a person.

    A batch that has hardly begun costs what the batch before it did, else what a person
    costs in the other open ones.
    """
    known = [each for each in courses if each.spent.micros.get(currency)]
    called = sum(each.dialled for each in known)
    micros = sum(each.spent.micros[currency] for each in known)
    usual = micros / called if called >= ENOUGH else None
    total, untold = 0.0, []
    for each in courses:
        price = each.a_person(currency)
        price = usual if price is None else price
        if price is not None:
            total += price * each.left
        elif each.left:
            untold.append(each.title)
    return Forecast(micros=total, people=sum(each.left for each in courses), untold=tuple(untold))


def at_risk(spent: int, called: int, waiting: int, currency: str) -> str | None:
    """What those who are left will cost, in words; None when nobody is or nothing tells.

    Left are also those who wait for a retry that is not due.
    """
    if not waiting or not called or not spent:
        return None
    who = "the person who is left" if waiting == 1 else f"the {people_text(waiting)} who are left"
    return f"{who} would cost about {brief(spent / called * waiting, currency)} more"


def spent_text(spent: Spent, called: int, waiting: int) -> str | None:
    """What a batch has cost, and what the rest of it will, in words; None where nothing tells."""
    if not spent.micros:
        return None
    amounts = " + ".join(moneys(spent.micros))
    text = f"{amounts} spent{' (estimate)' if spent.estimated else ''}"
    if len(spent.micros) > 1:
        return text
    ((currency, micros),) = spent.micros.items()
    more = at_risk(micros, called, waiting, currency)
    return f"{text}; {more}" if more else text


def dry_at(
    micros: int,
    courses: Sequence[Course],
    currency: str,
    since: datetime,
    calendar: Calendar | None,
) -> datetime | None:
    """When a balance that stood so at ``since`` is spent at the present pace; None: not soon."""
    lately = sum(each.lately.micros.get(currency, 0) for each in courses)
    if lately <= 0:
        return None
    if micros <= 0:
        return since
    lasting = PRESENT.total_seconds() * micros / lately
    if lasting > HORIZON.total_seconds():
        return None
    return permitted_after(calendar, since, timedelta(seconds=lasting), HORIZON)
