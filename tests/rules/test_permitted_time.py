"""Nights, holidays and pauses are no lack of movement: no rule of the catalogue takes them so."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import rules
from monitor.core.alert import AlertState, Subject, Timing
from monitor.core.calendar import Calendar
from monitor.core.explained import inhibited_by
from monitor.core.facts import BatchFacts, EndedCall, LateRetry
from monitor.core.hours import parse_hours
from monitor.core.instance import RuleInstance, Settings
from monitor.core.lifecycle import Judged, advance
from monitor.core.model import BatchStatus, Counts, Outcome, RetryPolicy
from monitor.core.retries import HeldLine
from monitor.core.rule import BatchRule, Holds, Rule, Severity, SubjectKind, Unknown
from rules.batch_overdue import BatchOverdue
from rules.batch_stalled import BatchStalled
from rules.lines_idle import LinesIdle
from tests.builders import (
    HOUR,
    MINUTE,
    ListedCalls,
    ListedRetries,
    make_batch,
    make_certainty,
    make_facts,
)
from tests.delivering import make_alert

# Wednesday 10 June is worked until 20:00; the 11th is a holiday; the 12th opens at 09:00.
HOURS = Calendar(
    ZoneInfo("Asia/Kolkata"), (parse_hours("daily 09:00-20:00"),), frozenset({date(2026, 6, 11)})
)
CLOSES = datetime(2026, 6, 10, 14, 30, tzinfo=UTC)
OPENS = datetime(2026, 6, 12, 3, 30, tzinfo=UTC)
LAST = CLOSES - MINUTE  # when the last thing moved

EVERY = [
    pytest.param(rule(), id=name)
    for name, rule in sorted(rules.catalogue().items())
    if issubclass(rule, BatchRule)
]
EVERY += [
    pytest.param(
        BatchOverdue(finish_by="08:00", max_duration=12 * HOUR, before_close=True),
        id="batch_overdue with limits",
    ),
    pytest.param(BatchStalled(idle=2 * MINUTE, gap_factor=0), id="batch_stalled in two minutes"),
]


def standing(now: datetime, status: BatchStatus, **changes: Any) -> BatchFacts:
    """A batch that was busy until a minute before the hours ended, and has not moved since."""
    calls = [
        EndedCall(call_id=f"c{n}", ended_at=LAST - n * MINUTE, outcome=Outcome.COMPLETED)
        for n in range(150)
    ]
    waits = [LateRetry(contact_id="p1", due_at=LAST, since=LAST)]
    lost = [LateRetry(contact_id="p2", due_at=None, since=LAST)]
    values: dict[str, Any] = {
        "now": now,
        "batch": make_batch(
            status=status,
            seen_at=now,
            concurrency=5,
            created_at=LAST - 5 * HOUR,
            scheduled_at=LAST if status is BatchStatus.SCHEDULED else LAST - 4 * HOUR,
            retry=RetryPolicy(max_retries=3, cooldown_s=1_800, grows=False),
            counts=Counts(total=400, waiting=231, live=0, by_status={}),
        ),
        "certainty": make_certainty(
            observed_at=now, swept_at=now, complete_at=now, read_at=now, recounted=True
        ),
        "calendar": HOURS,
        "calls": ListedCalls(calls),
        "retries": ListedRetries([*waits, *lost], [LAST + HOUR]),
        "tally": {
            "contacts": 400,
            "contact.pending": 231,
            "contact.retrying": 19,
            "contact.completed": 150,
            "call.completed": 150,
            "retries": 40,
        },
        "first_seen_at": LAST - 4 * HOUR,
        "running_at": LAST - 4 * HOUR,
        "moved_at": LAST,
        "typical_gap": timedelta(seconds=20),
        "pauses": ((LAST, None),) if status is BatchStatus.PAUSED else (),
    }
    return make_facts(**values | changes)


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(CLOSES, id="as they end"),
        pytest.param(CLOSES + 5 * HOUR, id="at night"),
        pytest.param(CLOSES + 20 * HOUR, id="on a holiday"),
        pytest.param(OPENS - timedelta(seconds=1), id="before they begin"),
        pytest.param(OPENS, id="as they begin"),
    ],
)
@pytest.mark.parametrize("status", [BatchStatus.RUNNING, BatchStatus.PAUSED, BatchStatus.SCHEDULED])
@pytest.mark.parametrize("rule", EVERY)
def test_nothing_stalls_outside_the_hours(rule: Rule, status: BatchStatus, now: datetime) -> None:
    facts = standing(now, status)
    if rule.id == "lines_idle" and now == OPENS:
        assert rule.pending_for  # which begins only now
        return
    if rule.id == "batch_overdue" and now == OPENS and status is BatchStatus.RUNNING:
        return  # its time of day has come meanwhile

    assert not isinstance(rule.evaluate(facts), Holds)


@pytest.mark.parametrize("rule", EVERY)
def test_a_line_that_is_held_is_told_in_the_hours(rule: Rule) -> None:
    held = ListedRetries(lines=[HeldLine(contact_id="p1", since=LAST)])
    counts = Counts(total=400, waiting=0, live=1)

    def at(now: datetime) -> bool:
        batch = make_batch(seen_at=now, concurrency=5, counts=counts, scheduled_at=LAST)
        facts = standing(now, BatchStatus.RUNNING, retries=held, batch=batch)
        return isinstance(rule.evaluate(facts), Holds)

    assert not at(OPENS - MINUTE)
    if rule.id != "batch_overdue":  # its time of day has come meanwhile
        assert at(OPENS + MINUTE) is (rule.id == "call_stuck")


@pytest.mark.parametrize("rule", EVERY)
def test_a_pause_that_is_over_is_no_lack_of_movement(rule: Rule) -> None:
    resumed = CLOSES - 3 * HOUR
    now = resumed + MINUTE
    long_ago = resumed - 4 * HOUR
    facts = standing(
        now,
        BatchStatus.RUNNING,
        moved_at=resumed,
        resumed_at=resumed,
        idle_at=resumed,
        pauses=((long_ago, resumed),),
        calls=ListedCalls(),
        retries=ListedRetries([LateRetry(contact_id="p1", due_at=long_ago, since=long_ago)]),
        running_at=long_ago,
    )
    if rule.id == "lines_idle":
        assert rule.pending_for
        return

    assert not isinstance(rule.evaluate(facts), Holds)


def _fires_at(rule: BatchRule, pending_for: timedelta, looks: list[datetime]) -> datetime | None:
    settings = Settings(
        rule=rule, severity=Severity.WARNING, timing=Timing(pending_for=pending_for)
    )
    alert = None
    for now in looks:
        judged = Judged(
            instance=RuleInstance(name=rule.id, settings=settings),
            settings=settings,
            subject=Subject(kind=SubjectKind.BATCH, provider="renewals", id="b1", title="b1"),
            verdict=rule.evaluate(standing(now, BatchStatus.RUNNING)),
            now=now,
            observed_at=now,
            calendar=HOURS,
        )
        alert = advance(alert, judged, 0).alert
        if alert is not None and alert.state is AlertState.FIRING:
            return now
    return None


NIGHT = [CLOSES + n * 2 * MINUTE for n in range((OPENS - CLOSES) // (2 * MINUTE))]


@pytest.mark.parametrize(
    "night",
    [
        pytest.param(NIGHT, id="watched"),
        pytest.param(NIGHT[:20], id="Offhook was down in most of it"),
        pytest.param([], id="Offhook was down in it"),
    ],
)
def test_the_night_is_no_part_of_a_pending_time(night: list[datetime]) -> None:
    evening = [CLOSES - 5 * MINUTE + n * MINUTE for n in range(5)]
    morning = [OPENS + n * timedelta(seconds=30) for n in range(60)]

    fired = _fires_at(LinesIdle(), 15 * MINUTE, evening + night + morning)

    assert fired is not None
    # The evening gave five minutes; what lies between the last look and the opening counts.
    assert OPENS + 8 * MINUTE <= fired <= OPENS + 11 * MINUTE


@pytest.mark.parametrize(
    ("status", "now"),
    [
        pytest.param(BatchStatus.RUNNING, CLOSES + 5 * HOUR, id="at night"),
        pytest.param(BatchStatus.PAUSED, CLOSES - HOUR, id="while paused"),
        pytest.param(BatchStatus.PAUSED, CLOSES + 5 * HOUR, id="paused at night"),
        pytest.param(BatchStatus.SCHEDULED, CLOSES + 5 * HOUR, id="not begun at night"),
    ],
)
@pytest.mark.parametrize("rule", EVERY)
def test_nobody_is_reminded_while_nothing_can_move(
    rule: Rule, status: BatchStatus, now: datetime
) -> None:
    verdict = rule.evaluate(standing(now, status))
    known = isinstance(verdict, Unknown) and verdict.still
    if not known or rule.cause == "people":  # of what was done to people everybody is to hear
        return
    assert isinstance(verdict, Unknown)
    alert = make_alert(rule.id, rule=rule.id, unknown=verdict.reason)
    reasons = {"the batch has not begun"}

    assert verdict.reason in reasons or inhibited_by(alert, []) == verdict.reason
