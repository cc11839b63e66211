"""One batch as a story tells it: its people, their calls, and how it stands."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from monitor.app.ruletest.deeds import Deed
from monitor.app.ruletest.described import Described
from monitor.app.ruletest.lines import Line, Origin, duration
from monitor.app.ruletest.values import caller, cost, error, flag, lasted, person, sentiment, whole
from monitor.core.model import (
    FAILED,
    AnsweredBy,
    BatchStatus,
    Call,
    CallStatus,
    Capabilities,
    Contact,
    ContactStatus,
    EndedBy,
    Outcome,
)
from monitor.core.words import person_of

_RETRYING = {ContactStatus.RETRYING, ContactStatus.FOLLOW_UP}


@dataclass(slots=True)
class BatchWorld:
    """A batch's truth, which deeds change."""

    described: Described
    capabilities: Capabilities
    vendor: str
    origin: Origin
    status: BatchStatus = BatchStatus.RUNNING
    begun_at: datetime | None = None  # when it first appears
    started_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None
    lines: int | None = None
    rejected: int = 0
    overridden: dict[str, int] = field(default_factory=dict)
    gone: bool = False
    contacts: dict[str, Contact] = field(default_factory=dict)
    calls: dict[str, dict[str, Call]] = field(default_factory=dict)  # by person
    unread: dict[str, None] = field(default_factory=dict)  # people moved since the last reading
    moved: bool = True  # anything, since the last look
    people: Counter[ContactStatus] = field(default_factory=Counter)  # how many stand so
    ended: Counter[Outcome | None] = field(default_factory=Counter)  # calls, by how they ended
    made: int = 0  # calls
    _under_way: dict[int, Call] = field(default_factory=dict)  # by the key of their deeds

    def __post_init__(self) -> None:
        """The lines that the test gives it."""
        self.lines = self.described.concurrency

    def do(self, deed: Deed, others: Callable[[str, Line], "BatchWorld"]) -> None:
        """Let one thing happen; ``others`` finds another batch of the story by its name."""
        if self.begun_at is None:
            if deed.key is not None and deed.what == "begin":
                return  # nobody could be called yet
            self.begun_at = deed.at
        if self.started_at is None and not (deed.what == "status" and deed.word == "scheduled"):
            self.started_at = deed.at if self.status is not BatchStatus.SCHEDULED else None
        self.moved = True
        match deed.what:
            case "people":
                self._invite(deed, others)
            case "moved":
                self._move(deed)
            case "call" | "begin" | "end":
                self._call(deed)
            case _:
                self._stand(deed)

    # People

    def _invite(self, deed: Deed, others: Callable[[str, Line], "BatchWorld"]) -> None:
        for contact in self._invited(deed, others):
            if contact.contact_id in self.contacts:
                deed.line.refuse(f"{contact.contact_id} is in the batch already")
            self._put(contact)

    def _invited(
        self, deed: Deed, others: Callable[[str, Line], "BatchWorld"]
    ) -> Iterator[Contact]:
        if source := deed.given.get("of"):
            known = list(others(source, deed.line).contacts.values())
            if len(known) < deed.n:
                deed.line.refuse(f"{source} has only {len(known)} people")
            for each in known[: deed.n]:
                yield Contact(
                    contact_id=each.contact_id,
                    status=ContactStatus.PENDING,
                    phone_hash=each.phone_hash,
                    phone=each.phone,
                    country=each.country,
                    area=each.area,
                    timezone=each.timezone,
                )
        elif name := deed.given.get("name"):
            yield person(name, deed)
        else:
            own = f"{self.described.name}-" if self.described.name else "p"
            first = len(self.contacts) + 1
            for n in range(first, first + deed.n):
                yield person(f"{own}{n:04}", deed)

    def _put(self, contact: Contact) -> None:
        known = self.contacts.get(contact.contact_id)
        if known is not None:
            self.people[known.status] -= 1
        self.people[contact.status] += 1
        self.contacts[contact.contact_id] = contact
        self.unread[contact.contact_id] = None

    def _move(self, deed: Deed) -> None:
        """So many of those who wait stand otherwise now, without a call."""
        status = ContactStatus(deed.word)
        for contact in self._next(deed, deed.n):
            due = self._retry_at(deed, deed.at) if status in _RETRYING else None
            self._put(contact._replace(status=status, next_retry_at=due))

    def _next(self, deed: Deed, n: int) -> list[Contact]:
        """Who is called next: those who wait, then those whose retry is due first."""
        if name := deed.given.get("to"):
            if name not in self.contacts:
                deed.line.refuse(f"nobody is called {name}; add: person {name}")
            return [self.contacts[name]]
        again = "again" in deed.given
        found = [] if again else self._in({ContactStatus.PENDING}, n)
        if len(found) < n:
            waiting = sorted(
                self._in(_RETRYING), key=lambda each: each.next_retry_at or self.origin.start
            )
            found += waiting[: n - len(found)]
        if len(found) < n:
            whom = "for a retry" if again else "to be called"
            deed.line.refuse(
                f"nobody waits {whom} any more: the batch has {len(self.contacts)} people",
                "add people before, or name one: to=anna",
            )
        return found

    def _in(self, statuses: set[ContactStatus], most: int | None = None) -> list[Contact]:
        found = []
        for contact in self.contacts.values():
            if contact.status in statuses:
                found.append(contact)
                if len(found) == most:
                    break
        return found

    def _retry_at(self, deed: Deed, at: datetime) -> datetime | None:
        text = deed.given.get("retry", "none")
        if text == "none":
            return None
        if text.startswith("+"):
            return at + duration(text[1:], deed.line)
        return self.origin.instant(text, deed.line)

    # Calls

    def _call(self, deed: Deed) -> None:
        if deed.what == "end" and (open_ := self._open_call(deed)):
            self._end(self.contacts[open_.contact_id], open_, deed)
            return
        if deed.what == "begin" and deed.key is not None and not self._waits(deed):
            return  # they are added later: the whole of the call is told as it ends
        (contact,) = self._next(deed, 1)
        made = self.calls.setdefault(contact.contact_id, {})
        self.made += 1
        begun = deed.at if deed.what == "begin" else deed.at - lasted(deed)
        call = Call(
            call_id=f"{self.described.name or 'c'}-{self.made:05}",
            contact_id=contact.contact_id,
            status=CallStatus.IN_PROGRESS,
            attempt=len(made),
            created_at=begun,
            started_at=begun,
            from_number=caller(deed),
            agent_version=deed.given.get("agent"),
            follow_up="follow_up" in deed.given,
        )
        if deed.what != "begin":
            self._end(contact, call, deed)
            return
        made[call.call_id] = call
        if deed.key is not None:
            self._under_way[deed.key] = call
        self._put(
            contact._replace(
                status=ContactStatus.IN_CALL,
                attempts=call.attempt,
                last_attempt_at=begun,
                next_retry_at=None,
            )
        )

    def _waits(self, deed: Deed) -> bool:
        name = deed.given.get("to")
        if name is not None:
            return name in self.contacts
        statuses = _RETRYING if "again" in deed.given else {ContactStatus.PENDING, *_RETRYING}
        return bool(self._in(statuses, 1))

    def _open_call(self, deed: Deed) -> Call | None:
        if deed.key is not None:
            return self._under_way.pop(deed.key, None)
        wanted = deed.given.get("to")
        calls = (call for made in self.calls.values() for call in made.values())
        for call in calls:
            if not call.status.terminal and wanted in {None, call.contact_id}:
                return call
        return deed.line.refuse("no call is under way that could end")

    def _end(self, contact: Contact, call: Call, deed: Deed) -> None:
        outcome, (micros, currency) = Outcome(deed.word), cost(deed)
        status, answered_by = _STATUS.get(outcome) or (CallStatus(outcome.value), None)
        took = deed.at - (call.started_at or deed.at)
        call = call._replace(
            status=status,
            answered_by=answered_by,
            duration_s=took.total_seconds(),
            error_class=error(deed) if outcome in FAILED else None,
            ended_at=deed.at,
            ended_by=EndedBy.VENDOR,
            hangup_by=deed.given.get("by"),
            hangup_class=deed.given.get("hangup"),
            agent_version=call.agent_version or deed.given.get("agent"),
            disposition=deed.given.get("disposition"),
            transferred=flag(deed, "transferred"),
            sentiment=sentiment(deed),
            cost_micros=micros,
            currency=currency,
        )
        self.calls.setdefault(contact.contact_id, {})[call.call_id] = call
        self.ended[call.outcome] += 1
        self._put(self._after(contact, call, deed))

    def _after(self, contact: Contact, call: Call, deed: Deed) -> Contact:
        """The person once the call is over: done, unless another is to be made."""
        left = contact._replace(
            attempts=call.attempt, last_attempt_at=call.started_at, next_retry_at=None
        )
        if "retry" in deed.given and self.capabilities.retries:
            due = self._retry_at(deed, deed.at)
            return left._replace(status=ContactStatus.RETRYING, next_retry_at=due)
        status = person_of(call.status, call.answered_by)
        if self.capabilities.retries and status is not ContactStatus.COMPLETED:
            done = status in {ContactStatus.VOICEMAIL, ContactStatus.SKIPPED}
            status = status if done else ContactStatus.EXHAUSTED
        return left._replace(status=status)

    # The batch

    def _stand(self, deed: Deed) -> None:
        match deed.what:
            case "lines":
                self.lines = deed.n
            case "rejected":
                self.rejected += deed.n
            case "counts":
                self.overridden = {name: whole(text, deed) for name, text in deed.given.items()}
            case "gone":
                self.gone = deed.word == "gone"
            case _:
                self.status = BatchStatus(deed.word)
                self.ended_at = deed.at if self.status.terminal else None
                self.reason = deed.given.get("reason")
                if self.started_at is None and self.status is BatchStatus.RUNNING:
                    self.started_at = deed.at

    # For who looks

    def is_retry_due(self, now: datetime) -> bool:
        """Whether somebody waits for a retry whose time has come, or that has none."""
        return any(self.people[each] for each in _RETRYING) and any(
            each.status in _RETRYING and (each.next_retry_at is None or each.next_retry_at <= now)
            for each in self.contacts.values()
        )


_STATUS: dict[Outcome, tuple[CallStatus, AnsweredBy | None]] = {
    Outcome.COMPLETED: (CallStatus.COMPLETED, AnsweredBy.HUMAN),
    Outcome.VOICEMAIL: (CallStatus.COMPLETED, AnsweredBy.VOICEMAIL),
}
