"""One batch of the past judged by candidate rules: what they would have told, and at what cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from monitor.core.alert import Alert, AlertState, Reason, Transition
from monitor.core.backtest import Fired
from monitor.core.ledger import Episode
from monitor.core.route import all_match
from monitor.core.rule import SubjectKind
from monitor.core.suggesting import Peak
from monitor.evaluation.batches import labels_of
from monitor.evaluation.context import Context
from monitor.evaluation.lives import Life
from monitor.evaluation.pastcoming import retold
from monitor.evaluation.pastdays import retold_days
from monitor.evaluation.replay import EVERY, lived
from monitor.store import batches, history
from monitor.store.batches import BatchRow
from monitor.store.ledger import load_episodes, load_fired


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What the candidate rules made of one batch; ``whole``: more of it is known than calls."""

    batch: int
    fired: tuple[Fired, ...] = ()
    peaks: Mapping[str, Peak] = field(default_factory=dict)
    whole: bool = True
    unread: bool = False
    changes: int = 0
    calls: int = 0
    untimed: int = 0


def to_replay(conn: Connection, context: Context, since: datetime) -> list[tuple[str, int]]:
    """The batches that were open at some time since then, with their providers."""
    return [
        (name, batch)
        for name in context.providers
        for batch in (*history.ended_since(conn, name, since), *history.open_now(conn, name))
    ]


def replay_one(
    conn: Connection,
    batch: int,
    context: Context,
    since: datetime,
    until: datetime,
    every: timedelta = EVERY,
    *,
    peaks: bool = False,
) -> Lived | None:
    """One batch, from its first moment on; None when it is none of the configuration's.

    What fired before ``since`` is left out, but not what it led to.
    """
    row = batches.load(conn, batch)
    view = context.providers[row.look.provider]
    if not all_match(view.match, labels_of(row.look, view)):
        return None
    if row.pruned or row.listed_at is None:
        return Lived(batch=batch, unread=True)
    life = lived(conn, row, view, context, every, until, peaks=peaks)
    last = {each.alert.key: each.alert for each in life.transitions}
    return Lived(
        batch=batch,
        fired=tuple(
            _fired(alert, life)
            for alert in last.values()
            if alert.fired_at is not None and alert.fired_at >= since
        ),
        peaks=life.judged.peaks or {},
        whole=life.past.whole,
        changes=life.past.changes,
        calls=life.past.calls,
        untimed=life.past.untimed,
    )


def _fired(alert: Alert, life: Life) -> Fired:
    fired = alert.fired_at or alert.since
    calls = life.standing.calls
    spent = calls.spent(fired, _LATER).micros if alert.state is not AlertState.INFO else {}
    return replace(as_fired(alert, life.standing.final), spent=spent)


_LATER = datetime(9999, 1, 1, tzinfo=UTC)


def replay_others(
    conn: Connection, context: Context, since: datetime, until: datetime, fired: Iterable[Fired]
) -> list[Fired]:
    """What would have been told since then of what was expected, and of days.

    ``fired`` is what was of batches.
    """
    moved = [
        each
        for expected in context.expectations
        for each in retold(conn, expected, context, since - _BEFORE, until)
    ]
    found = _since(moved, since)
    return [*found, *_since(retold_days(conn, context, since, until, (*fired, *found)), since)]


# What is wrong with what was due the day before may go on.
_BEFORE = timedelta(days=1)


def _since(moved: Iterable[Transition], since: datetime) -> list[Fired]:
    last = {each.alert.key: each.alert for each in moved}
    return [
        as_fired(each)
        for each in last.values()
        if each.fired_at is not None and each.fired_at >= since
    ]


def as_fired(alert: Alert, row: BatchRow | None = None) -> Fired:
    """An alert as it is compared; ``row`` is that of its batch."""
    subject = alert.subject
    return Fired(
        instance=alert.instance,
        provider=subject.provider,
        batch=subject.id,
        title=subject.title,
        severity=str(alert.severity),
        reason=str(alert.reason),
        batch_ended_at=row.terminal_at if row else None,
        episode=Episode(
            key=alert.key,
            fingerprint=alert.fingerprint,
            instance=alert.instance,
            since=alert.since,
            fired_at=alert.fired_at or alert.since,
            closed_at=alert.closed_at,
            recovered=alert.reason is Reason.RECOVERED,
            report=alert.state is AlertState.INFO,
        ),
    )


def told_since(
    conn: Connection, since: datetime, until: datetime, replayed: Sequence[int]
) -> list[Fired]:
    """What was told since then of these batches, of what was expected, and of days.

    With what people did about it.
    """
    found = load_fired(conn, since, until)
    episodes = {each.key: each for each in load_episodes(conn, found, since, until, until)}
    rows = {
        (row.look.provider, row.look.batch_id): row
        for row in (batches.load(conn, each) for each in replayed)
    }
    told = []
    for alert in found:
        subject = alert.subject
        row = rows.get((subject.provider, subject.id))
        if subject.kind in _OTHERS or (row is not None and subject.kind is SubjectKind.BATCH):
            each = as_fired(alert, row)
            told.append(replace(each, episode=episodes.get(alert.key, each.episode)))
    return told


_OTHERS = frozenset({SubjectKind.EXPECTATION, SubjectKind.DAY})
