from dataclasses import replace
from typing import Any

import pytest

from monitor.core.facts import BatchFacts, EndedCall
from monitor.core.model import BatchStatus, Capabilities, Counts, Outcome
from monitor.core.money import Amount, parse_amount
from monitor.core.rule import Clear, Finding, Holds, Unknown
from rules.cost_overrun import CostOverrun
from tests.builders import (
    HOUR,
    MINUTE,
    NOON,
    ListedCalls,
    ended_calls,
    make_batch,
    make_facts,
)

USD = 1_000_000
BUDGET = CostOverrun(budget=parse_amount("500 USD"))
EACH = CostOverrun(per_completed=parse_amount("2 USD"))
HOURLY = CostOverrun(per_hour=parse_amount("50 USD"))


def spent(usd: float, people: int = 400, done: int = 100, **more: int) -> dict[str, int]:
    """Of so many people 169 wait, the rest were called."""
    return {
        "contacts": people,
        "undialled": 169,
        "contact.pending": 169,
        "contact.completed": done,
        "call.completed": done,
        "cost.USD": round(usd * USD),
        **more,
    }


def facts_of(tally: dict[str, int], **changes: Any) -> BatchFacts:
    return make_facts(tally=tally, **changes)


def held(rule: CostOverrun, facts: BatchFacts) -> Finding:
    verdict = rule.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


def unknown(rule: CostOverrun, facts: BatchFacts) -> str:
    verdict = rule.evaluate(facts)
    assert isinstance(verdict, Unknown), verdict
    return verdict.reason


@pytest.mark.parametrize(
    ("usd", "holds"),
    [
        pytest.param(499.99, False, id="just below"),
        pytest.param(500, False, id="all of it"),
        pytest.param(500.01, True, id="just above"),
        pytest.param(9_000, True, id="far beyond"),
    ],
)
def test_the_limit_of_the_budget(usd: float, *, holds: bool) -> None:
    verdict = BUDGET.evaluate(facts_of(spent(usd)))

    assert isinstance(verdict, Holds if holds else Clear)


def test_the_sentence_says_what_was_spent_and_what_those_who_wait_would_cost() -> None:
    finding = held(BUDGET, facts_of(spent(523.1)))

    assert finding.summary == (
        "523.10 USD spent of a budget of 500.00 USD; "
        "the 169 people who are left would cost about 383 USD more"
    )
    assert (finding.value, finding.threshold, finding.unit) == (523.1, 500, "USD")
    assert finding.waiting == 169
    assert not finding.estimate


def test_an_estimate_is_marked_and_said() -> None:
    finding = held(BUDGET, facts_of(spent(523.1, **{"cost.estimated": 3})))

    assert finding.estimate
    assert finding.summary.startswith("about 523.10 USD spent")


@pytest.mark.parametrize(
    ("usd", "done", "kind"),
    [
        pytest.param(200, 100, Clear, id="at the limit"),
        pytest.param(200.01, 100, Holds, id="just above"),
        pytest.param(40, 20, Clear, id="with just enough completed"),
        pytest.param(40, 19, Unknown, id="dearer, with too few completed"),
        pytest.param(10, 19, Unknown, id="cheap, with too few completed"),
        pytest.param(40, 0, Unknown, id="nobody completed, and little was spent"),
        pytest.param(40.01, 0, Holds, id="nobody completed, and it would be too much for twenty"),
    ],
)
def test_the_limits_of_the_cost_per_completed(usd: float, done: int, kind: type[Any]) -> None:
    tally = spent(usd, done=done, **{"call.no_answer": 5})

    assert isinstance(EACH.evaluate(facts_of(tally)), kind)


def test_the_sentence_says_what_each_cost() -> None:
    finding = held(EACH, facts_of(spent(410)))

    assert finding.summary.startswith(
        "4.10 USD for each person who completed, 410.00 USD for 100 (limit 2.00 USD each); "
    )
    assert (finding.value, finding.threshold, finding.unit, finding.n) == (4.1, 2, "USD each", 100)


def test_when_nobody_completed_it_says_so() -> None:
    finding = held(EACH, facts_of(spent(90, done=0, **{"call.no_answer": 5})))

    assert finding.summary.startswith("90.00 USD spent, and nobody has completed (limit 2.00")


def priced(n: int, usd: float, *, gap: Any = MINUTE, **changes: Any) -> tuple[EndedCall, ...]:
    """So many calls, one every ``gap`` up to NOON, each of this cost."""
    values: dict[str, Any] = {"cost_micros": round(usd * USD), "currency": "USD"} | changes
    return ended_calls(*[Outcome.COMPLETED] * n, gap=gap, **values)


def hourly(*calls: EndedCall, **changes: Any) -> BatchFacts:
    return facts_of(spent(100), calls=ListedCalls(calls), **changes)


