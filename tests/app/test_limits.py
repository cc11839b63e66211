"""Limits held against what has happened: how far batches came beside them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from monitor.app.backtest import Asked
from monitor.app.limits import SINCE, Shown, lint_history, live, to_live
from rules.error_spike import ErrorSpike
from tests.builders import NOON
from tests.pastbatches import ended_batches
from tests.stories import Story, make_context, run
from tests.written import read


def lived(path: Path, failed: int, batches: int = 10) -> Story:
    """Batches of 50 calls that ran one after the other, and ended."""
    (path / "o.db").write_bytes(_lived(failed, batches))
    return Story(path / "o.db", make_context(run(ErrorSpike())))


@cache
def _lived(failed: int, batches: int) -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "o.db"
        ended_batches(file, NOON, failed, batches)
        return file.read_bytes()


Said = list[tuple[str, str, str | None]]


def past(
    path: Path, text: str, failed: int, batches: int = 10, *, measure: bool = True
) -> list[tuple[str, str]]:
    story = lived(path, failed, batches)
    found = said(story, path, text, NOON + timedelta(hours=batches), measure=measure)
    return [(key, what) for key, what, _ in found]


def said(story: Story, path: Path, text: str, now: datetime, *, measure: bool = True) -> Said:
    _, document, context = read(path, text)
    found = shown(story, path, text, now) if measure else {}
    with story.engine.connect() as conn:
        doubts = list(lint_history(conn, document, context, now, found))
    story.engine.dispose()
    return [(each.key, each.text, each.hint) for each in doubts]


def shown(story: Story, path: Path, text: str, now: datetime) -> Mapping[str, Shown]:
    _, document, context = read(path, text)
    with story.engine.connect() as conn:
        some = to_live(conn, document, context, now)
    story.engine.dispose()
    asked = Asked(database=path / "o.db", context=context, since=now - SINCE, until=now)
    return live(asked, some, lambda _done, _of: None)


def test_a_limit_that_is_always_passed(tmp_path: Path) -> None:
    found = past(tmp_path, "[rules.error_spike]\nthreshold = 0.2", failed=25)

    assert found == [
        (
            "rules.error_spike.threshold",
            (
                "would have fired in 10 of the newest 10 batches of the last 30 days:"
                " the limit is 20 %"
            ),
        )
    ]


def test_a_limit_that_was_raised_since_is_not_blamed_for_what_the_old_one_told(
    tmp_path: Path,
) -> None:
    assert past(tmp_path, "[rules.error_spike]\nthreshold = 0.6", failed=25) == []


def test_a_share_that_hovers_below_its_limit_is_measured(tmp_path: Path) -> None:
    story, now = lived(tmp_path, failed=25), NOON + timedelta(hours=10)
    found = shown(story, tmp_path, "[rules.error_spike]\nthreshold = 0.6", now)["error_spike"]

    assert found.measured
    assert (found.batches, found.fired) == (10, 0)
    assert (found.measured.worst, found.measured.limit, found.measured.reached()) == (50, 60, 0)


def test_where_nothing_is_measured_it_goes_by_what_was_told(tmp_path: Path) -> None:
    found = past(tmp_path, "[rules.error_spike]\nthreshold = 0.2", failed=25, measure=False)

    assert found == [
        ("rules.error_spike.threshold", "fired in 10 of 10 batches in the last 30 days")
    ]


def test_a_limit_that_nothing_ever_came_near(tmp_path: Path) -> None:
    story = lived(tmp_path, failed=1)

    assert said(story, tmp_path, "[rules.error_spike]", NOON + timedelta(hours=10)) == [
        (
            "rules.error_spike.threshold",
            (
                "history never came near it: of the newest 10 batches of the last 30 days"
                " none came above 2 %, and the limit is 25 %"
            ),
            "try 0.04, or see: offhook rules backtest --suggest",
        )
    ]


def test_a_limit_below_which_nothing_ever_fell(tmp_path: Path) -> None:
    text = "[rules.answer_rate_drop]\nthreshold = 0.1"
    story = lived(tmp_path, failed=5)

    assert said(story, tmp_path, text, NOON + timedelta(hours=10)) == [
        (
            "rules.answer_rate_drop.threshold",
            (
                "history never came near it: of the newest 10 batches of the last 30 days"
                " none came below 90 %, and the limit is 10 %"
            ),
            "try 0.45, or see: offhook rules backtest --suggest",
        )
    ]


def test_the_number_in_a_condition_of_the_users_own(tmp_path: Path) -> None:
    text = '[rules.mine]\nrule = "expression"\nwhen = "all_failed > 40"'
    story = lived(tmp_path, failed=1)

    assert said(story, tmp_path, text, NOON + timedelta(hours=10)) == [
        (
            "rules.mine.when",
            (
                "history never came near it: of the newest 10 batches of the last 30 days"
                " none came above 1, and the limit is 40"
            ),
            'try "all_failed > 2", or see: offhook rules backtest --suggest',
        )
    ]


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        pytest.param("[rules.error_spike]\nthreshold = 0.25", 4, id="was near"),
        pytest.param("[rules.error_spike]\nthreshold = 0.25", 12, id="was just below it"),
        pytest.param("[rules.error_spike]\nthreshold = 0.25", 0, id="there was no such thing"),
        pytest.param("", 1, id="not written"),
        pytest.param("[rules.too_many_attempts]\nmax_attempts = 50", 1, id="the law's"),
        pytest.param("[rules.batch_completed]\nfor = '1h'", 1, id="told once"),
        pytest.param("[rules.self_unknown_status]", 1, id="of Offhook itself"),
    ],
)
def test_a_limit_of_which_history_says_nothing(tmp_path: Path, text: str, failed: int) -> None:
    assert past(tmp_path, text, failed) == []


def test_a_match_that_no_batch_met(tmp_path: Path) -> None:
    assert past(tmp_path, '[rules.error_spike]\nmatch = ["campaign=A"]', failed=1) == [
        (
            "rules.error_spike.match",
            "none of the 10 batches that ended in the last 30 days is matched",
        )
    ]


def test_little_history_says_nothing(tmp_path: Path) -> None:
    assert past(tmp_path, "[rules.error_spike]", failed=25, batches=3) == []


def test_history_is_asked_about_the_last_thirty_days(tmp_path: Path) -> None:
    story = lived(tmp_path, failed=25)

    assert said(story, tmp_path, "[rules.error_spike]", NOON + timedelta(days=40)) == []


def test_the_newest_batches_are_lived_by_the_rules_that_are_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = lived(tmp_path, failed=1, batches=6)
    _, document, context = read(tmp_path, "[rules.error_spike]\n[rules.batch_failed]")

    with story.engine.connect() as conn:
        now = NOON + timedelta(days=1)
        everything = to_live(conn, document, context, now)
        monkeypatch.setattr("monitor.app.limits.MOST_BATCHES", 4)
        some = to_live(conn, document, context, now)
        monkeypatch.setattr("monitor.app.limits.MOST_CALLS", 120)
        monkeypatch.setattr("monitor.app.limits.ENOUGH", 1)
        few = to_live(conn, document, context, now)
        monkeypatch.setattr("monitor.app.limits.ENOUGH", 3)
        enough = to_live(conn, document, context, now)
    story.engine.dispose()

    assert [each.name for each in everything.context.instances] == ["error_spike"]
    assert [batch for _, batch in everything.tasks] == [6, 5, 4, 3, 2, 1]
    assert [batch for _, batch in some.tasks] == [6, 5, 4, 3]
    assert ([batch for _, batch in few.tasks], few.batches) == ([6, 5], {"error_spike": 2})
    assert [batch for _, batch in enough.tasks] == [6, 5, 4]
