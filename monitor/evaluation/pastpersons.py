"""What rules ask about the people of a batch, answered as it was at a moment of its past.

A person is known with all calls to them, in whichever batch, as far as these were known then.
Of a call it is kept when it was first seen, and when it was seen to end; its times and what
the vendor says of it are those that are known now. Most people stand in one batch and have
one call at most: of these nothing is laid out that no rule could accuse anybody of.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from monitor.core.model import AnsweredBy, BatchStatus, Call, CallStatus, ContactStatus, Outcome
from monitor.core.pastmoves import VANISHED, Moment
from monitor.core.people import Breaches, Check, Overlap, PlacedCall, summed
from monitor.core.tally import CONTACTS, Tally
from monitor.evaluation.accounts import UNASKED, Answers, People, Question
from monitor.evaluation.people import overlap
from monitor.evaluation.placing import Names, Sift, breach, nobody, reached, sift_of, waiting
from monitor.store.history import Elsewhere
from monitor.store.lately import Key
from monitor.store.people import Place
from monitor.store.snapshot import Person

_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_ENDS = frozenset(status.value for status in BatchStatus if status.terminal)
_GONE = frozenset({None, VANISHED})
_OPEN: dict[str, Any] = dict.fromkeys(
    (
        "answered_by",
        "duration_s",
        "error_class",
        "ended_at",
        "ended_by",
        "hangup_by",
        "hangup_class",
        "disposition",
    )
)


@dataclass(slots=True)
class Stands:
    """One contact of a person: as it is now, and what of it was known so far."""

    batch: int
    now: Person
    status: ContactStatus | None = None  # None: not listed yet
    calls: dict[str, Call] = field(default_factory=dict)

    def then(self) -> Person:
        """As it stood."""
        contact, since, _ = self.now
        return Person(contact._replace(status=self.status or contact.status), since, self.calls)

    def moved(self, call_id: str, word: str, at: datetime) -> None:
        """A call is seen to stand in a way: with the status of one under way, or its outcome."""
        call = self.now.calls.get(call_id)
        if call is not None:
            self.calls[call_id] = _as_it_was(call, word, at)


def _as_it_was(call: Call, word: str, at: datetime) -> Call:
    outcome = _OUTCOMES.get(word)
    if outcome is None:
        return call._replace(status=CallStatus(word), seen_at=at, **_OPEN)
    if call.outcome is outcome:
        return call
    if outcome is Outcome.VOICEMAIL:
        return call._replace(status=CallStatus.COMPLETED, answered_by=AnsweredBy.VOICEMAIL)
    return call._replace(status=CallStatus(word), answered_by=None)


@dataclass(slots=True, kw_only=True)
class PastPersons:
    """The PeopleLog of one batch of what was known so far; ``tally`` are its counters then.

    ``elsewhere`` is what moved meanwhile about its people in other batches, in order.
    """

    batch: int
    names: Names = field(default_factory=dict)
    refused: Mapping[bytes, PlacedCall] = field(default_factory=dict)
    tally: Tally = field(default_factory=dict)
    now: datetime
    elsewhere: Sequence[Elsewhere] = ()
    _of: dict[Key, list[Stands]] = field(default_factory=dict)
    _whose: dict[Place, tuple[Key, Stands]] = field(default_factory=dict)  # by contact
    _calls: dict[Place, tuple[Key, Stands]] = field(default_factory=dict)  # by call
    _going: set[int] = field(default_factory=set)  # the other batches that have not ended
    _moved: set[Key] = field(default_factory=set)
    _answers: dict[Hashable, Answers] = field(default_factory=dict)

    # What becomes known

    def put(self, key: Key, stands: Iterable[Stands]) -> None:
        """One person more, of whom nothing is known yet."""
        self._of[key] = found = list(stands)
        for each in found:
            mine = key, each
            self._whose[each.batch, each.now.contact.contact_id] = mine
            for call_id in each.now.calls:
                self._calls[each.batch, call_id] = mine

    def take(self, moment: Moment) -> None:
        """Take in what one transaction saw of the batch itself."""
        if not self._of:
            return
        batch, at = self.batch, moment.at
        for _, contact_id, _, word in moment.people:
            self._stands(batch, contact_id, word)
        for call_id, word in moment.opened:
            self._call(batch, call_id, word, at)
        for call, _ in moment.calls:
            self._call(batch, call.call_id, call.outcome, at)

    def meet(self, event: Elsewhere) -> None:
        """Take in what one transaction saw of another batch."""
        for kind, subject, _, word in event.changes:
            if kind == "call":
                self._call(event.batch, subject, word or "", event.at)
            elif kind == "contact":
                self._stands(event.batch, subject, word)
            elif word in _ENDS:
                self._going.discard(event.batch)
            else:
                self._going.add(event.batch)

    def _stands(self, batch: int, contact_id: str, word: str | None) -> None:
        found = self._whose.get((batch, contact_id))
        if found is not None:
            key, stands = found
            stands.status = None if word in _GONE else ContactStatus(word or "")
            self._moved.add(key)

    def _call(self, batch: int, call_id: str, word: str, at: datetime) -> None:
        found = self._calls.get((batch, call_id))
        if found is not None:
            key, stands = found
            stands.moved(call_id, word, at)
            self._moved.add(key)

    # What rules ask

    def breaches(self, check: Check, since: datetime) -> Breaches:
        """See PeopleLog."""
        answers = self._asked(
            check,
            partial(breach, check, self.names),
            sift_of(check, self.names, self.batch),
        )
        found = answers.summed.get(since)
        if not isinstance(found, Breaches):
            found = summed(each for each in answers.found.values() if each.at > since)
            answers.summed = {since: found}
        return found

    def in_other_open_batches(self) -> Overlap:
        """See PeopleLog."""
        answers = self._asked("waiting", waiting, nobody)
        going = self._going
        shared = {key: batches & going for key, (_, batches) in answers.found.items()}
        return self._overlap(answers, shared)

    def reached_before(self, since: datetime) -> Overlap:
        """See PeopleLog."""
        answers = self._asked("reached", reached, nobody)
        shared = {
            key: frozenset(batch for batch, at in talked.items() if at > since)
            for key, (_, talked) in answers.found.items()
        }
        return self._overlap(answers, shared)

    def _overlap(self, answers: Answers, shared: Mapping[Key, frozenset[int]]) -> Overlap:
        of = self.tally.get(CONTACTS, 0)
        return (
            replace(overlap(answers.found, shared, self.names), of=of) if shared else Overlap(of=of)
        )

    def _asked(self, name: Hashable, question: Question, sift: Sift) -> Answers:
        self._ask_those_who_moved()
        answers = self._answers.get(name)
        if answers is None:
            answers = self._answers[name] = Answers(question, self.now, sift)
            answers.take(self._people(self._of))
        answers.asked_at = self.now
        return answers

    def _ask_those_who_moved(self) -> None:
        if not self._moved:
            return
        now = self.now
        old = [name for name, each in self._answers.items() if now - each.asked_at > UNASKED]
        for name in old:
            del self._answers[name]
        moved = self._people(self._moved)
        for answers in self._answers.values():
            answers.take(moved)
        self._moved.clear()

    def _people(self, keys: Iterable[Key]) -> People:
        found = People(self.batch)
        for key in keys:
            stands = [
                (each.batch, each.then()) for each in self._of[key] if each.status is not None
            ]
            refused = self.refused.get(key) if isinstance(key, bytes) else None
            found.put(key, stands, refused)
        return found
