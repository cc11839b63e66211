"""What open batches cost and will cost, from their rows; and what people hear of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.core.calls import Spent
from monitor.core.model import AccountState, CallStatus
from monitor.core.money import Course, parse_amount
from monitor.evaluation.providers import provider_facts
from monitor.store import batches, providers
from rules.balance_low import BalanceLow
from rules.cost_overrun import CostOverrun
from rules.error_spike import ErrorSpike
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_report
from tests.stories import Story, make_context, run

USD = 1_000_000


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    made = Story(tmp_path / "offhook.db", make_context(run(BalanceLow())))
    made.invite(60)
    made.see()
    yield made
    made.engine.dispose()


def dial(story: Story, n: int, usd: float, **changes: Any) -> None:
    story.dial(n, cost_micros=round(usd * USD), currency="USD", detail_at=story.now, **changes)
    story.see()


def keep(story: Story, usd: float | None) -> None:
    """What the vendor tells of the account now."""
    micros = None if usd is None else round(usd * USD)
    state = AccountState(seen_at=story.now, balance_micros=micros)
    with story.engine.begin() as conn:
        providers.save_account(conn, "renewals", "graine", state)


def courses(story: Story) -> tuple[Course, ...]:
    with story.engine.begin() as conn:
        view = story.context.providers["renewals"]
        return provider_facts(conn, view, story.context, story.now).courses


def test_of_each_open_batch_it_is_known_what_it_cost_and_who_is_left(story: Story) -> None:
    keep(story, 5)
    dial(story, 10, 0.5)
    story.wait(HOUR)
    dial(story, 10, 0.25)

    (found,) = courses(story)
    assert (found.title, found.left, found.dialled) == ("Renewals May", 40, 20)
    assert found.spent.micros == {"USD": 7_500_000}
    assert found.lately == Spent(micros={"USD": 2_500_000}, n=10)
    assert found.before == {}


def test_a_batch_that_has_hardly_begun_goes_by_the_one_before_it(story: Story) -> None:
    keep(story, 5)
    report = make_report(people=110, never_dialled=10, cost_micros={"USD": 30 * USD})
    with story.engine.begin() as conn:
        row = batches.load(conn, story.batch)
        earlier = replace(
            row,
            look=replace(row.look, batch_id="b0"),
            terminal_at=NOON - 24 * HOUR,
            report=report,
            open=False,
        )
        batches.add(conn, earlier)

    assert [each.before for each in courses(story)] == [{"USD": 300_000}]


@pytest.mark.parametrize("known", [False, True], ids=["nothing of it", "no balance"])
def test_where_no_balance_is_told_nothing_is_asked(story: Story, *, known: bool) -> None:
    if known:
        keep(story, None)

    assert courses(story) == ()


def test_an_account_that_runs_dry_is_told_and_one_that_is_filled_ends_it(story: Story) -> None:
    story.wait(MINUTE)
    dial(story, 20, 0.5)
    keep(story, 12)
    story.judge_provider()
    (message,) = story.messages()
    assert message.sentence == (
        "renewals: 12 USD left, 1 open batch needs about 20 USD: dry around 12:35"
    )

    story.wait(MINUTE)
    keep(story, 100)
    story.judge_provider()
    assert story.alerts() == {"balance_low": ("resolved", "recovered")}


def test_the_calls_of_today_are_counted_no_further_than_asked(story: Story) -> None:
    dial(story, 10, 0.5)
    story.wait(24 * HOUR)
    dial(story, 20, 0.5)
    with story.engine.begin() as conn:
        view = story.context.providers["renewals"]
        ask = provider_facts(conn, view, story.context, story.now).calls_since
        assert ask is not None
        assert ask(story.now - HOUR, 100) == 20
        assert ask(story.now - 25 * HOUR, 100) == 30
        assert ask(story.now - 25 * HOUR, 25) == 25


def test_a_batch_over_its_budget_is_told_with_what_is_at_risk(story: Story) -> None:
    story.context = make_context(run(CostOverrun(budget=parse_amount("9.99 USD"))))
    dial(story, 20, 0.5)

    (message,) = story.messages()
    assert message.sentence == (
        "Renewals May: 10.00 USD spent of a budget of 9.99 USD; "
        "the 40 people who are left would cost about 20 USD more"
    )


def test_what_a_batch_in_trouble_has_cost_is_told_once(story: Story) -> None:
    story.context = make_context(run(ErrorSpike()), run(CostOverrun(budget=parse_amount("1 USD"))))
    dial(story, 10, 0.5)
    story.wait(30 * SECOND)
    dial(story, 20, 0.1, status=CallStatus.FAILED)

    more = "the 30 people who are left would cost about 7.00 USD more"
    told = {each.rule: dict(each.lines).get("money now") for each in story.messages()}
    assert told == {"cost_overrun": None, "error_spike": f"7.00 USD spent; {more}"}


def test_a_burn_is_told_over_both_spans(story: Story) -> None:
    story.context = make_context(run(CostOverrun(per_hour=parse_amount("10 USD"))))
    for _ in range(4):
        story.wait(10 * MINUTE)
        dial(story, 5, 1)

    (message,) = story.messages()
    assert message.sentence.startswith(
        "Renewals May: 15.00 USD spent in 1 h, 5.00 USD of it in the last 10 min"
    )
