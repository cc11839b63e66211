"""What decides who hears of an alert, as it stood at an earlier time: copied, and turned back.

Alerts go by the audit of their moves, silences by when they were made and ended, what was told
by when it was owed and taken. What is not kept of then stays as it is now, or is left out; see
``monitor.evaluation.explanation``.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, and_, func, insert, or_, select

from monitor.store.schema import (
    alert_events,
    alerts,
    batches,
    conversations,
    deliveries,
    outbox,
    silences,
)
from monitor.store.silences import REMEMBERED

Cells = dict[str, Any]
T = TypeVar("T")

_AT_ONCE = 500
_LATELY = timedelta(minutes=1)  # how many conversations began in it tells a storm
_OPEN = ("pending", "firing")


def copy_as_of(conn: Connection, into: Connection, at: datetime, alert: str | None) -> None:
    """Fill an empty database with what stood at ``at`` and concerns any alert, or this one."""
    talks = _talks(conn, at, alert)
    told = list(_told(conn, at, [row["id"] for row in talks]))
    _put(into, alerts, _alerts(conn, at, {row["alert_key"] for row in told}, alert))
    known = {row["key"] for row in _rows(into, alerts)}
    _put(into, conversations, _as_talked(talks, told, at))
    _put(into, outbox, [row for row in told if row["alert_key"] in known])
    standing = [
        _until(row, "ended_at", at)
        for row in _silences(conn, at)
        if row["alert_key"] in {None, *known}
    ]
    _put(into, silences, standing)
    _put(into, batches, _batches(conn, standing, at))


def _alerts(
    conn: Connection, at: datetime, keys: Collection[str], alert: str | None
) -> Iterator[Cells]:
    """Those that were open then, what is told of, and others of the alert's own condition."""
    there = alerts.c.since <= at
    wanted = alerts.c.closed_at.is_(None) | (alerts.c.closed_at > at)
    if alert is not None:
        (own,) = _rows(conn, alerts, alerts.c.key == alert)
        of_it = [alerts.c[name] == own[name] for name in ("provider", "subject_kind", "subject_id")]
        wanted |= and_(*of_it) | (alerts.c.fingerprint == own["fingerprint"])
    found = {row["key"]: row for row in _rows(conn, alerts, there, wanted)}
    for some in _pieces(keys - found.keys()):
        found |= {row["key"]: row for row in _rows(conn, alerts, there, alerts.c.key.in_(some))}
    moved = _last_moves(conn, found, at)
    rows = sorted(found.values(), key=lambda row: row["episode"])
    last = {row["fingerprint"]: row["key"] for row in rows}
    for row in rows:
        key = row["key"]
        # Where a clock was set back two episodes overlap, and the earlier one stays closed.
        yield _alert(row, moved.get(key), at) if last[row["fingerprint"]] == key else row


def _alert(row: Cells, move: Cells | None, at: datetime) -> Cells:
    turned = row | {"unknown": None}
    for name in ("fired_at", "closed_at", "clear_since", "evidence_at"):
        turned = _until(turned, name, at)
    if move is not None:
        turned |= {"state": move["after"], "severity": move["severity"], "reason": move["reason"]}
    elif turned["closed_at"] is None:
        turned["state"] = "pending" if turned["fired_at"] is None else "firing"
    return turned | ({"closing": None} if turned["state"] in _OPEN else {})


def _last_moves(conn: Connection, keys: Iterable[str], at: datetime) -> dict[str, Cells]:
    found: dict[str, Cells] = {}
    for some in _pieces(keys):
        wanted = (alert_events.c.alert_key.in_(some), alert_events.c.at <= at)
        found |= {row["alert_key"]: row for row in _rows(conn, alert_events, *wanted)}
    return found


def _talks(conn: Connection, at: datetime, alert: str | None) -> list[Cells]:
    """The conversations that were open, or began a moment before; and those about the alert."""
    about = select(outbox.c.conversation).where(outbox.c.alert_key == alert)
    was_open = conversations.c.closed_at.is_(None) | (conversations.c.closed_at > at)
    wanted = or_(was_open, conversations.c.opened_at > at - _LATELY, conversations.c.id.in_(about))
    return _rows(conn, conversations, conversations.c.opened_at <= at, wanted)


