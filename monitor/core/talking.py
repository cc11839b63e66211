"""How the agent does in the calls that somebody took: short calls, goals reached, its version."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.core.baseline import Compare, Counted, Usual
from monitor.core.calls import CallLog, EndedCall, Field
from monitor.core.facts import BatchFacts
from monitor.core.failures import Case, rate_finding, since
from monitor.core.model import Outcome
from monitor.core.pivot import MOST
from monitor.core.rates import RateRule
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from monitor.core.text import clip
from monitor.core.wording import clock, counted, span

_TODO = (
    "Pause the batch, listen to one of these calls, and compare the agent with its last version."
)
_LONG_AGO = timedelta(days=7)


def _taken(call: EndedCall) -> bool:
    return call.outcome is Outcome.COMPLETED


@dataclass(frozen=True, slots=True)
class _Shorter:
    """How many answered calls were over sooner."""

    than: timedelta

    def __call__(self, log: CallLog, start: datetime, end: datetime) -> Counted:
        return Counted(*log.answered_shorter(start, end, self.than))


def short_calls(than: timedelta) -> Case:
    """The case against answered calls that were over too soon."""
    limit = than.total_seconds()
    return Case(
        wrong=lambda call: call.duration_s is not None and call.duration_s < limit,
        count=_Shorter(than),
        bad="short calls",
        verb="were short",
        todo=_TODO,
        among=lambda call: _taken(call) and call.duration_s is not None,
    )


def missed_goals(goals: frozenset[str]) -> Case:
    """The case against answered calls that did not reach what they were made for."""
    return Case(
        wrong=lambda call: goals.isdisjoint((call.hangup, call.disposition)),
        count=_Reaching(goals),
        bad="calls that missed it",
        verb="reached their goal",
        todo=_TODO,
        skip=frozenset({Field.DISPOSITION}),
        among=_taken,
    )


@dataclass(frozen=True, slots=True)
class _Reaching:
    """How many answered calls ended with one of these words."""

    goals: frozenset[str]

    def __call__(self, log: CallLog, start: datetime, end: datetime) -> Counted:
        fields = (Field.OUTCOME, Field.HANGUP, Field.DISPOSITION)
        part = whole = 0
        for (outcome, hangup, disposition), n in log.grouped(start, end, *fields).items():
            if outcome == Outcome.COMPLETED:
                whole += n
                part += 0 if self.goals.isdisjoint((hangup, disposition)) else n
        return Counted(part, whole)


@dataclass(frozen=True, kw_only=True)
class GoalRate(RateRule):
    """How many of the answered calls reach their goal, beside what is usual."""

    goal: frozenset[str] = frozenset()

    @property
    def falls(self) -> bool:
        """See RateRule."""
        return True

    def judge(self, facts: BatchFacts) -> Verdict:
        """Unknown where no call is known to have reached one."""
        case, start = missed_goals(self.goal), since(facts, self.window)
        if not self.goal or self.compare is Compare.ABSOLUTE:
            return NO_GOALS
        seen = case.count(facts.calls, start, facts.now)
        if seen.whole >= self.min_calls and seen.share > self._back_from(1 / self.times):
            return _ENOUGH  # even where all calls usually reach it
        if seen.whole < self.min_calls:  # other batches need not be asked
            return Unknown(f"only {counted(seen.whole, 'answered call')} in the window")
        beside = self.usual(facts, start, case.count)
        if not beside.seen.part or beside.seen.whole < self.min_usual:
            return NO_GOALS

        def say(usual: Usual | None) -> Finding:
            what = f"{counted(seen.whole, 'answered call')} reached their goal"
            length = f" in {span(facts.now - start)}"
            limit = self.limit_beside(usual)
            found = rate_finding(seen, what + length, limit, usual, falls=self.falls)
            return replace(found, affected=seen.whole - seen.part)

        return self.weigh_beside(facts, seen, start, case, say, lambda: beside)


def first_of(found: Sequence[Verdict]) -> Verdict:
    """What holds, else what is not known, else that all is well; goals nobody tells say nothing."""
    told = [each for each in found if each is not NO_GOALS] or found
    for kind in (Holds, Unknown):
        for each in told:
            if isinstance(each, kind):
                return each
    return told[0]


NO_GOALS = Unknown("no goal of calls is known")
_ENOUGH = Clear(Finding(summary="enough answered calls reached their goal"))


def with_version(facts: BatchFacts, verdict: Verdict) -> Verdict:
    """The same, naming the agent's version that took the place of another, and since when."""
    change = None if not isinstance(verdict, Holds) else _change(facts)
    if not isinstance(verdict, Holds) or change is None:
        return verdict
    finding = verdict.finding
    named = replace(finding, details=(*finding.details, ("agent version", change)))
    return Holds(replace(named, summary=_inserted(finding.summary, f"agent {change}")))


def _inserted(summary: str, text: str) -> str:
    """Before who waits, which ends the sentence."""
    head, mark, waits = summary.rpartition("; ")
    return (
        f"{head}, {text}; {waits}"
        if mark and waits.endswith(("wait", "waits"))
        else (f"{summary}, {text}")
    )


def _change(facts: BatchFacts) -> str | None:
    """Such as "v4 since 10:02, v3 before", by the batch's own calls, else by the batch before."""
    calls = facts.calls.between(facts.now - _LONG_AGO, facts.now, MOST)
    newest = next(_versions(calls), None)
    if newest is None:
        return None
    since, before = None, None
    for call in calls:
        if call.agent_version == newest:
            since = call.ended_at
        elif call.agent_version is not None:
            before = call.agent_version
            break
    if before is None:
        before = _of_previous(facts)
    if before is None or before == newest or since is None:
        return None
    at = clock(since, facts.zone, facts.now)
    return f"{clip(newest, 40)} since {at}, {clip(before, 40)} before"


def _versions(calls: Iterable[EndedCall]) -> Iterator[str]:
    return (call.agent_version for call in calls if call.agent_version is not None)


def _of_previous(facts: BatchFacts) -> str | None:
    for peer in facts.peers.previous(1):
        return next(_versions(peer.calls.last_ended(20)), None)
    return None
