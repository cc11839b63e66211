"""Silences and acknowledgements as kept: the one path for every way of asking.

Whatever changes writes down who changed it, in the same transaction.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from monitor.core.alert import Alert
from monitor.core.compose import plain
from monitor.core.route import Matcher
from monitor.core.silence import BatchRun, Silence, Source
from monitor.core.wish import (
    NoSuchError,
    OverError,
    SilenceError,
    Wish,
    acknowledgement,
    checked_name,
    granted,
    in_words,
)
from monitor.store import alerts, audit, hot, runs, waiting
from monitor.store.audit import Deed
from monitor.store.coding import decode, encode
from monitor.store.holding import Held, held_back
from monitor.store.schema import alerts as alerts_table
from monitor.store.schema import from_micros, silences, to_micros

# So long an ended one is still loaded for the evaluations: the next message says that it ended.
REMEMBERED = timedelta(days=1)
MOST = 1_000  # silences that stand or are to begin; every evaluation looks at each
ITSELF = "offhook"
_OPEN = ("pending", "firing")


def add(conn: Connection, wish: Wish, now: datetime, labels: Collection[str] = ()) -> Held:
    """Make a silence; SilenceError when it cannot be made as asked."""
    held = preview(conn, wish, now, labels)
    if _find(conn, silences.c.id == held.silence.id):
        return replace(held, new=False)
    standing = (silences.c.ended_at.is_(None), silences.c.alert_key.is_(None))
    if conn.execute(select(func.count()).where(*standing)).scalar_one() >= MOST:
        raise SilenceError(f"{MOST:,} silences stand already", "end some: offhook silence list")
    _put(conn, held.silence, f"{in_words(held.silence)}; {held.text}")
    return held


def preview(conn: Connection, wish: Wish, now: datetime, labels: Collection[str] = ()) -> Held:
    """The silence as it would be made, and what it would hold back; nothing is written."""
    silence = granted(wish, now, labels)
    if silence.until_end_of is not None and runs.is_over(conn, silence.until_end_of):
        batch = plain(silence.until_end_of.batch, 100)
        raise OverError(f"the batch {batch} has ended already", "give a length instead")
    alerts, left_out = held_back(conn, silence)
    return Held(silence=silence, alerts=alerts, left_out=left_out)


def acknowledge(
    conn: Connection, key: str, *, by: str, source: Source, now: datetime, comment: str = ""
) -> Held:
    """Acknowledge the alert with this key, or the only one whose key begins so.

    NoSuchError when there is none; OverError when it is closed. Somebody who has already
    acknowledged it changes nothing.
    """
    alert = _alert(conn, key)
    if alert.state not in _OPEN:
        raise OverError(
            f"{plain(alert.subject.title, 80)} ({alert.instance}) is closed already: "
            f"{alert.reason.words}"
        )
    silence = acknowledgement(alert, by=by, source=source, comment=comment, now=now)
    mine = (silences.c.alert_key == alert.key, silences.c.author == silence.author)
    known = _find(conn, *mine, silences.c.ended_at.is_(None))
    if known:
        return Held(silence=known[0], alerts=(alert,), new=False)
    said = f": {silence.comment}" if silence.comment else ""
    _put(conn, silence, f"{plain(alert.subject.title, 80)} ({alert.instance}){said}")
    return Held(silence=silence, alerts=(alert,))


def end(conn: Connection, id_: str, *, by: str, source: Source, now: datetime) -> Silence:
    """End one by its id, or the only one whose id begins so; it does not stand any more.

    NoSuchError when there is none; OverError when it has ended already.
    """
    found = _find(conn, silences.c.id.startswith(id_, autoescape=True)) if id_ else ()
    if len(found) != 1:
        many = "several silences begin with" if found else "there is no silence"
        raise NoSuchError(f"{many} {plain(id_, 40)!r}", "see: offhook silence list")
    silence = found[0]
    over = silence.over_at()
    if over is not None and over <= now:
        raise OverError(f"{silence.id} has ended already")
    deed = (checked_name(by), source, in_words(silence))
    return _end(conn, silence, at=now, now=now, deed=deed)


def close_ended(conn: Connection, now: datetime) -> int:
    """Mark what is over: its time, its batch's run, or its alert; how many there were."""
    done = 0
    for silence in [_of(row) for row in hot.read(conn, _BASELESS)]:
        why = _why_over(conn, silence, now)
        if why is not None:
            at = min(silence.ends_at or now, now)
            _end(conn, silence, at=at, now=now, deed=(ITSELF, Source.OFFHOOK, why))
            done += 1
    return done


# Those that have not ended, and stand on no open alert: each round of judging asks.
_BASELESS = (
    select(silences)
    .where(
        silences.c.ended_at.is_(None),
        ~select(alerts_table.c.key)
        .where(alerts_table.c.key == silences.c.alert_key, alerts.IS_OPEN)
        .exists(),
    )
    .order_by(silences.c.created_at)
)


def load_standing(conn: Connection, now: datetime) -> tuple[Silence, ...]:
    """What stands or is to begin, and what ended within the last day.

    With the batch ends what was to end with it, before that is marked: what is told of the
    end itself is held back by nothing.
    """
    rows = hot.ask(conn, _STANDING, since=to_micros(now - REMEMBERED))
    return tuple(_ended_with_run(conn, _kept(row), now) for row in rows)


