from dataclasses import replace
from typing import Any

import pytest

from monitor.core.facts import BatchFacts
from monitor.core.model import BatchStatus, ContactStatus, Counts
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from rules.count_mismatch import CountMismatch
from tests.builders import EVERYTHING, HOUR, MINUTE, NOON, make_batch, make_certainty, make_facts

RULE = CountMismatch()
PENDING = {ContactStatus.PENDING: 40}
COUNTS = Counts(total=100, finished=60, live=3, by_status=PENDING)


def compared(
    read: int = 100, *, counts: Counts = COUNTS, recounted: bool = True, **changes: Any
) -> BatchFacts:
    """A batch at rest, read whole since it last moved: so many people were read."""
    values: dict[str, Any] = {
        "batch": make_batch(counts=counts),
        "tally": {"contacts": read, "contact.pending": 40},
        "moved_at": NOON - MINUTE,
        "certainty": make_certainty(recounted=recounted),
    }
    return make_facts(**values | changes)


MOVING: dict[str, Any] = {"moved_at": NOON + MINUTE}


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        pytest.param(compared(), Clear, id="they agree"),
        pytest.param(compared(99), Holds, id="one is missing"),
        pytest.param(compared(101), Holds, id="one too many"),
        pytest.param(
            compared(50, counts=Counts(total=100)), Clear, id="who waits may be on no list yet"
        ),
        pytest.param(
            compared(101, counts=Counts(total=100)), Holds, id="too many on whatever list"
        ),
        pytest.param(compared(94, **MOVING), Unknown, id="as many as move while reading"),
        pytest.param(compared(93, **MOVING), Holds, id="more than move while reading"),
        pytest.param(compared(50, recounted=False), Unknown, id="counts that moved meanwhile"),
        pytest.param(
            compared(99, certainty=make_certainty(recounted=True, read_at=NOON - 10 * MINUTE)),
            Holds,
            id="a list that is to be read again by now",
        ),
        pytest.param(
            compared(99, certainty=make_certainty(recounted=True, read_at=NOON - 11 * MINUTE)),
            Unknown,
            id="a list of long ago, which may be right by now",
        ),
        pytest.param(
            compared(100, certainty=make_certainty(recounted=True, read_at=NOON - HOUR)),
            Clear,
            id="a list of long ago that agrees",
        ),
        pytest.param(
            compared(50, certainty=make_certainty(recounted=True, listed=False)),
            Unknown,
            id="a list that cannot be read",
        ),
        pytest.param(
            compared(50, batch=make_batch(counts=COUNTS, status=BatchStatus.COMPLETED)),
            Unknown,
            id="ended: that is told by its report",
        ),
        pytest.param(compared(counts=Counts()), Clear, id="a vendor that counts nothing"),
        pytest.param(
            compared(50, capabilities=replace(EVERYTHING, trusted=frozenset())),
            Clear,
            id="counts that prove nothing",
        ),
    ],
)
def test_what_is_compared(facts: BatchFacts, kind: type[Verdict]) -> None:
    assert isinstance(RULE.evaluate(facts), kind)


def test_lines_in_use_are_no_contradiction() -> None:
    busy = compared(counts=Counts(total=100, live=40))

    assert isinstance(RULE.evaluate(busy), Clear)


def finding(facts: BatchFacts) -> Finding:
    verdict = RULE.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


def test_both_numbers_are_told() -> None:
    told = finding(compared(88))

    assert told.summary == "the vendor counts 100 people, 88 were read"
    assert told.value == 12


def test_what_else_differs_is_told_too() -> None:
    counts = replace(COUNTS, by_status={ContactStatus.PENDING: 41})
    told = finding(compared(88, counts=counts))

    assert told.details == (("also", "the vendor counts 41 people pending, 40 were read"),)


FELL = Counts(total=100, finished=75)


@pytest.mark.parametrize(
    ("before", "trusted", "kind"),
    [
        pytest.param(FELL, {"total"}, Holds, id="fewer are finished than were"),
        pytest.param(FELL, {"total", "finished"}, Clear, id="but so say the lists"),
        pytest.param(replace(FELL, finished=60), {"total"}, Clear, id="as many again"),
        pytest.param(
            replace(FELL, estimated=frozenset({"finished"})), {"total"}, Clear, id="a guess of ours"
        ),
        pytest.param(None, {"total"}, Clear, id="nothing fell"),
    ],
)
def test_counts_that_fall(before: Counts | None, trusted: set[str], kind: type[Verdict]) -> None:
    facts = compared(
        capabilities=replace(EVERYTHING, trusted=frozenset(trusted)),
        tally={"contacts": 100, "contact.pending": 40, "contact.completed": 60},
        fallen_from=before,
    )

    assert isinstance(RULE.evaluate(facts), kind)


def test_how_far_they_fell_is_told() -> None:
    told = finding(compared(fallen_from=FELL))

    assert told.summary == "the vendor counts 60 finished, and counted 75 before"


def test_it_waits_ten_minutes_unless_told_otherwise() -> None:
    assert CountMismatch.pending_for == 10 * MINUTE
