"""An alert's life, step by step, with and without a restart between two steps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.alert import Alert, AlertState, Reason, Subject, Timing, Transition
from monitor.core.calendar import Calendar
from monitor.core.facts import BatchFacts
from monitor.core.hours import parse_hours
from monitor.core.identity import alert_key, fingerprint
from monitor.core.instance import RuleInstance, Settings
from monitor.core.lifecycle import (
    Judged,
    Step,
    advance,
    closed_as,
    orphaned,
    reported,
    settled,
)
from monitor.core.rule import (
    BatchRule,
    Clear,
    Finding,
    Holds,
    Severity,
    SubjectKind,
    Unknown,
    Verdict,
)
from monitor.store import alerts
from tests.builders import MINUTE, NOON, SECOND
from tests.stories import hurried

SUBJECT = Subject(kind=SubjectKind.BATCH, provider="renewals", id="b1", title="Renewals May")
BAD = Finding(summary="19 of 42 calls failed", value=45.0)
GOOD = Finding(summary="2 of 40 calls failed", value=5.0)
HOLDS, CLEAR, UNKNOWN = Holds(BAD), Clear(GOOD), Unknown("no calls since 14:06")
WORSE = Holds(replace(BAD, severity=Severity.CRITICAL))
MILDER = Holds(replace(BAD, severity=Severity.INFO))


@dataclass(frozen=True, kw_only=True)
class Spike(BatchRule):
    id: ClassVar[str] = "spike"
    severity: ClassVar[Severity] = Severity.WARNING

    def judge(self, facts: BatchFacts) -> Verdict:
        return UNKNOWN


def instance(name: str = "spike", *, wait: float = 0, keep: float = 0) -> RuleInstance:
    timing = Timing(pending_for=wait * SECOND, keep_firing_for=keep * SECOND)
    return RuleInstance(
        name=name, settings=Settings(rule=Spike(), severity=Severity.WARNING, timing=timing)
    )


def judged(
    verdict: Verdict, at: float = 0, *, seen: float | None = None, by: RuleInstance, **more: Any
) -> Judged:
    """A verdict ``at`` seconds after NOON on facts ``seen`` then, by default just now."""
    return Judged(
        instance=by,
        settings=by.settings,
        subject=more.pop("subject", SUBJECT),
        verdict=verdict,
        now=NOON + at * SECOND,
        observed_at=NOON + (at if seen is None else seen) * SECOND,
        **more,
    )


Keep = Callable[[Alert | None], Alert | None]


@pytest.fixture(params=["going on", "restarted"])
def keep(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Keep]:
    """What is known of an alert at the next step: itself, or what the database gives back."""
    if request.param == "going on":
        yield lambda alert: alert
        return
    engine = hurried(tmp_path / "offhook.db")

    def through_the_store(alert: Alert | None) -> Alert | None:
        if alert is None:
            return None
        with engine.begin() as conn:
            alerts.save(conn, [alert])
        with engine.connect() as conn:
            return alerts.load_key(conn, alert.key)

    yield through_the_store
    engine.dispose()


@dataclass(frozen=True)
class At:
    """One look: when, what was found, on facts of when, and whether they may clear."""

    now: float
    verdict: Verdict
    seen: float | None = None
    may_clear: bool = True


OPEN = {AlertState.PENDING, AlertState.FIRING}


def live(rule: RuleInstance, steps: list[At], keep: Keep) -> tuple[list[str], list[Transition]]:
    """The alert's states after each step, and everything that happened."""
    known: Alert | None = None
    episode = 0
    states: list[str] = []
    moves: list[Transition] = []
    for at in steps:
        case = judged(at.verdict, at.now, seen=at.seen, by=rule, may_clear=at.may_clear)
        step = advance(known, case, episode)
        after = keep(step.alert)
        moves += step.transitions
        states.append("-" if after is None else str(after.state))
        if after is not None:
            episode = after.episode
        known = after if after is not None and after.state in OPEN else None
    return states, moves


