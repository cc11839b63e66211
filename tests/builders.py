"""Values that tests are made of: boring unless told otherwise, and plain lists to ask from."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from monitor.core.calls import (
    Ended,
    Field,
    Peer,
    Spent,
    Value,
    answered_shorter,
    grouped,
    spent,
    transfers,
)
from monitor.core.expectation import Expectation, ExpectationFacts
from monitor.core.facts import (
    COUNTED_MOST,
    BatchFacts,
    Certainty,
    EndedCall,
    Failure,
    LateRetries,
    LateRetry,
    ProviderFacts,
    Report,
    Trouble,
    Window,
)
from monitor.core.model import (
    Batch,
    BatchStatus,
    Call,
    CallStatus,
    Capabilities,
    Contact,
    ContactStatus,
    EndedBy,
    Outcome,
)
from monitor.core.people import Breaches, Check, Overlap, PersonCalls, PlacedCall, summed
from monitor.core.retries import HeldLine, HeldLines
from monitor.core.schedule import Occurrence, Schedule, Times

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)  # a Wednesday
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

EVERYTHING = Capabilities(
    contacts=True,
    calls=True,
    retries=True,
    cost=True,
    priced=True,
    numbers=True,
    call_times=True,
    in_flight=True,
    calling_hours=True,
    sentiment=True,
    voicemail=True,
    transfers=True,
    deliveries=True,
    trusted=frozenset({"total", "live", "by_status"}),
)


def make_batch(**changes: Any) -> Batch:
    """A batch that runs, looked at NOON."""
    values: dict[str, Any] = {
        "provider": "renewals",
        "batch_id": "b1",
        "status": BatchStatus.RUNNING,
        "seen_at": NOON,
        "name": "Renewals May",
    }
    return Batch(**values | changes)


def make_contact(**changes: Any) -> Contact:
    """A person who waits for the first call."""
    values: dict[str, Any] = {"contact_id": "p1", "status": ContactStatus.PENDING}
    return Contact(**values | changes)


def make_call(**changes: Any) -> Call:
    """A call that was completed; it ended NOON by the vendor's own time."""
    values: dict[str, Any] = {
        "call_id": "c1",
        "contact_id": "p1",
        "status": CallStatus.COMPLETED,
        "ended_at": NOON,
        "ended_by": EndedBy.VENDOR,
    }
    return Call(**values | changes)


def make_refusal(at: datetime) -> PlacedCall:
    """The call in which somebody asked not to be called, in a batch of April's."""
    return PlacedCall(
        at=at,
        exact=True,
        here=False,
        provider="renewals",
        batch="April",
        call_id="c0",
        disposition="dnc",
    )


def ended_calls(
    *outcomes: Outcome, last: datetime = NOON, gap: timedelta = SECOND, **changes: Any
) -> tuple[EndedCall, ...]:
    """Calls that ended one after the other, in this order, the last of them at ``last``."""
    first = last - gap * (len(outcomes) - 1)
    return tuple(
        EndedCall(call_id=f"c{n}", ended_at=first + gap * n, outcome=outcome, **changes)
        for n, outcome in enumerate(outcomes)
    )


