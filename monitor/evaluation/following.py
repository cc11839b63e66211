"""From opinions to alerts: the steps that every kind of subject takes alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.alert import Alert, AlertState, Subject, Transition
from monitor.core.calendar import Calendar
from monitor.core.decision import Decision
from monitor.core.identity import alert_key, fingerprint
from monitor.core.idle import Pauses
from monitor.core.lifecycle import Judged, Step, advance, orphaned, told_once
from monitor.core.rule import Clear, Holds, Unknown
from monitor.core.words import SETTLING
from monitor.evaluation.context import Context
from monitor.evaluation.explaining import held_back
from monitor.evaluation.judging import Opinion, in_words
from monitor.evaluation.telling import tell
from monitor.store import alerts

# Facts from further in the future are those of a clock that was set back since.
AHEAD_AT_MOST = timedelta(minutes=1)


@dataclass(slots=True)
class Following:
    """One subject's alerts on their way through one evaluation."""

    conn: Connection
    context: Context
    subject: Subject
    now: datetime
    observed_at: datetime | None
    may_clear: bool
    calendar: Calendar | None = None
    pauses: Pauses = ()
    open: dict[str, Alert] = field(default_factory=dict)  # by fingerprint
    moved: dict[str, Alert] = field(default_factory=dict)  # by key, to be saved
    transitions: list[Transition] = field(default_factory=list)
    crashes: dict[str, str] = field(default_factory=dict)
    judged: list[str] = field(default_factory=list)
    unhurried: set[str] = field(default_factory=set)  # fingerprints

    def __post_init__(self) -> None:
        """Load what is open for the subject."""
        subject = self.subject
        for alert in alerts.load_open(self.conn, subject.provider, subject.kind, subject.id):
            self.open[alert.fingerprint] = alert

    def follow(self, opinions: Sequence[Opinion]) -> None:
        """Take every opinion one step; close what no rule looks after any more."""
        self.judged += [opinion.instance.name for opinion in opinions]
        self.crashes |= {
            opinion.instance.name: opinion.crash
            for opinion in opinions
            if opinion.crash is not None
        }
        concerned = self._concerned(opinions)
        episodes = alerts.last_episodes(self.conn, list(concerned)) if concerned else {}
        least = self.context.least_episode
        for print_, judged in concerned.items():
            if judged.settings.rule.one_shot:
                self._report(judged)
            else:
                last = max(episodes.get(print_, 0), least)
                step = advance(self.open.get(print_), judged, last)
                self.take(step)
        if self.open:
            running = frozenset(opinion.instance.name for opinion in opinions)
            for step in orphaned(list(self.open.values()), running, self.now):
                self.take(step)

    def _concerned(self, opinions: Sequence[Opinion]) -> dict[str, Judged]:
        """The opinions that move something, by fingerprint: few, as a rule none."""
        concerned: dict[str, Judged] = {}
        for opinion in opinions:
            holds = isinstance(opinion.verdict, Holds)
            if not holds and not self.open:
                continue
            print_ = self._print(opinion.instance.name)
            if not opinion.settings.rule.hurries:
                self.unhurried.add(print_)
            if holds or print_ in self.open:
                concerned[print_] = self._judged(self._in_words(opinion))
        return concerned

    def _in_words(self, opinion: Opinion) -> Opinion:
        """With what its rule saw where that is read: as the last word of an alert."""
        if not isinstance(opinion.verdict, Clear):
            return opinion
        told = in_words(opinion)
        if told.crash is not None:
            self.crashes[told.instance.name] = told.crash
        return told

    def _print(self, instance: str) -> str:
        subject = self.subject
        return fingerprint(subject.provider, instance, f"{subject.kind}:{subject.id}")

    def _judged(self, opinion: Opinion) -> Judged:
        held = self.context.held_since
        verdict = opinion.verdict
        if held is not None and not self._is_since(held):
            verdict = Unknown("the clock jumped, and nothing was seen since")
        return Judged(
            instance=opinion.instance,
            settings=opinion.settings,
            subject=self.subject,
            verdict=verdict,
            now=self.now,
            observed_at=self.observed_at,
            may_clear=self.may_clear,
            calendar=self.calendar,
            pauses=self.pauses,
        )

    def _is_since(self, held: datetime) -> bool:
        """Whether the facts are newer than the clock's jump, and of the clock as it is now."""
        at = self.observed_at
        return at is not None and held <= at <= self.now + AHEAD_AT_MOST

    def _report(self, judged: Judged) -> None:
        """Make a report once; give it its last word once it has settled."""
        if not isinstance(judged.verdict, Holds):
            return
        finding = judged.verdict.finding
        key = alert_key(self._print(judged.instance.name), self.subject.run)
        self.take(told_once(alerts.load_key(self.conn, key), judged, finding))

    def take(self, step: Step) -> None:
        """Note one step, to be written at the end."""
        if step.alert is None:
            return
        self.moved[step.alert.key] = step.alert
        self.transitions.extend(step.transitions)
        if step.alert.state in {AlertState.PENDING, AlertState.FIRING}:
            self.open[step.alert.fingerprint] = step.alert
        else:
            self.open.pop(step.alert.fingerprint, None)

    def finish(self) -> "Followed":
        """Write alerts and audit, and owe what people are to hear."""
        decided: list[Decision] = []
        told = self._tell(decided) if self.moved else 0
        pending = any(
            alert.state is AlertState.PENDING and alert.fingerprint not in self.unhurried
            for alert in self.open.values()
        )
        return Followed(
            tuple(self.transitions),
            told,
            pending,
            tuple(self.judged),
            dict(self.crashes),
            tuple(decided),
        )

    def _tell(self, decided: list[Decision]) -> int:
        alerts.save(self.conn, self.moved.values())
        alerts.record(self.conn, self.transitions)
        concerned = [
            alert for alert in self.moved.values() if alert.state is not AlertState.PENDING
        ]
        return tell(
            self.conn,
            alerts=concerned,
            routing=self.context.routing,
            now=self.now,
            inhibited=held_back(
                self.conn,
                concerned,
                self.open.values(),
                self.context.instances,
                self.context.routing.inhibitions,
                self.context.firing,
            ),
            default_zone=self.context.zone,
            decided=decided.append,
        )


@dataclass(frozen=True, slots=True)
class Followed:
    """What one evaluation did: the moves, how many messages it owes, whether anything pends.

    ``judged`` are the rule instances that were asked, ``crashes`` the errors of those that
    failed. ``decided`` says what was decided about telling, and why.
    """

    transitions: tuple[Transition, ...]
    told: int
    pending: bool
    judged: tuple[str, ...] = ()
    crashes: dict[str, str] = field(default_factory=dict)
    decided: tuple[Decision, ...] = ()


def unsettled(opinion: Opinion) -> bool:
    """Whether the opinion is a report whose numbers may still move."""
    verdict = opinion.verdict
    return isinstance(verdict, Holds) and SETTLING in verdict.finding.marks
