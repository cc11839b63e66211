"""What rules say for people to look at is what evaluations judge by, and where they can at all."""

from dataclasses import replace
from pathlib import Path

import pytest

from monitor.core.instance import RuleInstance
from monitor.core.model import CallStatus
from monitor.core.money import Amount
from monitor.core.route import Matcher
from monitor.core.rule import Clear, Finding, Holds, Rule, Unknown
from monitor.evaluation.reach import Reach, reach
from monitor.evaluation.saying import batch_opinions, provider_opinions
from rules.balance_low import BalanceLow
from rules.batch_overdue import BatchOverdue
from rules.batch_stalled import BatchStalled
from rules.cost_overrun import CostOverrun
from rules.error_spike import ErrorSpike
from rules.outcome_rate import OutcomeRate
from rules.provider_blind import ProviderBlind
from rules.stalled_retries import StalledRetries
from tests.builders import MINUTE, NOON
from tests.stories import Story, blind_to, make_context, make_view, run


def test_what_is_said_is_what_is_judged(tmp_path: Path) -> None:
    story = Story(tmp_path / "o.db", make_context(run(ErrorSpike()), run(BatchStalled())))
    story.invite(50)
    story.see()
    story.wait(MINUTE)
    story.dial(10, CallStatus.FAILED)
    story.see()

    with story.engine.connect() as conn:
        said = batch_opinions(conn, story.batch, story.context, story.now)

    assert said is not None
    holds = {each.instance.name for each in said.opinions if isinstance(each.verdict, Holds)}
    assert holds == {"error_spike"} == set(story.alerts())


def test_what_is_said_can_be_read_when_the_database_is_closed(tmp_path: Path) -> None:
    story = Story(tmp_path / "o.db", make_context(run(ErrorSpike()), run(BatchStalled())))
    story.invite(50)
    story.see()
    with story.engine.connect() as conn:
        said = batch_opinions(conn, story.batch, story.context, story.now)

    assert said is not None
    for each in said.opinions:
        assert isinstance(each.verdict, Clear | Unknown)
        assert isinstance(each.verdict.seen, Finding)


def test_looking_writes_nothing(tmp_path: Path) -> None:
    story = Story(tmp_path / "o.db", make_context(run(ErrorSpike()), run(ProviderBlind())))
    story.invite(20)
    story.see()
    story.dial(20, CallStatus.FAILED)
    story.look()
    story.read()
    view = story.context.providers["renewals"]

    with story.engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA query_only=ON")
        assert batch_opinions(conn, story.batch, story.context, story.now)
        assert provider_opinions(conn, view, story.context, story.now)
        conn.exec_driver_sql("PRAGMA query_only=OFF")

    assert story.alerts() == {}


@pytest.mark.parametrize(
    ("rule", "lacks", "why"),
    [
        pytest.param(StalledRetries(), {}, "", id="can"),
        pytest.param(
            StalledRetries(), {"retries": False}, "cannot see retries at Bland", id="needs"
        ),
        pytest.param(BatchStalled(), {"retries": False}, "", id="needs it not"),
        pytest.param(ProviderBlind(), {"retries": False}, "", id="of providers"),
        pytest.param(
            BalanceLow(),
            {"account": False},
            "cannot see a balance or a cap at Bland",
            id="of what is told of the account",
        ),
        pytest.param(
            BalanceLow(calls_per_day=9), {"account": False}, "", id="of what is counted here"
        ),
    ],
)
def test_where_a_rule_can_hold_follows_from_what_the_vendor_tells(
    rule: Rule, lacks: dict[str, bool], why: str
) -> None:
    view = make_view(vendor="bland", capabilities=blind_to(**lacks))

    (found,) = reach(run(rule), [view], NOON)

    assert found == Reach(provider="renewals", vendor="bland", can=not why, why=why)


def test_what_a_rule_finds_out_itself_counts_too() -> None:
    view = make_view(vendor="odd", capabilities=blind_to(tells_failures=False))

    (found,) = reach(run(ErrorSpike()), [view], NOON)

    assert not found.can
    assert found.why


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        pytest.param(
            CostOverrun(), "no limit is set: budget, per_hour or per_completed", id="cost"
        ),
        pytest.param(
            BatchOverdue(), "no time is set: finish_by, max_duration or before_close", id="time"
        ),
        pytest.param(
            OutcomeRate(),
            "no kind of call is set: outcome, hangup, disposition, error or sentiment",
            id="kind",
        ),
    ],
)
def test_a_rule_without_anything_to_hold_by_can_hold_nowhere(rule: Rule, why: str) -> None:
    (found,) = reach(run(rule), [make_view()], NOON)

    assert (found.can, found.why) == (False, why)


def test_one_override_that_sets_a_limit_is_enough() -> None:
    bare = run(CostOverrun())
    limited = replace(bare.settings, rule=CostOverrun(budget=Amount(5_000_000, "USD")))
    instance = replace(bare, overrides=(((Matcher("batch_name", "=~", "VIP.*"),), limited),))

    (found,) = reach(instance, [make_view()], NOON)

    assert found.can


def test_a_match_that_leaves_a_provider_out_is_told() -> None:
    instance = run(ErrorSpike())
    other = RuleInstance(
        name="mine", settings=instance.settings, match=(Matcher("provider", "=", "other"),)
    )

    (found,) = reach(other, [make_view()], NOON)

    assert found.why == "its match leaves it out: provider=other"