@dataclass(frozen=True)
class ListedCalls:
    """A CallLog that answers from a plain list, by the meaning of each question."""

    ended: Sequence[EndedCall] = ()
    reached: int = 0

    @classmethod
    def of(
        cls, calls: Iterable[Call], people: Mapping[str, Contact] = MappingProxyType({})
    ) -> "ListedCalls":
        """The log of whole calls: those with an outcome, in windows where their end is known."""
        known = list(calls)
        nobody = make_contact()
        reached = {call.contact_id for call in known if call.outcome is Outcome.COMPLETED}
        ended = [
            EndedCall(
                call_id=call.call_id,
                ended_at=call.ended_at,
                outcome=call.outcome,
                contact_id=call.contact_id,
                error_class=call.error_class,
                from_number=call.from_number,
                duration_s=call.duration_s,
                hangup=call.hangup_class,
                disposition=call.disposition,
                agent_version=call.agent_version,
                attempt=call.attempt,
                country=people.get(call.contact_id, nobody).country,
                area=people.get(call.contact_id, nobody).area,
                sentiment=call.sentiment,
                transferred=call.transferred,
                cost_micros=call.cost_micros,
                currency=call.currency,
                cost_estimated=call.cost_estimated,
            )
            for call in known
            if call.outcome is not None and call.ended_at is not None
        ]
        return cls(ended, len(reached))

    def _within(self, start: datetime, end: datetime) -> list[EndedCall]:
        within = [call for call in self.ended if start < call.ended_at <= end]
        return sorted(within, key=lambda call: (call.ended_at, call.call_id), reverse=True)

    def window(self, start: datetime, end: datetime) -> Window:
        """See CallLog."""
        within = self._within(start, end)
        return Window(
            start=start,
            end=end,
            outcomes=dict(Counter(call.outcome for call in within)),
            last_ended_at=within[0].ended_at if within else None,
        )

    def last_ended(self, n: int) -> tuple[EndedCall, ...]:
        """See CallLog."""
        newest = sorted(self.ended, key=lambda call: (call.ended_at, call.call_id), reverse=True)
        return tuple(newest[:n])

    def last_ends(self, n: int) -> tuple[Ended, ...]:
        """See CallLog."""
        return tuple(Ended(call.ended_at, call.outcome) for call in self.last_ended(n))

    def between(self, start: datetime, end: datetime, most: int) -> tuple[EndedCall, ...]:
        """See CallLog."""
        return tuple(self._within(start, end)[:most])

    def grouped(
        self, start: datetime, end: datetime, *fields: Field
    ) -> Mapping[tuple[Value, ...], int]:
        """See CallLog."""
        return grouped(self._within(start, end), fields)

    def having(self, start: datetime, end: datetime, field: Field, value: Value) -> int:
        """See CallLog."""
        return sum(1 for call in self._within(start, end) if call.value(field) == value)

    def answered_shorter(self, start: datetime, end: datetime, than: timedelta) -> tuple[int, int]:
        """See CallLog."""
        return answered_shorter(self._within(start, end), than)

    def transfers(self, start: datetime, end: datetime) -> tuple[int, int]:
        """See CallLog."""
        return transfers(self._within(start, end))

    def spent(self, start: datetime, end: datetime) -> Spent:
        """See CallLog."""
        return spent(self._within(start, end))

    def evidence(
        self, start: datetime, end: datetime, outcomes: frozenset[Outcome], limit: int
    ) -> tuple[str, ...]:
        """See CallLog."""
        chosen = [call.call_id for call in self._within(start, end) if call.outcome in outcomes]
        return tuple(chosen[:limit])

    def people_reached(self) -> int:
        """See CallLog."""
        return self.reached


@dataclass(frozen=True)
class ListedPeers:
    """Peers from plain lists."""

    ended: Sequence[Peer] = ()
    open_: Sequence[Peer] = ()

    def previous(self, n: int) -> tuple[Peer, ...]:
        """See Peers."""
        return tuple(self.ended[:n])

    def siblings(self) -> tuple[Peer, ...]:
        """See Peers."""
        return tuple(self.open_)

    def own(self) -> None:
        """See Peers."""

    def once(self, question: Any, ask: Any) -> Any:
        """See Peers."""
        hash(question)
        return ask()


def make_peer(*calls: EndedCall, **changes: Any) -> Peer:
    """An ended batch of these calls."""
    values: dict[str, Any] = {
        "batch_id": "b0",
        "title": "Renewals April",
        "provider": "renewals",
        "calls": ListedCalls(calls),
        "start": NOON - 48 * HOUR,
        "end": NOON - 24 * HOUR,
    }
    return Peer(**values | changes)


