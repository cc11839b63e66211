"""What rules make of a batch as it stood at a moment of its past, and the alerts that follow."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.alert import Reason, Subject
from monitor.core.completion import old_news, report
from monitor.core.facts import BatchFacts, Report
from monitor.core.instance import RuleInstance, Settings
from monitor.core.lifecycle import Judged, closed_as
from monitor.core.pastmoves import Moment
from monitor.core.people import LONG_AGO
from monitor.core.rule import Clear, Finding, Holds, SubjectKind, Unknown, Verdict
from monitor.core.suggesting import Peak, peak_of
from monitor.core.words import SETTLING
from monitor.evaluation import stopping, vanishing
from monitor.evaluation.batches import needs_another
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.facts import Asked, facts_of, is_read, known_at
from monitor.evaluation.judging import Opinion, in_words, judge, read_after_end, with_late_findings
from monitor.evaluation.past import PastPeers, Rules
from monitor.evaluation.pastalerts import KeptAlerts, PastAlerts
from monitor.evaluation.pastpersons import PastPersons
from monitor.evaluation.pastsiblings import Beside
from monitor.evaluation.standing import Standing
from monitor.store import batches
from monitor.store.batches import BatchRow
from monitor.store.history import Spans
from monitor.store.peers import StoredPeers

# The batches before it are asked for anew so often.
_OTHERS_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a step over some time may have to be taken back to."""

    standing: tuple[BatchRow, int]
    alerts: KeptAlerts
    waits: bool
    judged_at: datetime | None


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
    persons: PastPersons
    alerts: PastAlerts = field(default_factory=PastAlerts)
    beside: Beside | None = None  # the other open batches, where a rule asks for them
    peaks: dict[str, Peak] | None = None  # by rule instance, where they are asked for
    waits: bool = False
    owes_list: bool = False  # it is over, and its list is read only later
    given_up: bool = False  # the vendor does not know it any more, for long
    blind: Spans = ()  # when people were told that nothing of its provider could be seen
    _unseen_since: datetime | None = None  # from then on something may have been missed
    _judged_at: datetime | None = None  # when it was judged last with everything read
    _peers: tuple[datetime, PastPeers, Report | None] | None = None

    def take(self, moment: Moment) -> None:
        """Take in what one transaction saw."""
        if moment.reopened:
            self.alerts.run_again()
        self.standing.take(moment)
        if moment.unseen_since is not None:
            self._unseen_since = moment.unseen_since
        self.persons.take(moment)
        self.owes_list &= not (moment.listed or moment.reopened)
        self.waits |= moment.looked and self.standing.row.terminal_at is not None

    def judge(self, now: datetime, rules: Rules | None = None) -> None:
        """Let all rules, or these, judge it as it stands."""
        self.standing.act(now)
        facts = self._facts(now)
        alerts, over = self.alerts, facts.confirmed_at is not None
        if over:
            alerts.close(
                [closed_as(each, Reason.BATCH_ENDED, now) for each in alerts.open.values()]
            )
            facts = replace(facts, closed_alerts=alerts.ended_with(facts.terminal_at))
        alerts.close(stopping.closings(facts, self.context.instances, alerts.open.values()))
        ends = _Ends()
        for instance, settings in self.rules if rules is None else rules:
            if settings.rule.one_shot:
                self._judge_end(instance, settings, facts, ends)
            elif not over:
                self._judge_lasting(instance, settings, facts)
            elif not self._was_judged(facts):
                self._judge_late(instance, settings, facts)
        alerts.close(vanishing.closings(facts, alerts.open.values()))
        if rules is None:
            self._after(facts, ends)

    def _after(self, facts: BatchFacts, ends: _Ends) -> None:
        """What is known once all rules have judged it."""
        row = self.standing.row
        self.given_up = vanishing.given_up(facts)
        if facts.certainty.fresh and is_read(row) and not self.owes_list:
            self._unseen_since, self._judged_at = None, facts.now
        if row.terminal_at is None:
            return
        if ends.told and row.reported_at is None:
            self.standing.row = replace(row, reported_at=facts.now, report=report(facts))
        self.waits = ends.waits or facts.confirmed_at is None

    @property
    def open_rules(self) -> Rules:
        """Those that have an alert open, pending or firing."""
        known = self.alerts.open
        return tuple(each for each in self.rules if each[0].name in known) if known else ()

    def _judge_lasting(self, instance: RuleInstance, settings: Settings, facts: BatchFacts) -> None:
        opinion, name = judge(instance, settings, facts), instance.name
        if self._unseen_since is not None:
            opinion = with_late_findings(opinion, facts, self._unseen_since)
        told = isinstance(opinion.verdict, Clear)
        if (told and name in self.alerts.open) or (self.peaks is not None and _counts(opinion)):
            opinion = in_words(opinion)
        settings, verdict = opinion.settings, opinion.verdict
        if self.peaks is not None and _counts(opinion) and verdict.finding is not None:
            _take_peak(self.peaks, name, verdict.finding)
        if isinstance(verdict, Holds) or name in self.alerts.open:
            self.alerts.judged(self._judged(instance, settings, facts, verdict))

    def _was_judged(self, facts: BatchFacts) -> bool:
        """Whether all that was read of it since its end was judged, or is nobody's news."""
        ended = self.standing.row.terminal_at or facts.now
        return old_news(facts) or (self._judged_at is not None and self._judged_at >= ended)

    def _judge_late(self, instance: RuleInstance, settings: Settings, facts: BatchFacts) -> None:
        """What went wrong before it was over, and is read only now."""
        opinion, last = judge(instance, settings, facts), self._judged_at
        if last is None and self.standing.row.news:
            last = facts.batch.started_at  # it came and went unseen
        for late in read_after_end([with_late_findings(opinion, facts, last)], facts):
            self.alerts.judged(self._judged(instance, late.settings, facts, late.verdict))

    def _judge_end(
        self, instance: RuleInstance, settings: Settings, facts: BatchFacts, ends: _Ends
    ) -> None:
        verdict = judge(instance, settings, facts).verdict
        if isinstance(verdict, Holds):
            judged = self._judged(instance, settings, facts, verdict)
            self.alerts.reported(judged, verdict.finding)
            ends.told |= not settings.rule.aside
            ends.waits |= SETTLING in verdict.finding.marks
        ends.waits |= isinstance(verdict, Unknown)

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
            may_clear=not any(start <= facts.now < end for start, end in self.blind),
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

    def _facts(self, now: datetime) -> BatchFacts:
        standing, row = self.standing, self.standing.row
        peers, previous = self._others(now)
        self.persons.now, self.persons.tally = now, standing.tally
        asked = Asked(
            calls=standing.calls,
            peers=peers,
            retries=standing.people,
            persons=self.persons,
            previous=previous,
            stopped_by=standing.stopped_by if row.stopped_by_user else None,
            gone=standing.gone,
        )
        return facts_of(row, self.view, self.context, now, asked)

    def _others(self, now: datetime) -> tuple[PastPeers, Report | None]:
        """The batches before it, as of a little while ago: few end meanwhile."""
        then, known = now - (now - LONG_AGO) % _OTHERS_FOR, self._peers
        if known is None or known[0] != then:
            row = replace(self.standing.row, terminal_at=self.standing.row.terminal_at or then)
            stored = StoredPeers(self.conn, row, self.context.calls, then)
            previous = batches.previous_report(self.conn, row)
            peers = PastPeers(stored, self.standing.calls, now, self.beside)
            known = self._peers = (then, peers, previous)
        known[1].now, known[1].unseen_since = now, self._unseen_since
        return known[1], known[2] if needs_another(self.standing.row) else None

    def keep(self) -> Kept:
        """All that judging may change."""
        return Kept(self.standing.kept, self.alerts.keep(), self.waits, self._judged_at)

    def is_moved(self, kept: Kept) -> bool:
        """Whether any alert is in another state since."""
        return self.alerts.is_moved(kept.alerts)

    def restore(self, kept: Kept) -> None:
        """Let nothing have been judged since."""
        self.standing.back(kept.standing)
        self.alerts.restore(kept.alerts)
        self.waits = kept.waits
        self._judged_at = kept.judged_at


def _counts(opinion: Opinion) -> bool:
    """Whether its number says how far the batch came: not that of a handful of calls."""
    return not isinstance(opinion.verdict, Unknown) or opinion.verdict.between


def _take_peak(peaks: dict[str, Peak], name: str, finding: Finding) -> None:
    known = peaks.get(name)
    if known is not None:
        known.take(finding)
    elif (first := peak_of(finding)) is not None:
        peaks[name] = first
