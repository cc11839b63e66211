"""How a batch of the past stood after each moment that is kept of it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.core.model import BatchStatus, Counts, Outcome
from monitor.core.pastcalls import PastCall
from monitor.core.pastmoves import SOME_ROWS, Moment, Past
from monitor.core.tally import call_key
from monitor.evaluation.standing import Standing
from monitor.store.advancing import first_row
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch

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


@pytest.mark.parametrize(
    ("unlisted", "moved_at"),
    [
        pytest.param(True, NOON + MINUTE, id="in a list that could not be read"),
        pytest.param(False, NOON + HOUR, id="in one that was read all the time"),
    ],
)
def test_what_the_counts_had_told_moved_when_they_told_it(
    unlisted: bool, moved_at: datetime
) -> None:
    final = replace(first_row(make_batch(), baseline=False), complete_at=NOON)
    standing = Standing(final=final, every=MINUTE)
    standing.begin(Past(whole=True, moments=[Moment(at=NOON, word="running")]))
    why = SOME_ROWS if unlisted else None
    standing.take(Moment(at=NOON + MINUTE, counts=Counts(finished=1), unlisted=why))
    standing.looked(NOON + 10 * MINUTE)
    call = PastCall(1, "c1", "completed")
    told = {call_key(Outcome.COMPLETED): 1}

    standing.take(Moment(at=NOON + HOUR, calls=[(call, False)], delta=told, unlisted=""))

    assert standing.row.moved_at == moved_at
