"""What rules make of a batch as it stood at a moment of its past, and the alerts that follow."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection

from monitor.core.alert import Alert, AlertState, Reason, Subject, Transition
from monitor.core.completion import report
from monitor.core.facts import BatchFacts, Report
from monitor.core.instance import RuleInstance, Settings
from monitor.core.lifecycle import Judged, Step, advance, closed_as, reported, settled
from monitor.core.pastmoves import Moment
from monitor.core.people import NobodyCalled
from monitor.core.rule import Finding, Holds, SubjectKind, Unknown, Verdict
from monitor.core.suggesting import Peak, peak_of
from monitor.evaluation.batches import needs_another
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.facts import Asked, facts_of, known_at
from monitor.evaluation.following import SETTLING
from monitor.evaluation.judging import judge
from monitor.evaluation.past import PastPeers
from monitor.evaluation.standing import Standing
from monitor.evaluation.stopping import closings
from monitor.store import batches
from monitor.store.batches import BatchRow
from monitor.store.peers import StoredPeers

Answer = TypeVar("Answer")


Rules = tuple[tuple[RuleInstance, Settings], ...]
# The batches before it are asked for anew so often: few end meanwhile.
_OTHERS_FOR = timedelta(minutes=10)
_NOBODY = NobodyCalled()


@dataclass(slots=True)
class Kept:
    """What a step over some time may have to be taken back to."""

    standing: tuple[BatchRow, int]
    open: dict[str, Alert]
    episodes: dict[str, int]
    reports: dict[str, Alert]
    transitions: int
    waits: bool


@dataclass(slots=True)
class _Ends:
    """What one judgement makes of a batch's end: told, or still to be told."""

    told: bool = False
    waits: bool = False


