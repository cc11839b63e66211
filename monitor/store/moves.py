"""How alerts moved, as the audit has it: which did of late, and what one fired with."""

from sqlalchemy import Connection, bindparam, literal_column, select

from monitor.core.alert import AlertState
from monitor.core.compose import Fired
from monitor.store import hot
from monitor.store.schema import alert_events

Move = tuple[int, str, int]  # its number, the alert, when

_MOVE = (alert_events.c.id, alert_events.c.alert_key, alert_events.c.at)
_NEWEST = select(*_MOVE).order_by(alert_events.c.id.desc()).limit(literal_column("1"))
_SINCE = select(*_MOVE).where(alert_events.c.id >= bindparam("since")).order_by(alert_events.c.id)


def newest_move(conn: Connection) -> Move | None:
    """The last move of any alert."""
    rows = hot.ask(conn, _NEWEST)
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def moves_since(conn: Connection, move: Move) -> list[Move] | None:
    """The moves after this one; None when it is not there: what was seen was taken back."""
    first, *others = hot.ask(conn, _SINCE, since=move[0]) or [()]
    if first != move:
        return None
    return [(each[0], each[1], each[2]) for each in others]


def fired_with(conn: Connection, key: str) -> Fired | None:
    """What was measured when the alert fired; None when it never did, or nothing was."""
    for value, threshold in hot.ask(conn, _FIRED, key=key):
        return None if value is None else Fired(value, threshold)
    return None


_FIRED = (
    select(alert_events.c.value, alert_events.c.threshold)
    .where(alert_events.c.alert_key == bindparam("key"))
    .where(alert_events.c.after == literal_column(f"'{AlertState.FIRING}'"))
    .order_by(alert_events.c.id)
    .limit(literal_column("1"))
)
