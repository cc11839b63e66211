from datetime import timedelta
from typing import Any

import pytest

from monitor.core.facts import BatchFacts
from monitor.core.model import BatchStatus, Counts
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from rules.never_dialled import NeverDialled
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_certainty, make_ended_facts

RULE = NeverDialled()


def completed(missed: int = 0, people: int = 1_000, **changes: Any) -> BatchFacts:
    """A batch read to its end, in which so many people still stand as pending."""
    done = people - missed
    known: dict[str, Any] = {
        "tally": {
            "contacts": people,
            "contact.completed": done,
            "contact.pending": missed,
            "undialled": missed,
        },
        "batch": {"counts": Counts(total=people, live=0, by_status=_by_status(missed, done))},
    }
    return make_ended_facts(**known | changes)


def _by_status(missed: int, done: int) -> dict[Any, int]:
    from_words = {"pending": missed, "completed": done}
    return {word: n for word, n in from_words.items() if n}


def judged(facts: BatchFacts, rule: NeverDialled = RULE) -> Verdict:
    return rule.evaluate(facts)


def held(facts: BatchFacts, rule: NeverDialled = RULE) -> Finding:
    verdict = judged(facts, rule)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


@pytest.mark.parametrize(
    ("missed", "people", "holds"),
    [
        pytest.param(0, 1_000, False, id="everybody was dialled"),
        pytest.param(4, 1_000, False, id="few, and a small share"),
        pytest.param(5, 1_000, True, id="enough people"),
        pytest.param(6, 1_000, True, id="more people"),
        pytest.param(1, 101, False, id="just under the share"),
        pytest.param(1, 100, True, id="at the share"),
        pytest.param(1, 99, False, id="one person where the share is not even one"),
        pytest.param(2, 99, True, id="two of so few"),
        pytest.param(1, 2, False, id="one of two"),
        pytest.param(1, 1, True, id="everybody"),
    ],
)
def test_the_limits(missed: int, people: int, *, holds: bool) -> None:
    assert isinstance(judged(completed(missed, people)), Holds if holds else Clear)


def test_a_single_person_is_told_where_that_is_written() -> None:
    assert isinstance(judged(completed(1, 50), NeverDialled(min_contacts=1)), Holds)


def test_the_sentence_names_how_many_of_how_many_and_why() -> None:
    facts = completed(
        tally={
            "contacts": 390,
            "contact.completed": 375,
            "contact.skipped": 15,
            "undialled": 15,
        },
        batch={
            "counts": Counts(
                total=390,
                live=0,
                requested=412,
                rejected=22,
                by_status={"completed": 375, "skipped": 15},  # type: ignore[dict-item]  # its words
            )
        },
    )

    finding = held(facts)

    assert finding.summary == (
        "completed, but 37 of 412 people never dialled: 22 rejected, 15 skipped"
    )
    assert (finding.affected, finding.total, finding.value, finding.unit) == (37, 412, 9.0, "%")
    assert not finding.estimate


def test_who_is_left_in_the_queue_is_told() -> None:
    assert held(completed(7)).summary.endswith("never dialled: 7 left in the queue")


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(completed(50, confirmed_at=NOON - MINUTE), id="one look only"),
        pytest.param(
            completed(50, certainty=make_certainty(complete_at=NOON - 2 * MINUTE)),
            id="not read since",
        ),
        pytest.param(
            completed(50, tally={"contacts": 990, "undialled": 50}), id="the counts disagree"
        ),
    ],
)
def test_an_end_that_is_not_believed_yet_says_nothing(facts: BatchFacts) -> None:
    assert isinstance(judged(facts), Unknown)


def test_lists_that_were_not_read_since_the_end_never_tell_who_was_left_out() -> None:
    read = make_certainty(complete_at=NOON - 2 * HOUR, swept_at=NOON - 2 * HOUR)

    assert isinstance(judged(completed(50, ended=HOUR, certainty=read)), Unknown)


@pytest.mark.parametrize(
    ("ended", "kind"),
    [
        pytest.param(15 * MINUTE - SECOND, Unknown, id="just before"),
        pytest.param(15 * MINUTE, Holds, id="after a quarter of an hour"),
    ],
)
def test_of_lists_that_contradict_the_counts_only_whom_they_show_is_told(
    ended: timedelta, kind: type[Holds | Unknown]
) -> None:
    tally = {"contacts": 990, "contact.pending": 50, "undialled": 50}
    verdict = judged(completed(50, ended=ended, tally=tally))

    assert isinstance(verdict, kind)
    if isinstance(verdict, Holds):
        assert verdict.finding.estimate
        assert verdict.finding.summary.endswith(
            "50 of 1,000 people never dialled: 50 left in the queue"
        )


@pytest.mark.parametrize(
    "status", [pytest.param(s, id=s) for s in BatchStatus if s is not BatchStatus.COMPLETED]
)
def test_ends_that_another_rule_tells_of_and_open_batches_are_not_its_business(
    status: BatchStatus,
) -> None:
    assert not isinstance(judged(completed(50, status=status)), Holds)


def test_another_end_can_be_added() -> None:
    rule = NeverDialled(statuses=frozenset({BatchStatus.EXPIRED}))

    assert held(completed(50, status=BatchStatus.EXPIRED), rule).summary.startswith("ended, but 50")


def test_what_had_ended_before_the_first_look_is_no_news() -> None:
    assert isinstance(judged(completed(50, news=False)), Clear)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"min_contacts": 0}, "min_contacts is 0"),
        ({"share": 2}, "share is 2"),
        ({"statuses": frozenset({BatchStatus.RUNNING})}, "statuses: running ends no batch"),
    ],
)
def test_a_parameter_that_cannot_be_meant_is_refused(
    parameters: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        NeverDialled(**parameters)
