"""All that fires, as a process that judges remembers it: who explains whom.

Every evaluation asks, and among ten thousand alerts nobody reads all of them each time. What
moved since is taken in from the audit. An evaluation may see what its own transaction has
written and not committed; if that is undone, the last move that was taken in is not there
any more, or is another one, and everything is read anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from monitor.core.alert import AlertState
from monitor.core.explained import Explained
from monitor.core.inhibit import Inhibition
from monitor.store import alerts, moves
from monitor.store.moves import Move


@dataclass(slots=True)
class Firing:
    """What fired when it was last asked for."""

    _explained: Explained | None = field(default=None)
    _newest: Move | None = field(default=None)

    def now(self, conn: Connection, inhibitions: Sequence[Inhibition]) -> Explained:
        """All that fires, under these inhibitions."""
        known = self._explained
        if known is None or self._newest is None or known.inhibitions != tuple(inhibitions):
            return self._anew(conn, inhibitions)
        moved = moves.moves_since(conn, self._newest)
        if moved is None:
            return self._anew(conn, inhibitions)
        if moved:
            keys = list(dict.fromkeys(key for _, key, _ in moved))
            for alert in alerts.load_keys(conn, keys):
                if alert.state is AlertState.FIRING:
                    known.put(alert)
                else:
                    known.drop(alert.key)
            self._newest = moved[-1]
        return known

    def _anew(self, conn: Connection, inhibitions: Sequence[Inhibition]) -> Explained:
        self._newest = moves.newest_move(conn)
        self._explained = found = Explained(inhibitions)
        for alert in alerts.load_firing(conn):
            found.put(alert)
        return found
