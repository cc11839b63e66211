from datetime import timedelta
from typing import Any

import pytest

from monitor.core.completion import (
    disagreements,
    never_dialled,
    old_news,
    read_since_end,
    report,
    rows,
    still_live,
    unwitnessed,
)
from monitor.core.model import BatchStatus, Capabilities, ContactStatus, Counts, Outcome
from monitor.core.tally import Tally
from tests.builders import (
    HOUR,
    MINUTE,
    NOON,
    ListedCalls,
    ended_calls,
    make_batch,
    make_certainty,
    make_ended_facts,
)

ALL = frozenset({"total", "finished", "live", "by_status"})
BY_STATUS = {ContactStatus.COMPLETED: 8, ContactStatus.IN_CALL: 0, ContactStatus.NO_ANSWER: 2}


def told(counts: Counts, tally: Tally, trusted: frozenset[str] = ALL) -> list[str]:
    batch = make_batch(status=BatchStatus.COMPLETED, counts=counts)
    return [one.text for one in disagreements(batch, tally, Capabilities(trusted=trusted))]


@pytest.mark.parametrize(
    ("counts", "tally", "says"),
    [
        pytest.param(
            Counts(total=10, live=0, by_status=BY_STATUS),
            {"contacts": 10, "contact.completed": 8, "contact.no_answer": 2},
            [],
            id="all agree",
        ),
        pytest.param(
            Counts(total=12),
            {"contacts": 10},
            ["the vendor counts 12 people, 10 were read"],
            id="people missing",
        ),
        pytest.param(
            Counts(total=10),
            {"contacts": 1_200},
            ["the vendor counts 10 people, 1,200 were read"],
            id="too many people",
        ),
        pytest.param(
            Counts(finished=86),
            {"call.completed": 80, "call.error": 1},
            ["the vendor counts 86 calls ended, 81 were read"],
            id="calls that ended, where people are not counted by status",
        ),
        pytest.param(
            Counts(finished=86), {"call.completed": 80, "call.error": 6}, [], id="calls agree"
        ),
        pytest.param(
            Counts(finished=10, by_status=BY_STATUS),
            {"contact.completed": 8, "contact.no_answer": 2},
            [],
            id="people finished, where they are counted by status",
        ),
        pytest.param(
            Counts(by_status=BY_STATUS),
            {"contact.completed": 7, "contact.no_answer": 2, "contact.in_call": 1},
            [
                "the vendor counts 8 people completed, 7 were read",
                "the vendor counts 0 people in call, 1 were read",
            ],
            id="people by status",
        ),
        pytest.param(
            Counts(live=2), {}, ["the vendor counts 2 people in a call, 0 were read"], id="live"
        ),
        pytest.param(Counts(), {"contacts": 10}, [], id="what is not counted is no witness"),
    ],
)
def test_the_vendors_counts_are_held_against_what_was_read(
    counts: Counts, tally: Tally, says: list[str]
) -> None:
    assert told(counts, tally) == says


def test_a_count_that_is_not_trusted_is_not_held_against_anything() -> None:
    assert told(Counts(total=12, finished=3, live=1), {}, frozenset()) == []


@pytest.mark.parametrize(
    ("counts", "trusted", "says"),
    [
        pytest.param(
            Counts(total=0, live=0, finished=0), {"total", "live", "finished"}, [], id="0"
        ),
        pytest.param(
            Counts(),
            {"total", "finished"},
            [
                "the vendor does not say how many people there are",
                "the vendor does not say how many are finished",
            ],
            id="no counts at all",
        ),
        pytest.param(
            Counts(total=3),
            {"total", "live"},
            ["the vendor does not say how many people are in a call"],
            id="one is missing",
        ),
        pytest.param(
            Counts(total=3),
            {"total", "by_status"},
            ["the vendor does not say how many people have which status"],
            id="nobody by status",
        ),
        pytest.param(
            Counts(total=3),
            {"total", "unaccounted"},
            ["the vendor does not say whether its own counts add up"],
            id="no sum",
        ),
        pytest.param(Counts(), set(), [], id="none is trusted"),
    ],
)
def test_a_trusted_count_that_is_missing_is_a_doubt(
    counts: Counts, trusted: set[str], says: list[str]
) -> None:
    batch = make_batch(status=BatchStatus.COMPLETED, counts=counts)

    assert list(unwitnessed(batch, {}, Capabilities(trusted=frozenset(trusted)))) == says


