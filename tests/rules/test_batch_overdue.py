from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.calendar import Calendar
from monitor.core.calls import Window
from monitor.core.facts import BatchFacts, EndedCall
from monitor.core.hours import parse_hours
from monitor.core.model import BatchStatus, Outcome, RetryPolicy
from monitor.core.rule import Clear, Finding, Holds, Unknown
from rules.batch_overdue import BatchOverdue
from tests.builders import HOUR, MINUTE, NOON, ListedCalls, ListedRetries, make_batch, make_facts

BY_SIX = BatchOverdue(finish_by="18:00")
OFFICE = Calendar(ZoneInfo("UTC"), (parse_hours("daily 09:00-20:00"),))


def at_pace(
    calls: int = 60, left: int = 300, *, each: int = 1, over: timedelta = HOUR, **changes: Any
) -> BatchFacts:
    """So many calls in the last hour, so many people left, so many calls for each who is done."""
    ended = [
        EndedCall(
            call_id=f"c{n}", ended_at=NOON - over * (n / max(calls, 1)), outcome=Outcome.COMPLETED
        )
        for n in range(calls)
    ]
    values: dict[str, Any] = {
        "batch": make_batch(
            **{"started_at": NOON - 3 * HOUR, "concurrency": 5} | changes.pop("batch", {})
        ),
        "calls": ListedCalls(ended),
        "tally": {
            "contacts": 100 + left,
            "contact.completed": 100,
            "contact.pending": left,
            "call.completed": 100 * each,
        },
        "first_seen_at": NOON - 3 * HOUR,
        "running_at": NOON - over,
    }
    return make_facts(**values | changes)


def held(facts: BatchFacts, rule: BatchOverdue = BY_SIX) -> Finding:
    verdict = rule.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


@pytest.mark.parametrize(
    ("left", "kind"),
    [
        pytest.param(324, Clear, id="a tenth to spare"),
        pytest.param(325, Unknown, id="close"),
        pytest.param(360, Unknown, id="just in time"),
        pytest.param(361, Holds, id="one call too many"),
        pytest.param(3_000, Holds, id="far too many"),
        pytest.param(0, Clear, id="nobody is left"),
    ],
)
def test_the_limit(left: int, kind: type[Holds | Clear | Unknown]) -> None:
    assert isinstance(BY_SIX.evaluate(at_pace(left=left)), kind)


def test_the_sentence_says_when_it_would_be_done_and_what_would_do() -> None:
    finding = held(at_pace(left=600))

    assert finding.summary == (
        "will not be done by 18:00: about 600 calls left at 60 an hour, so until about 22:00; "
        "9 lines instead of 5 would do"
    )
    assert (finding.value, finding.threshold, finding.unit, finding.n) == (36_000, 21_600, "s", 60)
    assert (finding.affected, finding.estimate) == (600, True)


def test_where_its_lines_are_not_told_the_pace_that_would_do_is() -> None:
    facts = at_pace(left=720, batch={"concurrency": None})
    assert held(facts).summary.endswith("; 2.0 times the pace would do")


def test_retries_still_to_come_are_work() -> None:
    assert isinstance(BY_SIX.evaluate(at_pace(left=200)), Clear)
    assert "about 400 calls left" in held(at_pace(left=200, each=2)).summary


def test_no_more_calls_are_expected_than_the_policy_allows() -> None:
    policy = {"retry": RetryPolicy(max_retries=1)}

    assert "about 600 calls left" in held(at_pace(left=300, each=9, batch=policy)).summary


def test_a_retry_that_is_planned_for_later_is_late_already() -> None:
    def planned(at: timedelta) -> BatchFacts:
        return at_pace(left=20, retries=ListedRetries(planned=[NOON + at]))

    assert isinstance(BY_SIX.evaluate(planned(6 * HOUR)), Clear)
    assert held(planned(7 * HOUR)).summary == (
        "will not be done by 18:00: a retry is planned for 19:00"
    )


@pytest.mark.parametrize(
    ("calls", "over", "kind"),
    [
        pytest.param(19, HOUR, Unknown, id="too few calls"),
        pytest.param(20, HOUR, Holds, id="enough calls"),
        pytest.param(30, 14 * MINUTE, Unknown, id="too little time"),
        pytest.param(30, 15 * MINUTE, Holds, id="enough time"),
    ],
)
def test_a_pace_is_not_made_of_too_little(
    calls: int, over: timedelta, kind: type[Holds | Unknown]
) -> None:
    assert isinstance(BY_SIX.evaluate(at_pace(calls, left=3_000, over=over)), kind)


def test_a_time_that_is_over_needs_no_pace() -> None:
    evening = NOON + 6 * HOUR + MINUTE
    finding = held(at_pace(0, left=40, now=evening))

    assert finding.summary == "is not done by 18:00: 40 people left"


def test_the_time_of_day_is_the_first_after_it_began() -> None:
    rule = BatchOverdue(finish_by="08:00")

    assert isinstance(rule.evaluate(at_pace(left=1_000)), Clear)  # twenty hours
    assert "by Thu 08:00" in held(at_pace(left=1_300), rule).summary


