from datetime import datetime

import pytest

from monitor.core.baseline import (
    Compare,
    Counted,
    Usual,
    before_window,
    surely_apart,
    usual,
)
from monitor.core.calls import CallLog
from monitor.core.facts import BatchFacts
from monitor.core.model import Outcome
from tests.builders import (
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    ListedCalls,
    ListedPeers,
    ended_calls,
    make_facts,
    make_peer,
)

BAD, GOOD = Outcome.FAILED, Outcome.COMPLETED
WINDOW = 10 * MINUTE
OLD = NOON - 30 * HOUR


def count(log: CallLog, start: datetime, end: datetime) -> Counted:
    window = log.window(start, end)
    return Counted(window.count(frozenset({BAD})), window.n)


def asked(facts: BatchFacts, compare: Compare, least: int = 10) -> Usual:
    return usual(facts, compare, NOON - WINDOW, WINDOW, count, least)


def test_the_batches_before_are_taken_together() -> None:
    before = (
        make_peer(*ended_calls(BAD, *[GOOD] * 9, last=OLD)),
        make_peer(*ended_calls(*[GOOD] * 10, last=OLD), batch_id="b1"),
    )

    found = asked(make_facts(peers=ListedPeers(before)), Compare.PREVIOUS_BATCHES)

    assert (found.seen, found.where, found.fixed) == ((1, 20), "the 2 batches before", True)
    assert found.text == "usually 5 %, n 20"


def test_where_the_batches_before_say_too_little_it_is_what_was_earlier() -> None:
    calls = ended_calls(BAD, *[GOOD] * 19, last=NOON - 15 * MINUTE)
    few = make_peer(*ended_calls(*[GOOD] * 9, last=OLD))
    facts = make_facts(calls=ListedCalls(calls), peers=ListedPeers((few,)))

    found = asked(facts, Compare.PREVIOUS_BATCHES)

    assert (found.seen, found.where, found.fixed) == ((1, 20), "earlier in this batch", False)


def test_earlier_is_before_the_window_and_not_too_long_ago() -> None:
    calls = (
        *ended_calls(*[BAD] * 3, last=NOON),
        *ended_calls(*[GOOD] * 4, last=NOON - 12 * MINUTE),
        *ended_calls(*[BAD] * 5, last=NOON - 3 * HOUR),
    )

    found = asked(make_facts(calls=ListedCalls(calls)), Compare.EARLIER)

    assert found.seen == (0, 4)
    assert found.text == "usually none, n 4"


def test_siblings_are_those_of_the_provider_in_the_same_window() -> None:
    calls = (*ended_calls(BAD, GOOD), *ended_calls(*[BAD] * 5, last=NOON - HOUR))
    here = make_peer(*calls)
    facts = make_facts(peers=ListedPeers(open_=(here, make_peer(*calls, provider="other"))))

    found = asked(facts, Compare.SIBLINGS)

    assert (found.seen, found.where, found.fixed) == ((1, 2), "1 other open batch", False)


def test_whoever_asks_again_soon_asks_for_the_same_span() -> None:
    start, end = before_window(NOON, WINDOW)

    assert (start, end) == (NOON - HOUR, NOON)
    assert before_window(NOON + 4 * MINUTE, WINDOW) == (start, end)
    assert before_window(NOON - SECOND, WINDOW) == (start - 5 * MINUTE, end - 5 * MINUTE)


@pytest.mark.parametrize(
    ("seen", "other", "above", "below"),
    [
        pytest.param((19, 42), (12, 310), True, False, id="surely more"),
        pytest.param((6, 84), (74, 310), False, True, id="surely fewer"),
        pytest.param((5, 20), (12, 80), False, False, id="perhaps"),
        pytest.param((5, 20), (0, 80), True, False, id="more than never"),
        pytest.param((1, 20), (0, 80), False, False, id="once is not surely more than never"),
        pytest.param((5, 20), (0, 0), False, False, id="nothing to compare with"),
    ],
)
def test_two_shares_are_apart_only_where_it_is_sure(
    seen: tuple[int, int], other: tuple[int, int], *, above: bool, below: bool
) -> None:
    pair = Counted(*seen), Counted(*other)

    assert surely_apart(*pair, 0.95, above=True) is above
    assert surely_apart(*pair, 0.95, above=False) is below
