"""What people can do from the API and the page, each one transaction, and then looked at soon."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from monitor.core.silence import Silence, Source
from monitor.core.wish import NoSuchError, OverError, Wish, checked_name
from monitor.store import audit, deadletters, silences, views
from monitor.store.audit import Deed
from monitor.store.holding import Held
from monitor.store.writer import Priority
from monitor.web.desk import Desk

T = TypeVar("T")

Asked = Callable[[Connection], Wish]


@dataclass(frozen=True, slots=True)
class Hands:
    """Somebody's, at the desk."""

    desk: Desk
    source: Source

    async def preview(self, asked: Asked) -> Held:
        """What a silence would hold back now."""
        now, labels = self.desk.clock.now(), self.desk.house().labels
        return await self.desk.store.read(
            lambda conn: silences.preview(conn, asked(conn), now, labels)
        )

    async def silence(self, asked: Asked) -> Held:
        """Make one."""
        labels = self.desk.house().labels
        return await self._do(lambda conn, now: silences.add(conn, asked(conn), now, labels))

    async def end(self, id_: str, by: str) -> Silence:
        """End one."""
        return await self._do(
            lambda conn, now: silences.end(conn, id_, by=by, source=self.source, now=now)
        )

    async def acknowledge(self, key: str, by: str, comment: str) -> Held:
        """Acknowledge an alert."""
        return await self._do(
            lambda conn, now: silences.acknowledge(
                conn, key, by=by, source=self.source, now=now, comment=comment
            )
        )

    async def replay(self, key: str, by: str) -> tuple[str, int]:
        """Owe a message again that was given up: its key, and of how many parts."""
        who = checked_name(by)

        def owe(conn: Connection, now: datetime) -> tuple[str, int]:
            found = views.find_delivery(conn, key) if key else None
            if found is None:
                raise NoSuchError("there is no such message", "see: offhook deliveries")
            parts = deadletters.replay(conn, found.delivery_key, now=now)
            if not parts:
                raise OverError(f"it is {found.state}; only the dead are sent again")
            deed = Deed(
                at=now,
                who=who,
                source=self.source,
                what="delivery.replay",
                target=found.delivery_key,
                detail=f"to {found.receiver}: {found.title}",
                alert_key=found.alert_key,
            )
            audit.record(conn, deed)
            return found.delivery_key, parts

        done = await self._do(owe)
        self.desk.owed()
        return done

    async def _do(self, deed: Callable[[Connection, datetime], T]) -> T:
        # People wait for it, and it is short.
        now = self.desk.clock.now()
        done = await self.desk.store.write(Priority.OUTBOX, lambda conn: deed(conn, now))
        self.desk.changed()
        return done
