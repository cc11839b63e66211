"""What rules ask about the people of a batch: see core/people.py for the questions.

Whoever moved since the last evaluation is asked about again. A batch of which nothing is
known yet (after a start, or for a limit that is new) is walked through once, a piece at each
evaluation, and says until then that it is not ``whole``.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from monitor.core.model import BatchStatus, Contact
from monitor.core.people import Breaches, Check, Overlap, PlacedCall, summed
from monitor.core.tally import CONTACTS
from monitor.evaluation.accounts import Account, Answers, People, PeopleMemo, Question
from monitor.evaluation.placing import (
    Names,
    Sift,
    breach,
    nobody,
    reached,
    sift_of,
    waiting,
)
from monitor.store import people
from monitor.store.batches import BatchRow
from monitor.store.lately import Key
from monitor.store.people import Place, person_key
from monitor.store.snapshot import Person, person_of

# However many moved, so many more are walked through.
_LEAST = 100
_AT_ONCE = 64  # with all that is asked of them, well within a cache
_ENDED = tuple(str(status) for status in BatchStatus if status.terminal)


@dataclass(slots=True)
class StoredPeople:
    """The PeopleLog of one batch, in one evaluation."""

    conn: Connection
    row: BatchRow
    memo: PeopleMemo
    now: datetime
    _opened: Account | None = None
    _left: int = 0  # so many people may be walked through in this evaluation
    _walked: dict[str, tuple[People, str | None]] = field(default_factory=dict)

    def breaches(self, check: Check, since: datetime) -> Breaches:
        """See PeopleLog."""
        answers = self._answers(
            check,
            partial(breach, check, self.memo.names),
            sift_of(check, self.memo.names, self.row.id),
        )
        found = answers.summed.get(since)
        if not isinstance(found, Breaches) or found.whole != self._is_whole(answers):
            later = (each for each in answers.found.values() if each.at > since)
            found = summed(later, whole=self._is_whole(answers))
            answers.summed = {since: found}
        return found

    def in_other_open_batches(self) -> Overlap:
        """See PeopleLog."""
        answers = self._answers("waiting", waiting, nobody)
        others = answers.summed.get("others")
        if others is None:
            others = {batch for _, batches in answers.found.values() for batch in batches}
            answers.summed["others"] = others
        live = frozenset(people.still_open(self.conn, others, _ENDED)) if others else frozenset()
        known = answers.summed.get(live)
        if not isinstance(known, Overlap):
            shared = {key: batches & live for key, (_, batches) in answers.found.items()}
            known = answers.summed[live] = self._overlap(answers, shared)
        return replace(known, of=self._people, whole=self._is_whole(answers))

    def reached_before(self, since: datetime) -> Overlap:
        """See PeopleLog."""
        answers = self._answers("reached", reached, nobody)
        shared = {
            key: frozenset(batch for batch, at in talked.items() if at > since)
            for key, (_, talked) in answers.found.items()
        }
        found = self._overlap(answers, shared)
        return replace(found, of=self._people, whole=self._is_whole(answers))

    @property
    def _people(self) -> int:
        return self.row.tally.get(CONTACTS, 0)

    def _overlap(self, answers: Answers, shared: Mapping[Key, frozenset[int]]) -> Overlap:
        self.memo.name(self.conn, {batch for batches in shared.values() for batch in batches})
        return overlap(answers.found, shared, self.memo.names)

    def _is_whole(self, answers: Answers) -> bool:
        return answers.walked is None and not self._account().moved

    def _answers(self, name: Hashable, question: Question, sift: Sift) -> Answers:
        account = self._account()
        answers = account.answers.get(name)
        if answers is None:
            answers = account.answers[name] = Answers(question, self.now, sift)
        answers.asked_at = self.now
        if answers.walked is not None and answers.walked not in self._walked_to():
            self._walk(answers, answers.walked)
        return answers

    def _walked_to(self) -> set[str | None]:
        """Where the pieces of this evaluation end: a question that stands there had its piece."""
        return {until for _, until in self._walked.values()}

    def _account(self) -> Account:
        """The batch's account, in which everybody was asked about who moved until now."""
        if self._opened is None:
            self.memo.names[self.row.id] = (self.row.look.provider, self.row.look.title)
            account = self.memo.account(self.conn, self.row.id, self.now)
            moved = account.moved
            if len(moved) > self.memo.piece:
                moved = dict(islice(moved.items(), self.memo.piece))
            for known in self._moved(moved):
                for answers in account.answers.values():
                    answers.take(known)
            self._left = max(self.memo.piece - len(moved), _LEAST)
            account.moved = {key: at for key, at in account.moved.items() if key not in moved}
            self._opened = account
        return self._opened

    def _moved(self, moved: Mapping[Key, list[Place] | bytes]) -> Iterator[People]:
        """These people, with their calls: those known to be alone a few at a time.

        Whoever asks is to find them in the processor's cache, which does not hold them all.
        """
        alone = [(key, at) for key, at in moved.items() if isinstance(at, bytes)]
        refused = self._refused(moved) if alone else {}
        for start in range(0, len(alone), _AT_ONCE):
            known = People(self.row.id)
            for key, value in alone[start : start + _AT_ONCE]:
                known.put_alone(key, person_of(value), refused.get(key))
            yield known
        others = {key: at for key, at in moved.items() if isinstance(at, list)}
        if others:
            yield self._know(others)

    def _walk(self, answers: Answers, after: str) -> None:
        if after not in self._walked:
            self._walked[after] = self._piece(after)
        known, answers.walked = self._walked[after]
        answers.take(known)

    def _piece(self, after: str) -> tuple[People, str | None]:
        """The next people of the batch, and where the piece ends; None: with the batch."""
        batch = self.row.id
        found = people.walk(self.conn, batch, after, self._left)
        until = found[-1][0] if len(found) == self._left else None
        keys = {contact_id: person_key(person.contact) for contact_id, person in found}
        places = self.memo.places(self.conn, [key for key in keys.values() if key is not None])
        wanted: dict[Key, list[Place] | Person] = {}
        for contact_id, person in found:
            key = keys[contact_id]
            at = [] if key is None else places.get(key, [])
            wanted[key or contact_id] = at if len(at) > 1 else person
        return self._know(wanted), until

    def _know(self, wanted: Mapping[Key, list[Place] | Person]) -> People:
        """These people, with their calls wherever they stand."""
        known = People(self.row.id)
        refused = self._refused(wanted)
        several: dict[Key, list[Place]] = {}
        for key, at in wanted.items():
            if isinstance(at, Person):
                known.put_alone(key, at, refused.get(key))
            else:
                several[key] = at
        for key, contacts in self._read(several):
            known.put(key, contacts, refused.get(key))
        return known

    def _read(
        self, wanted: Mapping[Key, list[Place]]
    ) -> Iterable[tuple[Key, list[tuple[int, Person]]]]:
        by_batch: dict[int, list[str]] = {}
        for places in wanted.values():
            for batch, contact_id in places:
                by_batch.setdefault(batch, []).append(contact_id)
        found = people.load(self.conn, by_batch)
        self.memo.name(self.conn, by_batch)
        for key, places in wanted.items():
            yield (
                key,
                [
                    (place[0], found[place])
                    for place in places
                    if place in found and _is_of(key, found[place].contact)
                ],
            )

    def _refused(self, keys: Iterable[Key]) -> Mapping[Key, PlacedCall]:
        if not people.any_opted_out(self.conn):
            return {}
        numbered = [key for key in keys if isinstance(key, bytes)]
        return dict(people.opted_out(self.conn, numbered).items())


def overlap(
    found: Mapping[Key, tuple[str, Any]], shared: Mapping[Key, frozenset[int]], names: Names
) -> Overlap:
    """The people (each with their contact) who share these batches, and how many each has."""
    counts: dict[int, int] = {}
    for batches in shared.values():
        for batch in batches:
            counts[batch] = counts.get(batch, 0) + 1
    titles = [(names[batch][1], n) for batch, n in counts.items()]
    contacts = [found[key][0] for key, batches in shared.items() if batches]
    return Overlap(
        n=len(contacts),
        batches=tuple(sorted(titles, key=lambda each: (-each[1], each[0]))),
        evidence=tuple(sorted(contacts)[:3]),
    )


def _is_of(key: Key, contact: Contact) -> bool:
    """Whether a contact is still this person's: it may have got a number since."""
    return key == (person_key(contact) or contact.contact_id)
