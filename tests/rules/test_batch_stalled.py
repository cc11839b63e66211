from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.calendar import Calendar
from monitor.core.facts import BatchFacts, LateRetry
from monitor.core.hours import parse_hours
from monitor.core.model import BatchStatus, Counts
from monitor.core.rule import Clear, Finding, Holds, Unknown
from rules.batch_stalled import BatchStalled
from tests.builders import (
    EVERYTHING,
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    ListedRetries,
    make_batch,
    make_certainty,
    make_facts,
)

RULE = BatchStalled()
BERLIN = Calendar(ZoneInfo("Europe/Berlin"), (parse_hours("daily 09:00-20:00"),))


def still_for(length: timedelta, **changes: Any) -> BatchFacts:
    values: dict[str, Any] = {
        "moved_at": NOON - length,
        "tally": {"contact.pending": 231},
        "capabilities": replace(EVERYTHING, trusted=frozenset()),
    }
    return make_facts(**values | changes)


def held(facts: BatchFacts) -> Finding:
    verdict = RULE.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


@pytest.mark.parametrize(
    ("length", "kind"),
    [
        pytest.param(10 * MINUTE - SECOND, Clear, id="just in time"),
        pytest.param(10 * MINUTE, Holds, id="at the limit"),
        pytest.param(9 * HOUR, Holds, id="long ago"),
    ],
)
def test_the_limit(length: timedelta, kind: type[Holds | Clear]) -> None:
    assert isinstance(RULE.evaluate(still_for(length)), kind)


@pytest.mark.parametrize(
    ("gap", "length", "kind"),
    [
        pytest.param(2 * MINUTE, 20 * MINUTE - SECOND, Clear, id="slow, just in time"),
        pytest.param(2 * MINUTE, 20 * MINUTE, Holds, id="slow, ten times its gap"),
        pytest.param(SECOND, 10 * MINUTE - SECOND, Clear, id="quick, never under idle"),
        pytest.param(SECOND, 10 * MINUTE, Holds, id="quick, at idle"),
    ],
)
def test_a_slow_batch_is_given_its_own_time(
    gap: timedelta, length: timedelta, kind: type[Holds | Clear]
) -> None:
    assert isinstance(RULE.evaluate(still_for(length, typical_gap=gap)), kind)


def in_a_tail(late: timedelta, **more: Any) -> BatchFacts:
    """The last of its people wait for a retry that is due for so long; before that nobody did."""
    retry = LateRetry(contact_id="p1", due_at=NOON - late, since=NOON - late)
    ladder = {"tally": {"contact.retrying": 1}, "retries": ListedRetries(waiting=[retry])}
    return still_for(6 * HOUR, **ladder | more)


@pytest.mark.parametrize(
    ("late", "kind"),
    [
        pytest.param(timedelta(0), Clear, id="due now"),
        pytest.param(10 * MINUTE - SECOND, Clear, id="just in time"),
        pytest.param(10 * MINUTE, Holds, id="at the limit"),
        pytest.param(5 * HOUR, Holds, id="long ago"),
    ],
)
def test_in_a_tail_time_counts_from_when_somebody_waits(
    late: timedelta, kind: type[Holds | Clear]
) -> None:
    assert isinstance(RULE.evaluate(in_a_tail(late)), kind)


def test_who_was_never_called_waits_from_the_last_move() -> None:
    finding = held(in_a_tail(MINUTE, tally={"contact.retrying": 1, "contact.pending": 1}))

    assert finding.since == NOON - 6 * HOUR


@pytest.mark.parametrize(
    ("length", "kind"),
    [
        pytest.param(HOUR - SECOND, Clear, id="the vendor may plan it yet"),
        pytest.param(HOUR, Holds, id="an hour"),
    ],
)
def test_a_retry_that_is_not_planned_is_given_an_hour(
    length: timedelta, kind: type[Holds | Clear]
) -> None:
    lost = ListedRetries([LateRetry(contact_id="p1", due_at=None, since=NOON - length)])

    assert isinstance(RULE.evaluate(in_a_tail(HOUR, retries=lost)), kind)


@pytest.mark.parametrize(
    ("length", "lines", "live", "kind"),
    [
        pytest.param(10 * MINUTE, 1, 1, Clear, id="one conversation may last"),
        pytest.param(35 * MINUTE - SECOND, 1, 1, Clear, id="just in time"),
        pytest.param(35 * MINUTE, 1, 1, Holds, id="longer than any call"),
        pytest.param(10 * MINUTE, 1, 0, Holds, id="its only line is free"),
        pytest.param(10 * MINUTE, 2, 2, Holds, id="two that last so long are no chance"),
        pytest.param(10 * MINUTE, None, 1, Holds, id="it may have more lines"),
    ],
)
def test_the_only_line_may_be_busy_for_as_long_as_a_call_lasts(
    length: timedelta, lines: int | None, live: int, kind: type[Holds | Clear]
) -> None:
    batch = make_batch(concurrency=lines, counts=Counts(waiting=34, live=live, total=60))

    assert isinstance(RULE.evaluate(still_for(length, batch=batch)), kind)


def test_a_tail_is_told_with_both_times() -> None:
    finding = held(in_a_tail(20 * MINUTE, batch=make_batch(timezone="UTC")))

    assert finding.summary == "nothing has moved since 06:00; 1 person waits since 11:40"
    assert finding.since == NOON - 20 * MINUTE


