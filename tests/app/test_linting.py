"""Doubts about rules: by the file alone, and by what has happened."""

from pathlib import Path

import pytest

from monitor.app.linting import lint
from tests.written import read


def doubts(path: Path, text: str) -> list[tuple[str, str, str | None]]:
    return [(each.key, each.text, each.hint) for each in lint(*read(path, text))]


def test_nothing_is_said_of_the_defaults(tmp_path: Path) -> None:
    assert doubts(tmp_path, "") == []


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        pytest.param(
            "[rules.error_spike]\nmin_calls = 5",
            "rules.error_spike.min_calls",
            "a share of so few says nothing: at 5 one bad call can fire it",
            id="few",
        ),
        pytest.param(
            '[[rules.error_spike.override]]\nmatch = ["batch_name=VIP"]\nmin_calls = 2',
            "rules.error_spike.override[1].min_calls",
            "a share of so few says nothing: at 2 one bad call can fire it",
            id="few in an override",
        ),
        pytest.param(
            '[rules.mine]\nrule = "expression"\nwhen = "failed_share > 0.2"',
            "rules.mine.when",
            "a share without a least number of calls: one bad call can fire it",
            id="a condition on a share alone",
        ),
        pytest.param(
            '[rules.mine]\nrule = "expression"\nwhen = "failed_share > 0.2 and hour > 9"',
            "rules.mine.when",
            "a share without a least number of calls: one bad call can fire it",
            id="an hour is no number of calls",
        ),
        pytest.param(
            '[rules.error_spike]\nmatch = ["vendor=bland"]',
            "rules.error_spike.match",
            "matches no provider that is configured",
            id="matches nothing",
        ),
        pytest.param(
            '[rules.mine]\nrule = "error_spike"\nmatch = ["vendor=bland"]',
            "rules.mine.match",
            "matches no provider that is configured",
            id="the same, where nothing is matched",
        ),
        pytest.param(
            '[[rules.error_spike.override]]\nmatch = ["provider=other"]\nthreshold = 0.1',
            "rules.error_spike.override[1]",
            "matches no provider that is configured",
            id="an override matches nothing",
        ),
        pytest.param(
            '[[rules.error_spike.override]]\nmatch = ["campaign=A"]\nthreshold = 0.1\n'
            '[[rules.error_spike.override]]\nmatch = ["campaign=A", "batch=b"]\nthreshold = 0.2',
            "rules.error_spike.override[2]",
            "is never used: one before it matches all that it does",
            id="an override behind a wider one",
        ),
        pytest.param(
            '[[routes]]\nmatch = ["rule=eror_spike"]\nreceivers = ["ops"]\n'
            '[[routes]]\nreceivers = ["ops"]',
            "routes[1].match",
            "no rule that runs makes an alert that this matches",
            id="a route that nothing takes",
        ),
        pytest.param(
            '[rules.mine]\nrule = "batch_stalled"',
            "rules.mine",
            "tells the same of the same batches as batch_stalled: idle 10m, gap_factor 10",
            id="the same twice",
        ),
        pytest.param(
            '[rules.mine]\nrule = "batch_stalled"\nidle = "20m"',
            "rules.mine",
            "fires only when batch_stalled does, as gravely and to the same receivers:"
            " idle 20m beside 10m",
            id="a stricter one for the same people",
        ),
        pytest.param(
            "[rules.cost_overrun]\nmin_completed = 30",
            "rules.cost_overrun",
            "can hold nowhere: no limit is set: budget, per_hour or per_completed",
            id="no limit",
        ),
    ],
)
def test_what_is_probably_not_meant_has_its_key(
    tmp_path: Path, text: str, key: str, said: str
) -> None:
    ((where, what, todo),) = doubts(tmp_path, text)

    assert (where, what) == (key, said)
    assert todo


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[rules.error_spike]\nmin_calls = 6", id="enough calls"),
        pytest.param("[rules.error_spike]\nmin_failed = 1", id="usually few"),
        pytest.param(
            '[rules.mine]\nrule = "expression"\nwhen = "failed_share > 0.2 and finished >= 20"',
            id="a share of enough",
        ),
        pytest.param(
            '[rules.mine]\nrule = "batch_stalled"\nidle = "20m"\nseverity = "warning"',
            id="a ladder of limits",
        ),
        pytest.param(
            '[rules.batch_stalled]\nmatch = ["campaign=A"]\n'
            '[rules.mine]\nrule = "batch_stalled"\nmatch = ["campaign!=A"]',
            id="never the same batch",
        ),
        pytest.param('[rules.error_spike]\nmatch = ["batch_name=~VIP.*"]', id="some batches"),
        pytest.param(
            '[[rules.cost_overrun.override]]\nmatch = ["campaign=A"]\nbudget = "5 USD"',
            id="a limit for some batches",
        ),
        pytest.param(
            '[[routes]]\nmatch = ["severity=critical", "rule=~error.*"]\nreceivers = ["ops"]\n'
            '[[routes]]\nreceivers = ["ops"]',
            id="a route that something takes",
        ),
    ],
)
def test_what_may_well_be_meant_is_left_alone(tmp_path: Path, text: str) -> None:
    assert doubts(tmp_path, text) == []
