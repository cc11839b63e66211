"""The alerts of one subject on their way through its past: nothing of them is written."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from monitor.core.alert import Alert, AlertState, Reason, Transition
from monitor.core.lifecycle import Judged, Step, advance, told_once
from monitor.core.rule import Finding, Holds


@dataclass(frozen=True, slots=True)
class KeptAlerts:
    """How they stood, for who may have to take back what has moved since."""

    open: dict[str, Alert]
    episodes: dict[str, int]
    reports: dict[str, Alert]
    transitions: int


@dataclass(slots=True)
class PastAlerts:
    """What fires, by rule instance, and all that moved so far."""

    transitions: list[Transition] = field(default_factory=list)
    open: dict[str, Alert] = field(default_factory=dict)
    _episodes: dict[str, int] = field(default_factory=dict)
    _reports: dict[str, Alert] = field(default_factory=dict)  # of this run

    def judged(self, judged: Judged) -> None:
        """Take in what a rule says that goes on for some time."""
        name = judged.instance.name
        known = self.open.get(name)
        if known is not None or isinstance(judged.verdict, Holds):
            self.take(advance(known, judged, self._episodes.get(name, 0)))

    def reported(self, judged: Judged, finding: Finding) -> None:
        """Take in what a rule reports once a run."""
        step = told_once(self._reports.get(judged.instance.name), judged, finding)
        self.transitions.extend(step.transitions)
        if step.alert is not None:
            self._reports[judged.instance.name] = step.alert

    def run_again(self) -> None:
        """Reports are told anew."""
        self._reports = {}

    def close(self, steps: Iterable[Step]) -> None:
        """Take in how some of them end."""
        for step in steps:
            self.take(step)

    def take(self, step: Step) -> None:
        """Take in how one of them moves."""
        if step.alert is None:
            return
        name = step.alert.instance
        self.transitions.extend(step.transitions)
        self._episodes[name] = step.alert.episode
        if step.alert.state in {AlertState.PENDING, AlertState.FIRING}:
            self.open[name] = step.alert
        else:
            self.open.pop(name, None)

    def ended_with(self, run_ended_at: datetime | None) -> tuple[str, ...]:
        """The rules whose alerts ended with the run that ended then."""
        return tuple(
            sorted(
                {
                    each.alert.instance
                    for each in self.transitions
                    if each.reason is Reason.BATCH_ENDED
                    and each.alert.fired_at is not None
                    and (run_ended_at is None or each.at >= run_ended_at)
                }
            )
        )

    def keep(self) -> KeptAlerts:
        """As they stand."""
        return KeptAlerts(
            self.open.copy(), self._episodes.copy(), self._reports.copy(), len(self.transitions)
        )

    def is_moved(self, kept: KeptAlerts) -> bool:
        """Whether any of them is in another state since."""
        if len(self.transitions) > kept.transitions:
            return True
        return any(
            (each.clear_since is None) != (kept.open[name].clear_since is None)
            for name, each in self.open.items()
        )

    def restore(self, kept: KeptAlerts) -> None:
        """Let nothing have moved since."""
        self.open, self._episodes, self._reports = kept.open, kept.episodes, kept.reports
        del self.transitions[kept.transitions :]
