from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.core.facts import BatchFacts
from monitor.core.model import BatchStatus, Counts
from monitor.core.rule import Clear, Holds, Unknown
from rules.lines_idle import LinesIdle
from tests.builders import EVERYTHING, make_batch, make_facts

RULE = LinesIdle()


def with_lines(live: int, waiting: int = 231, lines: int | None = 10, **changes: Any) -> BatchFacts:
    counts = Counts(live=live, waiting=waiting, **changes)
    return make_facts(batch=make_batch(counts=counts, concurrency=lines))


@pytest.mark.parametrize(
    ("live", "waiting", "kind"),
    [
        pytest.param(4, 231, Holds, id="under half"),
        pytest.param(0, 231, Holds, id="none"),
        pytest.param(5, 231, Clear, id="half"),
        pytest.param(10, 231, Clear, id="all"),
        pytest.param(4, 10, Clear, id="a tail: no more wait than there are lines"),
        pytest.param(4, 11, Holds, id="one more waits"),
        pytest.param(0, 0, Clear, id="nobody waits"),
    ],
)
def test_the_limits(live: int, waiting: int, kind: type[Holds | Clear]) -> None:
    assert isinstance(RULE.evaluate(with_lines(live, waiting)), kind)


def test_the_sentence_says_how_many_are_busy_and_who_waits() -> None:
    verdict = RULE.evaluate(with_lines(2, 231, 5))

    assert isinstance(verdict, Holds)
    assert verdict.finding.summary == "2 of 5 lines busy; 231 people wait to be dialled"
    assert (verdict.finding.value, verdict.finding.threshold, verdict.finding.n) == (40.0, 50.0, 5)


def test_it_must_be_so_for_a_quarter_of_an_hour() -> None:
    assert LinesIdle.pending_for == timedelta(minutes=15)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(with_lines(0, lines=None), id="its lines are not told"),
        pytest.param(with_lines(0, lines=1), id="one line"),
        pytest.param(with_lines(0, estimated=frozenset({"live"})), id="live calls are a guess"),
    ],
)
def test_what_is_not_known_is_not_judged(facts: BatchFacts) -> None:
    assert isinstance(RULE.evaluate(facts), Unknown)


@pytest.mark.parametrize("status", [BatchStatus.PAUSED, BatchStatus.SCHEDULED, BatchStatus.UNKNOWN])
def test_a_batch_that_does_not_dial_is_not_judged(status: BatchStatus) -> None:
    facts = with_lines(0)

    assert isinstance(
        RULE.evaluate(replace(facts, batch=replace(facts.batch, status=status))), Unknown
    )


def test_a_vendor_that_shows_no_live_calls_is_not_judged() -> None:
    blind = replace(with_lines(0), capabilities=replace(EVERYTHING, in_flight=False))

    assert RULE.evaluate(blind) == Unknown("cannot see calls under way at Graine")


@pytest.mark.parametrize(
    ("parameters", "match"),
    [({"busy": 0}, "busy is 0"), ({"min_lines": 0}, "min_lines is 0")],
)
def test_a_parameter_that_cannot_be_meant_is_refused(
    parameters: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        LinesIdle(**parameters)