@dataclass(frozen=True)
class ListedPeople:
    """A PeopleLog that answers from plain lists."""

    persons: Sequence[PersonCalls] = ()
    shared: Overlap = field(default_factory=Overlap)
    reached: Overlap = field(default_factory=Overlap)
    whole: bool = True

    def breaches(self, check: Check, since: datetime) -> Breaches:
        """See PeopleLog."""
        found = [
            replace(breach, phone=person.phone)
            for person in self.persons
            if (breach := check(person)) is not None and breach.at > since
        ]
        return summed(found, whole=self.whole)

    def in_other_open_batches(self) -> Overlap:
        """See PeopleLog."""
        return self.shared

    def reached_before(self, since: datetime) -> Overlap:
        """See PeopleLog."""
        del since
        return self.reached


def placed_call(at: datetime = NOON, **changes: Any) -> PlacedCall:
    """A call to somebody in this batch, begun at ``at`` by the vendor's own clock; unanswered."""
    values: dict[str, Any] = {
        "at": at,
        "exact": True,
        "here": True,
        "provider": "renewals",
        "batch": "Renewals May",
        "call_id": f"c{int(at.timestamp())}",
        "outcome": Outcome.NO_ANSWER,
        "ended_at": at + MINUTE,
        "zones": ("UTC",),
    }
    return PlacedCall(**values | changes)


def somebody(*calls: PlacedCall, phone: str | None = "••4821") -> PersonCalls:
    """The person of these calls."""
    return PersonCalls(phone, "p1", tuple(sorted(calls, key=lambda call: call.at)))


@dataclass(frozen=True)
class ListedRetries:
    """A RetryLadder that answers from plain lists."""

    waiting: Sequence[LateRetry] = ()
    planned: Sequence[datetime] = ()
    lines: Sequence[HeldLine] = ()

    @classmethod
    def of(cls, contacts: Sequence[Contact], since: Mapping[str, datetime]) -> "ListedRetries":
        """The ladder of whole people; ``since`` is when each was first seen in its status."""
        waits = [
            c for c in contacts if c.status in {ContactStatus.RETRYING, ContactStatus.FOLLOW_UP}
        ]
        late = [
            LateRetry(
                contact_id=c.contact_id,
                due_at=c.next_retry_at,
                since=c.next_retry_at or since[c.contact_id],
            )
            for c in waits
        ]
        live = [
            HeldLine(contact_id=c.contact_id, since=since[c.contact_id])
            for c in contacts
            if c.status.live
        ]
        return cls(late, [c.next_retry_at for c in waits if c.next_retry_at], live)

    def overdue(self, until: datetime, most: int = COUNTED_MOST) -> LateRetries:
        """See RetryLadder."""
        return self._late(until, most, scheduled=True)

    def unscheduled(self, until: datetime, most: int = COUNTED_MOST) -> LateRetries:
        """See RetryLadder."""
        return self._late(until, most, scheduled=False)

    def scheduled_after(self, now: datetime, most: int = COUNTED_MOST) -> int:
        """See RetryLadder."""
        return min(most, sum(1 for at in self.planned if at > now))

    def last_due(self) -> datetime | None:
        """See RetryLadder."""
        return max(self.planned, default=None)

    def held(self, until: datetime, most: int = COUNTED_MOST) -> HeldLines:
        """See RetryLadder."""
        held = sorted(
            (one for one in self.lines if one.since <= until),
            key=lambda one: (one.since, one.contact_id),
        )
        return HeldLines(n=min(len(held), most), oldest=tuple(held[:3]))

    def _late(self, until: datetime, most: int, *, scheduled: bool) -> LateRetries:
        late = sorted(
            (
                one
                for one in self.waiting
                if (one.due_at is not None) is scheduled and one.since <= until
            ),
            key=lambda one: (one.since, one.contact_id),
        )
        return LateRetries(n=min(len(late), most), oldest=tuple(late[:3]))


