"""What one sending shows of the alerts that it speaks of: their newest states, heaviest first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from monitor.core.message import Message
from monitor.store import among, hot
from monitor.store.coding import decode
from monitor.store.schema import outbox

SHOWN_AT_MOST = 40
_AT_ONCE = SHOWN_AT_MOST  # ids in one statement

State = tuple[int, str, int]  # the row's id, its alert, its weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The messages to show, the rows that they stand in, and how many alerts there are."""

    messages: tuple[Message, ...]
    rows: frozenset[int]
    total: int


def shown(conn: Connection, states: Iterable[State], most: int | None) -> Shown:
    """Of each alert its newest state, as far as ``most`` or what is usual allows."""
    newest = {alert: (weight, row) for row, alert, weight in sorted(states)}
    heaviest = sorted(newest.values(), key=lambda one: one[0], reverse=True)
    heaviest = heaviest[: most or SHOWN_AT_MOST]
    found = _load_messages(conn, [row for _, row in heaviest])
    return Shown(
        messages=tuple(found[row] for _, row in heaviest),
        rows=frozenset(found),
        total=len(newest),
    )


def told_in(conn: Connection, conversation: int) -> list[State]:
    """What the conversation's root has told so far."""
    rows = hot.ask(conn, _TOLD, conversation=conversation)
    return [(row, alert, weight) for row, alert, weight in rows]


_TOLD = select(outbox.c.id, outbox.c.alert_key, outbox.c.weight).where(
    outbox.c.conversation == bindparam("conversation"),
    outbox.c.part == "root",
    outbox.c.state == "sent",
)


def _load_messages(conn: Connection, ids: Sequence[int]) -> dict[int, Message]:
    found: dict[int, Message] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        rows = hot.ask(conn, _MESSAGES, **among.filled(some, _AT_ONCE))
        found |= {row: decode(Message, message) for row, message in rows}
    return found


_MESSAGES = select(outbox.c.id, outbox.c.message).where(outbox.c.id.in_(among.listed(_AT_ONCE)))
