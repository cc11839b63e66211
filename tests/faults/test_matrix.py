"""Every fault at every vendor with other plans and moments: a share of the proof, or all."""

import json
import os
from pathlib import Path

import pytest

from tests.faults.matrix import Case, Outcome, cases, judge, kept_or_run, report, run
from tests.faults.table import ROWS
from tests.faults.worlds import VENDORS

SEEDS = 200
# In the suite so many cases are played, spread over rows and vendors.
SHARE = 3


@pytest.mark.proof
def test_no_fault_makes_a_false_end_a_false_recovery_or_a_loss(proof: bool) -> None:
    if proof:
        outcomes = list(run(cases(range(1, SEEDS + 1)), workers=os.cpu_count() or 1))
        print(report(outcomes))  # noqa: T201 - this is what the proof is for
    else:
        outcomes = list(run(cases([1])[:: len(ROWS) * len(VENDORS) // SHARE]))

    assert [wrong for outcome in outcomes for wrong in outcome.wrong] == []


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case("retired", "bland", 5), id="a list shows what was said to be gone"),
        pytest.param(Case("stale_by_turns", "graine", 9), id="old calls with a new list"),
        pytest.param(Case("call_word", "bland", 1), id="a word read as its batch is let go of"),
        pytest.param(Case("retired", "svalync", 30), id="another comes back first"),
        pytest.param(Case("id_missing", "svalync", 14), id="people read long after their counts"),
        pytest.param(Case("times_missing", "bland", 56), id="an end without the time of its call"),
    ],
)
def test_what_it_once_found_stays_mended(case: Case) -> None:
    assert judge(case).wrong == ()


def test_a_seed_that_is_written_down_is_not_played_again(tmp_path: Path) -> None:
    file = tmp_path / "seeds"
    known = Outcome(Case("drip", "bland", 3), (("lost changes", "lost: a person"),))
    file.write_text(json.dumps([known]) + "\n")

    assert list(kept_or_run(file, [known.case], workers=1)) == [known]
