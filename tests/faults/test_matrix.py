"""Every fault at every vendor with other plans and moments: a share of the proof, or all."""

import os

import pytest

from tests.faults.matrix import cases, report, run
from tests.faults.table import ROWS
from tests.faults.worlds import VENDORS

SEEDS = 200
# In the suite so many cases are played, spread over rows and vendors.
SHARE = 3


@pytest.mark.proof
def test_no_fault_makes_a_false_end_a_false_recovery_or_a_loss(proof: bool) -> None:
    if proof:
        outcomes = run(cases(range(1, SEEDS + 1)), workers=os.cpu_count() or 1)
        print(report(outcomes))  # noqa: T201 - this is what the proof is for
    else:
        outcomes = run(cases([1])[:: len(ROWS) * len(VENDORS) // SHARE])

    assert [wrong for outcome in outcomes for wrong in outcome.wrong] == []
