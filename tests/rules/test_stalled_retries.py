from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.calendar import Calendar
from monitor.core.facts import BatchFacts, EndedCall, LateRetry
from monitor.core.hours import parse_hours
from monitor.core.model import BatchStatus, Capabilities, Counts, Outcome
from monitor.core.rule import Clear, Finding, Holds, Unknown
from rules.stalled_retries import StalledRetries
from tests.builders import (
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    ListedCalls,
    ListedRetries,
    make_batch,
    make_certainty,
    make_facts,
)

RULE = StalledRetries()
OFFICE = Calendar(ZoneInfo("UTC"), (parse_hours("daily 09:00-20:00"),))


def overdue(*ages: timedelta, now: datetime = NOON) -> list[LateRetry]:
    return [
        LateRetry(contact_id=f"p{n}", due_at=now - age, since=now - age)
        for n, age in enumerate(ages)
    ]


def lost(*ages: timedelta) -> list[LateRetry]:
    return [
        LateRetry(contact_id=f"l{n}", due_at=None, since=NOON - age) for n, age in enumerate(ages)
    ]


def facts_of(*waiting: LateRetry, **changes: Any) -> BatchFacts:
    return make_facts(retries=ListedRetries(waiting), **changes)


def held(facts: BatchFacts, rule: StalledRetries = RULE) -> Finding:
    verdict = rule.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


@pytest.mark.parametrize(
    ("waiting", "holds"),
    [
        pytest.param([], False, id="nobody waits"),
        pytest.param(overdue(-MINUTE), False, id="a retry in the future"),
        pytest.param(overdue(15 * MINUTE - SECOND), False, id="just in time"),
        pytest.param(overdue(15 * MINUTE), True, id="overdue at the limit"),
        pytest.param(overdue(5 * HOUR), True, id="long overdue"),
        pytest.param(lost(HOUR - SECOND), False, id="unscheduled for a while"),
        pytest.param(lost(HOUR), True, id="unscheduled at the limit"),
    ],
)
def test_the_limits(waiting: list[LateRetry], *, holds: bool) -> None:
    assert isinstance(RULE.evaluate(facts_of(*waiting)), Holds if holds else Clear)


def test_the_sentence_says_how_many_how_late_and_what_is_free() -> None:
    batch = make_batch(concurrency=5, counts=Counts(live=2))
    waiting = (*overdue(110 * MINUTE, *[20 * MINUTE] * 61), *lost(2 * HOUR))

    finding = held(facts_of(*waiting, batch=batch))

    assert finding.summary == (
        "62 retries are late, the oldest by 1 h 50 min; "
        "1 person waits for a retry that is not scheduled; 3 of 5 lines free"
    )
    assert (finding.affected, finding.value, finding.threshold) == (63, 6_600, 900)
    assert finding.since == NOON - 110 * MINUTE
    assert finding.evidence == ("p0", "p1", "p10")


def test_one_alone_is_told_as_one() -> None:
    assert held(facts_of(*overdue(20 * MINUTE))).summary == "1 retry is late by 20 min"


def test_only_those_beyond_the_limit_are_counted() -> None:
    waiting = overdue(*(n * MINUTE for n in range(1, 61)))

    assert held(facts_of(*waiting)).affected == 46


@pytest.mark.parametrize(
    ("n", "holds"), [pytest.param(4, False, id="fewer"), pytest.param(5, True, id="enough")]
)
def test_it_takes_so_many_people(n: int, *, holds: bool) -> None:
    rule = StalledRetries(min_contacts=5)

    assert isinstance(rule.evaluate(facts_of(*overdue(*[HOUR] * n))), Holds) is holds


@pytest.mark.parametrize(
    ("live", "need", "kind"),
    [
        pytest.param(5, True, Unknown, id="all lines busy"),
        pytest.param(6, True, Unknown, id="more than all"),
        pytest.param(4, True, Holds, id="one free"),
        pytest.param(5, False, Holds, id="busy lines do not matter"),
    ],
)
def test_with_all_lines_busy_a_late_retry_is_normal(
    live: int, *, need: bool, kind: type[Holds | Unknown]
) -> None:
    batch = make_batch(concurrency=5, counts=Counts(live=live))
    rule = StalledRetries(need_free_line=need)

    assert isinstance(rule.evaluate(facts_of(*overdue(HOUR), batch=batch)), kind)


def test_where_the_vendor_tells_of_no_lines_they_do_not_matter() -> None:
    blind = Capabilities(retries=True, in_flight=False)
    batch = make_batch(concurrency=5, counts=Counts(live=5))

    held(facts_of(*overdue(HOUR), batch=batch, capabilities=blind))


@pytest.mark.parametrize(
    ("minutes", "holds"),
    [
        pytest.param(14, False, id="fourteen minutes after opening"),
        pytest.param(15, True, id="fifteen minutes after opening"),
    ],
)
def test_the_night_does_not_count(minutes: int, *, holds: bool) -> None:
    now = datetime(2026, 6, 11, 9, minutes, tzinfo=UTC)
    late = overdue(13 * HOUR, now=now)  # due at 20:00 or after, when the day was over
    facts = facts_of(
        *late, now=now, calendar=OFFICE, certainty=make_certainty(observed_at=now, swept_at=now)
    )

    assert isinstance(RULE.evaluate(facts), Holds) is holds


