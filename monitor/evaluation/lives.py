"""The life of one batch that has ended, laid out once more: judged step by step to its end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.alert import Alert, AlertState, Reason, Subject, Transition
from monitor.core.facts import BatchFacts, Certainty
from monitor.core.instance import RuleInstance
from monitor.core.lifecycle import Judged, Step, advance, closed_as, reported, settled
from monitor.core.model import Batch, BatchStatus, Counts
from monitor.core.past import NobodyKnown, PastCalls
from monitor.core.rule import Holds, SubjectKind, Unknown
from monitor.evaluation.batches import LINGER_MOST, labels_of
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.following import SETTLING
from monitor.evaluation.judging import Opinion, opinions
from monitor.store import batches, history
from monitor.store.batches import BatchRow
from monitor.store.stopping import stopped_by
from monitor.store.windows import StoredCalls

# As often as a batch that moves is usually looked at.
EVERY = timedelta(seconds=30)
_AFTER_END = timedelta(minutes=1)
_OFTEN_FOR = timedelta(minutes=30)
_SELDOM = timedelta(minutes=10)
# Rules without a window of their own are asked for so long after the last call.
_WINDOW = timedelta(minutes=10)


def past_life(
    conn: Connection,
    row: BatchRow,
    view: ProviderView,
    context: Context,
    every: timedelta = EVERY,
) -> "Life":
    """One ended batch, judged from its first call to its last report."""
    found = history.ended_calls(conn, row.id)
    reached = StoredCalls(conn, row.id).people_reached()
    life = Life(
        row=row,
        facts=_facts(conn, row, view, context),
        past=PastCalls(found.timed, reached),
        untimed=found.untimed,
        moves=history.moves(conn, row.id),
        rules=tuple(each for each in context.instances if _is_run(each)),
        labels=labels_of(row.look, view),
    )
    life.run(every)
    return life


def _is_run(instance: RuleInstance) -> bool:
    rule = instance.settings.rule
    return rule.replays and rule.subject is SubjectKind.BATCH


def _facts(conn: Connection, row: BatchRow, view: ProviderView, context: Context) -> BatchFacts:
    """What is true of the batch at every moment; the rest is filled in for each."""
    return BatchFacts(
        now=row.look.seen_at,
        batch=row.look,
        vendor=view.vendor,
        capabilities=view.capabilities,
        certainty=Certainty(observed_at=None, fresh=True),
        tally={},
        calls=PastCalls(()).until(row.look.seen_at),
        retries=NobodyKnown(),
        calendar=view.calendar or row.look.calendar,
        default_zone=context.zone,
        run=row.run,
        previous=batches.previous_report(conn, row),
        stopped_by=stopped_by(conn, row),
    )


@dataclass(slots=True, kw_only=True)
class Life:
    """One batch on its way through its past."""

    row: BatchRow
    facts: BatchFacts
    past: PastCalls
    untimed: int
    moves: Sequence[tuple[datetime, BatchStatus]]
    rules: tuple[RuleInstance, ...]
    labels: dict[str, str]
    transitions: list[Transition] = field(default_factory=list)
    _looks: dict[BatchStatus, Batch] = field(default_factory=dict)
    _open: dict[str, Alert] = field(default_factory=dict)  # by rule instance
    _episodes: dict[str, int] = field(default_factory=dict)
    _reports: dict[str, Alert] = field(default_factory=dict)

    def run(self, every: timedelta) -> None:
        """Judge it, step by step."""
        end = self.row.terminal_at
        if end is None:
            return
        lasting = tuple(each for each in self.rules if not each.settings.rule.one_shot)
        for now in self._moments(lasting, every, end):
            self._judge(lasting, self._then(now))
        for name, alert in list(self._open.items()):
            self._take(name, closed_as(alert, Reason.BATCH_ENDED, end))
        self._finish(end)

    def _moments(
        self, rules: Sequence[RuleInstance], every: timedelta, end: datetime
    ) -> Iterator[datetime]:
        """Steps at which a verdict may differ from the one before: calls came, or went."""
        if not rules or not len(self.past):
            return
        reach = max(_reach(each) for each in rules) + every
        now = self.past.time(0)
        while now < end:
            yield now
            now += every
            known = self.past.place(now)
            if now - self.past.time(known - 1) > reach:
                if known == len(self.past):
                    return
                now = max(now, self.past.time(known))

    def _then(self, now: datetime) -> BatchFacts:
        done = self.facts.stopped_by
        return replace(
            self.facts,
            now=now,
            batch=self._look(now),
            certainty=Certainty(observed_at=now, fresh=True, read_at=now),
            tally=self.past.tally(self.past.place(now)),
            calls=self.past.until(now),
            stopped_by=done if done is not None and done.at <= now else None,
        )

    def _look(self, now: datetime) -> Batch:
        """As it stood then; what it counted and why it ended is told of its end only."""
        status = BatchStatus.RUNNING
        for at, word in self.moves:
            if at <= now:
                status = word
        if status not in self._looks:
            self._looks[status] = replace(
                self.row.look, status=status, counts=Counts(), ended_at=None, reason=None
            )
        return self._looks[status]

    def _judge(self, rules: tuple[RuleInstance, ...], facts: BatchFacts) -> None:
        for opinion in opinions(rules, self.labels, facts):
            name = opinion.instance.name
            known = self._open.get(name)
            self._take(
                name, advance(known, self._judged(opinion, facts), self._episodes.get(name, 0))
            )

    def _judged(self, opinion: Opinion, facts: BatchFacts) -> Judged:
        return Judged(
            instance=opinion.instance,
            settings=opinion.settings,
            subject=self._subject(),
            verdict=opinion.verdict,
            now=facts.now,
            observed_at=facts.now,
        )

    def _subject(self) -> Subject:
        look = self.row.look
        return Subject(
            kind=SubjectKind.BATCH,
            provider=look.provider,
            id=look.batch_id,
            title=look.title,
            vendor=self.facts.vendor,
            campaign=look.campaign or "",
            run=self.row.run,
        )

    def _take(self, name: str, step: Step) -> None:
        if step.alert is None:
            return
        self.transitions.extend(step.transitions)
        self._episodes[name] = step.alert.episode
        if step.alert.state in {AlertState.PENDING, AlertState.FIRING}:
            self._open[name] = step.alert
        else:
            self._open.pop(name, None)

    def _finish(self, end: datetime) -> None:
        """Judge the end until every report has been made and has settled."""
        reporting = tuple(each for each in self.rules if each.settings.rule.one_shot)
        closed = {
            each.alert.instance
            for each in self.transitions
            if each.reason is Reason.BATCH_ENDED and each.alert.fired_at is not None
        }
        facts = replace(self._at_end(end), closed_alerts=tuple(sorted(closed)))
        for now in _moments_after(end):
            told = replace(facts, now=now, confirmed_at=now, reported_at=self._reported_at())
            if not self._report(reporting, told):
                return

    def _at_end(self, end: datetime) -> BatchFacts:
        """What is known of the whole; whoever read it then had read it since its end."""
        row = self.row
        return replace(
            self.facts,
            certainty=Certainty(
                observed_at=row.look.seen_at,
                fresh=True,
                swept_at=row.swept_at and max(row.swept_at, end),
                complete_at=row.complete_at and max(row.complete_at, end),
                read_at=row.look.seen_at,
            ),
            tally=row.tally,
            calls=self.past.until(row.look.seen_at),
            terminal_at=end,
        )

    def _reported_at(self) -> datetime | None:
        return min(
            (each.fired_at for each in self._reports.values() if each.fired_at), default=None
        )

    def _report(self, rules: tuple[RuleInstance, ...], facts: BatchFacts) -> bool:
        """Whether anything is still to be told of it."""
        waits = False
        for opinion in opinions(rules, self.labels, facts):
            name, verdict = opinion.instance.name, opinion.verdict
            if not isinstance(verdict, Holds):
                waits |= isinstance(verdict, Unknown)
                continue
            known, finding = self._reports.get(name), verdict.finding
            step = Step(known)
            if known is None:
                step = reported(self._judged(opinion, facts), finding)
            elif SETTLING in known.finding.marks and SETTLING not in finding.marks:
                step = settled(known, finding, facts.now)
            self.transitions.extend(step.transitions)
            if step.alert is not None:
                self._reports[name] = step.alert
            waits |= SETTLING in finding.marks
        return waits


def _reach(instance: RuleInstance) -> timedelta:
    """How long after the last call a verdict of the rule may still change."""
    settings = (instance.settings, *(each for _, each in instance.overrides))
    return max(
        getattr(each.rule, "window", _WINDOW)
        + each.timing.pending_for
        + each.timing.keep_firing_for
        for each in settings
    )


def _moments_after(end: datetime) -> Iterator[datetime]:
    now = end
    while now <= end + LINGER_MOST:
        now += _AFTER_END if now < end + _OFTEN_FOR else _SELDOM
        yield now
