"""What is asked of one person, from their contacts wherever these stand."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from monitor.core.drift import RetryTiming
from monitor.core.limits import Attempts, OptOuts
from monitor.core.localhours import LocalHours, minute_of
from monitor.core.model import Call, CallStatus, Contact, ContactStatus, EndedBy, Outcome
from monitor.core.people import LONG_AGO, Breach, Check, PersonCalls, PlacedCall
from monitor.providers.zones import zones_of
from monitor.store.snapshot import Person

_TO_BE_DIALLED = frozenset(status for status in ContactStatus if status.open) - {
    ContactStatus.UNKNOWN
}
# What waits in a queue was not placed, and of a word that nobody knows it cannot be said.
_NOT_YET = frozenset({CallStatus.QUEUED, CallStatus.UNKNOWN})
# The vendor may have given these up before anybody was dialled.
_GIVEN_UP = frozenset({CallStatus.ERROR, CallStatus.CANCELLED})
_VENDOR, _DERIVED, _HISTORY = EndedBy.VENDOR, EndedBy.DERIVED, EndedBy.HISTORY
_COMPLETED = Outcome.COMPLETED
_TALKED = CallStatus.COMPLETED

Names = Mapping[int, tuple[str, str]]  # provider and title, by a batch's row id
# Of people who stand in one place, with their keys: those of whom a question may find something.
Sift = Callable[[Sequence[tuple[Any, Person]]], Sequence[tuple[Any, Person]]]


@dataclass(slots=True)
class Known:
    """Everything known of one person: each contact of theirs, with its batch's row id."""

    batch: int  # that is asked about
    contacts: list[tuple[int, Person]]
    refused: PlacedCall | None = None  # an opt-out of a batch that is forgotten
    _calls: PersonCalls | None = None

    @property
    def here(self) -> Person | None:
        """The first contact in the batch that is asked about."""
        for batch, person in self.contacts:
            if batch == self.batch:
                return person
        return None

    def plainly_keeps(self, check: Check, names: Names) -> bool:
        """Whether a check is kept as most people keep it: their calls are laid out for no rule."""
        if isinstance(check, LocalHours):
            here = [(None, each) for batch, each in self.contacts if batch == self.batch]
            return not _beyond(check, here)
        if self.refused is not None:
            return False
        if isinstance(check, Attempts):
            return _apart(
                check, [call for _, each in self.contacts for call in each.calls.values()]
            )
        if not isinstance(check, OptOuts):
            return False
        return not any(
            _refusing(check, names, batch, [(None, each)]) for batch, each in self.contacts
        )

    def calls(self, names: Names) -> PersonCalls | None:
        """All calls to them in the order in which they were placed; None without any here."""
        if self._calls is None:
            here = self.here
            if here is None or not here.calls:
                return None
            self._calls = _person_calls(self, here.contact, names)
        return self._calls


def breach(check: Check, names: Names, known: Known) -> Breach | None:
    """What a rule's check says of the person."""
    if known.plainly_keeps(check, names):
        return None
    person = known.calls(names)
    if person is None:
        return None
    found = check(person)
    return None if found is None else replace(found, phone=person.phone)


def sift_of(check: Check, names: Names, batch: int) -> Sift:
    """What leaves out those who stand in this batch alone and plainly keep a check."""
    if isinstance(check, LocalHours):
        return partial(_beyond, check)
    if isinstance(check, Attempts):
        return partial(_close, check)
    if isinstance(check, OptOuts):
        return lambda people: _refusing(check, names, batch, _called_again(people))
    return _called_again if isinstance(check, RetryTiming) else everybody


def everybody(people: Sequence[tuple[Any, Person]]) -> Sequence[tuple[Any, Person]]:
    """The sift that leaves out nobody."""
    return people


def nobody(people: Sequence[tuple[Any, Person]]) -> Sequence[tuple[Any, Person]]:
    """The sift of a question about who stands in several places."""
    del people
    return ()


def _called_again(people: Sequence[tuple[Any, Person]]) -> Sequence[tuple[Any, Person]]:
    return [each for each in people if len(each[1].calls) > 1]


def _beyond(
    hours: LocalHours, people: Sequence[tuple[Any, Person]]
) -> Sequence[tuple[Any, Person]]:
    """Those of whom not all calls began within the hours: of most they did, in a few minutes."""
    found: dict[tuple[str | None, str | None, str | None, int], bool] = {}
    left = []
    for each in people:
        contact, _, calls = each[1]
        for call in calls.values():
            at = _earliest(call)
            place = contact.timezone, contact.country, contact.area, minute_of(at)
            permitted = found.get(place)
            if permitted is None:
                permitted = found[place] = hours.permit(at, zones_of(*place[:3]))
            if not permitted:
                left.append(each)
                break
    return left


def _close(check: Attempts, people: Sequence[tuple[Any, Person]]) -> Sequence[tuple[Any, Person]]:
    """Those whose calls are many, or close together."""
    return [each for each in _called_again(people) if not _apart(check, each[1].calls.values())]