@pytest.mark.parametrize(
    ("n", "tally", "trusted", "doubted"),
    [
        pytest.param(0, {}, ALL, False, id="they add up"),
        pytest.param(2, {}, ALL, True, id="two are left out"),
        pytest.param(2, {"call.busy": 1, "call.no_answer": 1}, ALL, False, id="and listed"),
        pytest.param(2, {"call.completed": 9, "call.failed": 9}, ALL, True, id="counted as such"),
        pytest.param(2, {"call.busy": 2}, frozenset(), True, id="not everybody is listed"),
    ],
)
def test_what_the_vendors_counts_leave_out_is_a_doubt(
    n: int, tally: Tally, trusted: frozenset[str], *, doubted: bool
) -> None:
    counts = Counts(total=9, live=0, finished=9, by_status=BY_STATUS, unaccounted=n)
    batch = make_batch(status=BatchStatus.COMPLETED, counts=counts)

    says = ["the vendor's own counts differ by 2 calls"] if doubted else []
    assert list(unwitnessed(batch, tally, Capabilities(trusted=trusted))) == says


@pytest.mark.parametrize(
    ("tally", "live", "says"),
    [
        pytest.param({"contact.completed": 3}, 0, None, id="nobody talks"),
        pytest.param({"calls.open": 1}, 0, "1 call still open", id="an open call"),
        pytest.param({"contact.in_call": 2}, None, "2 people still open", id="people in a call"),
        pytest.param({"contact.unknown": 1}, 0, "1 person still open", id="who may be in one"),
        pytest.param({}, 3, "3 lines still open", id="the vendor counts lines"),
        pytest.param({"contact.pending": 3}, 0, None, id="who waits does not talk"),
    ],
)
def test_a_call_may_still_be_open(tally: Tally, live: int | None, says: str | None) -> None:
    assert still_live(make_batch(counts=Counts(live=live)), tally) == says


def test_calls_that_nothing_lists_are_told_as_an_estimate() -> None:
    counts = Counts(live=1, estimated=frozenset({"live"}))
    assert still_live(make_batch(counts=counts), {}) == "about 1 line still open"


@pytest.mark.parametrize(
    ("complete", "read"),
    [
        pytest.param(None, False, id="never"),
        pytest.param(timedelta(seconds=-1), False, id="just before the end"),
        pytest.param(timedelta(0), True, id="at the end"),
        pytest.param(MINUTE, True, id="after it"),
    ],
)
def test_only_a_reading_after_the_end_counts(complete: timedelta | None, *, read: bool) -> None:
    facts = make_ended_facts(
        certainty=make_certainty(complete_at=None if complete is None else NOON - MINUTE + complete)
    )

    assert read_since_end(facts) is read


@pytest.mark.parametrize(
    ("changes", "old"),
    [
        pytest.param({"news": False}, True, id="ended before we looked"),
        pytest.param({"news": False, "run": 2}, False, id="has run again since"),
        pytest.param({}, False, id="ended while we looked"),
    ],
)
def test_what_ended_before_the_first_look_is_old_news(
    changes: dict[str, Any], *, old: bool
) -> None:
    assert old_news(make_ended_facts(**changes)) is old


