"""What a receiver was told of and still fires: for one that has to hear it again and again."""

from sqlalchemy import Connection, select

from monitor.core.message import Message
from monitor.store.coding import decode
from monitor.store.schema import alerts, outbox

_OPEN = ("pending", "firing")
_AT_ONCE = 500  # keys in one statement


def told_and_firing(conn: Connection, *, receiver: str) -> tuple[Message, ...]:
    """Of each alert that fires, what the receiver took last; in the order of their firing.

    The outbox keeps everything, so it is asked only for what is open now.
    """
    firing = conn.execute(
        select(alerts.c.key)
        # The first as the index of open alerts has it.
        .where(alerts.c.state.in_(_OPEN), alerts.c.state == "firing")
        .order_by(alerts.c.fired_at, alerts.c.key)
    ).scalars()
    keys = firing.all()
    newest: dict[str, str] = dict.fromkeys(keys, "")
    for start in range(0, len(keys), _AT_ONCE):
        taken = conn.execute(
            select(outbox.c.alert_key, outbox.c.message)
            .where(
                outbox.c.alert_key.in_(keys[start : start + _AT_ONCE]),
                outbox.c.receiver == receiver,
                outbox.c.state == "sent",
            )
            .order_by(outbox.c.id)
        )
        newest |= {row.alert_key: row.message for row in taken}
    return tuple(decode(Message, told) for told in newest.values() if told)