def make_certainty(**changes: Any) -> Certainty:
    """Everything was looked at and read a moment ago."""
    values: dict[str, Any] = {
        "observed_at": NOON,
        "fresh": True,
        "swept_at": NOON,
        "complete_at": NOON,
    }
    return Certainty(**values | changes)


def make_facts(**changes: Any) -> BatchFacts:
    """A batch that runs, known to the full, of which there is nothing to tell."""
    values: dict[str, Any] = {
        "now": NOON,
        "batch": make_batch(),
        "capabilities": EVERYTHING,
        "certainty": make_certainty(),
        "tally": {},
        "calls": ListedCalls(),
        "retries": ListedRetries(),
        "first_seen_at": NOON - HOUR,
        "moved_at": NOON,
        "vendor": "graine",
    }
    return BatchFacts(**values | changes)


def make_ended_facts(
    status: BatchStatus = BatchStatus.COMPLETED, *, ended: timedelta = MINUTE, **changes: Any
) -> BatchFacts:
    """A batch first seen ended ``ended`` before NOON, looked at again and read since."""
    batch = make_batch(status=status, **changes.pop("batch", {}))
    certainty = changes.get("certainty", make_certainty())
    known = {"terminal_at": NOON - ended, "confirmed_at": certainty.observed_at}
    return make_facts(**{"batch": batch} | known | changes)


def make_provider_facts(**changes: Any) -> ProviderFacts:
    """A provider that has just answered, with two open batches."""
    values: dict[str, Any] = {
        "now": NOON,
        "provider": "renewals",
        "vendor": "graine",
        "started_at": NOON - HOUR,
        "fresh_at": NOON,
        "blind_after": 5 * MINUTE,
        "open_batches": 2,
        "people_waiting": 611,
    }
    return ProviderFacts(**values | changes)


def make_expectation(**changes: Any) -> Expectation:
    """A batch that is to come every day at noon."""
    noon = Times(frozenset(range(7)), time(12))
    values: dict[str, Any] = {
        "name": "daily_reminders",
        "schedule": Schedule((noon,), ZoneInfo("UTC")),
        "providers": ("renewals",),
    }
    return Expectation(**values | changes)


def make_expectation_facts(**changes: Any) -> ExpectationFacts:
    """What is expected was due NOON, an hour ago, and nothing tells that it has come."""
    values: dict[str, Any] = {
        "now": NOON + HOUR,
        "expectation": make_expectation(),
        "occurrence": Occurrence(NOON, NOON - HOUR, NOON + 23 * HOUR),
        "where": "Vogent",
        "usual": 380,
        "unseen": "Vogent cannot be read",
    }
    return ExpectationFacts(**values | changes)


def make_failure(kind: str = "auth", text: str = "401 Unauthorized") -> Failure:
    """Why a vendor cannot be read."""
    return Failure(kind=kind, text=text)


def make_trouble(rule: str, **changes: Any) -> Trouble:
    """Something wrong with Offhook itself."""
    values: dict[str, Any] = {
        "rule": rule,
        "subject": "ops",
        "since": NOON,
        "summary": "something is wrong",
    }
    return Trouble(**values | changes)


def make_report(**changes: Any) -> Report:
    """The report of a small batch in which all went well."""
    values: dict[str, Any] = {
        "batch_id": "b0",
        "title": "Renewals April",
        "ended_at": NOON - 24 * HOUR,
        "people": 100,
        "reached": 70,
        "contacts": {"completed": 70, "no_answer": 30},
        "outcomes": {"completed": 70, "no_answer": 60},
        "never_dialled": 0,
        "rejected": 0,
        "retries": 30,
        "calls": 130,
        "talk_s": 4_200.0,
        "cost_micros": {"USD": 12_340_000},
        "cost_estimated": False,
        "sentiment": {"positive": 40},
        "duration_s": 7_200.0,
    }
    return Report(**values | changes)