@pytest.mark.parametrize(
    ("counts", "tally", "missed", "everybody"),
    [
        pytest.param(Counts(total=10), {"contacts": 10}, 0, 10, id="nobody"),
        pytest.param(Counts(total=10), {"contacts": 10, "undialled": 3}, 3, 10, id="skipped"),
        pytest.param(
            Counts(total=10, rejected=2), {"contacts": 10, "undialled": 3}, 5, 12, id="rejected"
        ),
        pytest.param(
            Counts(total=10, requested=12, rejected=2),
            {"contacts": 10},
            2,
            12,
            id="rejected rows are not counted twice",
        ),
        pytest.param(Counts(total=50), {"contacts": 30}, 20, 50, id="not listed at the end"),
        pytest.param(Counts(requested=50), {}, 50, 50, id="refused as a whole"),
    ],
)
def test_who_was_never_dialled_by_the_end(
    counts: Counts, tally: Tally, missed: int, everybody: int
) -> None:
    facts = make_ended_facts(batch={"counts": counts}, tally=tally)

    assert never_dialled(facts) == missed
    assert rows(facts) == everybody


def test_who_was_not_read_yet_is_not_called_undialled() -> None:
    facts = make_ended_facts(
        batch={"counts": Counts(total=50)},
        tally={"contacts": 30},
        certainty=make_certainty(swept_at=NOON - HOUR),
    )

    assert never_dialled(facts) == 0


def test_the_report_holds_the_numbers_of_the_batch() -> None:
    facts = make_ended_facts(
        batch={
            "counts": Counts(total=10, rejected=2),
            "started_at": NOON - 2 * HOUR,
            "ended_at": NOON - HOUR,
        },
        tally={
            "contacts": 10,
            "contact.completed": 8,
            "contact.skipped": 2,
            "undialled": 2,
            "calls": 11,
            "retries": 3,
            "call.completed": 8,
            "call.busy": 3,
            "talk_ms": 90_500,
            "cost.USD": 120_000,
            "cost.INR": 5,
            "cost.estimated": 1,
            "sentiment.positive": 4,
        },
        calls=ListedCalls(reached=7),
    )

    result = report(facts)

    assert result.people == 12
    assert result.reached == 7
    assert result.contacts == {"completed": 8, "skipped": 2}
    assert result.outcomes == {"completed": 8, "busy": 3}
    assert (result.never_dialled, result.rejected) == (4, 2)
    assert (result.calls, result.retries) == (11, 3)
    assert result.talk_s == 90.5
    assert result.cost_micros == {"USD": 120_000, "INR": 5}
    assert result.cost_estimated
    assert result.sentiment == {"positive": 4}
    assert (result.duration_s, result.ended_at) == (3_600, NOON - HOUR)


@pytest.mark.parametrize(
    ("last", "looked", "told", "found"),
    [
        pytest.param(4 * MINUTE, None, None, (7_140, False), id="seen soon after its last call"),
        pytest.param(HOUR, None, None, (3_600, True), id="it ended with its last call"),
        pytest.param(HOUR, 90 * MINUTE, None, (3_600, True), id="nobody looked"),
        pytest.param(HOUR, 30 * MINUTE, None, (5_400, True), id="nobody looked any more"),
        pytest.param(HOUR, 2 * MINUTE, None, (7_140, False), id="watched without a call"),
        pytest.param(HOUR, None, 2 * MINUTE, (7_080, False), id="the vendor tells"),
        pytest.param(3 * HOUR, None, None, (7_140, False), id="calls of a run before"),
    ],
)
def test_a_batch_lasts_until_it_ended_and_not_until_that_was_seen(
    last: timedelta,
    looked: timedelta | None,
    told: timedelta | None,
    found: tuple[float, bool],
) -> None:
    facts = make_ended_facts(
        batch={"started_at": NOON - 2 * HOUR, "ended_at": told and NOON - told},
        calls=ListedCalls(ended_calls(Outcome.COMPLETED, last=NOON - last)),
        seen_open_at=looked and NOON - looked,
    )

    result = report(facts)

    assert (result.duration_s, result.duration_estimated) == found


def test_a_batch_that_never_says_when_it_began_has_no_duration() -> None:
    assert report(make_ended_facts()).duration_s is None