def test_outside_the_hours_nothing_is_said() -> None:
    now = NOON + 9 * HOUR
    facts = facts_of(*overdue(HOUR), now=now, calendar=OFFICE)

    assert RULE.evaluate(facts) == Unknown("outside calling hours until Thu 09:00")


def test_a_pause_does_not_count() -> None:
    paused = facts_of(*overdue(5 * HOUR), batch=make_batch(status=BatchStatus.PAUSED))
    resumed = facts_of(*overdue(5 * HOUR), resumed_at=NOON - 15 * MINUTE + SECOND)
    long_resumed = facts_of(*overdue(5 * HOUR), resumed_at=NOON - 15 * MINUTE)

    assert RULE.evaluate(paused) == Unknown("the batch is paused")
    assert isinstance(RULE.evaluate(resumed), Clear)
    held(long_resumed)


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        pytest.param(None, Unknown, id="never read"),
        pytest.param(61 * MINUTE, Clear, id="last read before the retry was due"),
        pytest.param(59 * MINUTE, Holds, id="still there when it was read after"),
    ],
)
def test_who_was_not_seen_waiting_since_may_have_been_called(
    read: timedelta | None, kind: type[Holds | Clear | Unknown]
) -> None:
    certainty = make_certainty(swept_at=None if read is None else NOON - read)

    assert isinstance(RULE.evaluate(facts_of(*overdue(HOUR), certainty=certainty)), kind)


def test_a_reading_of_those_who_are_due_is_enough() -> None:
    certainty = make_certainty(swept_at=NOON - 2 * HOUR, read_at=NOON)

    assert held(facts_of(*overdue(HOUR), certainty=certainty)).affected == 1


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(BatchStatus.SCHEDULED, id="not begun"),
        pytest.param(BatchStatus.COMPLETED, id="completed"),
        pytest.param(BatchStatus.UNKNOWN, id="a status that nobody knows"),
    ],
)
def test_a_batch_that_does_not_run_is_not_judged(status: BatchStatus) -> None:
    facts = facts_of(*overdue(HOUR), batch=make_batch(status=status))

    assert isinstance(RULE.evaluate(facts), Unknown)


def test_a_vendor_that_shows_no_retries_is_not_called_healthy() -> None:
    facts = facts_of(capabilities=Capabilities(), vendor="bland")

    assert RULE.evaluate(facts) == Unknown("cannot see retries at Bland")


def test_a_parameter_that_cannot_be_meant_is_refused() -> None:
    with pytest.raises(ValueError, match="min_contacts is 0"):
        StalledRetries(min_contacts=0)


@pytest.mark.parametrize(
    ("lines", "live", "kind"),
    [
        pytest.param(50, 46, Unknown, id="four of fifty are between two calls"),
        pytest.param(50, 45, Holds, id="a tenth is free"),
        pytest.param(19, 18, Unknown, id="one of nineteen"),
        pytest.param(10, 9, Holds, id="one of ten"),
        pytest.param(1, 0, Holds, id="the only one"),
    ],
)
def test_of_many_lines_some_are_always_between_two_calls(
    lines: int, live: int, kind: type[Holds | Unknown]
) -> None:
    batch = make_batch(concurrency=lines, counts=Counts(live=live))

    assert isinstance(RULE.evaluate(facts_of(*overdue(HOUR), batch=batch)), kind)


def retries_made(n: int) -> ListedCalls:
    return ListedCalls(
        [
            EndedCall(
                call_id=f"c{i}",
                ended_at=NOON - MINUTE,
                outcome=Outcome.COMPLETED,
                attempt=i % 2 + 1,
            )
            for i in range(n)
        ]
    )


@pytest.mark.parametrize(
    ("made", "late", "kind"),
    [
        pytest.param(3, 15 * MINUTE, Unknown, id="as many were made in half an hour as are late"),
        pytest.param(3, 30 * MINUTE - SECOND, Unknown, id="until twice the limit"),
        pytest.param(3, 30 * MINUTE, Holds, id="however many are made"),
        pytest.param(2, 15 * MINUTE, Holds, id="they do not keep up"),
        pytest.param(0, 15 * MINUTE, Holds, id="none is made"),
    ],
)
def test_retries_that_are_being_caught_up_are_given_twice_the_time(
    made: int, late: timedelta, kind: type[Holds | Unknown]
) -> None:
    facts = facts_of(*overdue(late, 15 * MINUTE, 15 * MINUTE), calls=retries_made(made))

    assert isinstance(RULE.evaluate(facts), kind)


def test_who_has_no_retry_planned_is_not_caught_up_by_others() -> None:
    held(facts_of(*lost(HOUR), calls=retries_made(9)))
