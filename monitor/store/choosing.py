"""Choosing what goes next to a receiver: one conversation, and the rows of it that go as one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from monitor.store import hot
from monitor.store.outbox import IS_OPEN
from monitor.store.schema import outbox, to_micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One row of the outbox, as far as choosing needs it."""

    id: int
    alert_key: str
    part: str
    weight: int
    state: str
    due_at: datetime
    attempts: int
    fence: int
    carried_by: int | None
    possible_repeat: bool
    plain: bool

    @property
    def company(self) -> int:
        """The same for all rows that went as one before."""
        return self.carried_by or self.id


def due(conn: Connection, receiver: str, now: datetime) -> Iterator[int]:
    """The conversations in which something is due, the longest due first."""
    for (conversation,) in hot.ask(conn, _DUE, receiver=receiver, now=to_micros(now)):
        yield conversation


_DUE = (
    select(outbox.c.conversation)
    .where(outbox.c.receiver == bindparam("receiver"), IS_OPEN, outbox.c.due_at <= bindparam("now"))
    .group_by(outbox.c.conversation)
    .order_by(func.min(outbox.c.due_at), outbox.c.conversation)
)


def load_open(conn: Connection, conversation: int) -> list[Waiting]:
    """A conversation's open rows, oldest first."""
    return [Waiting(**vars(row)) for row in hot.read(conn, _OPEN, conversation=conversation)]


_OPEN = (
    select(*(outbox.c[name] for name in Waiting.__slots__))
    .where(outbox.c.conversation == bindparam("conversation"), IS_OPEN)
    .order_by(outbox.c.id)
)


def choose(rows: Sequence[Waiting], now: datetime) -> tuple[Waiting, ...]:
    """Of a conversation's open rows, oldest first: what goes next as one; nothing when not yet.

    What is under way, or failed and is to be tried again, holds back all that came after.
    What only waits for company holds back its own alert.
    """
    under_way = [row for row in rows if row.state == "attempting"]
    if under_way:
        due = all(row.due_at <= now for row in under_way)
        return tuple(sorted(under_way, key=lambda row: row.carried_by or 0)) if due else ()
    chosen: list[Waiting] = []
    held: set[str] = set()
    for row in rows:
        if row.due_at > now:
            if row.attempts:
                break
            held.add(row.alert_key)
        elif row.alert_key in held:
            continue
        elif not chosen:
            chosen.append(row)
        elif not (row.part == chosen[0].part and _together(chosen[0], row)):
            held.add(row.alert_key)
        else:
            chosen.append(row)
    return tuple(chosen)


def _together(leader: Waiting, row: Waiting) -> bool:
    """What was refused goes in the company it was put into, so that it takes no others with it.

    What may be out already keeps the company it had, and gets no other.
    """
    bound = (leader.plain, row.plain, leader.possible_repeat, row.possible_repeat)
    return row.company == leader.company if any(bound) else True
