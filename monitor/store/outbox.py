"""What is owed to people, as rows that outlive a crash.

A row is one part of one notification to one receiver. Its delivery key is unique, so the
same thing is never owed twice; a newer state takes the place of an older one that was
certainly not sent. Nothing here is ever deleted: what was given up stays, as dead.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    update,
)

from monitor.core.decision import Told
from monitor.core.identity import delivery_key
from monitor.core.message import Message
from monitor.core.rule import Severity
from monitor.store import among, hot
from monitor.store.coding import decode, encode
from monitor.store.schema import from_micros, outbox, to_micros

OPEN = ("pending", "attempting")
FIRING_WEIGHT = 10  # more than any severity
_CARRIED_ON = ("id", "attempts", "refused", "due_at", "owed_since")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owing:
    """How one receiver stands: what waits for it, what is dead.

    ``due_at``: when the first of what waits is to go. ``failing_since``: since when the
    oldest of what was tried in vain has been owed.
    """

    receiver: str
    waiting: int
    dead: int
    due_at: datetime | None
    failing_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What one receiver was told about one alert, and in which conversation.

    ``due_at``: when the last of what waits is to go; None when nothing does.
    """

    conversation: int
    told: Told
    due_at: datetime | None = None
    report: Message | None = None  # as the first report put it, if that was delivered


def put(
    conn: Connection,
    *,
    conversation: int,
    receiver: str,
    transition: str,
    part: str,
    message: Message,
    now: datetime,
    due: datetime,
    first: bool = False,
) -> bool:
    """Owe one part; False when it is owed or was told already.

    It takes the place of an older part of the same alert that need not be told any more, and
    the retries of that one: what failed a moment ago is not tried at once again. ``first``:
    nothing was ever put of this alert for this receiver.
    """
    key = delivery_key(message.key, receiver, transition, part)
    if not first and hot.ask(conn, _KNOWN, key=key):
        return False
    older = [] if first else _retired(conn, receiver=receiver, alert=message.key, part=part)
    values = {
        "delivery_key": key,
        "conversation": conversation,
        "receiver": receiver,
        "alert_key": message.key,
        "transition": transition,
        "part": part,
        "message": encode(message),
        "weight": weight_of(message),
        "state": "pending",
        "created_at": now,
        "owed_since": min([due, *(row.owed_since for row in older)]),
        "due_at": max([due, *(row.due_at for row in older if row.attempts)]),
        "attempts": max((row.attempts for row in older), default=0),
        "refused": max((row.refused for row in older), default=0),
    }
    hot.add(conn, outbox, values)
    return True


_KNOWN = select(outbox.c.id).where(outbox.c.delivery_key == bindparam("key"))


def weight_of(message: Message) -> int:
    """What goes first where not everything can be shown: what fires, then by severity."""
    return FIRING_WEIGHT * (message.state == "FIRING") + Severity(message.severity).weight


_other = outbox.alias()
_carries = select(_other.c.id).where(
    _other.c.conversation == outbox.c.conversation, _other.c.carried_by == outbox.c.id
)
_ALONE = outbox.c.carried_by.is_(None) & ~_carries.exists() & (outbox.c.part == "message")
_OLDER = select(*(outbox.c[name] for name in _CARRIED_ON)).where(
    outbox.c.alert_key == bindparam("alert"),
    outbox.c.receiver == bindparam("receiver"),
    outbox.c.part == bindparam("part"),
    outbox.c.state == "pending",
    or_(outbox.c.possible_repeat.is_(False), _ALONE),
)


def _retired(conn: Connection, *, receiver: str, alert: str, part: str) -> list[SimpleNamespace]:
    """Retire what waits; it was certainly not sent, or is one message whose end tells it all.

    What may have arrived stays where the channel will be read, as a copy may turn up there,
    and where it went in company, as its company is to be repeated as it was.
    """
    older = hot.read(conn, _OLDER, alert=alert, receiver=receiver, part=part)
    if older:
        ids = [row.id for row in older]
        conn.execute(update(outbox).where(outbox.c.id.in_(ids)).values(state="superseded"))
    return older


def load_histories(conn: Connection, keys: Iterable[str]) -> Mapping[tuple[str, str], History]:
    """What was told of these alerts, by alert key and receiver."""
    wanted = list(keys)
    grouped: dict[tuple[str, str], list[SimpleNamespace]] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        asked = among.filled(wanted[start : start + _AT_ONCE], _AT_ONCE)
        for row in hot.read(conn, _HISTORY, **asked):
            grouped.setdefault((row.alert_key, row.receiver), []).append(row)
    return {who: _history(theirs) for who, theirs in grouped.items()}


