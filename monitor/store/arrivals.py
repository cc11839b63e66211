"""When each end was heard of by webhook and when by poll; kept for a day."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Connection, Insert, bindparam, case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.core.hearing import Arrival, Heard, Lately, heard
from monitor.store import hot
from monitor.store.schema import arrivals, providers, to_micros

KEPT = timedelta(days=1)
# Figures tell of these last hours, and of no more than so many of the newest ends.
TOLD_OF = timedelta(hours=6)
_MOST = 5_000
_PIECE = 5_000
_NAMES = 500  # of one question

# The vendor's id of a call or batch, when it was heard of, and when the vendor says it ended.
End = tuple[str, datetime, datetime | None]


def note_webhook(conn: Connection, provider: str, ends: Iterable[End]) -> None:
    """Webhooks told these ends; what is known already keeps its earlier time."""
    _note(conn, "webhook_at", provider, ends)


def note_poll(conn: Connection, provider: str, ends: Iterable[End]) -> None:
    """Polls saw these ends; what is known already keeps its earlier time."""
    _note(conn, "poll_at", provider, ends)


def _note(conn: Connection, way: str, provider: str, ends: Iterable[End]) -> None:
    rows = [
        {
            "provider": provider,
            "subject": subject,
            "first_at": to_micros(at),
            way: to_micros(at),
            "ended_at": None if ended_at is None else to_micros(ended_at),
        }
        for subject, at, ended_at in ends
    ]
    if rows:
        hot.change(conn, _noting(way, conn.dialect.name), *rows)


@cache
def _noting(way: str, dialect: str) -> Insert:
    module = sqlite if dialect == "sqlite" else postgresql
    names = ("provider", "subject", "first_at", way, "ended_at")
    statement = module.insert(arrivals).values({name: bindparam(name) for name in names})
    new, known = statement.excluded, arrivals.c
    earlier = case((new.first_at < known.first_at, new.first_at), else_=known.first_at)
    noting: Insert = statement.on_conflict_do_update(
        index_elements=["provider", "subject"],
        set_={
            way: new[way],
            "first_at": earlier,
            "ended_at": func.coalesce(known.ended_at, new.ended_at),
        },
        where=known[way].is_(None),
    )
    return noting


def rename(conn: Connection, provider: str, names: Mapping[str, str]) -> None:
    """Call calls of a provider by other names; what is noted under such a one already stays."""
    subjects = sorted(names)
    for start in range(0, len(subjects), _NAMES):
        some = subjects[start : start + _NAMES]
        which = (arrivals.c.provider == provider, arrivals.c.subject.in_(some))
        rows = conn.execute(select(arrivals).where(*which)).all()
        if rows:
            conn.execute(delete(arrivals).where(*which))
        for row in rows:
            for way, at in (("webhook_at", row.webhook_at), ("poll_at", row.poll_at)):
                if at is not None:
                    _note(conn, way, provider, [(names[row.subject], at, row.ended_at)])


def recent(
    conn: Connection, provider: str, since: datetime, most: int = _MOST
) -> Sequence[Arrival]:
    """The newest ends that were first heard of since then, newest first."""
    query = (
        select(*_TIMES)
        .where(arrivals.c.provider == provider, arrivals.c.first_at >= since)
        .order_by(arrivals.c.first_at.desc())
        .limit(most)
    )
    return [Arrival(*row) for row in conn.execute(query)]


_TIMES = tuple(arrivals.c[name] for name in Arrival._fields)


def figures(conn: Connection, now: datetime, names: Iterable[str]) -> dict[str, Heard]:
    """How the ends of the last hours were heard of, by provider; nothing where there are none."""
    found = {name: recent(conn, name, now - TOLD_OF) for name in names}
    return {name: heard(ends, now) for name, ends in found.items() if ends}


def missed(
    conn: Connection, provider: str, since: datetime | None, until: datetime, most: int
) -> tuple[int, datetime | None, datetime | None]:
    """How many ends polls alone saw after ``since`` and up to then; when the first, and the last.

    Counted from the oldest, and no further than ``most``.
    """
    query = (
        select(arrivals.c.first_at)
        .where(
            arrivals.c.provider == provider,
            arrivals.c.first_at <= until,
            arrivals.c.webhook_at.is_(None),
        )
        .order_by(arrivals.c.first_at)
        .limit(most)
    )
    if since is not None:
        query = query.where(arrivals.c.first_at > since)
    found = query.subquery()
    n, first, last = conn.execute(
        select(func.count(), func.min(found.c.first_at), func.max(found.c.first_at))
    ).one()
    return n, first, last


def lately(conn: Connection, provider: str, since: datetime, until: datetime, most: int) -> Lately:
    """The ends that polls saw, first heard of from then to then; of more the newest ``most``."""
    alone = case((arrivals.c.webhook_at.is_(None), arrivals.c.first_at))
    some = (
        select(alone.label("alone_at"))
        .where(
            arrivals.c.provider == provider,
            arrivals.c.first_at >= since,
            arrivals.c.first_at <= until,
            arrivals.c.poll_at.is_not(None),
        )
        .order_by(arrivals.c.first_at.desc())
        .limit(most)
        .subquery()
    )
    at = some.c.alone_at
    ends, missed_, first, last = conn.execute(
        select(func.count(), func.count(at), func.min(at), func.max(at)).select_from(some)
    ).one()
    return Lately(ends=ends, missed=missed_, missed_since=first, missed_until=last)


def prune(conn: Connection, before: datetime) -> int:
    """Drop some of what was first heard of before then; how many."""
    gone = 0
    for name in conn.execute(select(providers.c.name)).scalars().all():
        old = (arrivals.c.provider == name, arrivals.c.first_at < before)
        some = (
            select(arrivals.c.subject)
            .where(*old)
            .order_by(arrivals.c.first_at)
            .limit(_PIECE - gone)
        )
        gone += conn.execute(delete(arrivals).where(*old, arrivals.c.subject.in_(some))).rowcount
    return gone
