"""When a batch's log may wait, and what has it read at once."""

from dataclasses import replace

import pytest

from monitor.core.model import Batch, BatchStatus, Counts
from monitor.providers import Known
from monitor.providers.bland.sparing import Sparing
from tests.builders import make_batch


def running(finished: int | None, total: int | None = 1000) -> Batch:
    return make_batch(counts=Counts(total=total, finished=finished))


def routine(finished: int | None = 100, total: int | None = 1000) -> Known:
    return Known(batch_id="b1", look=running(finished, total), routine=True)


def read_once(ended: int = 20) -> Sparing:
    """One log was read, in a look that saw so many ends."""
    sparing = Sparing()
    sparing.read(routine(100 - ended), BatchStatus.RUNNING, 100)
    return sparing


def test_two_looks_in_three_go_without_the_log() -> None:
    sparing, over, asked = read_once(), 100, []
    for _ in range(6):
        known = routine(over)
        over += 20
        spared = sparing.may_ask_less(known) and sparing.goes_on(known, over)
        if not spared:
            sparing.read(known, BatchStatus.RUNNING, over)
        asked.append(not spared)

    assert asked == [False, False, True, False, False, True]


@pytest.mark.parametrize(
    ("known", "over", "expected"),
    [
        pytest.param(routine(), 120, True, id="as many ended as before"),
        pytest.param(routine(), 110, True, id="half as many"),
        pytest.param(routine(), 109, False, id="fewer than half as many"),
        pytest.param(routine(), 100, False, id="none"),
        pytest.param(routine(), 99, False, id="fewer than before"),
        pytest.param(routine(), None, False, id="nobody says how many"),
        pytest.param(routine(finished=None), 120, False, id="nobody said how many"),
        pytest.param(routine(total=None), 120, False, id="nobody knows how many there are"),
        pytest.param(routine(total=201), 120, True, id="an end is not near yet"),
        pytest.param(routine(total=200), 120, False, id="an end is near"),
        pytest.param(replace(routine(), look=None), 120, False, id="never looked at"),
    ],
)
def test_the_log_may_wait_while_calls_go_on_to_end(
    known: Known, over: int | None, *, expected: bool
) -> None:
    assert read_once().goes_on(known, over) is expected


def test_an_end_is_near_by_the_faster_of_two_paces() -> None:
    assert not read_once(ended=40).goes_on(routine(total=280), 120)
    assert read_once(ended=40).goes_on(routine(total=281), 120)


def test_without_a_pace_the_log_is_asked_for() -> None:
    assert not Sparing().may_ask_less(routine())
    assert read_once().may_ask_less(routine())
    assert not read_once().may_ask_less(replace(routine(), routine=False))


def test_what_runs_no_longer_has_no_pace() -> None:
    sparing = read_once()
    sparing.read(routine(), BatchStatus.COMPLETED, 120)

    assert not sparing.may_ask_less(routine())
