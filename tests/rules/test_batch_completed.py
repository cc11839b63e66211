from datetime import timedelta
from typing import Any

import pytest

from monitor.core.facts import BatchFacts
from monitor.core.model import BatchStatus, Capabilities, ContactStatus, Counts
from monitor.core.rule import Clear, Finding, Holds, Unknown
from rules.batch_completed import BatchCompleted
from tests.builders import (
    MINUTE,
    NOON,
    SECOND,
    ListedCalls,
    make_batch,
    make_certainty,
    make_ended_facts,
    make_facts,
    make_report,
)

RULE = BatchCompleted()
PEOPLE = {ContactStatus.COMPLETED: 310}
COUNTED_NOBODY = Counts(total=0, live=0, by_status={ContactStatus.COMPLETED: 0})
COUNTS_NOTHING = Capabilities(contacts=True, call_times=True)
AGREED: dict[str, Any] = {
    "batch": {"counts": Counts(total=412, live=0, by_status=PEOPLE)},
    "tally": {"contacts": 412, "contact.completed": 310, "calls": 520},
    "calls": ListedCalls(reached=310),
}


def held(facts: BatchFacts) -> Finding:
    verdict = RULE.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


def test_a_confirmed_end_is_reported_with_its_result() -> None:
    finding = held(make_ended_facts(**AGREED))

    assert finding.summary == "completed, 310 of 412 people reached (75 %)"
    assert dict(finding.details)["calls"] == "520"
    assert (finding.affected, finding.total) == (None, 412)
    assert finding.todo is None


def test_people_never_dialled_are_in_the_first_sentence() -> None:
    counts = Counts(total=412, live=0, by_status=PEOPLE, rejected=22)
    tally = {"contacts": 412, "contact.completed": 310, "undialled": 15}

    finding = held(make_ended_facts(**AGREED | {"batch": {"counts": counts}, "tally": tally}))

    assert finding.summary == (
        "completed, 310 of 434 people reached (71 %), "
        "but 37 never dialled: 22 rejected by the vendor, 15 not called"
    )
    assert finding.todo is not None


@pytest.mark.parametrize(
    ("looked", "holds"),
    [
        pytest.param(timedelta(0), False, id="the first look"),
        pytest.param(15 * SECOND - timedelta(microseconds=1), False, id="just too soon"),
        pytest.param(15 * SECOND, True, id="at the limit"),
        pytest.param(MINUTE, True, id="later"),
    ],
)
def test_a_second_look_must_confirm_it(looked: timedelta, *, holds: bool) -> None:
    certainty = make_certainty(observed_at=NOON - MINUTE + looked)

    verdict = RULE.evaluate(make_ended_facts(**AGREED, certainty=certainty))

    assert isinstance(verdict, Holds) is holds
    if not holds:
        assert verdict == Unknown("a second look has not confirmed it")


DOUBTS = [
    pytest.param(
        {"tally": AGREED["tally"] | {"contacts": 400}},
        "the vendor counts 412 people, 400 were read",
        id="counts",
    ),
    pytest.param(
        {"tally": AGREED["tally"] | {"calls.open": 2}}, "2 calls still open", id="open calls"
    ),
    pytest.param(
        {"certainty": make_certainty(complete_at=NOON - 60 * MINUTE)},
        "its lists were not read to their end since",
        id="not read since",
    ),
    pytest.param(
        {"batch": {"counts": COUNTED_NOBODY}, "tally": {}},
        "nobody is known to have been in it",
        id="nobody is known",
    ),
    pytest.param(
        {"batch": {"counts": Counts(total=412, by_status=PEOPLE)}},
        "the vendor does not say how many people are in a call",
        id="a trusted count is missing",
    ),
]


@pytest.mark.parametrize(
    ("lasts", "swept", "holds"),
    [
        pytest.param(timedelta(0), timedelta(0), True, id="all are known to be over"),
        pytest.param(10 * MINUTE, 10 * MINUTE, True, id="read once they must be over"),
        pytest.param(10 * MINUTE, 10 * MINUTE - SECOND, False, id="read before that"),
    ],
)
def test_calls_that_nobody_saw_begin_must_have_had_time_to_end(
    lasts: timedelta, swept: timedelta, *, holds: bool
) -> None:
    ended = NOON - 12 * MINUTE
    counts = Counts(total=412, estimated=frozenset({"live", "total"}))
    facts = make_ended_facts(
        **AGREED | {"batch": {"counts": counts, "unseen_for": lasts}},
        ended=12 * MINUTE,
        moved_at=ended,
        capabilities=COUNTS_NOTHING,
        certainty=make_certainty(swept_at=ended + swept),
    )

    verdict = RULE.evaluate(facts)

    assert isinstance(verdict, Holds) is holds
    if not holds:
        assert verdict == Unknown(
            "calls under way are on no list, and some may have begun before the first look"
        )