def _as_talked(talks: Collection[Cells], told: Iterable[Cells], at: datetime) -> Iterator[Cells]:
    taken: dict[int, datetime] = {}
    for row in told:
        if (sent := row["sent_at"]) is not None:
            talk = row["conversation"]
            taken[talk] = max(sent, taken.get(talk, sent))
    last = {(row["receiver"], row["group_key"]): row["id"] for row in talks}
    for row in talks:
        heard = taken.get(row["id"])
        turned = row | {"told_at": heard} | ({} if heard else {"remote_id": None})
        is_last = last[row["receiver"], row["group_key"]] == row["id"]
        yield _until(turned, "closed_at", at) if is_last else turned


def _told(conn: Connection, at: datetime, talks: Iterable[int]) -> Iterator[Cells]:
    """What was owed in these conversations by then, and what had become of it."""
    found: list[Cells] = []
    for some in _pieces(talks):
        wanted = (outbox.c.conversation.in_(some), outbox.c.created_at <= at)
        found += _rows(conn, outbox, *wanted)
    newest: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in found:
        newest[_of(row)] = max(newest[_of(row)], row["id"])
    buried = _buried(conn, [row["id"] for row in found if row["state"] == "dead"], at)
    for row in found:
        was_sent = row["sent_at"] is not None and row["sent_at"] <= at
        state = "pending"
        if was_sent:
            state = "sent"
        elif row["id"] in buried:
            state = "dead"
        elif row["id"] < newest[_of(row)]:
            state = "superseded"
        yield _until(row, "sent_at", at) | {"state": state}


def _of(row: Cells) -> tuple[str, str, str]:
    return row["alert_key"], row["receiver"], row["part"]


def _buried(conn: Connection, dead: Iterable[int], at: datetime) -> set[int]:
    """Those of the dead that were tried no more after that time."""
    found: set[int] = set()
    for some in _pieces(dead):
        last = select(deliveries.c.outbox).where(deliveries.c.outbox.in_(some))
        last = last.group_by(deliveries.c.outbox).having(func.max(deliveries.c.at) <= at)
        found |= set(conn.execute(last).scalars())
    return found


def _silences(conn: Connection, at: datetime) -> list[Cells]:
    over = silences.c.ended_at <= at - REMEMBERED
    kept = silences.c.ended_at.is_(None) | ~over
    return _rows(conn, silences, silences.c.created_at <= at, kept)


def _batches(conn: Connection, standing: Iterable[Cells], at: datetime) -> Iterator[Cells]:
    """The batches with which silences were to end; one that still stood had not."""
    runs = {(row["provider"], row["batch"]): row for row in standing if row["batch"] is not None}
    for (provider, batch), silence in runs.items():
        named = (batches.c.provider == provider, batches.c.batch_id == batch)
        for row in _rows(conn, batches, *named):
            turned = _until(row, "terminal_again_at", at)
            if silence["ended_at"] is None and turned["terminal_again_at"] is None:
                turned |= {"open": True, "run": silence["run"]}
            yield turned


def _until(row: Cells, name: str, at: datetime) -> Cells:
    """The row without what came later than that."""
    return row | {name: None} if row[name] is not None and row[name] > at else row


def _rows(conn: Connection, table: Table, *where: ColumnElement[bool]) -> list[Cells]:
    """In the order in which they were written."""
    first = next(iter(table.primary_key.columns))
    found = conn.execute(select(table).where(*where).order_by(first)).mappings()
    return [dict(row) for row in found]


def _put(into: Connection, table: Table, rows: Iterable[Cells]) -> None:
    if found := list(rows):
        into.execute(insert(table), found)


def _pieces(some: Iterable[T]) -> Iterator[list[T]]:
    found = list(some)
    return (found[n : n + _AT_ONCE] for n in range(0, len(found), _AT_ONCE))