def test_the_time_of_day_is_of_the_batchs_own_zone() -> None:
    assert isinstance(BY_SIX.evaluate(at_pace(left=250)), Clear)
    assert held(at_pace(left=250, batch={"timezone": "Europe/Berlin"})).threshold == 4 * 3_600


@pytest.mark.parametrize(
    ("left", "kind"), [pytest.param(160, Clear, id="in time"), pytest.param(190, Holds, id="late")]
)
def test_its_length_is_of_calling_time(left: int, kind: type[Holds | Clear]) -> None:
    rule = BatchOverdue(max_duration=6 * HOUR)  # three are over

    assert isinstance(rule.evaluate(at_pace(left=left)), kind)


def test_a_pause_is_no_part_of_its_length() -> None:
    rule = BatchOverdue(max_duration=6 * HOUR)
    paused = ((NOON - 3 * HOUR, NOON - 2 * HOUR),)

    assert isinstance(rule.evaluate(at_pace(left=190, pauses=paused)), Clear)


def test_the_window_that_closes_is_a_limit_of_its_own() -> None:
    rule = BatchOverdue(before_close=True)

    assert isinstance(rule.evaluate(at_pace(left=430, calendar=OFFICE)), Clear)
    finding = held(at_pace(left=540, calendar=OFFICE), rule)
    assert "before the calling window closes at 20:00" in finding.summary
    assert "until about Thu 10:00" in finding.summary
    assert rule.evaluate(at_pace(left=9_999)) == Unknown("it has no time by which to be done")


def test_without_any_time_it_says_so() -> None:
    assert BatchOverdue().evaluate(at_pace(left=9_999)) == Unknown(
        "no time is set: finish_by, max_duration or before_close"
    )


def test_nothing_is_late_while_nobody_may_be_called() -> None:
    night = at_pace(left=9_999, calendar=OFFICE, now=NOON + 9 * HOUR)
    paused = at_pace(left=9_999, batch={"status": BatchStatus.PAUSED})

    assert isinstance(BY_SIX.evaluate(night), Unknown)
    assert isinstance(BY_SIX.evaluate(paused), Unknown)


def test_it_says_nothing_unless_a_limit_is_written() -> None:
    assert BatchOverdue.written_only
    assert isinstance(BatchOverdue().evaluate(at_pace(left=9_999)), Unknown)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"finish_by": "25:00"}, "finish_by '25:00' is no time of day"),
        ({"min_time": timedelta(0)}, "min_time must be some time"),
        ({"min_time": 2 * HOUR}, "min_time must be some time"),
    ],
)
def test_a_parameter_that_cannot_be_meant_is_refused(
    parameters: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        BatchOverdue(**parameters)


def test_what_is_in_time_is_said_to_be() -> None:
    verdict = BY_SIX.evaluate(at_pace(left=300))

    assert isinstance(verdict, Clear)
    assert verdict.finding.summary == (
        "to be done by 18:00: about 300 calls left at 60 an hour, so until about 17:00"
    )


class Unasked(ListedCalls):
    """Calls that nobody may look through."""

    def window(self, start: datetime, end: datetime) -> Window:
        raise AssertionError(f"{start} to {end} was looked through")


def unasked(left: int, **changes: Any) -> BatchFacts:
    return replace(at_pace(left=left, **changes), calls=Unasked([]))


@pytest.mark.parametrize(
    ("left", "asked"),
    [
        pytest.param(66, False, id="less than a third of the time is needed"),
        pytest.param(67, True, id="more"),
    ],
)
def test_what_is_far_from_late_costs_no_look_through_its_calls(left: int, asked: bool) -> None:
    # A hundred calls in three hours, and six hours are left.
    facts = unasked(left)

    if asked:
        with pytest.raises(AssertionError, match="looked through"):
            BY_SIX.evaluate(facts)
    else:
        assert isinstance(BY_SIX.evaluate(facts), Clear)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"run": 2}, id="an earlier run's calls are no pace of this one"),
        pytest.param(
            {"batch": {"started_at": None, "created_at": None}}, id="nobody tells when it began"
        ),
    ],
)
def test_what_its_whole_life_cannot_tell_is_looked_for(changes: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="looked through"):
        BY_SIX.evaluate(unasked(1, **changes))


SHOP = Calendar(
    ZoneInfo("UTC"), (parse_hours("mon-fri 09:00-12:30"), parse_hours("mon-fri 13:30-20:00"))
)


def test_a_lunch_break_closes_nothing() -> None:
    finding = held(at_pace(left=900, calendar=SHOP, over=30 * MINUTE), CLOSING)

    assert "before the calling window closes at 20:00" in finding.summary
    assert finding.threshold == 7 * 3_600  # 12:00 to 20:00, without the break
    noon_retry = ListedRetries(planned=[NOON + HOUR])
    assert isinstance(CLOSING.evaluate(at_pace(left=100, calendar=SHOP, retries=noon_retry)), Clear)


CLOSING = BatchOverdue(before_close=True)
