"""Texts of people's and of ours in every table: found by the words in them, and rewritten.

Tables of people and calls are none of these: what stands there is found by its key.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Table, Text, select, update

from monitor.store.schema import (
    calls,
    contacts,
    metadata,
    moved_contacts,
    outbox,
    pages,
    people,
    settings,
)

_FOUND_BY_KEY = frozenset({calls, contacts, moved_contacts, pages, people, settings})

Rewriting = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Named:
    """A row in whose texts some of the words stand."""

    table: Table
    key: tuple[object, ...]
    texts: Mapping[str, str]


def naming(conn: Connection, words: Collection[str]) -> Iterator[Named]:
    """The rows with any of these words somewhere; a part of a longer word counts.

    Every text is looked at: nothing finds a word within one.
    """
    for table in metadata.sorted_tables:
        columns = _texts(table)
        if table in _FOUND_BY_KEY or not columns:
            continue
        keys = list(table.primary_key)
        names = [column.name for column in columns]
        for row in conn.execute(select(*keys, *columns)):
            texts = {name: text for name, text in zip(names, row[len(keys) :], strict=True) if text}
            if any(word in text for text in texts.values() for word in words):
                yield Named(table, tuple(row[: len(keys)]), texts)


def _texts(table: Table) -> list[Column[str]]:
    """The columns that hold words of the world, and none by which rows are found."""
    unique = {
        column.name for index in table.indexes if index.unique for column in index.columns
    } | {column.name for column in table.columns if column.unique or column.foreign_keys}
    return [
        column
        for column in table.columns
        if type(column.type) is Text and not column.primary_key and column.name not in unique
    ]


def rewritten(found: Named, rewriting: Rewriting) -> dict[str, str]:
    """The texts of a row that the rewriting changes, as they are to be."""
    new = {name: rewriting(text) for name, text in found.texts.items()}
    return {name: text for name, text in new.items() if text != found.texts[name]}


def rewrite(conn: Connection, found: Named, new: Mapping[str, str]) -> None:
    """Put texts of a row in the place of others."""
    keys = zip(found.table.primary_key, found.key, strict=True)
    where = [column == value for column, value in keys]
    conn.execute(update(found.table).where(*where).values(dict(new)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message that somebody has: it cannot be taken back."""

    receiver: str
    sent_at: datetime
    delivery_key: str


def sent(conn: Connection, found: Sequence[Named]) -> tuple[SentMessage, ...]:
    """Those of these rows that are messages which were sent, oldest first."""
    rows = [each.key[0] for each in found if each.table is outbox]
    query = (
        select(outbox.c.receiver, outbox.c.sent_at, outbox.c.delivery_key)
        .where(outbox.c.id.in_(rows), outbox.c.sent_at.is_not(None))
        .order_by(outbox.c.sent_at)
    )
    return tuple(SentMessage(**row._asdict()) for row in conn.execute(query))