def _apart(check: Attempts, calls: Iterable[Call]) -> bool:
    """Whether the calls are few and far apart, after a conversation follow-ups alone."""
    made = [(_earliest(call), call.follow_up, call.status is _TALKED) for call in calls]
    if check.most and len(made) > check.most:
        return False
    made.sort()
    gap, last, talked = check.min_gap, None, False
    for at, follow_up, completed in made:
        if last is not None and (at - last <= gap or (talked and not follow_up)):
            return False
        last, talked = at, talked or completed
    return True


def _refusing(
    check: OptOuts, names: Names, batch: int, people: Sequence[tuple[Any, Person]]
) -> Sequence[tuple[Any, Person]]:
    """Those of a batch with a call there after which they were not to be called."""
    heard: dict[tuple[object, ...], bool] = {}
    left = []
    for each in people:
        for call in each[1].calls.values():
            told = call.disposition, call.hangup_class, call.status, call.answered_by
            refused = heard.get(told)
            if refused is None:
                refused = heard[told] = check.matches(*told[:2], call.outcome, *names[batch])
            if refused:
                left.append(each)
                break
    return left


def _person_calls(known: Known, here: Contact, names: Names) -> PersonCalls:
    calls = [] if known.refused is None else [known.refused]
    for batch, (contact, _, made) in known.contacts:
        if made:
            zones = zones_of(contact.timezone, contact.country, contact.area)
            provider, title = names[batch]
            in_batch = batch == known.batch
            calls += [_placed(call, zones, provider, title, in_batch) for call in made.values()]
    if len(calls) > 1:
        calls.sort(key=_order)
    return PersonCalls(here.phone, here.contact_id, tuple(calls))


def _order(call: PlacedCall) -> tuple[datetime, str, str]:
    return call.at, call.call_id, call.batch


def _placed(
    call: Call, zones: tuple[str, ...], provider: str, title: str, here: bool
) -> PlacedCall:
    status = call.status
    started = call.started_at
    at, until = (started, None) if started is not None else _reckoned(call)
    return PlacedCall(
        at,
        started is not None,
        here,
        provider,
        title,
        call.call_id,
        call.outcome,
        call.follow_up,
        call.attempt,
        call.disposition,
        call.hangup_class,
        call.ended_at,
        zones,
        until,
        status not in _NOT_YET and (status not in _GIVEN_UP or bool(call.duration_s)),
    )


def _earliest(call: Call) -> datetime:
    """When a call was placed, at the earliest: most tell it plainly."""
    at = call.started_at or (call.ended_by is _DERIVED and call.created_at)
    return at or _reckoned(call)[0]


def _reckoned(call: Call) -> tuple[datetime, datetime | None]:
    """From when to when a call was placed whose start the vendor does not tell.

    A record may be made long before anybody is dialled, so its time is only the earliest.
    """
    created, ended, by = call.created_at, call.ended_at, call.ended_by
    if by is _DERIVED and created is not None:
        return created, None  # the end was reckoned from there
    latest = None
    if ended is not None and by is not _HISTORY:
        duration = call.duration_s
        latest = ended - timedelta(0, duration) if duration else ended
        if created is None or (by is _VENDOR and duration and latest > created):
            return latest, None
    if created is None:
        return LONG_AGO, None
    if latest is None:
        latest = call.seen_at or created
    return created, latest if latest > created else None


def refusal(
    checks: Sequence[OptOuts], person: Person, provider: str, title: str
) -> PlacedCall | None:
    """The call of one contact's after which one of the checks wants nobody to be called."""
    for call in person.calls.values():
        placed = _placed(call, (), provider, title, False)
        if any(check.fits(placed) for check in checks):
            return placed
    return None


def waiting(known: Known) -> tuple[str, frozenset[int]] | None:
    """The contact to be dialled here, and the other batches in which they are to be, too."""
    if len(known.contacts) < 2:
        return None
    here = [each for batch, each in known.contacts if batch == known.batch]
    contact_id = next(
        (each.contact.contact_id for each in here if each.contact.status in _TO_BE_DIALLED), None
    )
    others = frozenset(
        batch
        for batch, each in known.contacts
        if batch != known.batch and each.contact.status in _TO_BE_DIALLED
    )
    return None if contact_id is None or not others else (contact_id, others)


def reached(known: Known) -> tuple[str, dict[int, datetime]] | None:
    """The contact here, and when they last talked in which other batch."""
    here = known.here
    if here is None or len(known.contacts) < 2:
        return None
    talked: dict[int, datetime] = {}
    for batch, (_, _, calls) in known.contacts:
        for call in calls.values() if batch != known.batch else ():
            at = call.ended_at or call.started_at or call.created_at
            if call.outcome is _COMPLETED and at is not None:
                talked[batch] = max(at, talked.get(batch, at))
    return (here.contact.contact_id, talked) if talked else None
