"""Doubts about rules: by the file alone, and by what has happened."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.app.context import context_to_read
from monitor.app.linting import lint, lint_history
from monitor.config import Config, load
from monitor.config.document import Document, read_document
from monitor.core.model import BatchStatus, CallStatus
from monitor.evaluation.context import Context
from rules.error_spike import ErrorSpike
from tests.builders import MINUTE, NOON
from tests.stories import Story, make_context, run

HEAD = """\
[providers.renewals]
vendor = "graine"
api_key = "k"
[receivers.ops]
kind = "slack"
webhook_url = "https://hooks.slack.com/services/T/B/x"
"""


def read(path: Path, text: str) -> tuple[Config, Document, Context]:
    file = path / "config.toml"
    file.write_text(HEAD + text)
    file.chmod(0o600)
    config = load(file, environ={}, secrets=False)
    return config, read_document(file), context_to_read(config, NOON)


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
        pytest.param('[rules.mine]\nrule = "batch_stalled"\nidle = "20m"', id="other limits"),
        pytest.param(
            '[rules.batch_stalled]\nmatch = ["campaign=A"]\n'
            '[rules.mine]\nrule = "batch_stalled"\nmatch = ["campaign!=A"]',
            id="never the same batch",
        ),
        pytest.param('[rules.error_spike]\nmatch = ["batch_name=~VIP.*"]', id="some batches"),
        pytest.param(
            '[[routes]]\nmatch = ["severity=critical", "rule=~error.*"]\nreceivers = ["ops"]\n'
            '[[routes]]\nreceivers = ["ops"]',
            id="a route that something takes",
        ),
    ],
)
def test_what_may_well_be_meant_is_left_alone(tmp_path: Path, text: str) -> None:
    assert doubts(tmp_path, text) == []


# By what has happened


def lived(path: Path, failed: int, batches: int = 10) -> Story:
    """Batches that ran one after the other, and ended."""
    context = make_context(run(ErrorSpike()))
    story = Story(path / "o.db", context)
    for n in range(batches):
        one = Story(path / "o.db", context, now=NOON + n * timedelta(hours=1))
        one.invite(50)
        one.look(batch_id=f"b{n}", name=f"Renewals {n}")
        one.read()
        one.wait(MINUTE)
        one.dial(failed, CallStatus.FAILED)
        one.dial(50 - failed)
        one.look(batch_id=f"b{n}", name=f"Renewals {n}")
        one.read()
        one.judge()
        one.look(batch_id=f"b{n}", name=f"Renewals {n}", status=BatchStatus.COMPLETED)
        one.engine.dispose()
    return story


def past(path: Path, text: str, failed: int, batches: int = 10) -> list[tuple[str, str]]:
    story = lived(path, failed, batches)
    _, document, context = read(path, text)
    now = NOON + timedelta(hours=batches)
    with story.engine.connect() as conn:
        found = [(each.key, each.text) for each in lint_history(conn, document, context, now)]
    story.engine.dispose()
    return found


def test_a_limit_that_is_always_passed(tmp_path: Path) -> None:
    found = past(tmp_path, "[rules.error_spike]\nthreshold = 0.2", failed=25)

    assert ("rules.error_spike.threshold", "fired in 10 of 10 batches in the last 30 days") in found


def test_a_limit_that_nothing_ever_came_near(tmp_path: Path) -> None:
    assert past(tmp_path, "[rules.error_spike]\nthreshold = 0.25", failed=1) == [
        (
            "rules.error_spike.threshold",
            "history never came near it: the worst of 10 batches had 2 %",
        )
    ]


def test_a_match_that_no_batch_met(tmp_path: Path) -> None:
    assert past(tmp_path, '[rules.error_spike]\nmatch = ["campaign=A"]', failed=1) == [
        (
            "rules.error_spike.match",
            "none of the 10 batches that ended in the last 30 days is matched",
        )
    ]


def test_a_limit_that_was_near_is_left_alone(tmp_path: Path) -> None:
    assert past(tmp_path, "[rules.error_spike]\nthreshold = 0.25", failed=4) == []


def test_little_history_says_nothing(tmp_path: Path) -> None:
    assert past(tmp_path, "[rules.error_spike]", failed=25, batches=3) == []


def test_history_is_asked_about_the_last_thirty_days(tmp_path: Path) -> None:
    story = lived(tmp_path, failed=25)
    _, document, context = read(tmp_path, "[rules.error_spike]")
    later: datetime = NOON + timedelta(days=40)

    with story.engine.connect() as conn:
        assert list(lint_history(conn, document, context, later)) == []
    story.engine.dispose()
