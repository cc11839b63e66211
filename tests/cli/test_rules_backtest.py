"""``offhook rules backtest``: what other rules would have told of what has happened."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from monitor.app.backtest import Asked, backtest
from monitor.core.model import BatchStatus, CallStatus
from rules.error_spike import ErrorSpike
from tests.builders import MINUTE, NOON, SECOND
from tests.cli.conftest import Offhook
from tests.stories import Story, make_context, run

CONFIG = """\
[monitor]
data_dir = "data"
[providers.renewals]
vendor = "graine"
api_key = "k"
[receivers.ops]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/T/B/x"
"""
# Long enough for a day in the past that no test chooses.
SINCE = ("--since", "3650d")


@pytest.fixture
def happened(tmp_path: Path) -> Iterator[Story]:
    """A batch with one spike, told live by the rules as they are."""
    (tmp_path / "data").mkdir(mode=0o700)
    written(tmp_path / "config.toml")
    story = Story(tmp_path / "data" / "offhook.db", context=make_context())
    with capture_logs():
        story.invite(80)
        story.see()
        for failed in (0, 0, 6, 6, 0):
            story.wait(25 * SECOND)
            story.dial(10 - failed, cost_micros=100_000, currency="USD", detail_at=story.now)
            story.dial(failed, CallStatus.FAILED, error_class="carrier block")
            story.see(5 * SECOND)
            story.see(30 * SECOND)
        story.status = BatchStatus.COMPLETED
        for _ in range(12):
            story.see(MINUTE)
    yield story
    story.engine.dispose()


def written(file: Path, more: str = "") -> Path:
    file.write_text(CONFIG + more)
    file.chmod(0o600)
    return file


def by_rule(found: Any) -> dict[str, Any]:
    return {each["rule"]: each for each in found["rules"]}


def test_the_same_rules_tell_what_was_told(offhook: Offhook, happened: Story) -> None:
    ran = offhook("rules", "backtest", *SINCE)

    assert happened.messages("error_spike")
    assert ran.status == 0
    assert "error_spike" in ran.out
    assert "would be new" not in ran.out
    assert "would no longer be told" not in ran.out
    assert "history cannot tell provider_blind" not in ran.out
    reason = "webhooks that were refused are counted by the running process alone"
    assert f"history cannot tell self_webhook_rejected: {reason}" in ran.out
    assert "self_delivery_failed" in ran.out
    assert "over by themselves within" in ran.out


def test_a_candidate_that_is_stricter_tells_less(
    offhook: Offhook, happened: Story, tmp_path: Path
) -> None:
    del happened
    candidate = written(
        tmp_path / "candidate.toml", "[rules.error_spike]\nthreshold = 0.9\nstreak = 0\n"
    )

    ran = offhook("rules", "backtest", *SINCE, "--config", str(candidate))

    assert ran.status == 1
    assert "would no longer be told: 1 alert" in ran.out
    assert "error_spike: Renewals May (b1), 2026-06-10 12:" in ran.out


def test_as_data_with_what_it_cost(offhook: Offhook, happened: Story, tmp_path: Path) -> None:
    del happened
    candidate = written(
        tmp_path / "candidate.toml",
        '[rules.another]\nrule = "error_spike"\nthreshold = 0.1\nmin_calls = 5\n',
    )

    found = offhook("rules", "backtest", *SINCE, "--json", "--config", str(candidate)).json

    spike = by_rule(found)["another"]
    assert (spike["fires"], spike["new"], spike["same"]) == (1, 1, 0)
    assert spike["spent_after_micros"]["USD"] > 0
    assert spike["before_end_s"] > 0
    (new,) = found["new"]
    assert (new["rule"], new["batch"], new["batch_name"]) == ("another", "b1", "Renewals May")
    assert found["batches"] == 1
    assert "balance_low" not in found["not_told"]
    assert "kept for a day only" in found["not_told"]["self_webhook_silent"]


def test_little_data_suggests_nothing_and_says_so(offhook: Offhook, happened: Story) -> None:
    del happened

    ran = offhook("rules", "backtest", *SINCE, "--suggest")

    assert "suggested for error_spike: nothing, 1 batch showed it a number" in ran.out


def test_a_candidate_elsewhere_is_held_against_the_usual_database(
    offhook: Offhook, happened: Story, tmp_path: Path
) -> None:
    del happened
    (tmp_path / "elsewhere").mkdir()
    candidate = written(tmp_path / "elsewhere" / "candidate.toml")

    ran = offhook("rules", "backtest", *SINCE, "--config", str(candidate))

    assert ran.status == 0
    assert "what happened is read from" in ran.err


@pytest.mark.parametrize("since", ["soon", "0s"])
def test_a_length_that_is_none_is_refused(offhook: Offhook, tmp_path: Path, since: str) -> None:
    written(tmp_path / "config.toml")

    ran = offhook("rules", "backtest", "--since", since)

    assert ran.status == 2
    assert ran.err.startswith("--since")


def test_without_a_database_it_says_where_it_looked(offhook: Offhook, tmp_path: Path) -> None:
    written(tmp_path / "config.toml")

    ran = offhook("rules", "backtest")

    assert ran.status == 2
    assert "there is no database at" in ran.err


def test_several_processes_find_what_one_finds(tmp_path: Path) -> None:
    """Many batches, each of which spikes once."""
    story = Story(tmp_path / "many.db", context=make_context(run(ErrorSpike())))
    look = story.look
    for n in range(9):
        story.look = lambda n=n, **changes: look(**{"batch_id": f"b{n}"} | changes)  # type: ignore[method-assign]
        story.people.clear()
        story.calls.clear()
        story.status = BatchStatus.RUNNING
        story.invite(30)
        story.see()
        story.wait(30 * SECOND)
        story.dial(20, CallStatus.FAILED)
        story.see()
        story.status = BatchStatus.COMPLETED
        story.see(MINUTE)
        story.see(MINUTE)
    asked = Asked(database=tmp_path / "many.db", context=story.context, since=NOON, until=story.now)
    heard: list[tuple[int, int]] = []

    some = backtest(asked, lambda done, of: heard.append((done, of)), workers=2)
    one = backtest(asked, lambda done, of: None, workers=1)

    story.engine.dispose()
    assert some == one
    assert (some.entries[0].fires, some.entries[0].same) == (9, 9)
    assert heard == [(n, 9) for n in range(10)]
