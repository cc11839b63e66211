from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.expectation import Came, ExpectationFacts, usual_of
from monitor.core.people import Overlap
from monitor.core.rule import Clear, Finding, Holds, Unknown
from monitor.core.schedule import Schedule, Times
from rules.batch_expected import BatchExpected
from tests.builders import (
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    make_expectation,
    make_expectation_facts,
)

RULE = BatchExpected()


def came(**changes: Any) -> Came:
    """A batch that began five minutes after it was due, and has been there since."""
    values: dict[str, Any] = {
        "title": "Reminders 10 June",
        "batch_id": "b7",
        "at": NOON + 5 * MINUTE,
        "begun": True,
        "seen_at": NOON + 5 * MINUTE,
        "people": 380,
        "before": Overlap(n=0, of=380),
    }
    return Came(**values | changes)


def facts_of(*batches: Came, **changes: Any) -> ExpectationFacts:
    return make_expectation_facts(came=batches, **{"unseen": None} | changes)


def held(facts: ExpectationFacts) -> Finding:
    verdict = RULE.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


def unknown(facts: ExpectationFacts) -> str:
    verdict = RULE.evaluate(facts)
    assert isinstance(verdict, Unknown), verdict
    return verdict.reason


@pytest.mark.parametrize(
    ("late", "kind"),
    [
        pytest.param(-30 * MINUTE, Unknown, id="not due yet"),
        pytest.param(30 * MINUTE - SECOND, Unknown, id="just in time"),
        pytest.param(30 * MINUTE, Holds, id="at the limit"),
        pytest.param(20 * HOUR, Holds, id="long missing"),
    ],
)
def test_the_limit_of_what_is_missing(late: timedelta, kind: type[Any]) -> None:
    assert isinstance(RULE.evaluate(facts_of(now=NOON + late)), kind)


def test_the_sentence_says_where_there_is_nothing_and_what_is_usual() -> None:
    finding = held(facts_of())

    assert finding.summary == "no batch at Vogent (usually 380 people)"
    assert (finding.value, finding.threshold, finding.unit) == (3_600, 1_800, "s")
    assert finding.since == NOON
    assert held(facts_of(usual=None)).summary == "no batch at Vogent"


def test_what_could_not_be_seen_is_not_missing() -> None:
    assert unknown(facts_of(unseen="Vogent cannot be read")) == "Vogent cannot be read"


def test_what_is_never_due_says_so() -> None:
    assert unknown(facts_of(occurrence=None)) == "it has not been due within a year"


def test_what_came_in_time_is_well_and_says_when_and_how_large() -> None:
    verdict = RULE.evaluate(facts_of(came()))

    assert isinstance(verdict, Clear)
    assert verdict.finding.summary == "it came at 12:05 with 380 people"


def test_times_are_those_of_the_zone_in_which_it_is_due() -> None:
    kolkata = Schedule((Times(frozenset(range(7)), NOON.time()),), ZoneInfo("Asia/Kolkata"))
    verdict = RULE.evaluate(facts_of(came(), expectation=make_expectation(schedule=kolkata)))

    assert isinstance(verdict, Clear)
    assert verdict.finding.summary == "it came at 17:35 with 380 people"


@pytest.mark.parametrize(
    ("late", "kind"),
    [
        pytest.param(30 * MINUTE - SECOND, Clear, id="just in time"),
        pytest.param(30 * MINUTE, Holds, id="at the limit"),
    ],
)
def test_the_limit_of_what_has_come_and_not_begun(late: timedelta, kind: type[Any]) -> None:
    facts = facts_of(came(begun=False, at=NOON), now=NOON + late)

    assert isinstance(RULE.evaluate(facts), kind)


def test_what_has_not_begun_is_named_with_when_it_is_to() -> None:
    facts = facts_of(came(begun=False, at=NOON + 90 * MINUTE))

    assert held(facts).summary == "Reminders 10 June has not begun after 1 h, planned for 13:30"
    assert held(facts_of(came(begun=False, at=NOON))).summary == (
        "Reminders 10 June has not begun after 1 h"
    )
    assert held(facts).evidence == ("b7",)


@pytest.mark.parametrize(
    ("people", "kind"),
    [
        pytest.param(189, Holds, id="just too small"),
        pytest.param(190, Clear, id="the smallest"),
        pytest.param(760, Clear, id="the largest"),
        pytest.param(761, Holds, id="just too large"),
        pytest.param(None, Unknown, id="not known yet"),
    ],
)
def test_the_limits_of_the_size(people: int | None, kind: type[Any]) -> None:
    assert isinstance(RULE.evaluate(facts_of(came(people=people))), kind)