@dataclass(slots=True, kw_only=True)
class Hindsight:
    """One batch's alerts on their way through its past. ``waits``: its end is still to be told."""

    conn: Connection
    standing: Standing
    view: ProviderView
    context: Context
    rules: Rules
    transitions: list[Transition] = field(default_factory=list)
    peaks: dict[str, Peak] | None = None  # by rule instance, where they are asked for
    waits: bool = False
    _open: dict[str, Alert] = field(default_factory=dict)  # by rule instance
    _episodes: dict[str, int] = field(default_factory=dict)
    _reports: dict[str, Alert] = field(default_factory=dict)  # of this run
    _peers: tuple[datetime, PastPeers, Report | None] | None = None

    def take(self, moment: Moment) -> None:
        """Take in what one transaction saw."""
        if moment.reopened:
            self._reports = {}
        self.standing.take(moment)
        self.waits |= moment.looked and self.standing.row.terminal_at is not None

    def judge(self, now: datetime, rules: Rules | None = None) -> None:
        """Let all rules, or these, judge it as it stands."""
        standing = self.standing
        standing.act(now)
        facts = self._facts(now)
        over = standing.row.terminal_again_at is not None
        if over:
            for name, alert in list(self._open.items()):
                self._take_step(name, closed_as(alert, Reason.BATCH_ENDED, now))
            facts = replace(facts, closed_alerts=self._closed())
        for step in closings(facts, self.context.instances, list(self._open.values())):
            if step.alert is not None:
                self._take_step(step.alert.instance, step)
        ends = _Ends()
        for instance, settings in self.rules if rules is None else rules:
            if settings.rule.one_shot:
                self._judge_end(instance, settings, facts, ends)
            elif not over:
                self._judge_lasting(instance, settings, facts)
        if standing.row.terminal_at is not None and rules is None:
            if ends.told and standing.row.reported_at is None:
                standing.row = replace(standing.row, reported_at=now, report=report(facts))
            self.waits = ends.waits or not over

    @property
    def open_rules(self) -> Rules:
        """Those that have an alert open, pending or firing."""
        known = self._open
        return tuple(each for each in self.rules if each[0].name in known) if known else ()

    def _judge_lasting(self, instance: RuleInstance, settings: Settings, facts: BatchFacts) -> None:
        verdict, name = judge(instance, settings, facts).verdict, instance.name
        if self.peaks is not None and not isinstance(verdict, Unknown):
            _take_peak(self.peaks, name, settings, verdict.finding)
        known = self._open.get(name)
        if known is not None or isinstance(verdict, Holds):
            judged = self._judged(instance, settings, facts, verdict)
            self._take_step(name, advance(known, judged, self._episodes.get(name, 0)))

    def _judge_end(
        self, instance: RuleInstance, settings: Settings, facts: BatchFacts, ends: _Ends
    ) -> None:
        verdict = judge(instance, settings, facts).verdict
        if isinstance(verdict, Holds):
            self._report(instance, settings, facts, verdict)
            ends.told |= not settings.rule.aside
            ends.waits |= SETTLING in verdict.finding.marks
        ends.waits |= isinstance(verdict, Unknown)

    def _report(
        self, instance: RuleInstance, settings: Settings, facts: BatchFacts, verdict: Holds
    ) -> None:
        known, finding = self._reports.get(instance.name), verdict.finding
        step = Step(known)
        if known is None:
            step = reported(self._judged(instance, settings, facts, verdict), finding)
        elif SETTLING in known.finding.marks and SETTLING not in finding.marks:
            step = settled(known, finding, facts.now)
        self.transitions.extend(step.transitions)
        if step.alert is not None:
            self._reports[instance.name] = step.alert

    def _judged(
        self,
        instance: RuleInstance,
        settings: Settings,
        facts: BatchFacts,
        verdict: Verdict,
    ) -> Judged:
        return Judged(
            instance=instance,
            settings=settings,
            subject=self._about(),
            verdict=verdict,
            now=facts.now,
            observed_at=known_at(self.standing.row),
            calendar=facts.calendar,
            pauses=facts.pauses,
        )

    def _about(self) -> Subject:
        row = self.standing.row
        return Subject(
            kind=SubjectKind.BATCH,
            provider=row.look.provider,
            id=row.look.batch_id,
            title=row.look.title,
            vendor=self.view.vendor,
            campaign=row.look.campaign or "",
            run=row.run,
        )

    def _take_step(self, name: str, step: Step) -> None:
        if step.alert is None:
            return
        self.transitions.extend(step.transitions)
        self._episodes[name] = step.alert.episode
        if step.alert.state in {AlertState.PENDING, AlertState.FIRING}:
            self._open[name] = step.alert
        else:
            self._open.pop(name, None)

    def _closed(self) -> tuple[str, ...]:
        """The rules whose alerts ended with this run."""
        since = self.standing.row.terminal_at
        return tuple(
            sorted(
                {
                    each.alert.instance
                    for each in self.transitions
                    if each.reason is Reason.BATCH_ENDED
                    and each.alert.fired_at is not None
                    and (since is None or each.at >= since)
                }
            )
        )

    def _facts(self, now: datetime) -> BatchFacts:
        standing, row = self.standing, self.standing.row
        peers, previous = self._others(now)
        asked = Asked(
            calls=standing.calls,
            peers=peers,
            retries=standing.people,
            persons=_NOBODY,
            previous=previous,
            stopped_by=standing.stopped_by if row.stopped_by_user else None,
        )
        return facts_of(row, self.view, self.context, now, asked)

    def _others(self, now: datetime) -> tuple[PastPeers, Report | None]:
        """The batches before it, as of now; they are asked for anew from time to time."""
        known = self._peers
        if known is None or not known[0] <= now < known[0] + _OTHERS_FOR:
            row = replace(self.standing.row, terminal_at=self.standing.row.terminal_at or now)
            stored = StoredPeers(self.conn, row, self.context.calls, now)
            previous = batches.previous_report(self.conn, row)
            known = self._peers = (now, PastPeers(stored, self.standing.calls), previous)
        return known[1], known[2] if needs_another(self.standing.row) else None

    def keep(self) -> Kept:
        """All that judging may change."""
        return Kept(
            self.standing.kept,
            self._open.copy(),
            self._episodes.copy(),
            self._reports.copy(),
            len(self.transitions),
            self.waits,
        )

    def is_moved(self, kept: Kept) -> bool:
        """Whether any alert is in another state since."""
        if len(self.transitions) > kept.transitions:
            return True
        return any(
            (each.clear_since is None) != (kept.open[name].clear_since is None)
            for name, each in self._open.items()
        )

    def restore(self, kept: Kept) -> None:
        """Let nothing have been judged since."""
        self.standing.back(kept.standing)
        self._open, self._episodes = kept.open, kept.episodes
        self._reports, self.waits = kept.reports, kept.waits
        del self.transitions[kept.transitions :]


def _take_peak(peaks: dict[str, Peak], name: str, settings: Settings, finding: Finding) -> None:
    falls = bool(getattr(settings.rule, "falls", False))
    known = peaks.get(name)
    if known is not None:
        known.take(finding, falls=falls)
    elif (first := peak_of(finding, falls=falls)) is not None:
        peaks[name] = first
