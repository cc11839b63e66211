"""Two instances of one rule: which of them tells nothing of its own."""

from pathlib import Path

import pytest

from monitor.app.overlaps import overlapping
from tests.written import read

BOSS = """\
[receivers.boss]
kind = "slack"
webhook_url = "https://hooks.slack.com/services/T/B/y"
"""


def told(path: Path, text: str) -> list[tuple[str, str]]:
    config, _, _ = read(path, BOSS + text)
    found = overlapping(config, config.rules, {"mine"})
    return [(one.name, what) for one, what, todo in found if todo]


SPIKE = '[rules.mine]\nrule = "error_spike"\n'
FEW_REACHED = """\
rule = "outcome_rate"
outcome = ["completed"]
direction = "below"
"""
BELOW = f"[rules.seldom]\n{FEW_REACHED}\n[rules.mine]\n{FEW_REACHED}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            SPIKE + "threshold = 0.5",
            "fires only when error_spike does, as gravely and to the same receivers:"
            " threshold 0.5 beside 0.25",
            id="stricter",
        ),
        pytest.param(
            SPIKE + "threshold = 0.1",
            "fires whenever error_spike does, as gravely and to the same receivers:"
            " threshold 0.25 beside 0.1",
            id="milder",
        ),
        pytest.param(
            SPIKE + 'threshold = 0.5\nmatch = ["campaign=A"]',
            "fires only when error_spike does, as gravely and to the same receivers:"
            " threshold 0.5 beside 0.25",
            id="for some of the batches",
        ),
        pytest.param(
            SPIKE + 'threshold = 0.5\n[[routes]]\nmatch = ["rule=error_spike"]\n'
            'receivers = ["boss"]\n[[routes]]\nreceivers = ["ops"]',
            "fires only when error_spike does, as gravely and to the same receivers:"
            " threshold 0.5 beside 0.25",
            id="a route for both",
        ),
        pytest.param(
            BELOW + "threshold = 0.1",
            "fires only when seldom does, as gravely and to the same receivers:"
            " threshold 0.1 beside 0.3",
            id="of a share that falls the lower one is stricter",
        ),
        pytest.param(
            '[rules.cost_overrun]\nbudget = "50 USD"\n'
            '[rules.mine]\nrule = "cost_overrun"\nbudget = "80 USD"',
            "fires only when cost_overrun does, as gravely and to the same receivers:"
            " budget 80.00 USD beside 50.00 USD",
            id="money",
        ),
        pytest.param(
            '[rules.mine]\nrule = "batch_stalled"',
            "tells the same of the same batches as batch_stalled: idle 10m, gap_factor 10",
            id="the same",
        ),
    ],
)
def test_one_that_tells_nothing_of_its_own(tmp_path: Path, text: str, said: str) -> None:
    assert told(tmp_path, text) == [("mine", said)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(SPIKE + 'threshold = 0.5\nseverity = "warning"', id="another severity"),
        pytest.param(SPIKE + 'threshold = 0.5\nfor = "10m"', id="later"),
        pytest.param(
            SPIKE + 'threshold = 0.5\n[[routes]]\nmatch = ["rule=mine"]\n'
            'receivers = ["boss"]\n[[routes]]\nreceivers = ["ops"]',
            id="another route",
        ),
        pytest.param(
            SPIKE + 'threshold = 0.5\n[[inhibit]]\nsource = ["rule=mine"]\n'
            'target = ["severity=warning"]\nequal = ["batch"]',
            id="one explains others",
        ),
        pytest.param(SPIKE + 'threshold = 0.5\nwindow = "1h"', id="another window"),
        pytest.param(SPIKE + 'window = "1h"', id="a window is not stricter"),
        pytest.param(
            '[rules.error_spike]\nmatch = ["campaign=A"]\n' + SPIKE + "threshold = 0.5",
            id="stricter for more batches",
        ),
        pytest.param(
            '[rules.answer_rate_drop]\n[rules.mine]\nrule = "answer_rate_drop"\nthreshold = 0.3',
            id="beside what is usual",
        ),
        pytest.param(
            '[rules.cost_overrun]\nbudget = "50 USD"\n'
            '[rules.mine]\nrule = "cost_overrun"\nbudget = "80 EUR"',
            id="other money",
        ),
        pytest.param(
            '[rules.cost_overrun]\nbudget = "50 USD"\n'
            '[rules.mine]\nrule = "cost_overrun"\nper_hour = "80 USD"',
            id="another limit",
        ),
    ],
)
def test_a_ladder_is_meant(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, text) == []
