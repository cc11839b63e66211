"""What a backtest tells of a planted history beside what was told of it live, vendor by vendor."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from monitor.app.backtest import Asked, backtest
from monitor.app.ruletest.run import Runner, runner
from monitor.core.alert import Alert, AlertState, Transition
from monitor.core.expectation import Expectation
from monitor.core.model import BatchStatus
from monitor.core.pastwatch import Watched, watched
from monitor.core.schedule import Schedule, Times
from monitor.evaluation.backtest import to_replay
from monitor.evaluation.context import Context
from monitor.evaluation.daily import evaluate_days
from monitor.evaluation.expectations import evaluate_expectations
from monitor.evaluation.past import why_not
from monitor.evaluation.pastcoming import retold
from monitor.evaluation.pastproviders import retold_provider
from monitor.evaluation.pastsiblings import Siblings
from monitor.evaluation.replay import lived
from monitor.store import batches, processes, providers
from rules.batch_expected import BatchExpected
from rules.daily_report import DailyReport
from tests.builders import HOUR, MINUTE, NOON
from tests.histories.drawn import Draft
from tests.histories.histories import history
from tests.histories.planting import habit
from tests.histories.playing import Played, play
from tests.stories import Story, blind_to, make_context, run, viewed

UTC_ZONE = ZoneInfo("UTC")

# Of the histories, short ones of which each is about another rule that goes by more than one
# batch's own calls: by seed, with the rule that fires.
PLANTED = {
    622: "retry_drift",
    1441: "batch_vanished",
    848: "count_mismatch",
    688: "too_many_attempts",
    2257: "called_after_opt_out",
    2312: "outside_calling_hours",
    586: "duplicate_contact",
    970: "batch_expected",
}


@pytest.fixture(scope="module")
def played() -> Iterator[Runner]:
    with runner() as made:
        yield made


@pytest.mark.parametrize(("seed", "rule"), PLANTED.items(), ids=PLANTED.values())
def test_what_was_told_live_is_told_again(seed: int, rule: str, played: Runner) -> None:
    told = beside(history(seed), played)

    assert rule in told


@pytest.mark.parametrize("vendor", ["bland", "vogent", "svalync"])
def test_a_batch_of_any_vendor_is_judged_as_it_was(vendor: str, played: Runner) -> None:
    draft = Draft(5)
    draft.batch("main", vendor=vendor, people=(30, 40), minutes=(4, 6))

    assert "batch_completed" in beside(draft, played)


SPIKE = {"rule": "error_spike", "min_calls": 10, "min_usual": 20, "streak": 0}


@pytest.mark.parametrize("seed", [3])
def test_what_was_told_beside_other_open_batches_is_told_again(seed: int, played: Runner) -> None:
    """One of three batches fails and the others do not; then all of them do."""
    draft = Draft(seed)
    draft.written["spike_beside"] = SPIKE | {"compare": "siblings"}
    draft.written["spike_alone"] = SPIKE
    some = [
        draft.batch(name, vendor="graine", people=(120, 150), minutes=(20, 30), max_retries=0)
        for name in ("one", "two", "three")
    ]
    for plan, (least, most) in zip(some, ((0.3, 0.4), (0.6, 0.7), (0.6, 0.7)), strict=True):
        plan.begins, plan.calendar = some[0].begins, None
        habit(draft, plan, least, most, failed=0.7)

    assert beside(draft, played) >= {"spike_beside", "spike_alone"}


@pytest.mark.proof
def test_all_histories_are_told_again_as_they_were(played: Runner, *, proof: bool) -> None:
    if not proof:
        pytest.skip("the whole proof: its share are the tests above")
    for seed in range(72):
        beside(history(seed), played)


def test_days_and_what_is_expected_are_told_again(tmp_path: Path) -> None:
    """A batch each day until one does not come, and the report of each day."""
    expected = Expectation(
        name="reminders", schedule=Schedule((Times(frozenset(range(7)), time(12)),), UTC_ZONE)
    )
    rules = (run(DailyReport(at="18:00")), run(BatchExpected()))
    context = viewed(
        make_context(*rules, expectations=(expected,)), capabilities=blind_to(discovery=True)
    )
    story = Story(tmp_path / "offhook.db", context=context, now=NOON - HOUR)
    with story.engine.begin() as conn:
        row = providers.load(conn, "renewals", "graine")
        providers.save(conn, replace(row, baseline_at=story.now))
    for day in range(2):
        for step in range(48):
            if step in {0, 10} and not day:
                status = BatchStatus.COMPLETED if step else BatchStatus.RUNNING
                story.look(batch_id=f"b{day}", status=status)
                story.judge()
            with story.engine.begin() as conn:
                row = providers.answered(providers.load(conn, "renewals", "graine"), story.now)
                providers.save(conn, replace(row, discovered_at=story.now))
                evaluate_expectations(conn, context, story.now)
                evaluate_days(conn, context, story.now)
            story.wait(30 * MINUTE)
    asked = Asked(database=story.path, context=context, since=NOON - HOUR, until=story.now)

    done = backtest(asked, lambda done, of: None, workers=1)

    story.engine.dispose()
    found = {each.instance: each for each in done.entries}
    assert (done.differences.new, done.differences.gone, done.untold) == ((), (), {})
    assert (found["daily_report"].same, found["batch_expected"].same) == (2, 1)
    for told, again in done.differences.same:
        assert told.episode.key == again.episode.key
        assert timedelta(0) <= told.episode.fired_at - again.episode.fired_at <= 30 * MINUTE


def beside(draft: Draft, played: Runner) -> set[str]:
    """The rules that fired, live as in the replay."""
    found: list[str] = []

    def then(conn: Connection, context: Context, live: Played) -> None:
        poll, tick = timedelta(seconds=draft.poll_s), timedelta(seconds=draft.tick_s)
        # Who plays a history skips its quiet hours, so nothing is heard in them.
        told = {each.name for each in context.instances if not why_not(each)} - {"provider_blind"}
        now = by_key(retelling(conn, context, draft.start, live.until, poll), told)
        assert differences(by_key(live.transitions, told), now, poll + tick) == []
        found.extend(each.instance for each in now.values())

    play(draft, played, then)
    return set(found)


def retelling(
    conn: Connection, context: Context, since: datetime, until: datetime, poll: timedelta
) -> Iterator[Transition]:
    """All that a backtest makes of it."""
    siblings = Siblings()
    processes.alive(conn, since, until)
    some: dict[str, list[Watched]] = {name: [] for name in context.providers}
    for provider, batch in to_replay(conn, context, since):
        row, view = batches.load(conn, batch), context.providers[provider]
        life = lived(conn, row, view, context, poll, until, siblings=siblings)
        some[provider].append(watched(batch, life.past, row.fresh_at, money=True))
        yield from life.transitions
    for name, view in context.providers.items():
        yield from retold_provider(conn, view, context, some[name], since, until)
    for expected in context.expectations:
        yield from retold(conn, expected, context, since, until)


def by_key(transitions: Iterable[Transition], told: set[str]) -> dict[str, Alert]:
    """The alerts of these rules that fired, as they came to stand."""
    found = {each.alert.key: each.alert for each in transitions}
    return {key: each for key, each in found.items() if each.fired_at and each.instance in told}


def differences(
    live: dict[str, Alert], again: dict[str, Alert], slack: timedelta
) -> list[tuple[str, str]]:
    """What is not the same: by key, state, reason, and times within a look and a tick."""
    return [
        (shown(live.get(key)), shown(again.get(key)))
        for key in sorted({*live, *again})
        if not alike(live.get(key), again.get(key), slack)
    ]


def alike(one: Alert | None, other: Alert | None, slack: timedelta) -> bool:
    if one is None or other is None:
        return False
    if (one.state, one.reason) != (other.state, other.reason):
        return False
    # Ends are ticked through more slowly by who plays a history.
    slack = max(slack, 5 * MINUTE) if one.state is AlertState.INFO else slack
    times = ((one.fired_at, other.fired_at), (one.closed_at, other.closed_at))
    return all(near(first, second, slack) for first, second in times)


def near(one: datetime | None, other: datetime | None, slack: timedelta) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= slack


def shown(alert: Alert | None) -> str:
    if alert is None:
        return "nothing"
    return f"{alert.instance} {alert.state} {alert.reason} {alert.fired_at} {alert.closed_at}"