_OF_HISTORY = (
    "conversation",
    "receiver",
    "alert_key",
    "transition",
    "weight",
    "state",
    "created_at",
    "owed_since",
    "due_at",
    "sent_at",
    "possible_repeat",
)
_AT_ONCE = 16  # alerts of one subject that are asked about together
# Asked for every alert every few seconds: what was said is read only where it is compared.
_HISTORY = (
    select(
        *(outbox.c[name] for name in _OF_HISTORY),
        case((outbox.c.transition == "reported", outbox.c.message)).label("message"),
    )
    .where(outbox.c.alert_key.in_(among.listed(_AT_ONCE)))
    .order_by(outbox.c.id)
)
_SEVERITIES = tuple(Severity)  # by weight


def _history(rows: list[SimpleNamespace]) -> History:
    transitions = frozenset(row.transition for row in rows)
    reports = [row for row in rows if row.transition == "reported" and _may_be_out(row)]
    told = Told(
        transitions=transitions,
        delivered=any(_may_be_out(row) for row in rows),
        waiting=any(row.state == "pending" for row in rows),
        severity=_SEVERITIES[max(row.weight % FIRING_WEIGHT for row in rows)],
        first_at=min(
            (row.sent_at or row.owed_since for row in rows if row.state != "superseded"),
            default=None,
        ),
        told_at=max(row.sent_at or row.created_at for row in rows),
        repeats=sum(transition.startswith("repeat-") for transition in transitions),
    )
    return History(
        conversation=rows[-1].conversation,
        told=told,
        due_at=max((row.due_at for row in rows if row.state == "pending"), default=None),
        report=decode(Message, reports[-1].message) if reports else None,
    )


def _may_be_out(row: SimpleNamespace) -> bool:
    return row.state in {"sent", "attempting"} or bool(row.possible_repeat)


def next_due(conn: Connection, *, receiver: str, after: datetime) -> datetime | None:
    """When something falls due that was not yet at ``after``."""
    ((due,),) = hot.ask(conn, _NEXT_DUE, receiver=receiver, after=to_micros(after))
    return None if due is None else from_micros(due)


# The words of the partial index stand in the text: bound ones would miss it.
IS_OPEN: ColumnElement[bool] = literal_column("outbox.state IN ('pending', 'attempting')")
_NEXT_DUE = select(func.min(outbox.c.due_at)).where(
    outbox.c.receiver == bindparam("receiver"), IS_OPEN, outbox.c.due_at > bindparam("after")
)


def critical_waits(conn: Connection, *, receiver: str, now: datetime) -> bool:
    """Whether something critical that fires is due and was not tried yet."""
    found = conn.execute(
        select(outbox.c.id)
        .where(outbox.c.receiver == receiver, outbox.c.state.in_(OPEN), outbox.c.due_at <= now)
        .where(outbox.c.attempts == 0)
        .where(outbox.c.weight >= FIRING_WEIGHT + Severity.CRITICAL.weight)
        .limit(1)
    )
    return found.first() is not None


def hasten(conn: Connection, *, receiver: str, now: datetime) -> int:
    """Make what was tried in vain due at once; how many parts."""
    return conn.execute(
        update(outbox)
        .where(outbox.c.receiver == receiver, outbox.c.state == "pending")
        .where(outbox.c.attempts > 0, outbox.c.due_at > now)
        .values(due_at=now)
    ).rowcount


def hasten_refused(conn: Connection, *, receiver: str, now: datetime) -> int:
    """Make what was refused for good due at once; how many parts."""
    return conn.execute(
        update(outbox)
        .where(outbox.c.receiver == receiver, outbox.c.state == "pending")
        .where(outbox.c.refused > 0, outbox.c.due_at > now)
        .values(due_at=now)
    ).rowcount


def load_owing(conn: Connection) -> tuple[Owing, ...]:
    """How every receiver stands that is owed anything or has dead letters."""
    waits = outbox.c.state.in_(OPEN) & outbox.c.sent_at.is_(None)
    rows = conn.execute(
        select(
            outbox.c.receiver,
            func.sum(case((waits, 1), else_=0)).label("waiting"),
            func.sum(case((outbox.c.state == "dead", 1), else_=0)).label("dead"),
            _least(waits, outbox.c.due_at).label("due_at"),
            _least(waits & (outbox.c.attempts > 0), outbox.c.created_at).label("failing_since"),
        )
        .where(or_(outbox.c.state.in_(OPEN), outbox.c.state == "dead"))
        .group_by(outbox.c.receiver)
        .order_by(outbox.c.receiver)
    )
    return tuple(Owing(**row._asdict()) for row in rows)


def _least(condition: ColumnElement[bool], column: Column[datetime]) -> ColumnElement[datetime]:
    return func.min(case((condition, column)), type_=column.type)
