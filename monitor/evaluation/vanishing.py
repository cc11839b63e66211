"""Batches that the vendor no longer knows: what is known of that, and when to let go of one."""

from datetime import timedelta

from sqlalchemy import Connection

from monitor.core.alert import AlertState, Reason
from monitor.core.facts import BatchFacts, Gone
from monitor.core.lifecycle import closed_as
from monitor.evaluation.following import Following
from monitor.store import batches, providers
from monitor.store.batches import BatchRow

_RULE = "batch_vanished"
# An accident has been seen through by then: a vendor restores within a day or never.
GIVEN_UP_AFTER = timedelta(hours=24)
_TIMES = 3
# When everything begins to fail, one batch is the first to; the others show it was not alone.
_SURE_AFTER = timedelta(minutes=5)


def gone(conn: Connection, row: BatchRow) -> Gone | None:
    """What is known of a batch that the vendor says it does not know; None while it does."""
    if row.gone_at is None:
        return None
    return Gone(
        since=row.gone_at,
        times=row.gone_times,
        elsewhere=is_elsewhere(conn, row, after=_SURE_AFTER),
    )


def is_elsewhere(conn: Connection, row: BatchRow, after: timedelta = timedelta(0)) -> bool:
    """Whether the account has shown another batch since this one is gone for so long.

    Only one that was known before counts: the key may be that of another account now.
    """
    if row.gone_at is None:
        return False
    shown = providers.load(conn, row.look.provider, "").showed_at
    if shown is not None and shown >= row.gone_at + after:
        return True
    return batches.another_shown(conn, row, since=row.gone_at + after)


def settle(following: Following, facts: BatchFacts) -> bool:
    """Close quietly what a vanished batch explains; whether the batch itself is given up."""
    found = facts.gone
    if found is None or found.times < _TIMES:
        return False
    if not found.elsewhere and facts.reported_at is None:
        return False
    over = following.now - found.since >= GIVEN_UP_AFTER
    told = any(
        alert.rule == _RULE and alert.state is AlertState.FIRING
        for alert in following.open.values()
    )
    for alert in list(following.open.values()):
        if over or (told and alert.rule != _RULE):
            following.take(closed_as(alert, Reason.BATCH_VANISHED, following.now))
    return over
