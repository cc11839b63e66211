"""The account of people that a process which judges keeps in memory, batch by batch.

Every transaction that moves people leaves their keys (store/people.py). Before the account
answers, it takes in who moved since, anywhere, and marks these people in every batch in which
they stand; of everybody else the answers are known. Of most who move, this process wrote how
they stand (store/lately.py), and that they stand in one place is known since they were walked
past: these are not looked up again.

An evaluation may see what its own transaction has written and not yet committed. If that is
undone, the last moves that were taken in are not those that the table holds. Then the people
of both are marked, and where that cannot be told, everything is asked anew.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from monitor.core.people import PlacedCall
from monitor.evaluation.placing import Known, Sift
from monitor.store import people
from monitor.store.lately import Key, Move, Written, lately
from monitor.store.people import Place
from monitor.store.snapshot import Person, contact_of

# So many people of a batch are looked at in one evaluation, those who moved before the rest.
PIECE = 2_000
# What nobody has asked for so long is forgotten.
UNASKED = timedelta(hours=1)
# So many moves are remembered, to see whether they still stand.
_TAIL = 256
# Of so many people it is remembered that they stand in several places; of more, all are
# looked up when they move.
SEVERAL = 200_000

Question = Callable[[Known], Any]


@dataclass(slots=True)
class People:
    """Some people of a batch: those who stand nowhere else, and the others."""

    batch: int
    alone: list[tuple[Key, Person]] = field(default_factory=list)
    others: list[tuple[Key, Known]] = field(default_factory=list)

    def put(self, key: Key, contacts: list[tuple[int, Person]], refused: PlacedCall | None) -> None:
        """One more, and the opt-out of a batch that is forgotten."""
        if len(contacts) == 1 and contacts[0][0] == self.batch:
            self.put_alone(key, contacts[0][1], refused)
        else:
            self.others.append((key, Known(self.batch, contacts, refused)))

    def put_alone(self, key: Key, person: Person, refused: PlacedCall | None) -> None:
        """One more, who stands nowhere else."""
        if refused is None:
            self.alone.append((key, person))
        else:
            self.others.append((key, Known(self.batch, [(self.batch, person)], refused)))


@dataclass(slots=True)
class Answers:
    """What one question found about the people of one batch; None is not kept.

    ``sift`` leaves out, of those who stand in one place, of whom it plainly finds nothing.
    ``walked`` is the contact up to which everybody was asked about, None when all were.
    ``summed`` is what was made of it, until anything is found anew.
    """

    question: Question
    asked_at: datetime
    sift: Sift
    walked: str | None = ""
    found: dict[Key, Any] = field(default_factory=dict)
    summed: dict[Hashable, Any] = field(default_factory=dict)

    def take(self, people: People) -> None:
        """Ask about these people."""
        left = dict(self.sift(people.alone))
        for key, _ in people.alone if self.found else ():
            if key not in left:
                self._keep(key, None)
        for key, person in left.items():
            known = Known(people.batch, [(people.batch, person)])
            self._keep(key, self.question(known))
        for key, known in people.others:
            self._keep(key, self.question(known))

    def _keep(self, key: Key, value: Any) -> None:
        if value is not None:
            self.found[key] = value
        elif self.found.pop(key, None) is None:
            return
        self.summed = {}


@dataclass(slots=True)
class Account:
    """One batch: who is to be asked about again and where they stand, and the answers.

    Of who stands nowhere else it may be known how they stand, as it is stored.
    """

    asked_at: datetime
    moved: dict[Key, list[Place] | bytes] = field(default_factory=dict)
    answers: dict[Hashable, Answers] = field(default_factory=dict)

    def forget(self, now: datetime) -> None:
        """Drop the answers that no rule asks for any more."""
        old = [name for name, each in self.answers.items() if now - each.asked_at > UNASKED]
        for name in old:
            del self.answers[name]


class PeopleMemo:
    """The accounts of all batches that are asked about. One thread at a time."""

    def __init__(self, piece: int = PIECE, several: int = SEVERAL) -> None:
        """``piece``: how many people of a batch are looked at in one evaluation.

        ``several``: of so many it is remembered that they stand in several places.
        """
        self.piece = piece
        self._most = several
        self.names: dict[int, tuple[str, str]] = {}  # of batches, by their row ids
        self._accounts: dict[int, Account] = {}
        self._tail: deque[Move] = deque(maxlen=_TAIL)
        self._begun = False
        self._several: set[bytes] | None = set()  # who stood in several places

    def account(self, conn: Connection, batch: int, now: datetime) -> Account:
        """That of one batch, with everybody marked who moved until now."""
        self._refresh(conn, now)
        found = self._accounts.get(batch)
        if found is None:
            found = self._accounts[batch] = Account(now)
        found.asked_at = now
        found.forget(now)
        return found

    def name(self, conn: Connection, batches: Iterable[int]) -> None:
        """Learn what batches are called."""
        unknown = [batch for batch in batches if batch not in self.names]
        if unknown:
            self.names.update(people.names_of(conn, unknown))

    def _refresh(self, conn: Connection, now: datetime) -> None:
        tail = self._tail
        if not self._begun:
            self._restart(conn)
            return
        moves = people.moves_from(conn, tail[-1].id if tail else 0)
        if tail and moves[:1] != [tail[-1]]:
            moves = self._resumed(conn)
        elif tail:
            moves = moves[1:]
        elif moves and moves[0].id > 1:
            self._restart(conn)  # what came first is gone
            return
        if moves:
            tail.extend(moves)
            self._mark(conn, moves)
            old = [key for key, each in self._accounts.items() if now - each.asked_at > UNASKED]
            for key in old:
                del self._accounts[key]

    def _restart(self, conn: Connection) -> None:
        self._accounts.clear()
        self._several = set()
        self._tail.clear()
        self._tail.extend(people.moves_from(conn, people.last_move(conn)))
        self._begun = True

    def _resumed(self, conn: Connection) -> list[Move]:
        """What is new after moves were undone; whom these were about is marked."""
        known = list(self._tail)
        stored = people.moves_from(conn, known[0].id)
        same = next(
            (n for n, pair in enumerate(zip(known, stored, strict=False)) if pair[0] != pair[1]),
            min(len(known), len(stored)),
        )
        if not same:
            self._restart(conn)
            return []
        for _ in known[same:]:
            self._tail.pop()
        self._mark(conn, known[same:])
        return stored[same:]

    def places(self, conn: Connection, keys: Iterable[bytes]) -> dict[bytes, list[Place]]:
        """Where these people stand, as far as they do."""
        found = people.places(conn, list(keys))
        if self._several is not None:
            self._several.update(key for key, at in found.items() if len(at) > 1)
            if len(self._several) > self._most:
                self._several = None
        return found

    def _mark(self, conn: Connection, moves: Iterable[Move]) -> None:
        """Have these people asked about again in every batch where they stand or stood."""
        accounts = self._accounts
        if not accounts:
            return
        kept = lately(conn)
        moved = [(move, kept.take(move) or Written()) for move in moves]
        unsure = {key for move, written in moved for key in self._unsure(move, written)}
        places = dict.fromkeys(unsure, _NOWHERE) | self.places(conn, unsure)
        for move, (known, elsewhere) in moved:
            batch = move.batch
            here = accounts[batch].moved if batch in accounts else {}
            here.update(known)
            # Who has got a number since is known by that; what was found without it goes.
            here.update((each, [(batch, each)]) for each in move.ids if each not in known)
            for key in unsure.intersection(known) | elsewhere if known else move.keys:
                at = places[key]
                if _is_alone(at, batch, known.get(key)):
                    continue
                here[key] = at
                for other, _ in at:
                    if other in accounts:
                        accounts[other].moved[key] = at

    def _unsure(self, move: Move, written: Written) -> Iterable[bytes]:
        """Of whom of these it is not known how they stand, and that they do so in one place."""
        if not written.known or self._several is None:
            return move.keys
        return written.elsewhere.union(self._several.intersection(written.known))


_NOWHERE: list[Place] = []


def _is_alone(at: list[Place], batch: int, person: bytes | None) -> bool:
    return person is not None and at == [(batch, contact_of(person).contact_id)]