STORIES = [
    pytest.param(0, 0, [At(0, HOLDS)], ["firing"], id="without a pending time it fires at once"),
    pytest.param(0, 0, [At(0, CLEAR)], ["-"], id="what is clear begins nothing"),
    pytest.param(0, 0, [At(0, UNKNOWN)], ["-"], id="what is unknown begins nothing"),
    pytest.param(
        60, 0, [At(0, HOLDS), At(59, HOLDS), At(60, HOLDS)], ["pending", "pending", "firing"],
        id="it fires when it has held for the pending time",
    ),
    pytest.param(
        60, 0, [At(0, HOLDS), At(30, HOLDS, 0), At(600, HOLDS, 0)], ["pending"] * 3,
        id="one stale look never fires, however long ago it was",
    ),
    pytest.param(
        60, 0, [At(0, HOLDS), At(90, HOLDS, 59), At(91, HOLDS, 60)],
        ["pending", "pending", "firing"],
        id="the facts themselves must be as late as the pending time",
    ),
    pytest.param(
        60, 0, [At(100, HOLDS, 0), At(101, HOLDS, 60)], ["pending", "firing"],
        id="the pending time counts from the facts, not from when they were judged",
    ),
    pytest.param(
        60, 0, [At(0, HOLDS), At(30, UNKNOWN), At(60, HOLDS)], ["pending", "pending", "firing"],
        id="not knowing does not end a pending time",
    ),
    pytest.param(
        60, 0, [At(0, HOLDS), At(600, UNKNOWN)], ["pending", "pending"],
        id="not knowing never fires",
    ),
    pytest.param(
        60, 0, [At(0, HOLDS), At(30, CLEAR), At(40, HOLDS), At(99, HOLDS), At(100, HOLDS)],
        ["pending", "resolved", "pending", "pending", "firing"],
        id="what was clear in between begins again",
    ),
    pytest.param(
        0, 0, [At(0, HOLDS), At(10, CLEAR)], ["firing", "resolved"],
        id="a clear look ends it",
    ),
    pytest.param(
        0, 0, [At(0, HOLDS), At(10, UNKNOWN), At(9_999, UNKNOWN)], ["firing"] * 3,
        id="a window that empties never resolves",
    ),
    pytest.param(
        0, 0, [At(5, HOLDS), At(20, CLEAR, 5), At(30, CLEAR, 4), At(31, CLEAR, 6)],
        ["firing", "firing", "firing", "resolved"],
        id="only facts newer than those it fired on resolve it",
    ),
    pytest.param(
        0, 0, [At(0, HOLDS), At(10, CLEAR, may_clear=False), At(20, CLEAR)],
        ["firing", "firing", "resolved"],
        id="half a sweep never resolves",
    ),
    pytest.param(
        60, 0, [At(0, HOLDS), At(10, CLEAR, may_clear=False), At(60, HOLDS)],
        ["pending", "pending", "firing"],
        id="half a sweep does not end a pending time either",
    ),
    pytest.param(
        0, 120, [At(0, HOLDS), At(10, CLEAR), At(129, CLEAR), At(130, CLEAR)],
        ["firing", "firing", "firing", "resolved"],
        id="it is kept firing until it was clear for long enough",
    ),
    pytest.param(
        0, 120, [At(0, HOLDS), At(10, CLEAR), At(100, HOLDS), At(140, CLEAR), At(260, CLEAR)],
        ["firing", "firing", "firing", "firing", "resolved"],
        id="a relapse begins the recovery anew",
    ),
    pytest.param(
        0, 120, [At(0, HOLDS), At(10, CLEAR), At(130, UNKNOWN), At(131, CLEAR)],
        ["firing", "firing", "firing", "resolved"],
        id="not knowing resolves nothing though the time is up",
    ),
    pytest.param(
        0, 120, [At(0, HOLDS), At(10, CLEAR), At(200, CLEAR, 10), At(201, CLEAR, 131)],
        ["firing", "firing", "firing", "resolved"],
        id="one clear look is not a recovery that lasts",
    ),
    pytest.param(
        0, 0, [At(0, HOLDS), At(1, CLEAR), At(2, HOLDS), At(3, CLEAR)],
        ["firing", "resolved", "firing", "resolved"],
        id="each life ends for itself",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("wait", "kept", "steps", "expected"), STORIES)
def test_an_alert_lives_as_its_looks_say(
    wait: float, kept: float, steps: list[At], expected: list[str], keep: Keep
) -> None:
    states, moves = live(instance(wait=wait, keep=kept), steps, keep)

    assert states == expected
    assert [move.after for move in moves] == _changes(states)


def _changes(states: list[str]) -> list[str]:
    """The states that were entered; what fires at once was pending for no time at all."""
    found: list[str] = []
    before = "-"
    for state in states:
        opened = before in {"-", "resolved"} and state in {"pending", "firing"}
        if opened:
            found.append("pending")
        if state not in {before, "-"} and not (opened and state == "pending"):
            found.append(state)
        before = state
    return found


def test_every_step_of_a_life_has_its_reason(keep: Keep) -> None:
    _, moves = live(instance(wait=60), [At(0, HOLDS), At(60, HOLDS), At(70, CLEAR)], keep)

    assert [(each.before, each.after, each.reason) for each in moves] == [
        (None, AlertState.PENDING, Reason.HOLDS),
        (AlertState.PENDING, AlertState.FIRING, Reason.HELD_LONG_ENOUGH),
        (AlertState.FIRING, AlertState.RESOLVED, Reason.RECOVERED),
    ]
    last = moves[-1].alert
    assert (last.finding, last.closing) == (BAD, GOOD)
    assert (last.since, last.fired_at, last.closed_at) == (
        NOON,
        NOON + MINUTE,
        NOON + 70 * SECOND,
    )


def test_what_never_fired_did_not_recover(keep: Keep) -> None:
    _, moves = live(instance(wait=60), [At(0, HOLDS), At(30, CLEAR)], keep)

    assert moves[-1].reason is Reason.NO_LONGER_HOLDS
    assert (moves[-1].alert.fired_at, moves[-1].alert.revision) == (None, 0)


def test_why_it_cannot_be_judged_stands_on_the_alert_until_it_can(keep: Keep) -> None:
    first = advance(None, judged(HOLDS, by=instance()), 0).alert
    unknown = keep(advance(keep(first), judged(UNKNOWN, 60, by=instance()), 1).alert)
    again = keep(advance(unknown, judged(HOLDS, 120, by=instance()), 1).alert)

    assert unknown is not None
    assert again is not None
    assert (unknown.unknown, again.unknown) == ("no calls since 14:06", None)


@pytest.mark.parametrize(
    ("second", "severity", "revision", "reasons"),
    [
        pytest.param(WORSE, Severity.CRITICAL, 2, [Reason.ESCALATED], id="heavier: told again"),
        pytest.param(HOLDS, Severity.WARNING, 1, [], id="the same: nothing to tell"),
        pytest.param(MILDER, Severity.INFO, 1, [], id="lighter: only looks it"),
    ],
)
def test_a_firing_alert_that_gets_heavier_is_told_again(
    second: Verdict, severity: Severity, revision: int, reasons: list[Reason], keep: Keep
) -> None:
    first = keep(advance(None, judged(HOLDS, by=instance()), 0).alert)
    step = advance(first, judged(second, 10, by=instance()), 1)

    assert step.alert is not None
    assert (step.alert.severity, step.alert.revision) == (severity, revision)
    assert [each.reason for each in step.transitions] == reasons


def test_a_pending_alert_that_gets_heavier_fires_once_with_its_newest_weight() -> None:
    rule = instance(wait=60)
    first = advance(None, judged(HOLDS, by=rule), 0).alert
    step = advance(first, judged(WORSE, 60, by=rule), 1)

    assert step.alert is not None
    assert (step.alert.severity, step.alert.revision) == (Severity.CRITICAL, 1)
    assert [each.reason for each in step.transitions] == [Reason.HELD_LONG_ENOUGH]


def test_the_episode_rises_only_with_a_new_life(keep: Keep) -> None:
    steps = [At(0, HOLDS), At(1, HOLDS), At(2, CLEAR), At(3, CLEAR), At(4, HOLDS)]
    _, moves = live(instance(), steps, keep)

    episodes = [each.alert.episode for each in moves]
    assert episodes == [1, 1, 1, 2, 2]
    assert len({each.alert.key for each in moves}) == 2
    assert len({each.alert.fingerprint for each in moves}) == 1


def test_identity_does_not_depend_on_what_may_be_tuned() -> None:
    by = instance()
    tuned = replace(
        by,
        settings=replace(
            by.settings,
            severity=Severity.CRITICAL,
            labels={"team": "night"},
            timing=Timing(pending_for=MINUTE),
        ),
    )
    renamed = replace(SUBJECT, title="Another name", campaign="c2", run=3)
    before = advance(None, judged(HOLDS, by=by), 0).alert
    after = advance(None, judged(HOLDS, by=tuned, subject=renamed), 0).alert

    assert before is not None
    assert after is not None
    assert before.key == after.key
    assert before.fingerprint == fingerprint("renewals", "spike", "batch:b1")
    assert before.key == alert_key(before.fingerprint, 1)


def test_a_changed_duration_counts_from_the_same_beginning(keep: Keep) -> None:
    first = keep(advance(None, judged(HOLDS, by=instance(wait=600)), 0).alert)
    step = advance(first, judged(HOLDS, 60, by=instance(wait=60)), 1)

    assert step.alert is not None
    assert step.alert.state is AlertState.FIRING


def test_the_alert_says_what_is_configured_now(keep: Keep) -> None:
    by = instance()
    first = keep(advance(None, judged(HOLDS, by=by), 0).alert)
    new = replace(
        by, settings=replace(by.settings, labels={"team": "day"}, runbook_url="https://r.example")
    )
    after = advance(first, judged(HOLDS, 10, by=new), 1).alert

    assert after is not None
    assert (after.labels, after.runbook_url) == ({"team": "day"}, "https://r.example")


def test_a_time_of_facts_ahead_of_the_clock_does_not_shorten_the_pending_time() -> None:
    rule = instance(wait=60)
    first = advance(None, judged(HOLDS, 0, seen=600, by=rule), 0)

    assert first.alert is not None
    assert (first.alert.since, first.alert.state) == (NOON, AlertState.PENDING)


@pytest.mark.parametrize(
    ("wait", "kept", "steps", "expected"),
    [
        pytest.param(
            60, 0, [At(3_600, HOLDS), At(10, HOLDS), At(69, HOLDS), At(70, HOLDS)],
            ["pending", "pending", "pending", "firing"],
            id="a pending time begins anew",
        ),
        pytest.param(
            0, 0, [At(3_600, HOLDS), At(10, CLEAR)], ["firing", "resolved"],
            id="facts of another clock keep nothing firing",
        ),
        pytest.param(
            0, 60, [At(3_600, HOLDS), At(3_610, CLEAR), At(10, CLEAR), At(70, CLEAR)],
            ["firing", "firing", "firing", "resolved"],
            id="a recovery begins anew",
        ),
    ],
)  # fmt: skip
def test_a_clock_that_is_set_back_does_not_stop_what_it_timed(
    wait: float, kept: float, steps: list[At], expected: list[str], keep: Keep
) -> None:
    assert live(instance(wait=wait, keep=kept), steps, keep)[0] == expected


# Reports


def report(run: int = 1, **changes: Any) -> Step:
    finding = Finding(**{"summary": "completed", "marks": ("settling",)} | changes)
    return reported(
        judged(Holds(finding), by=instance(), subject=replace(SUBJECT, run=run)), finding
    )


def test_a_report_is_made_and_closed_at_once() -> None:
    step = report(since=NOON - MINUTE, severity=Severity.CRITICAL)

    assert step.alert is not None
    assert step.alert.state is AlertState.INFO
    assert (step.alert.since, step.alert.closed_at) == (NOON - MINUTE, NOON)
    assert step.alert.severity is Severity.CRITICAL
    assert [(each.before, each.reason) for each in step.transitions] == [(None, Reason.REPORTED)]


def test_a_report_has_one_key_a_run() -> None:
    keys = [step.alert.key for step in (report(1), report(1), report(2)) if step.alert]

    assert keys[0] == keys[1] != keys[2]


def test_a_report_settles_into_its_last_word() -> None:
    first = report().alert
    assert first is not None
    final = Finding(summary="completed, 41.20 USD")
    step = settled(first, final, NOON + 5 * MINUTE)

    assert step.alert is not None
    assert (step.alert.finding, step.alert.closing) == (final, None)
    assert (step.alert.state, step.alert.revision) == (AlertState.INFO, 2)
    assert (step.alert.key, step.alert.closed_at) == (first.key, first.closed_at)
    assert [each.reason for each in step.transitions] == [Reason.SETTLED]


# Other ends


@pytest.mark.parametrize("wait", [0, 60], ids=["firing", "pending"])
def test_a_rule_that_is_gone_takes_its_alerts_with_it(wait: float) -> None:
    gone = advance(None, judged(HOLDS, by=instance("gone", wait=wait)), 0).alert
    kept = advance(None, judged(HOLDS, by=instance("kept", wait=wait)), 0).alert
    assert gone is not None
    assert kept is not None

    steps = orphaned([gone, kept], frozenset({"kept"}), NOON + MINUTE)

    assert [step.alert and step.alert.key for step in steps] == [gone.key]
    (closed,) = steps
    assert closed.alert is not None
    assert (closed.alert.state, closed.alert.reason) == (AlertState.RESOLVED, Reason.RULE_CHANGED)
    assert closed.alert.reason.quiet
    assert closed.alert.closing is None


def test_only_a_recovery_says_that_things_are_well() -> None:
    said = {reason for reason in Reason if "recovered" in reason.words}

    assert said == {Reason.RECOVERED}
    assert {reason for reason in Reason if reason.quiet} == {
        Reason.BATCH_ENDED,
        Reason.BATCH_PAUSED,
        Reason.BATCH_VANISHED,
        Reason.DUE_AGAIN,
        Reason.RULE_CHANGED,
    }


def test_what_is_closed_says_when_and_why() -> None:
    firing = advance(None, judged(HOLDS, by=instance()), 0).alert
    assert firing is not None
    step = closed_as(firing, Reason.BATCH_ENDED, NOON + MINUTE)

    assert step.alert is not None
    assert (step.alert.closed_at, step.alert.revision) == (NOON + MINUTE, 2)
    assert [(each.before, each.after) for each in step.transitions] == [
        (AlertState.FIRING, AlertState.RESOLVED)
    ]


# The whole of it against a model of twenty lines


@dataclass
class Model:
    """What the life cycle promises, as plainly as it can be written."""

    wait: float
    kept: float
    state: str = "-"
    since: float = 0
    evidence: float = 0
    clear: float | None = None
    episode: int = 0

    def look(self, word: str, now: float, seen: float, *, may_clear: bool) -> str:
        if self.state == "resolved":
            self.state = "-"
        if word == "holds":
            if self.state == "-":
                self.state, self.since, self.episode = "pending", min(now, seen), self.episode + 1
            self.evidence, self.clear = seen, None
            if self.state == "pending" and min(now, seen) >= self.since + self.wait:
                self.state = "firing"
        elif word == "clear" and may_clear and seen > self.evidence and self.state != "-":
            self.clear = seen if self.clear is None else self.clear
            if self.state == "pending" or min(now, seen) >= self.clear + self.kept:
                self.state = "resolved"
        return self.state


LOOKS = st.lists(
    st.tuples(
        st.sampled_from(["holds", "holds", "clear", "clear", "unknown"]),
        st.integers(0, 40),  # seconds since the look before
        st.sampled_from([0, 0, 0, 5, 30]),  # age of the facts
        st.sampled_from([True, True, False]),
    ),
    max_size=25,
)


@settings(derandomize=True, max_examples=400)
@given(wait=st.sampled_from([0, 20, 60]), kept=st.sampled_from([0, 30]), looks=LOOKS)
def test_any_sequence_of_looks_goes_as_the_model_says(
    wait: int, kept: int, looks: list[tuple[str, int, int, bool]]
) -> None:
    words: dict[str, Verdict] = {"holds": HOLDS, "clear": CLEAR, "unknown": UNKNOWN}
    model = Model(wait, kept)
    steps: list[At] = []
    expected: list[str] = []
    now, newest = 100, 0
    for word, passed, age, may_clear in looks:
        now += passed
        newest = max(newest, now - age)  # the newest answer never gets older
        steps.append(At(now, words[word], newest, may_clear))
        expected.append(model.look(word, now, newest, may_clear=may_clear))
    states, moves = live(instance(wait=wait, keep=kept), steps, lambda alert: alert)

    assert states == expected
    assert max((each.alert.episode for each in moves), default=0) == model.episode
    assert all(
        each.reason is not Reason.RECOVERED or each.before is AlertState.FIRING for each in moves
    )


def test_timers_are_instants() -> None:
    alert = advance(None, judged(HOLDS, by=instance(wait=60)), 0).alert

    assert alert is not None
    assert isinstance(alert.since, datetime)
    assert alert.since + timedelta(seconds=60) == NOON + MINUTE


def test_what_holds_in_closed_hours_fires_in_them() -> None:
    closed = Calendar(ZoneInfo("UTC"), (parse_hours("daily 09:00-10:00"),))
    alert = None
    for at in range(0, 61, 10):
        look = judged(HOLDS, at, by=instance(wait=60), calendar=closed)
        alert = advance(alert, look, 0).alert

    assert alert is not None
    assert alert.state is AlertState.FIRING


@pytest.mark.parametrize("at_rest", [False, True])
def test_a_night_that_was_looked_at_seldom_counts_only_where_nothing_has_to_move(
    at_rest: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = Calendar(ZoneInfo("UTC"), (parse_hours("daily 09:00-10:00"),))
    by = instance(wait=600)
    monkeypatch.setattr(type(by.settings.rule), "at_rest", at_rest)
    alert = None
    for at in (0, 360, 720):
        alert = advance(alert, judged(HOLDS, at, by=by, calendar=closed), 0).alert

    assert alert is not None
    assert alert.state is (AlertState.FIRING if at_rest else AlertState.PENDING)
