"""The people whom this process has just written, as they stand, for its next evaluation.

Who judges asks about everybody who moved, seconds after they were written; to read them back
would cost more than all that is asked of them. They are kept as they are stored, a tenth of what
they are unpacked, under their move, and given only to who finds that very move in the table. So
nothing waits for a commit: the number of a transaction that was undone is given again, to a move
which then takes its place here, and whoever finds no people reads them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import Connection, Engine

KEY = 8  # bytes
Key = bytes | str  # a person, or the contact of somebody without a number
# So many people are kept at most, the latest: one cycle of some hundreds of batches.
MOST = 16_384

_unpack_ids = msgspec.msgpack.Decoder(list[str]).decode


@dataclass(frozen=True, slots=True)
class Move:
    """The people who moved in one transaction."""

    id: int
    batch: int
    at: int
    persons: bytes
    unnumbered: bytes | None

    @property
    def keys(self) -> list[bytes]:
        """Those with a number."""
        value = self.persons
        return [value[start : start + KEY] for start in range(0, len(value), KEY)]

    @property
    def ids(self) -> list[str]:
        """The contacts of those without."""
        return [] if self.unnumbered is None else _unpack_ids(self.unnumbered)


class Written(NamedTuple):
    """Everybody of one move: as they are stored, and who of them came to stand or left there."""

    known: Mapping[Key, bytes] = MappingProxyType({})
    elsewhere: frozenset[bytes] = frozenset()


class Lately:
    """What one database's moves were about."""

    def __init__(self, most: int = MOST) -> None:
        """``most``: so many people are kept."""
        self._most = most
        self._left = most
        self._moves: dict[int, tuple[Move, Written]] = {}

    def keep(self, move: Move, written: Written) -> None:
        """Keep these under their move; what had its number before was undone."""
        self._drop(move.id)
        if len(written.known) > self._most:
            return
        while len(written.known) > self._left:
            self._drop(next(iter(self._moves)))
        self._moves[move.id] = move, written
        self._left -= len(written.known)

    def take(self, move: Move) -> Written | None:
        """Those of a move that the table holds, once."""
        kept = self._moves.get(move.id)
        if kept is None or kept[0] != move:
            return None
        self._drop(move.id)
        return kept[1]

    def _drop(self, number: int) -> None:
        kept = self._moves.pop(number, None)
        if kept is not None:
            self._left += len(kept[1].known)


_of: WeakKeyDictionary[Engine, Lately] = WeakKeyDictionary()


def lately(conn: Connection) -> Lately:
    """What was written of late to the database of a connection."""
    found = _of.get(conn.engine)
    if found is None:
        found = _of[conn.engine] = Lately()
    return found
