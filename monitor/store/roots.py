"""Where an alert was told, so that nobody acts on one from where it was never heard of."""

from sqlalchemy import Connection, select

from monitor.store.schema import conversations, outbox


def load_places(conn: Connection, *, alert: str, receiver: str) -> frozenset[str] | None:
    """The ids of the receiver's root messages that speak of it; None if it is told of none.

    Empty while the first of them is on its way.
    """
    rows = conn.execute(
        select(conversations.c.remote_id)
        .join(outbox, outbox.c.conversation == conversations.c.id)
        .where(outbox.c.alert_key == alert, outbox.c.receiver == receiver)
    ).scalars()
    found = list(rows)
    return frozenset(filter(None, found)) if found else None
