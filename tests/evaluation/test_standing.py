"""How a batch of the past stood after each moment that is kept of it."""

from datetime import timedelta

import pytest

from monitor.core.model import BatchStatus
from monitor.core.pastcalls import PastCall
from monitor.core.pastmoves import Moment, Past
from monitor.evaluation.standing import Standing
from monitor.store.advancing import first_row
from tests.builders import MINUTE, NOON, SECOND, make_batch

ENDED = NOON + 10 * MINUTE


def ended(every: timedelta) -> Standing:
    """A batch that was seen running, and then to have ended."""
    last = make_batch(status=BatchStatus.COMPLETED, seen_at=ENDED)
    standing = Standing(final=first_row(last, baseline=False), every=every)
    standing.begin(Past(whole=True, moments=[Moment(at=NOON, word="running")]))
    standing.take(Moment(at=ENDED, word="completed"))
    return standing


@pytest.mark.parametrize(
    ("after", "confirmed"),
    [
        pytest.param(timedelta(0), False, id="read for the look that saw it"),
        pytest.param(30 * SECOND, False, id="before the next look"),
        pytest.param(MINUTE, True, id="as soon as one must have come"),
    ],
)
def test_costs_told_after_its_end_do_not_put_off_the_look_that_confirms_it(
    after: timedelta, confirmed: bool
) -> None:
    standing = ended(MINUTE)
    at = ENDED
    while at <= ENDED + after:
        standing.looked(at - SECOND)
        standing.take(Moment(at=at, priced=[PastCall(1, "c1", "completed", cost_micros=1)]))
        at += 30 * SECOND

    assert standing.row.terminal_again_at == (ENDED + after if confirmed else None)