@pytest.mark.parametrize(("changes", "says"), DOUBTS)
def test_a_doubt_holds_the_report_back(changes: dict[str, Any], says: str) -> None:
    verdict = RULE.evaluate(make_ended_facts(ended=15 * MINUTE - SECOND, **AGREED | changes))

    assert verdict == Unknown(says)


@pytest.mark.parametrize(("changes", "says"), DOUBTS)
def test_a_doubt_that_stays_is_reported_as_unverified(changes: dict[str, Any], says: str) -> None:
    finding = held(make_ended_facts(ended=15 * MINUTE, **AGREED | changes))

    assert finding.summary == f"reported complete, unverified: {says}"
    assert "unverified" in finding.marks
    assert finding.todo is not None


@pytest.mark.parametrize(
    ("told", "marks"),
    [
        pytest.param(None, ("settling",), id="told for the first time"),
        pytest.param(5 * MINUTE - SECOND, ("settling",), id="not yet settled"),
        pytest.param(5 * MINUTE, (), id="settled"),
    ],
)
def test_late_costs_and_answers_keep_it_settling(
    told: timedelta | None, marks: tuple[str, ...]
) -> None:
    reported = None if told is None else NOON - told

    assert held(make_ended_facts(**AGREED, reported_at=reported)).marks == marks


def test_with_nothing_to_settle_it_is_settled_at_once() -> None:
    verdict = BatchCompleted(settle_after=timedelta(0)).evaluate(make_ended_facts(**AGREED))

    assert isinstance(verdict, Holds)
    assert verdict.finding.marks == ()


def test_it_stands_beside_the_batch_before_and_names_what_was_firing() -> None:
    facts = make_ended_facts(**AGREED, previous=make_report(), closed_alerts=("error_spike",))

    details = dict(held(facts).details)

    assert details["people"] == "412; before: 100"
    assert details["compared with"] == "Renewals April (b0)"
    assert details["firing when it ended"] == "error_spike"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param(status, Unknown if status is BatchStatus.UNKNOWN else Clear, id=status)
        for status in BatchStatus
        if status is not BatchStatus.COMPLETED
    ],
)
def test_only_completed_is_completed(status: BatchStatus, kind: type[Clear | Unknown]) -> None:
    assert isinstance(RULE.evaluate(make_ended_facts(status, **AGREED)), kind)


def test_what_had_ended_before_the_first_look_is_never_reported() -> None:
    facts = make_ended_facts(ended=60 * MINUTE, **AGREED, news=False)

    assert isinstance(RULE.evaluate(facts), Clear)


def test_a_new_run_of_it_is_reported() -> None:
    held(make_ended_facts(**AGREED, news=False, run=2))


def test_an_end_without_a_time_is_not_confirmed() -> None:
    facts = make_facts(batch=make_batch(status=BatchStatus.COMPLETED))

    assert isinstance(RULE.evaluate(facts), Unknown)


@pytest.mark.parametrize(
    ("moved", "live", "says"),
    [
        pytest.param(MINUTE, 0, None, id="quiet for long enough"),
        pytest.param(MINUTE - SECOND, 0, "something has just moved", id="moved a moment ago"),
        pytest.param(MINUTE, 2, "about 2 lines still open", id="calls that nothing lists"),
    ],
)
def test_where_live_calls_are_on_no_list_it_waits_until_nothing_moves(
    moved: timedelta, live: int, says: str | None
) -> None:
    counts = Counts(total=412, live=live, estimated=frozenset({"total", "live"}))
    facts = make_ended_facts(
        **AGREED | {"batch": {"counts": counts}},
        moved_at=NOON - moved,
        capabilities=COUNTS_NOTHING,
    )

    if says is None:
        finding = held(facts)
        assert finding.summary == "completed, 310 of about 412 people reached (75 %)"
        assert finding.estimate
    else:
        verdict = RULE.evaluate(facts)
        assert isinstance(verdict, Unknown)
        assert says in verdict.reason
