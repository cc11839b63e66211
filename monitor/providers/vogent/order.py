"""Which way a list runs. Vogent does not say, so it is believed only once pages have shown it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

# So many rows in order, not all at one moment, are no accident.
_ENOUGH = 10


class Moments(NamedTuple):
    """The times of one row that its list may be ordered by."""

    created: datetime | None
    ended: datetime | None
    changed: datetime | None


_NOTHING = Moments(None, None, None)


@dataclass
class _Run:
    """How one time of the rows ran, over all pages ever read."""

    falls: bool = True
    rises: bool = True
    steps: int = 0

    def see(self, before: datetime | None, at: datetime | None) -> None:
        if before is None or at is None or at == before:
            return
        self.steps += 1
        self.falls = self.falls and at < before
        self.rises = self.rises and at > before

    def proven(self, *, falling: bool) -> bool:
        return self.steps >= _ENOUGH and (self.falls if falling else self.rises)


@dataclass
class Trail:
    """How far one reading has come: rows of several lists that are read at once do not mix."""

    last: Moments = _NOTHING


@dataclass
class Order:
    """What the pages have shown of a list's order. A single row against it ends the belief."""

    _created: _Run = field(default_factory=_Run)
    _ended: _Run = field(default_factory=_Run)
    _changed: _Run = field(default_factory=_Run)

    def see(self, rows: Sequence[Moments], trail: Trail) -> None:
        """The times of each row of a page that follows on the last one of the same reading."""
        for row in rows:
            before = trail.last
            self._created.see(before.created, row.created)
            self._ended.see(before.ended, row.ended)
            self._changed.see(before.changed, row.changed)
            trail.last = Moments(
                row.created or before.created,
                row.ended or before.ended,
                row.changed or before.changed,
            )

    @property
    def last_changed_first(self) -> bool:
        """Nothing new can stand behind a row that is known."""
        return self._ended.proven(falling=True) or self._changed.proven(falling=True)

    @property
    def newest_first(self) -> bool:
        """New rows stand near the front: a long call is listed behind shorter ones."""
        return self._created.proven(falling=True)

    @property
    def last_ended_last(self) -> bool:
        """Nothing new can stand before a row that is known."""
        return self._ended.proven(falling=False)

    @property
    def oldest_first(self) -> bool:
        """New rows stand at the end, or near it."""
        return self._created.proven(falling=False) or self._ended.proven(falling=False)
