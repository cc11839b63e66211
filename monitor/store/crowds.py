"""Which alerts share one place at a receiver that keeps alerts, and how many of those fire.

The first few alerts of a conversation have a place each there. All that came after them, and
all of a storm, share one. Who is which is read from the outbox, which forgets nothing: an end
finds the place that its beginning had.
"""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from monitor.core.crowd import Crowd
from monitor.core.identity import crowd_key
from monitor.store import conversations
from monitor.store.alerts import IS_OPEN
from monitor.store.conversations import Conversation
from monitor.store.schema import alerts, outbox

EACH = 20
_AT_ONCE = 500  # keys in one statement


def load_crowds(conn: Connection, *, receiver: str, keys: Sequence[str]) -> dict[str, Crowd]:
    """The crowd of each of these alerts that is in one, by alert key."""
    found: dict[str, Crowd] = {}
    for conversation, members in _homes(conn, receiver, keys).items():
        home = conversations.load(conn, conversation)
        apart = () if home.is_storm else _first(conn, conversation)
        if among := [each for each in members if each not in apart]:
            found |= dict.fromkeys(among, _crowd(conn, home, apart))
    return found


def _homes(conn: Connection, receiver: str, keys: Sequence[str]) -> dict[int, list[str]]:
    """The alerts by the conversation that first told of each: a digest is told in several."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for start in range(0, len(keys), _AT_ONCE):
        first = (
            select(func.min(outbox.c.id))
            .where(outbox.c.alert_key.in_(keys[start : start + _AT_ONCE]))
            .where(outbox.c.receiver == receiver)
            .group_by(outbox.c.alert_key)
        )
        rows = select(outbox.c.alert_key, outbox.c.conversation).where(outbox.c.id.in_(first))
        for alert, conversation in conn.execute(rows):
            found[conversation].append(alert)
    return found


def _first(conn: Connection, conversation: int) -> tuple[str, ...]:
    rows = conn.execute(
        select(outbox.c.alert_key)
        .where(outbox.c.conversation == conversation)
        .group_by(outbox.c.alert_key)
        .order_by(func.min(outbox.c.id))
        .limit(EACH)
    )
    return tuple(rows.scalars())


def _crowd(conn: Connection, home: Conversation, apart: Sequence[str]) -> Crowd:
    first_told = (
        select(outbox.c.conversation)
        .where(outbox.c.alert_key == alerts.c.key, outbox.c.receiver == home.receiver)
        .order_by(outbox.c.id)
        .limit(1)
        .scalar_subquery()
    )
    rows = conn.execute(
        select(alerts.c.severity, func.count().label("n"))
        .where(IS_OPEN, alerts.c.key.not_in(apart), first_told == home.id)
        .group_by(alerts.c.severity)
    )
    firing = {row.severity: row.n for row in rows}
    key = crowd_key(home.receiver, str(home.id), home.opened_at.isoformat())
    return Crowd(key=key, group=home.id, firing=firing)
