"""Lifetime counters of a batch, adjusted by old and new, never recounted in normal running.

A tally is a flat mapping from a word to a whole number, so that it is one small JSON text in
the batch's row. A property test holds it to a recount of the snapshot.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from monitor.core.model import (
    Call,
    CallStatus,
    Contact,
    ContactStatus,
    Counts,
    Outcome,
    Sentiment,
    outcome_of,
)

Tally = dict[str, int]

CONTACTS = "contacts"
CALLS = "calls"
LIVE_CALLS = "calls.open"
ODD_CALLS = "calls.unknown"  # of these, those in a status that nobody knows
UNDIALLED = "undialled"  # people who wait or were skipped, and for whom no call was ever made


def contact_key(status: ContactStatus) -> str:
    """The counter of people in one status."""
    return f"contact.{status}"


def call_key(outcome: Outcome) -> str:
    """The counter of ended calls with one outcome."""
    return f"call.{outcome}"


def exhausted_key(retries: int) -> str:
    """The counter of people given up after so many retries."""
    return f"{_EXHAUSTED}{retries}"


def exhausted_after(tally: Mapping[str, int]) -> dict[int, int]:
    """How many people were given up, by the number of their retries."""
    return {
        int(key.removeprefix(_EXHAUSTED)): n
        for key, n in tally.items()
        if key.startswith(_EXHAUSTED) and n
    }


_EXHAUSTED = "exhausted."
_CONTACT_KEY = {status: contact_key(status) for status in ContactStatus}
_CALL_KEY = {outcome: call_key(outcome) for outcome in Outcome}
_SENTIMENT_KEY = {sentiment: f"sentiment.{sentiment}" for sentiment in Sentiment}


def count_contact(tally: Tally, contact: Contact, sign: int) -> None:
    """Add (1) or take away (-1) one person."""
    key = _CONTACT_KEY[contact.status]
    tally[key] = tally.get(key, 0) + sign
    tally[CONTACTS] = tally.get(CONTACTS, 0) + sign
    if contact.follow_ups:
        tally["follow_ups"] = tally.get("follow_ups", 0) + sign * contact.follow_ups
    if _undialled(contact):
        tally[UNDIALLED] = tally.get(UNDIALLED, 0) + sign
    if contact.status is ContactStatus.EXHAUSTED:
        key = exhausted_key(contact.attempts)
        tally[key] = tally.get(key, 0) + sign


def move_contact(tally: Tally, old: Contact, new: Contact) -> None:
    """Put one person in the place of an older view of them."""
    if _COUNTED_APART.isdisjoint((old.status, new.status)):
        # The usual move, in which nothing but their status and follow-ups counts otherwise.
        if old.follow_ups != new.follow_ups:
            more = new.follow_ups - old.follow_ups
            tally["follow_ups"] = tally.get("follow_ups", 0) + more
        if old.status is not new.status:
            before, after = _CONTACT_KEY[old.status], _CONTACT_KEY[new.status]
            tally[before] = tally.get(before, 0) - 1
            tally[after] = tally.get(after, 0) + 1
        return
    count_contact(tally, old, -1)
    count_contact(tally, new, 1)


def _undialled(contact: Contact) -> bool:
    return (
        contact.status in _NOT_DIALLED
        and contact.last_attempt_at is None
        and not contact.attempts
        and not contact.follow_ups
    )


_NOT_DIALLED = frozenset({ContactStatus.PENDING, ContactStatus.SKIPPED})
_COUNTED_APART = _NOT_DIALLED | {ContactStatus.EXHAUSTED}


def count_call(tally: Tally, call: Call, sign: int) -> None:
    """Add (1) or take away (-1) one call."""
    get = tally.get
    tally[CALLS] = get(CALLS, 0) + sign
    if call.attempt and not call.follow_up:
        tally["retries"] = get("retries", 0) + sign
    outcome = outcome_of(call.status, call.answered_by)
    if outcome is None:
        tally[LIVE_CALLS] = get(LIVE_CALLS, 0) + sign
        if call.status is CallStatus.UNKNOWN:
            tally[ODD_CALLS] = get(ODD_CALLS, 0) + sign
        return
    key = _CALL_KEY[outcome]
    tally[key] = get(key, 0) + sign
    if call.duration_s:
        # Milliseconds: whole numbers add and take away without drift.
        tally["talk_ms"] = get("talk_ms", 0) + sign * round(call.duration_s * 1000)
    if call.cost_micros is not None:
        key = _cost_key(call.currency)
        tally[key] = get(key, 0) + sign * call.cost_micros
        if call.cost_estimated:
            tally["cost.estimated"] = get("cost.estimated", 0) + sign
    if call.sentiment is not None:
        key = _SENTIMENT_KEY[call.sentiment]
        tally[key] = get(key, 0) + sign


@lru_cache(maxsize=256)
def _cost_key(currency: str | None) -> str:
    return f"cost.{currency or 'USD'}"


def costs(tally: Mapping[str, int]) -> dict[str, int]:
    """What the ended calls cost, in micros, by currency."""
    return {
        key.removeprefix("cost."): micros
        for key, micros in sorted(each for each in tally.items() if each[0].startswith("cost."))
        if key != "cost.estimated"
    }


def recount(contacts: Iterable[Contact], calls: Iterable[Call]) -> Tally:
    """What the counters must be for this snapshot; zeros left out."""
    tally: Tally = {}
    for contact in contacts:
        count_contact(tally, contact, 1)
    for call in calls:
        count_call(tally, call, 1)
    return trimmed(tally)


def trimmed(tally: Mapping[str, int]) -> Tally:
    """The same counters without the zeros."""
    return {key: n for key, n in tally.items() if n}


def everybody(counts: Counts, tally: Mapping[str, int]) -> int:
    """How many people a batch has: as many as the vendor counts, or as are known if more."""
    return max(counts.total or 0, tally.get(CONTACTS, 0))


def unlisted(counts: Counts, tally: Mapping[str, int]) -> int:
    """How many of them are on no list yet."""
    return everybody(counts, tally) - tally.get(CONTACTS, 0)


def people(tally: Mapping[str, int], *statuses: ContactStatus) -> int:
    """How many people are in any of the statuses."""
    return sum(tally.get(_CONTACT_KEY[status], 0) for status in statuses)
