"""What the rules would have told of a provider as a whole, through the days that have been.

No time is judged in which no process was. Webhooks are not remembered for long enough, so
rules about them are not asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.alert import Transition
from monitor.core.instance import RuleInstance
from monitor.core.lifecycle import Judged
from monitor.core.pastwatch import Watched
from monitor.core.rule import SubjectKind
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.judging import opinions
from monitor.evaluation.leaps import leap
from monitor.evaluation.past import why_not
from monitor.evaluation.pastalerts import PastAlerts
from monitor.evaluation.paststanding import PastProvider
from monitor.evaluation.providers import (
    AskedOfProvider,
    facts_of_provider,
    has_balance,
    provider_labels,
    subject_of,
)
from monitor.store import states

TICK = timedelta(seconds=10)  # as often as everything is judged
_STEP = timedelta(minutes=10)
_BUSY_STEP = timedelta(minutes=1)  # while what open batches will cost is asked for


def known_since(conn: Connection, name: str) -> datetime | None:
    """From when on it is known how a provider stood; None: never."""
    found = states.standings(conn, name)
    return found[0].at if found else None


def to_watch(conn: Connection, context: Context) -> dict[str, bool]:
    """The providers that can be asked about, and of which of them a balance was ever told."""
    asked = any(not why_not(each) for each in context.rules_about(SubjectKind.PROVIDER))
    return {
        name: any(has_balance(each.account) for each in states.accounts(conn, name))
        for name in context.providers
        if asked and known_since(conn, name) is not None
    }


def retold_provider(
    conn: Connection,
    view: ProviderView,
    context: Context,
    watched: Sequence[Watched],
    since: datetime,
    until: datetime,
) -> list[Transition]:
    """How the alerts about one provider would have moved; ``watched`` are its batches."""
    rules = tuple(each for each in context.rules_about(SubjectKind.PROVIDER) if not why_not(each))
    begun = known_since(conn, view.name)
    if begun is None or begun >= until or not rules:
        return []
    since = max(since, begun)
    past = PastProvider.load(conn, view, watched, begun)
    told = _Retelling(view, context, rules, past)
    turns = sorted({each for each in past.turns if since < each < until})
    told.begin(since)
    at = since
    for then in (*turns, until):
        told.go(at, then)
        at = then
    return told.alerts.transitions


@dataclass(slots=True)
class _Retelling:
    """One provider on its way through the days."""

    view: ProviderView
    context: Context
    rules: tuple[RuleInstance, ...]
    past: PastProvider
    alerts: PastAlerts = field(default_factory=PastAlerts)

    def begin(self, at: datetime) -> None:
        """Judge its first moment."""
        self.past.bring(at)
        self._judge(at)

    def go(self, start: datetime, end: datetime) -> None:
        """Judge the time after one instant until another, at which something was otherwise."""
        busy = bool(self.past.open) and bool(self.past.told)
        step = _BUSY_STEP if busy else _STEP
        leap(self.alerts, self._judge, start, end, every=TICK, step=step)
        self.past.bring(end)
        self._judge(end)

    def _judge(self, now: datetime) -> None:
        past, view = self.past, self.view
        started_at = past.started_at(now)
        if started_at is None:
            return
        row, watched = past.row(now), list(past.watched(now))
        asked = AskedOfProvider(
            started_at=started_at,
            courses=past.courses(watched, now) if has_balance(row.account) else (),
            calls_since=lambda since, most: past.calls_since(since, most, now),
        )
        facts = facts_of_provider(row, watched, view, self.context, now, asked)
        for opinion in opinions(self.rules, provider_labels(view), facts):
            self.alerts.judged(
                Judged(
                    instance=opinion.instance,
                    settings=opinion.settings,
                    subject=subject_of(view),
                    verdict=opinion.verdict,
                    now=now,
                    observed_at=now,
                )
            )
