"""One batch of the past judged by candidate rules: what they would have told, and at what cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from monitor.core.alert import Alert, AlertState, Reason, Transition
from monitor.core.backtest import Fired
from monitor.core.ledger import Episode
from monitor.core.pastwatch import Watched, watched
from monitor.core.rule import SubjectKind
from monitor.core.suggesting import Peak
from monitor.evaluation.batches import is_chosen
from monitor.evaluation.context import Context
from monitor.evaluation.lives import Life
from monitor.evaluation.pastcoming import retold
from monitor.evaluation.pastdays import retold_days
from monitor.evaluation.pastproviders import known_since, retold_provider
from monitor.evaluation.pastsiblings import Siblings
from monitor.evaluation.replay import EVERY, lived
from monitor.store import batches, history
from monitor.store.batches import BatchRow
from monitor.store.ledger import load_episodes, load_fired
from rules import catalogue


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
    watched: tuple[Watched, ...] = ()  # how it stood, where its provider is asked about


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
    watch: Mapping[str, bool] | None = None,
    siblings: Siblings | None = None,
) -> Lived | None:
    """One batch, from its first moment on; None when it is none of the configuration's.

    What fired before ``since`` is left out, but not what it led to. ``watch``: the providers
    that are asked about as a whole, and of which of them what batches cost is asked for.
    ``siblings`` are batches that others have laid out already.
    """
    row = batches.load(conn, batch)
    view = context.providers[row.look.provider]
    if not is_chosen(row.look, view):
        return None
    if row.pruned or row.listed_at is None:
        return Lived(batch=batch, unread=True)
    life = lived(conn, row, view, context, every, until, peaks=peaks, siblings=siblings)
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
        watched=(watched(batch, life.past, row.fresh_at, money=watch[view.name]),)
        if watch and view.name in watch
        else (),
    )


def _fired(alert: Alert, life: Life) -> Fired:
    fired = alert.fired_at or alert.since
    calls = life.standing.calls
    spent = calls.spent(fired, _LATER).micros if alert.state is not AlertState.INFO else {}
    return replace(as_fired(alert, life.standing.final), spent=spent)


_LATER = datetime(9999, 1, 1, tzinfo=UTC)


def replay_others(
    conn: Connection,
    context: Context,
    since: datetime,
    until: datetime,
    fired: Iterable[Fired],
    batches_of: Mapping[str, Sequence[Watched]],
) -> list[Fired]:
    """What would have been told since then of providers, of what was expected, and of days.

    ``fired`` is what was of batches; ``batches_of`` are those of each provider.
    """
    begun = since - _BEFORE
    moved = [
        each
        for expected in context.expectations
        for each in retold(conn, expected, context, begun, until)
    ]
    for name, some in batches_of.items():
        moved += retold_provider(conn, context.providers[name], context, some, begun, until)
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
        of_batch=subject.kind is SubjectKind.BATCH,
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
    conn: Connection,
    context: Context,
    since: datetime,
    until: datetime,
    replayed: Sequence[int],
) -> list[Fired]:
    """What was told since then of these batches, of providers, of what was expected, and of days.

    With what people did about it. Of providers, those that are configured still, and since it
    is known how they stood.
    """
    found = load_fired(conn, since, until)
    episodes = {each.key: each for each in load_episodes(conn, found, since, until, until)}
    rows = {
        (row.look.provider, row.look.batch_id): row
        for row in (batches.load(conn, each) for each in replayed)
    }
    begun = {name: known_since(conn, name) for name in context.providers}
    told = []
    for alert in found:
        row = rows.get((alert.subject.provider, alert.subject.id))
        if _is_comparable(alert, row, begun):
            each = as_fired(alert, row)
            told.append(replace(each, episode=episodes.get(alert.key, each.episode)))
    return told


def _is_comparable(
    alert: Alert, row: BatchRow | None, begun: Mapping[str, datetime | None]
) -> bool:
    """Whether a replay would tell it, too, by the rules that told it."""
    if alert.subject.kind is SubjectKind.BATCH:
        return row is not None
    if alert.subject.kind is not SubjectKind.PROVIDER:
        return alert.subject.kind in _OTHERS
    since, rule = begun.get(alert.subject.provider), catalogue().get(alert.rule)
    if since is None or rule is None or not rule.replays:
        return False
    return since <= (alert.fired_at or alert.since)


_OTHERS = frozenset({SubjectKind.EXPECTATION, SubjectKind.DAY})
