"""Forgetting the details of batches that ended long ago, a little at a time.

The batches themselves, their reports, and the alerts about them are kept: they are small,
and a report's key is what keeps it from being told again. So is who asked not to be called.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, tuple_, update

from monitor.core.people import PlacedCall
from monitor.store import gathering, people
from monitor.store.schema import batches, calls, changes, contacts, page_moves, pages
from monitor.store.snapshot import Person

# The call in which a person of a provider's batch (its title) asked not to be called; None: none.
Refusal = Callable[[Person, str, str], PlacedCall | None]

# One piece takes a moment, so that retention never stands in an alert's way.
PIECE = 5_000
_AT_ONCE = 200


def prune(
    conn: Connection,
    ended_before: datetime,
    piece: int = PIECE,
    refusal: Refusal | None = None,
) -> int:
    """Drop some people, calls, pages and changes of a batch that ended before then; how many."""
    ended = func.coalesce(batches.c.terminal_at, batches.c.gone_at)  # or had vanished
    batch = conn.execute(
        select(batches.c.id)
        .where(~batches.c.open, ~batches.c.pruned, ended < ended_before)
        .order_by(batches.c.id)
        .limit(1)
    ).scalar()
    if batch is None:
        return 0
    gone = 0
    for table in (calls, contacts, page_moves, pages, changes):
        keys = list(table.primary_key.columns)
        found = [
            tuple(row)
            for row in conn.execute(select(*keys).where(table.c.batch == batch).limit(piece - gone))
        ]
        for start in range(0, len(found), _AT_ONCE):
            some = found[start : start + _AT_ONCE]
            if table is contacts:
                _let_go(conn, batch, [contact_id for _, contact_id in some], refusal)
                gathering.drop(conn, some)
            else:
                conn.execute(delete(table).where(tuple_(*keys).in_(some)))
        gone += len(found)
        if gone >= piece:
            return gone
    conn.execute(update(batches).where(batches.c.id == batch).values(pruned=True, marks=None))
    return gone


def _let_go(conn: Connection, batch: int, ids: list[str], refusal: Refusal | None) -> None:
    """Forget whose these contacts are, but not who asked not to be called."""
    found = people.load(conn, {batch: ids}).values()
    people.unlink(conn, batch, [person.contact for person in found])
    if refusal is None:
        return
    provider, title = people.names_of(conn, [batch])[batch]
    kept: dict[bytes, PlacedCall] = {}
    for person in found:
        key, call = people.person_key(person.contact), refusal(person, provider, title)
        if key is not None and call is not None:
            kept[key] = call
    people.keep_opt_outs(conn, kept)


def forgotten(conn: Connection) -> frozenset[tuple[str, str | None]]:
    """The batches whose people are forgotten: the provider, and the id there."""
    of = select(batches.c.provider, batches.c.batch_id).where(batches.c.pruned)
    return frozenset((row.provider, row.batch_id) for row in conn.execute(of))
