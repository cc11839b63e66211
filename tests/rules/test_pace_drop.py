from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.calendar import Calendar
from monitor.core.facts import BatchFacts, EndedCall
from monitor.core.hours import parse_hours
from monitor.core.model import Counts, Outcome
from monitor.core.rule import Clear, Finding, Holds, Unknown
from rules.pace_drop import PaceDrop
from tests.builders import HOUR, MINUTE, NOON, ListedCalls, make_batch, make_facts

RULE = PaceDrop()


def spread(n: int, start: timedelta, length: timedelta) -> list[EndedCall]:
    """So many conversations, evenly over a stretch that began ``start`` ago."""
    first = NOON - start
    return [
        EndedCall(
            call_id=f"{start}-{i}",
            ended_at=first + length * (i + 0.5) / n,
            outcome=Outcome.COMPLETED,
        )
        for i in range(n)
    ]


def paces(before: int, now: int, waiting: int = 200, **changes: Any) -> BatchFacts:
    """So many conversations in the two hours before, and in the last half-hour."""
    calls = spread(before, 150 * MINUTE, 2 * HOUR) + spread(now, 30 * MINUTE, 30 * MINUTE)
    values: dict[str, Any] = {
        "calls": ListedCalls(calls),
        "tally": {"call.completed": len(calls)},
        "batch": make_batch(counts=Counts(waiting=waiting, live=5), concurrency=5),
        "first_seen_at": NOON - 150 * MINUTE,
        "running_at": NOON - 150 * MINUTE,
    }
    return make_facts(**values | changes)


def held(facts: BatchFacts) -> Finding:
    verdict = RULE.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        pytest.param(400, 100, Clear, id="as before"),
        pytest.param(400, 50, Clear, id="half of it"),
        pytest.param(400, 49, Holds, id="less than half"),
        pytest.param(400, 0, Holds, id="none"),
        pytest.param(400, 150, Clear, id="more than before"),
        pytest.param(40, 4, Unknown, id="few enough to be chance"),
        pytest.param(19, 0, Unknown, id="too few before"),
        pytest.param(60, 1, Holds, id="few, and clear all the same"),
    ],
)
def test_the_limits(before: int, now: int, kind: type[Holds | Clear | Unknown]) -> None:
    assert isinstance(RULE.evaluate(paces(before, now)), kind)


def test_the_sentence_says_both_paces() -> None:
    finding = held(paces(400, 40))

    assert finding.summary == (
        "80 conversations an hour in the last 30 min, 200 before: 40 % of its pace"
    )
    assert (finding.value, finding.threshold, finding.n) == (40.0, 50.0, 40)


@pytest.mark.parametrize(
    ("waiting", "kind"),
    [
        pytest.param(5, Unknown, id="a tail: as many as there are lines"),
        pytest.param(6, Holds, id="one more"),
    ],
)
def test_a_tail_is_slow_by_nature(waiting: int, kind: type[Holds | Unknown]) -> None:
    assert isinstance(RULE.evaluate(paces(400, 0, waiting)), kind)


@pytest.mark.parametrize(
    "pause",
    [
        pytest.param((NOON - HOUR, NOON - 20 * MINUTE), id="resumed in the window"),
        pytest.param((NOON - 20 * MINUTE, NOON - 10 * MINUTE), id="paused in the window"),
    ],
)
def test_a_window_with_a_pause_in_it_is_not_judged(pause: Any) -> None:
    assert isinstance(RULE.evaluate(paces(400, 10, pauses=(pause,))), Unknown)


def test_a_pause_before_the_window_is_not_slow() -> None:
    # 100 conversations in half an hour of calling, then a pause, then 60 in half an hour.
    calls = spread(100, 150 * MINUTE, 30 * MINUTE) + spread(60, 30 * MINUTE, 30 * MINUTE)
    pauses = ((NOON - 2 * HOUR, NOON - 30 * MINUTE),)

    assert isinstance(RULE.evaluate(paces(0, 0, calls=ListedCalls(calls), pauses=pauses)), Unknown)
    facts = paces(
        0, 0, calls=ListedCalls(calls), pauses=pauses, tally={"call.completed": len(calls)}
    )
    assert isinstance(RULE.evaluate(facts), Clear)


@pytest.mark.parametrize(
    ("opens", "kind"),
    [
        pytest.param("11:45", Unknown, id="just opened"),
        pytest.param("09:00", Holds, id="open for long"),
    ],
)
def test_the_night_is_not_slow(opens: str, kind: type[Holds | Unknown]) -> None:
    hours = Calendar(ZoneInfo("UTC"), (parse_hours(f"daily {opens}-20:00"),))

    assert isinstance(RULE.evaluate(paces(400, 10, calendar=hours)), kind)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"recent": timedelta(0)}, "recent must be some time"),
        ({"base": MINUTE}, "recent must be some time"),
        ({"keeps": 1}, "keeps is 1"),
        ({"min_completed": 1}, "min_completed is 1"),
    ],
)
def test_a_parameter_that_cannot_be_meant_is_refused(
    parameters: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        PaceDrop(**parameters)
