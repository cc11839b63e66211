from datetime import timedelta
from typing import Any

import pytest

from monitor.core.facts import BatchFacts, Gone
from monitor.core.rule import Clear, Holds, Unknown, Verdict
from rules.batch_vanished import BatchVanished
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch, make_certainty, make_facts

RULE = BatchVanished()


def missing(
    lasting: timedelta = 10 * MINUTE, times: int = 3, *, elsewhere: bool = True, **changes: Any
) -> BatchFacts:
    """A batch that the vendor has not known for so long."""
    gone = Gone(since=NOON - lasting, times=times, elsewhere=elsewhere)
    stale = make_certainty(fresh=False, observed_at=NOON - lasting)
    return make_facts(**{"gone": gone, "certainty": stale} | changes)


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        pytest.param(missing(), Holds, id="at both limits"),
        pytest.param(missing(HOUR, 9), Holds, id="long since"),
        pytest.param(missing(10 * MINUTE - SECOND), Unknown, id="not long enough"),
        pytest.param(missing(times=2), Unknown, id="not often enough"),
        pytest.param(missing(HOUR, 9, elsewhere=False), Unknown, id="as every batch is"),
        pytest.param(missing(reported_at=NOON - HOUR), Unknown, id="its end was told before"),
        pytest.param(make_facts(), Clear, id="there"),
    ],
)
def test_the_limits(facts: BatchFacts, kind: type[Verdict]) -> None:
    assert isinstance(RULE.evaluate(facts), kind)


def test_the_limits_can_be_set() -> None:
    rule = BatchVanished(lasting=HOUR, times=5)

    assert isinstance(rule.evaluate(missing(HOUR, 4)), Unknown)
    assert isinstance(rule.evaluate(missing(HOUR - SECOND, 5)), Unknown)
    assert isinstance(rule.evaluate(missing(HOUR, 5)), Holds)


def test_the_sentence_says_since_when_and_never_that_it_is_done() -> None:
    batch = make_batch(timezone="Asia/Kolkata")
    verdict = RULE.evaluate(missing(20 * MINUTE, 5, batch=batch, tally={"contacts": 40}))

    assert isinstance(verdict, Holds)
    finding = verdict.finding
    assert finding.summary == "the vendor answers since 17:10 that there is no such batch"
    assert (finding.value, finding.threshold, finding.total) == (5, 3, 40)
    assert finding.since == NOON - 20 * MINUTE
    assert finding.todo is not None
