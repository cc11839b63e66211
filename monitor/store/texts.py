"""Texts of people's and of ours in every table: found by the words in them, and rewritten.

Tables of people and calls are none of these: what stands there is found by its key.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    Text,
    null,
    select,
    update,
)

from monitor.core.rule import SubjectKind
from monitor.core.unnaming import Place, Unnaming
from monitor.store.schema import (
    alert_events,
    alerts,
    audit,
    batches,
    calls,
    contacts,
    deliveries,
    inbox,
    metadata,
    moved_contacts,
    outbox,
    pages,
    people,
    provider_states,
    providers,
    settings,
    silences,
)

_FOUND_BY_KEY = frozenset({calls, contacts, inbox, moved_contacts, pages, people, settings})
# Where ids of people and calls may stand. All other texts name batches, rules and receivers.
_TELL_OF_PEOPLE = frozenset(
    {
        alerts.c.finding,
        alerts.c.closing,
        alerts.c.unknown,
        alert_events.c.evidence,
        alert_events.c.summary,
        outbox.c.message,
        outbox.c.error,
        deliveries.c.text,
        batches.c.report,
        batches.c.failure,
        batches.c.unlisted_why,
        providers.c.failure_text,
        provider_states.c.value,
        silences.c.comment,
        audit.c.detail,
    }
)
_AS_LIST = frozenset({alert_events.c.evidence})
# Whose texts are about what an alert is about.
_OF_ALERTS = frozenset({alert_events, outbox, silences, audit})


@dataclass(frozen=True, slots=True)
class Named:
    """A row in whose texts some of the words stand, and what it is about, where that is told."""

    table: Table
    key: tuple[object, ...]
    about: Place | None
    texts: Mapping[str, str]


def naming(conn: Connection, words: Collection[str]) -> Iterator[Named]:
    """The rows with any of these words somewhere; a part of a longer word counts.

    Every text is looked at: nothing finds a word within one.
    """
    for table in metadata.sorted_tables:
        names = _texts(table)
        if table in _FOUND_BY_KEY or not names:
            continue
        keys = len(table.primary_key)
        for row in conn.execute(_reading(table, names)):
            found = row[keys + 3 :]
            joined = "\n".join(filter(None, found))
            if any(word in joined for word in words):
                texts = {name: text for name, text in zip(names, found, strict=True) if text}
                yield Named(table, row[:keys], _about(*row[keys : keys + 3]), texts)


def _texts(table: Table) -> list[str]:
    """The columns that hold words of the world, and none by which rows are found."""
    unique = {
        column.name for index in table.indexes if index.unique for column in index.columns
    } | {column.name for column in table.columns if column.unique or column.foreign_keys}
    return [
        column.name
        for column in table.columns
        if type(column.type) is Text and not column.primary_key and column.name not in unique
    ]


def _reading(table: Table, names: Sequence[str]) -> Select[Any]:
    """The keys of all rows, what kind of thing each is about, and its texts."""
    about: list[ColumnElement[Any]] = [null(), null(), null()]
    source: FromClause = table
    if table is alerts or table in _OF_ALERTS:
        about = [alerts.c.subject_kind, alerts.c.provider, alerts.c.subject_id]
    if table in _OF_ALERTS:
        source = table.outerjoin(alerts, alerts.c.key == table.c.alert_key)
    texts = [table.c[name] for name in names]
    return select(*table.primary_key, *about, *texts).select_from(source)


def _about(kind: str | None, provider: str | None, subject: str | None) -> Place | None:
    if provider is None:
        return None
    return provider, subject if kind == SubjectKind.BATCH else None


def rewritten(found: Named, unnaming: Unnaming) -> dict[str, str]:
    """The texts of a row in which somebody is named, as they are to be."""
    named = any(unnaming.masked(text) != text for text in found.texts.values())
    new = {}
    for name, text in found.texts.items():
        column = found.table.c[name]
        if column in _AS_LIST:
            new[name] = unnaming.ids(text, found.about, named=named)
        elif column in _TELL_OF_PEOPLE:
            new[name] = unnaming.text(text, found.about, named=named)
        else:
            new[name] = unnaming.masked(text)
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
