"""Batches that the vendor no longer knows: what is known of that, and when to let go of one."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.alert import Alert, AlertState, Reason
from monitor.core.facts import BatchFacts, Gone
from monitor.core.lifecycle import Step, closed_as
from monitor.evaluation.following import Following
from monitor.store import absent, changes, providers
from monitor.store.batches import BatchRow

_RULE = "batch_vanished"
# An accident has been seen through by then: a vendor restores within a day or never.
GIVEN_UP_AFTER = timedelta(hours=24)
_TIMES = 3
# When everything begins to fail, one batch is the first to; the others show it was not alone.
SURE_AFTER = timedelta(minutes=5)
# An id that the vendor does not know is asked for once more soon, then this often, at last
# each hour.
_AT_FIRST = timedelta(minutes=1)
_EVERY = timedelta(minutes=5)
AT_LAST = timedelta(hours=1)


def gone_again(conn: Connection, row: BatchRow, now: datetime, every: timedelta) -> BatchRow:
    """The row after one more answer that there is no such batch; nothing else ends that.

    Its change is kept, the row itself is not yet.
    """
    since = row.gone_at or now
    wait = _AT_FIRST if row.gone_times == 0 else max((now - since) / 2, _EVERY)
    row = replace(
        row,
        gone_at=since,
        gone_again_at=now,
        gone_times=row.gone_times + 1,
        due_at=now + max(every, min(wait, AT_LAST)),
    )
    row = replace(row, gone_alone=is_elsewhere(conn, row, after=SURE_AFTER))
    kept = changes.gone(row.look.batch_id, elsewhere=row.gone_alone)
    return replace(row, seq=changes.append(conn, row.id, row.seq, now, [kept]))


def gone(row: BatchRow) -> Gone | None:
    """What is known of a batch that the vendor says it does not know; None while it does.

    Whether others are known counts as it was when that was last said: when everything failed,
    the first to come back does not show that the others will not.
    """
    if row.gone_at is None:
        return None
    return Gone(since=row.gone_at, times=row.gone_times, elsewhere=row.gone_alone)


def is_elsewhere(conn: Connection, row: BatchRow, after: timedelta = timedelta(0)) -> bool:
    """Whether the account has shown another batch since this one is gone for so long.

    Only one that was known before counts: the key may be that of another account now.
    """
    if row.gone_at is None:
        return False
    shown = providers.load(conn, row.look.provider, "").showed_at
    if shown is not None and shown >= row.gone_at + after:
        return True
    return absent.another_shown(conn, row, since=row.gone_at + after)


def settle(following: Following, facts: BatchFacts) -> bool:
    """Close quietly what a vanished batch explains; whether the batch itself is given up."""
    for step in closings(facts, following.open.values()):
        following.take(step)
    return given_up(facts)


def closings(facts: BatchFacts, known: Iterable[Alert]) -> list[Step]:
    """How the open alerts about a vanished batch end: once that is told, or it is given up."""
    if not _is_certain(facts):
        return []
    over, alerts = given_up(facts), list(known)
    told = any(each.rule == _RULE and each.state is AlertState.FIRING for each in alerts)
    return [
        closed_as(alert, Reason.BATCH_VANISHED, facts.now)
        for alert in alerts
        if over or (told and alert.rule != _RULE)
    ]


def given_up(facts: BatchFacts) -> bool:
    """Whether it is gone for so long that it is watched no more."""
    found = facts.gone
    return found is not None and _is_certain(facts) and facts.now - found.since >= GIVEN_UP_AFTER


def _is_certain(facts: BatchFacts) -> bool:
    found = facts.gone
    if found is None or found.times < _TIMES:
        return False
    return found.elsewhere or facts.reported_at is not None
