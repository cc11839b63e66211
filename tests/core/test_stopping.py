"""What may be done to a batch as it stands, and what is offered."""

import pytest

from monitor.core.model import BatchStatus
from monitor.core.stopping import (
    ACTIONS,
    AFTER,
    SHOWN_WITHIN,
    StoppedBy,
    already,
    holds,
    named,
    offered,
    unfit,
)
from tests.builders import NOON, SECOND

FITS = {
    "pause": {BatchStatus.RUNNING, BatchStatus.SCHEDULED, BatchStatus.UNKNOWN},
    "resume": {BatchStatus.PAUSED, BatchStatus.UNKNOWN},
    "stop": {
        BatchStatus.RUNNING,
        BatchStatus.SCHEDULED,
        BatchStatus.PAUSED,
        BatchStatus.UNKNOWN,
    },
}


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_fits_a_batch_that_it_would_change(action: str) -> None:
    assert {each for each in BatchStatus if unfit(action, each) is None} == FITS[action]
    assert already(action, AFTER[action])


@pytest.mark.parametrize("status", BatchStatus)
def test_nothing_is_offered_that_would_be_refused(status: BatchStatus) -> None:
    for action in offered(ACTIONS, status):
        assert unfit(action, status) is None


def test_a_pause_holds_while_the_vendor_says_so_and_a_stop_for_good() -> None:
    paused, stopped = (StoppedBy(action=each, who="ann", at=NOON) for each in ("pause", "stop"))

    assert holds(paused, BatchStatus.PAUSED, NOON)
    assert not holds(paused, BatchStatus.RUNNING, NOON)
    assert all(holds(stopped, status, NOON) for status in BatchStatus)
    assert not any(holds(None, status, NOON) for status in BatchStatus)


def test_a_stop_holds_until_the_batch_is_dialled_all_the_same() -> None:
    stopped = StoppedBy(action="stop", who="ann", at=NOON)

    assert holds(stopped, BatchStatus.RUNNING, NOON + SHOWN_WITHIN)
    assert not holds(stopped, BatchStatus.RUNNING, NOON + SHOWN_WITHIN + SECOND)
    assert holds(stopped, BatchStatus.CANCELLED, NOON + SHOWN_WITHIN + SECOND)


def test_a_name_is_one_short_line() -> None:
    assert named("ann\n\x00<!here>" + "x" * 500).startswith("ann")
    assert len(named("x" * 500)) <= 80
    assert named(" \n") == ""