def test_the_size_is_said_beside_the_usual_one() -> None:
    finding = held(facts_of(came(people=38)))

    assert finding.summary == "38 people in Reminders 10 June, 10 % of the usual 380"
    assert (finding.value, finding.threshold, finding.unit) == (10, 50, "%")
    assert (finding.affected, finding.total) == (38, None), "they are not a part of what is usual"
    assert held(facts_of(came(people=3_800))).threshold == 200


def test_several_batches_are_one_size() -> None:
    half = came(people=190)

    assert isinstance(RULE.evaluate(facts_of(half, replace(half, batch_id="b8"))), Clear)
    small = replace(half, people=10, title="Reminders B")
    assert held(facts_of(small, small)).summary.startswith("20 people in Reminders B and 1 more")


def test_a_list_that_may_still_be_loading_is_not_called_small() -> None:
    fresh = came(people=38, seen_at=NOON + 50 * MINUTE + SECOND)

    assert unknown(facts_of(fresh)) == "its list may still be loading"
    assert isinstance(RULE.evaluate(facts_of(replace(fresh, seen_at=NOON + 50 * MINUTE))), Holds)
    assert isinstance(RULE.evaluate(facts_of(replace(fresh, people=3_800))), Holds)


def test_without_anything_usual_no_size_is_unusual() -> None:
    assert isinstance(RULE.evaluate(facts_of(came(people=1), usual=None)), Clear)


@pytest.mark.parametrize(
    ("n", "kind"),
    [
        pytest.param(76, Clear, id="at the limit"),
        pytest.param(77, Holds, id="beyond it"),
    ],
)
def test_the_limit_of_those_reached_before(n: int, kind: type[Any]) -> None:
    before = Overlap(n=n, of=380, batches=(("Reminders 9 June", n),))

    assert isinstance(RULE.evaluate(facts_of(came(before=before))), kind)


def test_those_reached_before_are_counted_with_where() -> None:
    before = Overlap(
        n=212, of=380, batches=(("Reminders 9 June", 180), ("VIP", 40)), evidence=("p1", "p2")
    )
    finding = held(facts_of(came(before=before)))

    assert finding.summary == (
        "212 of 380 people in Reminders 10 June were reached in the last 3 days (56 %), "
        "most of them in Reminders 9 June"
    )
    assert finding.evidence == ("p1", "p2")
    assert round(finding.value or 0) == 56


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(Overlap(whole=False), id="nobody listed yet"),
        pytest.param(Overlap(n=3, of=380, whole=False), id="half of them looked at"),
    ],
)
def test_people_not_looked_at_yet_are_not_called_new(before: Overlap) -> None:
    assert unknown(facts_of(came(before=before))) == "its people have not all been looked at yet"


def test_enough_of_half_of_them_is_enough() -> None:
    assert isinstance(
        RULE.evaluate(facts_of(came(before=Overlap(n=90, of=380, whole=False)))), Holds
    )


def test_who_was_reached_before_is_not_asked_where_nobody_can_tell() -> None:
    assert isinstance(RULE.evaluate(facts_of(came(before=None))), Clear)


def test_late_and_small_are_one_alert() -> None:
    finding = held(facts_of(came(begun=False, at=NOON, people=38)))

    assert finding.summary.startswith("Reminders 10 June has not begun")
    assert finding.details == (("also", "38 people in Reminders 10 June, 10 % of the usual 380"),)


def test_what_ended_long_ago_is_judged_no_more() -> None:
    ended = came(people=38, ended_at=NOON)

    assert unknown(facts_of(ended)) == "its batch has ended"
    assert isinstance(RULE.evaluate(facts_of(replace(ended, ended_at=NOON + SECOND))), Holds)


@pytest.mark.parametrize(
    ("sizes", "usual"),
    [
        pytest.param([], None, id="nothing before"),
        pytest.param([380], None, id="once is not usual"),
        pytest.param([380, 400], 390, id="twice"),
        pytest.param([10, 380, 390, 400, 4_000, 1, 1], 390, id="the middle of the last five"),
    ],
)
def test_what_is_usual(sizes: list[int], usual: int | None) -> None:
    assert usual_of(sizes) == usual


@pytest.mark.parametrize("parameters", [{"smallest": 1.1}, {"largest": 0.9}, {"smallest": -1}])
def test_parameters_that_cannot_be_meant_are_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        BatchExpected(**parameters)