def test_the_sentence_says_since_when_who_waits_and_how_many_lines_are_busy() -> None:
    batch = make_batch(
        concurrency=5, counts=Counts(waiting=231, live=0, total=412), timezone="Europe/Berlin"
    )

    finding = held(still_for(79 * MINUTE, batch=batch, typical_gap=MINUTE))

    assert finding.summary == "nothing has moved since 12:41; 231 people wait, 0 of 5 lines busy"
    assert (finding.value, finding.threshold, finding.unit) == (4_740, 600, "s")
    assert (finding.waiting, finding.total, finding.since) == (231, 412, NOON - 79 * MINUTE)
    assert finding.details == (
        ("still for", "1 h 19 min of calling time"),
        ("usual gap", "1 min"),
    )


def test_a_tail_in_which_only_future_retries_are_left_does_not_stall() -> None:
    tail = still_for(
        5 * HOUR,
        tally={"contact.retrying": 40},
        retries=ListedRetries(planned=[NOON + HOUR] * 40),
    )

    assert isinstance(RULE.evaluate(tail), Clear)


def test_a_retry_that_is_due_waits() -> None:
    at = NOON - 10 * MINUTE
    due = LateRetry(contact_id="p1", due_at=at, since=at)

    assert held(still_for(HOUR, tally={}, retries=ListedRetries([due]))).waiting == 1


def test_the_night_does_not_count() -> None:
    opening = datetime(2026, 6, 10, 7, tzinfo=UTC)
    evening = opening - 13 * HOUR - 5 * MINUTE  # five minutes before the day was over

    def after(minutes: int) -> BatchFacts:
        now = opening + minutes * MINUTE
        return still_for(
            HOUR,
            now=now,
            moved_at=evening,
            calendar=BERLIN,
            certainty=make_certainty(observed_at=now),
        )

    assert RULE.evaluate(after(-60)) == Unknown("outside calling hours until 09:00")
    assert isinstance(RULE.evaluate(after(4)), Clear)
    assert held(after(5)).since == evening


@pytest.mark.parametrize(
    ("evening", "opening"),
    [
        pytest.param("2026-03-28T18:55", "2026-03-29T07:00", id="the night that loses an hour"),
        pytest.param("2026-10-24T17:55", "2026-10-25T08:00", id="the night that repeats one"),
    ],
)
def test_the_night_on_which_the_clock_changes_does_not_count_either(
    evening: str, opening: str
) -> None:
    moved, opens = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (evening, opening))

    def after(minutes: int) -> BatchFacts:
        now = opens + minutes * MINUTE
        seen = make_certainty(observed_at=now)
        return still_for(HOUR, now=now, moved_at=moved, calendar=BERLIN, certainty=seen)

    assert isinstance(RULE.evaluate(after(-1)), Unknown)
    assert isinstance(RULE.evaluate(after(4)), Clear)
    held(after(5))


def test_a_pause_does_not_count() -> None:
    paused = still_for(5 * HOUR, batch=make_batch(status=BatchStatus.PAUSED))
    resumed = still_for(5 * HOUR, resumed_at=NOON - 9 * MINUTE)

    assert RULE.evaluate(paused) == Unknown("the batch is paused")
    assert isinstance(RULE.evaluate(resumed), Clear)


def test_time_that_was_not_looked_at_does_not_count() -> None:
    facts = still_for(11 * MINUTE, certainty=make_certainty(observed_at=NOON - 2 * MINUTE))

    assert isinstance(RULE.evaluate(facts), Clear)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(BatchStatus.SCHEDULED, id="not begun"),
        pytest.param(BatchStatus.COMPLETED, id="completed"),
        pytest.param(BatchStatus.UNKNOWN, id="a status that nobody knows"),
    ],
)
def test_a_batch_that_does_not_run_is_not_judged(status: BatchStatus) -> None:
    assert isinstance(RULE.evaluate(still_for(HOUR, batch=make_batch(status=status))), Unknown)


def test_what_never_moved_counts_from_the_first_look() -> None:
    facts = still_for(HOUR, moved_at=None, first_seen_at=NOON - HOUR)

    assert held(facts).since == NOON - HOUR
    assert isinstance(RULE.evaluate(still_for(HOUR, moved_at=None, first_seen_at=None)), Unknown)


def test_a_parameter_that_cannot_be_meant_is_refused() -> None:
    with pytest.raises(ValueError, match="gap_factor is -1"):
        BatchStalled(gap_factor=-1)


@pytest.mark.parametrize(
    ("read_at", "expected"),
    [
        pytest.param(None, Unknown, id="never read"),
        pytest.param(NOON - MINUTE, Unknown, id="not read since the last look"),
        pytest.param(NOON, Holds, id="read since"),
    ],
)
def test_without_the_vendors_counts_only_a_reading_tells_that_it_stood_still(
    read_at: datetime | None, expected: type[Holds | Unknown]
) -> None:
    facts = still_for(
        HOUR,
        batch=make_batch(counts=Counts()),
        capabilities=replace(EVERYTHING, trusted=frozenset({"total", "finished"})),
        certainty=make_certainty(observed_at=NOON, read_at=read_at),
    )

    assert isinstance(RULE.evaluate(facts), expected)