@lru_cache(maxsize=8 * MOST)
def _kept(row: hot.Row) -> Silence:
    """What a raw row says; every evaluation asks, and rows hardly ever change."""
    cells = dict(zip(silences.columns.keys(), row, strict=True))
    times = {name: cells[name] for name in ("created_at", "starts_at", "ends_at", "ended_at")}
    known = {name: None if at is None else from_micros(at) for name, at in times.items()}
    return _of(SimpleNamespace(**cells | known))


def _ended_with_run(conn: Connection, silence: Silence, now: datetime) -> Silence:
    if silence.ended_at or silence.until_end_of is None:
        return silence
    return replace(silence, ended_at=now) if runs.is_over(conn, silence.until_end_of) else silence


_STANDING = (
    select(silences)
    .where(or_(literal_column("ended_at IS NULL"), silences.c.ended_at > bindparam("since")))
    .order_by(silences.c.created_at, silences.c.id)
)


def load(
    conn: Connection,
    *,
    ended: bool = False,
    since: datetime | None = None,
    alert: str | None = None,
    limit: int = 200,
) -> tuple[Silence, ...]:
    """Those that stand or are to begin, with ``ended`` all of them; the newest first.

    ``since``: also those that ended later than that.
    """
    query = select(silences)
    if not ended:
        stands = silences.c.ended_at.is_(None)
        query = query.where(stands if since is None else stands | (silences.c.ended_at > since))
    if alert is not None:
        query = query.where(silences.c.alert_key == alert)
    newest = (silences.c.created_at.desc(), silences.c.id)
    return tuple(_of(row) for row in conn.execute(query.order_by(*newest).limit(limit)))


def _alert(conn: Connection, key: str) -> Alert:
    begins_so = alerts_table.c.key.startswith(key, autoescape=True)
    keys = conn.execute(select(alerts_table.c.key).where(begins_so).limit(2)).scalars().all()
    found = alerts.load_key(conn, keys[0]) if key and len(keys) == 1 else None
    if found is None:
        many = "several alerts begin with" if key and keys else "there is no alert"
        raise NoSuchError(f"{many} {plain(key, 40)!r}", "see: offhook alerts")
    return found


def _why_over(conn: Connection, silence: Silence, now: datetime) -> str | None:
    if silence.ends_at is not None and silence.ends_at <= now:
        return "its time is over"
    if silence.until_end_of is not None and runs.is_over(conn, silence.until_end_of):
        return "the batch has ended"
    if silence.alert is not None and not _is_open(conn, silence.alert):
        return "the alert has closed"
    return None


def _is_open(conn: Connection, key: str) -> bool:
    alert = alerts.load_key(conn, key)
    return alert is not None and alert.state in _OPEN


def _end(
    conn: Connection,
    silence: Silence,
    *,
    at: datetime,
    now: datetime,
    deed: tuple[str, Source, str],
) -> Silence:
    who, source, why = deed
    conn.execute(update(silences).where(silences.c.id == silence.id).values(ended_at=at))
    if not silence.is_ack and at < silence.holds_until:
        waiting.release(conn, until=silence.holds_until, of=silence.until_end_of, now=at)
    _note(conn, silence, "end", now, who=who, source=source, detail=why)
    return replace(silence, ended_at=at)


def _note(
    conn: Connection,
    silence: Silence,
    what: str,
    at: datetime,
    *,
    who: str,
    source: Source,
    detail: str,
) -> None:
    run = silence.until_end_of
    deed = Deed(
        at=at,
        who=who,
        source=source,
        what=f"{'ack' if silence.is_ack else 'silence'}.{what}",
        target=silence.id,
        detail=detail,
        provider=run.provider if run else None,
        alert_key=silence.alert,
    )
    audit.record(conn, deed)


def _put(conn: Connection, silence: Silence, detail: str) -> None:
    run = silence.until_end_of
    values: dict[str, Any] = {
        name: getattr(silence, name)
        for name in ("id", "author", "source", "comment", "created_at", "starts_at", "ends_at")
    }
    values |= {"matchers": encode(silence.matchers), "alert_key": silence.alert}
    if run is not None:
        values |= {"provider": run.provider, "batch": run.batch, "run": run.run}
    conn.execute(insert(silences).values(values))
    who, source = silence.author, silence.source
    _note(conn, silence, "add", silence.created_at, who=who, source=source, detail=detail)


def _find(conn: Connection, *conditions: ColumnElement[bool]) -> tuple[Silence, ...]:
    rows = conn.execute(select(silences).where(*conditions).order_by(silences.c.created_at))
    return tuple(_of(row) for row in rows)


def _of(row: Any) -> Silence:
    run = None
    if row.batch is not None:
        run = BatchRun(provider=row.provider, batch=row.batch, run=row.run)
    return Silence(
        id=row.id,
        author=row.author,
        source=Source(row.source),
        comment=row.comment,
        created_at=row.created_at,
        starts_at=row.starts_at,
        matchers=decode(tuple[Matcher, ...], row.matchers),
        alert=row.alert_key,
        ends_at=row.ends_at,
        until_end_of=run,
        ended_at=row.ended_at,
    )
