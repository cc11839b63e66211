"""The account of people that a process which judges keeps in memory, batch by batch.

Every transaction that moves people leaves their keys (store/people.py). Before the account
answers, it takes in who moved since, anywhere, and marks these people in every batch in which
they stand; of everybody else the answers are known.

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

from monitor.evaluation.placing import Known
from monitor.store import people
from monitor.store.people import Move, Place

# So many people of a batch are looked at in one evaluation, those who moved before the rest.
PIECE = 2_000
# What nobody has asked for so long is forgotten.
UNASKED = timedelta(hours=1)
# So many moves are remembered, to see whether they still stand.
_TAIL = 256

Key = bytes | str  # a person, or the contact of somebody without a number
Question = Callable[[Known], Any]


@dataclass(slots=True)
class Answers:
    """What one question found about the people of one batch; None is not kept.

    ``walked`` is the contact up to which everybody was asked about, None when all were.
    ``summed`` is what was made of it, until anything is found anew.
    """

    question: Question
    asked_at: datetime
    walked: str | None = ""
    found: dict[Key, Any] = field(default_factory=dict)
    summed: dict[Hashable, Any] = field(default_factory=dict)

    def take(self, people: Iterable[tuple[Key, Known]]) -> None:
        """Ask about these people."""
        question, found = self.question, self.found
        for key, known in people:
            value = question(known)
            if value is not None:
                found[key] = value
            elif key in found:
                del found[key]
            else:
                continue
            self.summed = {}


@dataclass(slots=True)
class Account:
    """One batch: who is to be asked about again and where they stand, and the answers."""

    asked_at: datetime
    moved: dict[Key, list[Place]] = field(default_factory=dict)
    answers: dict[Hashable, Answers] = field(default_factory=dict)

    def forget(self, now: datetime) -> None:
        """Drop the answers that no rule asks for any more."""
        old = [name for name, each in self.answers.items() if now - each.asked_at > UNASKED]
        for name in old:
            del self.answers[name]


class PeopleMemo:
    """The accounts of all batches that are asked about. One thread at a time."""

    def __init__(self, piece: int = PIECE) -> None:
        """``piece``: how many people of a batch are looked at in one evaluation."""
        self.piece = piece
        self.names: dict[int, tuple[str, str]] = {}  # of batches, by their row ids
        self._accounts: dict[int, Account] = {}
        self._tail: deque[Move] = deque(maxlen=_TAIL)
        self._begun = False

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
        if moves:
            tail.extend(moves)
            self._mark(conn, moves)
            old = [key for key, each in self._accounts.items() if now - each.asked_at > UNASKED]
            for key in old:
                del self._accounts[key]

    def _restart(self, conn: Connection) -> None:
        self._accounts.clear()
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

    def _mark(self, conn: Connection, moves: Iterable[Move]) -> None:
        """Have these people asked about again in every batch where they stand or stood."""
        accounts = self._accounts
        if not accounts:
            return
        moved = [(move.batch, move.keys, move.ids) for move in moves]
        places = people.places(conn, list({key for _, keys, _ in moved for key in keys}))
        for batch, keys, ids in moved:
            here = accounts[batch].moved if batch in accounts else {}
            here.update((each, [(batch, each)]) for each in ids)
            for key in keys:
                at = here[key] = places.get(key, [])
                if len(at) > 1 or (at and at[0][0] != batch):
                    for other, _ in at:
                        if other in accounts:
                            accounts[other].moved[key] = at
