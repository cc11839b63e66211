"""When calls that nobody saw begin are proven to be over, and how long they may go on else."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from monitor.providers.vogent.unseen import LONG_CALL, LONGEST_UNKNOWN, Span, Unseen
from tests.builders import MINUTE, NOON, SECOND

LINES = 3


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def calls(n: int, began: float, ended: float) -> list[Span]:
    """``n`` calls, a microsecond apart, as no two are alike."""
    tick = timedelta(microseconds=1)
    return [Span(at(began) + tick * each, at(ended) + tick * each) for each in range(n)]


def lasts(spans: Iterable[Span], *, lines: int | None = LINES, read: bool = True) -> timedelta:
    unseen = Unseen()
    unseen.has("job", lines)
    if read:
        unseen.queue_read("job", NOON)
    for span in spans:
        unseen.ended("job", span)
    return unseen.lasts("job", at(30), proven=False)


@pytest.mark.parametrize(
    ("spans", "lines", "proven"),
    [
        pytest.param(calls(3, 2, 4), LINES, True, id="every line held by a known call"),
        pytest.param(calls(3, -5, 4), LINES, True, id="by calls from before the first reading"),
        pytest.param(calls(2, 2, 4), LINES, False, id="a line may be held by somebody else"),
        pytest.param(
            [*calls(2, 2, 4), *calls(1, 4, 6)], LINES, False, id="one after the other holds a line"
        ),
        pytest.param(
            [*calls(2, 2, 4), *calls(1, 3.95, 6)], LINES, False, id="less apart than clocks tell"
        ),
        pytest.param([*calls(2, 2, 4), *calls(1, 3, 6)], LINES, True, id="for a moment"),
        pytest.param(
            calls(3, -3, 0.5), LINES, False, id="only while the queue may have been in motion"
        ),
        pytest.param(calls(3, 2, 4), None, False, id="how many lines there are is not told"),
        pytest.param([], LINES, False, id="nobody is known"),
    ],
)
def test_full_lines_of_known_calls_prove_that_nobody_else_is_in_one(
    spans: list[Span], lines: int | None, *, proven: bool
) -> None:
    assert (lasts(spans, lines=lines) == timedelta(0)) is proven


@pytest.mark.parametrize(
    ("seen", "proven"),
    [
        pytest.param([LINES, LINES], True, id="as many as ever"),
        pytest.param([5, LINES], False, id="calls go on when lines are taken away"),
        pytest.param([2, LINES], True, id="lines were added"),
        pytest.param([None, LINES], False, id="how many there were was not told"),
        pytest.param([LINES, 5], False, id="lines were added since"),
    ],
)
def test_the_most_lines_that_a_job_ever_had_must_be_held(
    seen: list[int | None], *, proven: bool
) -> None:
    unseen = Unseen()
    unseen.queue_read("job", NOON)
    for lines in seen:
        unseen.has("job", lines)
    for span in calls(3, 2, 4):
        unseen.ended("job", span)

    assert (unseen.lasts("job", at(5), proven=False) == timedelta(0)) is proven


def test_without_the_queue_nothing_is_proven() -> None:
    assert lasts(calls(3, 2, 4), read=False) == LONG_CALL


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        pytest.param(1, LONG_CALL, id="short ones"),
        pytest.param(5, LONG_CALL, id="as long as half of the least"),
        pytest.param(7, 14 * MINUTE, id="long ones"),
    ],
)
def test_a_call_may_take_twice_as_long_as_the_longest_that_was_seen(
    minutes: float, expected: timedelta
) -> None:
    assert lasts([*calls(1, 1, 1 + minutes), *calls(1, 1, 1.5)]) == expected


def test_while_nobody_has_talked_nothing_is_known_of_how_long_talks_are() -> None:
    unanswered = [call._replace(talked=False) for call in calls(1, 1, 9)]

    assert lasts(unanswered) == lasts([]) == LONGEST_UNKNOWN


def test_what_was_proven_once_stays_proven() -> None:
    assert Unseen().lasts("job", NOON, proven=True) == timedelta(0)


def test_a_call_that_began_after_the_end_ends_the_proof() -> None:
    unseen = Unseen()
    unseen.has("job", LINES)
    unseen.queue_read("job", NOON)
    for span in calls(3, 2, 4):
        unseen.ended("job", span)
    assert unseen.lasts("job", at(5), proven=False) == timedelta(0)

    unseen.ended("job", Span(at(8), at(9)))

    assert unseen.lasts("job", at(10), proven=True) == LONG_CALL


def test_a_job_that_goes_on_is_proven_anew() -> None:
    unseen = Unseen()
    unseen.has("job", LINES)
    unseen.queue_read("job", NOON)
    for span in calls(3, 2, 4):
        unseen.ended("job", span)
    unseen.lasts("job", at(5), proven=False)

    unseen.runs("job")

    assert unseen.lasts("job", at(9), proven=False) == LONG_CALL


def test_a_pause_proves_nothing_anew() -> None:
    unseen = Unseen()
    unseen.has("job", LINES)
    unseen.queue_read("job", NOON)
    for span in calls(3, 2, 4):
        unseen.ended("job", span)

    unseen.runs("job")

    assert unseen.lasts("job", at(9), proven=False) == timedelta(0)


def test_only_so_many_jobs_are_remembered() -> None:
    unseen = Unseen()
    unseen.has("job", LINES)
    unseen.queue_read("job", NOON)
    for span in calls(3, 2, 4):
        unseen.ended("job", span)
    for other in range(600):
        unseen.queue_read(f"job {other}", NOON + SECOND)

    assert unseen.lasts("job", at(5), proven=False) == LONGEST_UNKNOWN
