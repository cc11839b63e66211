"""Where the rows of people stand: in the table of all, and those who moved of late beside it.

Who is called moves several times within minutes, and of the people who stand together few do.
Written where they stand, each would cost a block of a large table and one of its indexes.
So they are written to a small table of their own, whose row of a person goes before the other,
and once there are many, they are gathered into the large one, in its order.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Integer, bindparam, exists, select, union_all

from monitor.store import hot
from monitor.store.hot import Row
from monitor.store.schema import contacts, moved_contacts

# So many are left apart: whoever asks what is due passes over as many rows of before.
MOST_APART = 2_048
# So many are gathered in one transaction, which no alert on its way then waits for long.
PIECE = 4_096

_apart = exists().where(
    moved_contacts.c.batch == contacts.c.batch,
    moved_contacts.c.contact_id == contacts.c.contact_id,
)
# Everybody, as they stand. All who read people read them here.
everybody = union_all(select(moved_contacts), select(contacts).where(~_apart)).subquery("everybody")


def add(conn: Connection, rows: Iterable[Row]) -> None:
    """Write people of whom nothing is known, or nothing that counts any more."""
    new = sorted(rows)
    hot.delete(conn, moved_contacts, [row[:2] for row in new])
    hot.upsert(conn, contacts, new)


def move(conn: Connection, rows: Iterable[Row]) -> None:
    """Write people who are known."""
    hot.upsert(conn, moved_contacts, sorted(rows))


def drop(conn: Connection, keys: Sequence[Row]) -> None:
    """Take out people, each by batch and id."""
    hot.delete(conn, moved_contacts, keys)
    hot.delete(conn, contacts, keys)


def gather_many(conn: Connection, batch: int) -> None:
    """Put those who moved where all stand, once they are many."""
    if hot.ask(conn, _BEYOND, batch=batch, most=MOST_APART):
        gather(conn, batch, PIECE)


def gather(conn: Connection, batch: int, most: int) -> None:
    """Put so many of those who moved where all stand."""
    rows = hot.ask(conn, _FIRST, batch=batch, most=most)
    hot.upsert(conn, contacts, rows)
    hot.delete(conn, moved_contacts, [row[:2] for row in rows])


_of_batch = moved_contacts.c.batch == bindparam("batch")
_most = bindparam("most", type_=Integer)
_FIRST = select(moved_contacts).where(_of_batch).order_by(moved_contacts.c.contact_id).limit(_most)
_BEYOND = select(moved_contacts.c.contact_id).where(_of_batch).limit(1).offset(_most)
