"""The report of one batch, ended or not, as the command line, the page and the API show it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from monitor.core.alert import AlertState
from monitor.core.calendar import permitted_between
from monitor.core.completion import report
from monitor.core.facts import BatchFacts
from monitor.core.lookback import Lookback, per_completed
from monitor.core.model import Outcome
from monitor.core.report import report_lines
from monitor.evaluation.batches import batch_facts
from monitor.evaluation.context import Context
from monitor.store import alert_views, batches, lookback_views, views
from monitor.store.alert_views import CLOSED, OPEN, AlertNow, Wanted
from monitor.store.batches import BatchRow
from monitor.store.views import AlertEventView


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertThen:
    """One alert of the batch's life: as it is now, and what was seen when it fired."""

    alert: AlertNow
    fired: AlertEventView | None

    @property
    def summary(self) -> str:
        """What it was about."""
        return self.fired.summary if self.fired else self.alert.summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One batch looked back at, with the alerts of its life in the order in which they began.

    What was over before it had held long enough was none, and nobody was told.
    """

    batch: Lookback
    alerts: tuple[AlertThen, ...]


def look_back(conn: Connection, row: BatchRow, context: Context, now: datetime) -> Reported:
    """Everything of one batch of a configured provider, as known now; reads all its calls."""
    view = context.providers[row.look.provider]
    every = Wanted(states=(*OPEN, *CLOSED), provider=view.name, batch=row.look.batch_id)
    return Reported(
        batch=_looked_back(conn, row, batch_facts(conn, row, view, context, now)),
        alerts=tuple(
            AlertThen(alert=alert, fired=_fired(conn, alert.key))
            for alert in sorted(alert_views.load(conn, every, now), key=lambda each: each.since)
            if alert.fired_at is not None or alert.state != AlertState.RESOLVED
        ),
    )


def _fired(conn: Connection, key: str) -> AlertEventView | None:
    told = (str(AlertState.FIRING), str(AlertState.INFO))
    return next((each for each in views.load_history(conn, key) if each.after in told), None)


def _looked_back(conn: Connection, row: BatchRow, facts: BatchFacts) -> Lookback:
    look, now = row.look, facts.now
    result = row.report or report(facts)
    previous = batches.previous_report(conn, row)
    began = row.began_at
    ended = look.ended_at or row.terminal_at
    spent = permitted_between(facts.calendar, began, ended or now)
    return Lookback(
        at=now,
        provider=look.provider,
        vendor=facts.vendor,
        batch_id=look.batch_id,
        title=look.title,
        campaign=look.campaign,
        status=str(look.status),
        run=row.run,
        open=row.terminal_at is None,
        zone=str(facts.zone),
        started_at=began,
        ended_at=ended,
        permitted_s=spent.total_seconds(),
        result=result,
        previous=previous,
        lines=report_lines(
            result, previous, facts.capabilities, facts.vendor, so_far=row.terminal_at is None
        ),
        per_completed_micros=per_completed(
            result.cost_micros, result.outcomes.get(Outcome.COMPLETED, 0)
        ),
        ladder=lookback_views.ladder(conn, row.id),
        pace=lookback_views.pace(conn, row.id, facts.calendar),
        causes=lookback_views.causes(conn, row.id),
    )
