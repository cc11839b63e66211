"""What is wrong with what came of a history: an incident missed, or an alarm without a cause."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from monitor.app.ruletest.run import Runner
from monitor.core.alert import AlertState, Reason, Transition
from tests.histories.drawn import Cause, Draft
from tests.histories.histories import history
from tests.histories.playing import Played, play

LOUD = {AlertState.FIRING, AlertState.INFO}
REPORTED_WITHIN = timedelta(minutes=20)
# Where calls under way are on no list, an end is believed when none can go on any more.
UNLISTED_WITHIN = timedelta(minutes=75)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One history: whether its incident was told, and what is wrong."""

    seed: int
    planted: str  # "" for none
    missed: tuple[str, ...]
    false: tuple[str, ...]


def judged(seed: int, runner: Runner) -> Verdict:
    """Play a history and judge what came of it."""
    draft = history(seed)
    played = play(draft, runner)
    return Verdict(
        seed,
        draft.cause.rule if draft.cause else "",
        tuple(_missed(draft, played)),
        (*_false(draft, played), *_reports(draft, played)),
    )


def _missed(draft: Draft, played: Played) -> Iterator[str]:
    cause = draft.cause
    if cause is None:
        return
    if cause.begins is None or played.deadline is None:
        yield f"{cause.rule} was never planted (since {cause.since})"
        return
    found = [each for each in _loud(played) if _is_told(each, cause)]
    if not found:
        yield (
            f"{cause.rule} did not fire on {'/'.join(sorted(cause.on))}:"
            f" since {cause.since:%a %H:%M:%S},"
            f" ready {cause.begins:%H:%M:%S}, until {played.deadline:%a %H:%M:%S}"
        )


def _false(draft: Draft, played: Played) -> Iterator[str]:
    """Alarms about what nobody planted, and alarms that end while their cause goes on."""
    cause = draft.cause
    for each in _loud(played):
        rule = each.alert.rule
        if rule == "batch_completed":
            continue
        told = cause is not None and cause.since is not None and each.at >= cause.since
        if told and cause is not None and _subject(each) & cause.on:
            told = rule == cause.rule or rule in cause.follows
        else:
            told = False
        if told:
            continue
        yield f"{_words(each)}"


def _reports(draft: Draft, played: Played) -> Iterator[str]:
    """Each end is told once, and nothing else as an end."""
    for name, dialler in played.diallers.items():
        told = [
            each.at
            for each in _loud(played)
            if each.alert.rule == "batch_completed" and name in _subject(each)
        ]
        ends = list(dialler.completions)
        within = UNLISTED_WITHIN if dialler.plan.provider == "vogent" else REPORTED_WITHIN
        if told and not ends:
            yield f"batch_completed was told of {name}, which has not ended"
        elif len(told) > len(ends):
            yield f"batch_completed was told of {name} {len(told)} times"
        due = [at for at in ends if at + within < played.until]
        hidden = draft.cause is not None and draft.cause.rule in {
            "provider_blind",
            "batch_vanished",
        }
        if len(told) < len(due) and not hidden:
            yield f"batch_completed was not told of {name}, which ended at {due[-1]:%a %H:%M:%S}"


def _loud(played: Played) -> list[Transition]:
    return [
        each
        for each in played.transitions
        if each.after in LOUD
        and each.before is not each.after
        and each.reason not in {Reason.SETTLED, Reason.ESCALATED}
    ]


def _is_told(each: Transition, cause: Cause) -> bool:
    assert cause.since is not None
    return each.alert.rule == cause.rule and bool(_subject(each) & cause.on)


def _subject(each: Transition) -> frozenset[str]:
    of = each.alert.subject
    return frozenset({of.id, of.title}) | ({of.provider} if of.id == of.provider else set())


def _words(each: Transition) -> str:
    alert = each.alert
    found = alert.finding
    return (
        f"{alert.rule} on {alert.subject.title} at {each.at:%a %H:%M:%S}"
        f" ({alert.severity}): {found.summary}"
    )
