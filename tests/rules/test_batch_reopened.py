import pytest

from monitor.core.model import BatchStatus
from monitor.core.rule import Clear, Holds, Unknown
from rules.batch_reopened import BatchReopened
from tests.builders import HOUR, MINUTE, NOON, make_batch, make_facts

RULE = BatchReopened()


def test_the_sentence_says_since_when_when_it_had_ended_and_who_is_to_be_called() -> None:
    facts = make_facts(
        run=2,
        running_at=NOON - MINUTE,
        idle_at=NOON - 2 * HOUR,
        tally={"contacts": 412, "contact.pending": 90},
    )
    verdict = RULE.evaluate(facts)

    assert isinstance(verdict, Holds)
    assert verdict.finding.summary == (
        "dials again since 11:59; it had ended at 10:00; 90 people are to be called"
    )
    assert (verdict.finding.affected, verdict.finding.since) == (90, NOON - MINUTE)


@pytest.mark.parametrize(
    ("run", "status", "kind"),
    [
        pytest.param(1, BatchStatus.RUNNING, Clear, id="its first run"),
        pytest.param(2, BatchStatus.RUNNING, Holds, id="runs again"),
        pytest.param(3, BatchStatus.SCHEDULED, Holds, id="is to run a third time"),
        pytest.param(2, BatchStatus.PAUSED, Holds, id="paused, not ended"),
        pytest.param(2, BatchStatus.COMPLETED, Clear, id="has ended again: that is told"),
        pytest.param(2, BatchStatus.UNKNOWN, Unknown, id="a status that nobody knows"),
    ],
)
def test_when_it_reports(
    run: int, status: BatchStatus, kind: type[Holds | Clear | Unknown]
) -> None:
    assert isinstance(RULE.evaluate(make_facts(run=run, batch=make_batch(status=status))), kind)
