"""The days that have been, as candidate rules would have reported them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from monitor.core.alert import Transition
from monitor.core.backtest import Fired
from monitor.core.instance import RuleInstance
from monitor.core.lifecycle import Judged
from monitor.core.rule import DayRule, Holds, Severity
from monitor.evaluation.context import Context
from monitor.evaluation.daily import day_facts, ends_between, opinions_of, subject_of
from monitor.evaluation.pastalerts import PastAlerts


def retold_days(
    conn: Connection, context: Context, since: datetime, until: datetime, fired: Iterable[Fired]
) -> list[Transition]:
    """The reports of the days that ended since then; ``fired`` is what else was told meanwhile."""
    alerts, told = PastAlerts(), _Told(tuple(each for each in fired if not _is_good(each)))
    for instance in context.instances:
        if isinstance(instance.settings.rule, DayRule):
            for end in ends_between(instance, context.zone, since, until):
                alerts.run_again()
                _report(conn, instance, context, end, told, alerts)
    return alerts.transitions


def _is_good(fired: Fired) -> bool:
    return fired.episode.report and fired.severity == Severity.INFO


@dataclass(frozen=True, slots=True)
class _Told:
    """What fired in the replay."""

    alerts: tuple[Fired, ...]

    def __call__(self, start: datetime, end: datetime) -> Mapping[tuple[str, str, str], int]:
        """How many in a time, by rule instance, provider and subject."""
        return Counter(each.place for each in self.alerts if start < each.episode.fired_at <= end)


def _report(
    conn: Connection,
    instance: RuleInstance,
    context: Context,
    end: datetime,
    told: _Told,
    alerts: PastAlerts,
) -> None:
    facts = replace(day_facts(conn, instance, context, end, end, told), given_up=())
    for opinion in opinions_of(instance, facts):
        if isinstance(opinion.verdict, Holds):
            judged = Judged(
                instance=opinion.instance,
                settings=opinion.settings,
                subject=subject_of(end, context.zone),
                verdict=opinion.verdict,
                now=end,
                observed_at=end,
            )
            alerts.reported(judged, opinion.verdict.finding)
