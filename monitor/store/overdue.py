"""What receivers ought to have taken by now, and what is owed to receivers that are no more."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from monitor.core.rule import Severity
from monitor.store.outbox import FIRING_WEIGHT, OPEN
from monitor.store.schema import outbox

# How long after it was to go a receiver may take to accept a message.
PATIENCE = timedelta(minutes=15)
PATIENCE_CRITICAL = timedelta(minutes=2)
# Where several messages stand refused nothing is taken, and what is due is not even tried. So
# long it may be that only those were wrong, and the others go in a moment.
PATIENCE_REFUSED = timedelta(seconds=15)
_SEVERAL = 2
# Of what was given up: older than this it is no news to anybody.
_NEWS = timedelta(hours=1)
# Tellings of what is known: that it goes on, that somebody has it, that numbers have settled.
_OLD_NEWS = ("repeat-%", "acked%", "settled")

_sent = outbox.alias("sent")
_refused = outbox.alias("turned_away")
# Written out: an index over some rows serves only where a statement says which.
_OPEN: list[ColumnElement[str]] = [literal_column(f"'{state}'") for state in OPEN]
_WAITS = and_(outbox.c.state.in_(_OPEN), outbox.c.sent_at.is_(None))
_DEAD = outbox.c.state == literal_column("'dead'")


@dataclass(frozen=True, slots=True, order=True)
class Overdue:
    """One alert at one receiver that has not heard of it, or not how bad it is."""

    alert_key: str
    receiver: str
    weight: int


def load_overdue(conn: Connection, now: datetime, *, since: datetime) -> tuple[Overdue, ...]:
    """What was not accepted in time, was refused for good, or would be; the heaviest first.

    ``since`` is when sending began: what is owed from before had no chance until then. An
    end that was not taken, and what says nothing new, count only where nothing of the alert
    ever was: they may have taken the place of its first telling.
    """
    waits = and_(_WAITS, or_(_late(now, since), outbox.c.refused > 0, _hopeless(now)))
    dead = and_(_DEAD, outbox.c.due_at > now - _NEWS)
    found: dict[tuple[str, str], int] = {}
    # Asked apart: each is answered from an index of its own.
    for which in (waits, dead):
        for row in conn.execute(_news(which)):
            place = row.alert_key, row.receiver
            found[place] = max(row.weight, found.get(place, 0))
    heaviest = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return tuple(Overdue(alert, receiver, weight) for (alert, receiver), weight in heaviest)


def _news(which: ColumnElement[bool]) -> Select[str, str, int]:
    taken = select(_sent.c.id).where(
        _sent.c.alert_key == outbox.c.alert_key,
        _sent.c.receiver == outbox.c.receiver,
        or_(_sent.c.state == "sent", _sent.c.sent_at.is_not(None)),
    )
    worse = and_(
        outbox.c.weight >= FIRING_WEIGHT,
        *(outbox.c.transition.not_like(each) for each in _OLD_NEWS),
    )
    return select(outbox.c.alert_key, outbox.c.receiver, outbox.c.weight).where(
        which, or_(worse, ~taken.exists())
    )


def untold(conn: Connection, receivers: Collection[str], now: datetime, *, since: datetime) -> int:
    """How many alerts are overdue at one of these receivers and were taken by nobody."""
    heard = select(_sent.c.id).where(
        _sent.c.alert_key == outbox.c.alert_key,
        or_(_sent.c.state == "sent", _sent.c.sent_at.is_not(None)),
    )
    return conn.execute(
        select(func.count(outbox.c.alert_key.distinct())).where(
            _WAITS, outbox.c.receiver.in_(receivers), _late(now, since), ~heard.exists()
        )
    ).scalar_one()


def _late(now: datetime, since: datetime) -> ColumnElement[bool]:
    """Whether a row has waited for longer than its receiver may take."""
    critical = outbox.c.weight % FIRING_WEIGHT >= Severity.CRITICAL.weight
    return or_(
        and_(outbox.c.owed_since <= now - PATIENCE, literal(now - since >= PATIENCE)),
        and_(
            critical,
            outbox.c.owed_since <= now - PATIENCE_CRITICAL,
            literal(now - since >= PATIENCE_CRITICAL),
        ),
    )


def _hopeless(now: datetime) -> ColumnElement[bool]:
    """Whether a row is due where several others stand refused."""
    refuses = (
        select(_refused.c.receiver)
        .where(_refused.c.state.in_(_OPEN), _refused.c.refused > 0)
        .group_by(_refused.c.receiver)
        .having(func.count() >= _SEVERAL)
    )
    return and_(
        outbox.c.receiver.in_(refuses),
        outbox.c.due_at <= now,
        outbox.c.owed_since <= now - PATIENCE_REFUSED,
    )


def load_stray(conn: Connection, receivers: Collection[str]) -> Mapping[str, int]:
    """How many messages are owed to receivers other than these, by receiver."""
    rows = conn.execute(
        select(outbox.c.receiver, func.count(outbox.c.alert_key.distinct()).label("n"))
        .where(*_stray(receivers))
        .group_by(outbox.c.receiver)
    )
    return {row.receiver: row.n for row in rows}


def bury_stray(
    conn: Connection, receivers: Collection[str], *, before: datetime, now: datetime
) -> int:
    """Give up what has been owed to no receiver since before then; how many parts."""
    return conn.execute(
        update(outbox)
        .where(*_stray(receivers), outbox.c.created_at < before)
        .values(state="dead", due_at=now, error="the configuration has no such receiver")
    ).rowcount


def _stray(receivers: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    return _WAITS, outbox.c.receiver.not_in(receivers)