@pytest.mark.parametrize(
    ("usd", "kind"),
    [
        pytest.param(50 / 60, Clear, id="at the limit"),
        pytest.param(51 / 60, Holds, id="just above"),
        pytest.param(3, Holds, id="far beyond"),
    ],
)
def test_the_limit_of_the_burn(usd: float, kind: type[Any]) -> None:
    assert isinstance(HOURLY.evaluate(hourly(*priced(60, usd))), kind)


def test_the_burn_is_said_over_both_spans() -> None:
    finding = held(HOURLY, hourly(*priced(60, 2)))

    assert finding.summary.startswith(
        "120.00 USD spent in 1 h, 20.00 USD of it in the last 10 min (limit 50.00 USD an hour); "
    )
    assert (finding.value, finding.threshold, finding.unit) == (120, 50, "USD an hour")


def test_a_short_burst_is_no_burn() -> None:
    assert isinstance(HOURLY.evaluate(hourly(*priced(10, 4))), Clear)


def test_what_was_spent_fast_and_is_now_slow_again_no_longer_burns() -> None:
    fast = ended_calls(
        *[Outcome.COMPLETED] * 20, last=NOON - 20 * MINUTE, cost_micros=9 * USD, currency="USD"
    )

    assert isinstance(HOURLY.evaluate(hourly(*fast, *priced(5, 0.1))), Clear)


def test_a_window_without_calls_never_looks_like_recovery() -> None:
    fast = ended_calls(
        *[Outcome.COMPLETED] * 20, last=NOON - 20 * MINUTE, cost_micros=9 * USD, currency="USD"
    )

    assert unknown(HOURLY, hourly(*fast)) == "no calls since 11:40"


def test_calls_whose_cost_is_not_known_yet_never_look_like_recovery() -> None:
    late = [call._replace(cost_micros=None) for call in priced(5, 1)]

    assert unknown(HOURLY, hourly(*late)) == "the cost of 5 calls is not known yet"


def test_what_is_known_of_the_cost_is_enough_to_fire() -> None:
    some = [
        call._replace(cost_micros=None) if n % 2 else call for n, call in enumerate(priced(60, 3))
    ]

    assert isinstance(HOURLY.evaluate(hourly(*some)), Holds)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"batch": make_batch(status=BatchStatus.PAUSED)}, "the batch is paused"),
        pytest.param({"tally": {}}, "no call has ended yet"),
        pytest.param(
            {"tally": {"call.completed": 3}}, "Graine has not told yet what its calls cost"
        ),
        pytest.param(
            {"tally": {"call.completed": 3}, "capabilities": Capabilities(), "vendor": "vogent"},
            "cannot see what calls cost at Vogent",
        ),
    ],
    ids=["paused", "not begun", "told later", "not told"],
)
def test_what_it_says_nothing_of(changes: dict[str, Any], reason: str) -> None:
    assert unknown(BUDGET, make_facts(**{"tally": spent(900)} | changes)) == reason


def test_without_a_limit_it_says_so() -> None:
    assert unknown(CostOverrun(), facts_of(spent(900))) == (
        "no limit is set: budget, per_hour or per_completed"
    )


def test_currencies_are_never_mixed() -> None:
    euro = {**spent(0), "cost.EUR": 900 * USD}
    del euro["cost.USD"]

    assert unknown(BUDGET, facts_of(euro)) == "it also spends EUR, which no limit is for"
    both = held(BUDGET, facts_of({**euro, "cost.USD": 501 * USD}))
    assert both.summary.startswith("501.00 USD spent of a budget of 500.00 USD")


def test_several_limits_are_one_alert_that_names_all_that_are_exceeded() -> None:
    rule = replace(BUDGET, per_completed=Amount(USD, "USD"))
    finding = held(rule, facts_of(spent(600)))

    assert finding.summary.startswith("600.00 USD spent of a budget")
    assert finding.details == (
        (
            "also",
            "6.00 USD for each person who completed, 600.00 USD for 100 (limit 1.00 USD each)",
        ),
    )


def test_one_limit_that_is_not_known_keeps_another_from_clearing() -> None:
    rule = replace(BUDGET, per_completed=Amount(100 * USD, "USD"))

    assert unknown(rule, facts_of(spent(100, done=3))) == "3 people completed, 20 are needed"


def test_people_whom_the_vendor_has_not_listed_yet_wait_too() -> None:
    batch = make_batch(counts=Counts(total=1_000))
    finding = held(BUDGET, facts_of(spent(600), batch=batch))

    assert finding.waiting == 769


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"min_completed": 0}, id="no sample"),
        pytest.param({"recent": 2 * HOUR}, id="recent longer than window"),
        pytest.param({"recent": 0 * HOUR}, id="nothing recent"),
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        CostOverrun(**parameters)
