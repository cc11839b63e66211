from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.core.calls import Spent
from monitor.core.facts import ProviderFacts
from monitor.core.model import AccountState, Cap
from monitor.core.money import Course, parse_amount
from monitor.core.rule import Clear, Finding, Holds, Severity, Unknown
from rules.balance_low import BalanceLow
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_provider_facts

USD = 1_000_000
RULE = BalanceLow()


def course(people: int = 148, lately: float = 0, **changes: Any) -> Course:
    """A batch in which a person costs 0.50 USD."""
    values: dict[str, Any] = {
        "title": "Renewals",
        "left": people,
        "dialled": 100,
        "spent": Spent(micros={"USD": 50 * USD}),
        "lately": Spent(micros={"USD": round(lately * USD)}),
    }
    return Course(**values | changes)


def facts_of(
    balance: float | None = None, *courses: Course, age: timedelta = MINUTE, **changes: Any
) -> ProviderFacts:
    micros = None if balance is None else round(balance * USD)
    account = AccountState(
        seen_at=NOON - age,
        balance_micros=micros,
        caps=changes.pop("caps", ()),
        currency=changes.pop("currency", "USD"),
    )
    return make_provider_facts(account=account, courses=courses, vendor="bland", **changes)


def held(facts: ProviderFacts, rule: BalanceLow = RULE) -> Finding:
    verdict = rule.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


@pytest.mark.parametrize(
    ("balance", "kind"),
    [
        pytest.param(73.99, Holds, id="just too little"),
        pytest.param(74, Unknown, id="just enough"),
        pytest.param(81.39, Unknown, id="barely enough"),
        pytest.param(81.4, Clear, id="ample"),
        pytest.param(9_000, Clear, id="plenty"),
        pytest.param(0, Holds, id="empty"),
        pytest.param(-5, Holds, id="overdrawn"),
    ],
)
def test_the_limit_is_what_the_open_batches_need(balance: float, kind: type[Any]) -> None:
    assert isinstance(RULE.evaluate(facts_of(balance, course())), kind)


def test_the_sentence_says_what_is_left_what_is_needed_and_when_it_is_dry() -> None:
    finding = held(facts_of(31, course(lately=11.5)))

    assert finding.summary == "31 USD left, 2 open batches need about 74 USD: dry around 13:20"
    assert (finding.value, finding.threshold, finding.unit) == (31, 74, "USD")
    assert finding.estimate
    assert finding.severity is None


def test_without_a_pace_no_time_is_named() -> None:
    finding = held(facts_of(31, course(), open_batches=1))

    assert finding.summary == "31 USD left, 1 open batch needs about 74 USD"


def test_an_empty_account_is_critical() -> None:
    finding = held(facts_of(0, course(lately=5)))

    assert finding.summary.endswith(": dry now")
    assert finding.severity is Severity.CRITICAL


def test_an_account_that_nobody_needs_may_be_empty() -> None:
    verdict = RULE.evaluate(facts_of(0, open_batches=0))

    assert isinstance(verdict, Clear)
    assert verdict.finding.summary == "0.00 USD left, no batch is open"


def test_a_batch_of_which_nothing_tells_is_not_called_affordable() -> None:
    young = course(dialled=0, spent=Spent(micros={}))

    assert RULE.evaluate(facts_of(50, young)) == Unknown(
        "what 1 open batch will cost is not known yet",
        RULE.evaluate(facts_of(50, young)).finding,
    )
    seen = RULE.evaluate(facts_of(50, young)).finding
    assert seen is not None
    assert seen.summary == "50 USD left"


def test_what_is_known_of_the_need_is_enough_to_fire() -> None:
    euro = course(dialled=0, spent=Spent(micros={"EUR": 1}), title="Paris")

    assert isinstance(RULE.evaluate(facts_of(50, course(), euro)), Holds)


@pytest.mark.parametrize(
    ("used", "kind"),
    [
        pytest.param(1_599, Clear, id="just below"),
        pytest.param(1_600, Holds, id="at the limit"),
        pytest.param(2_000, Holds, id="all of it"),
    ],
)
def test_the_limit_of_a_cap(used: int, kind: type[Any]) -> None:
    caps = (Cap(name="calls today", limit=2_000, used=used),)

    assert isinstance(RULE.evaluate(facts_of(caps=caps)), kind)


def test_a_cap_is_told_by_its_name() -> None:
    caps = (
        Cap(name="calls at once", limit=50, used=10),
        Cap(name="calls today", limit=2_000, used=1_640),
    )
    finding = held(facts_of(caps=caps))

    assert finding.summary == "calls today: 1,640 of 2,000 used (82 %)"
    assert (finding.value, finding.threshold, finding.unit) == (82, 80, "%")


def test_balance_and_cap_are_one_alert() -> None:
    caps = (Cap(name="calls today", limit=2_000, used=1_640),)
    finding = held(facts_of(31, course(), caps=caps))

    assert finding.summary.startswith("31 USD left")
    assert ("also", "calls today: 1,640 of 2,000 used (82 %)") in finding.details


@pytest.mark.parametrize(
    ("balance", "kind"),
    [
        pytest.param(99.99, Holds, id="below"),
        pytest.param(100, Clear, id="just enough"),
    ],
)
def test_the_least_that_people_want_in_it(balance: float, kind: type[Any]) -> None:
    rule = BalanceLow(least=parse_amount("100 USD"))

    assert isinstance(rule.evaluate(facts_of(balance)), kind)


def test_the_least_in_another_currency_says_nothing() -> None:
    verdict = BalanceLow(least=parse_amount("100 EUR")).evaluate(facts_of(5))

    assert verdict == Unknown("the balance is in USD, least in EUR")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param(
            make_provider_facts(), "cannot see a balance or a cap at Graine", id="nothing told"
        ),
        pytest.param(facts_of(), "cannot see a balance or a cap at Bland", id="neither told"),
        pytest.param(
            facts_of(caps=(Cap(name="calls at once", limit=50),)),
            "cannot see a balance or a cap at Bland",
            id="a cap without its use",
        ),
        pytest.param(
            facts_of(1, course(), age=HOUR + SECOND),
            "the account could not be read lately",
            id="old",
        ),
    ],
)
def test_what_it_says_nothing_of(facts: ProviderFacts, reason: str) -> None:
    verdict = RULE.evaluate(facts)

    assert isinstance(verdict, Unknown)
    assert verdict.reason == reason


def counted(calls: int, since: list[datetime] | None = None) -> Callable[[datetime, int], int]:
    def count(start: datetime, most: int) -> int:
        if since is not None:
            since.append(start)
        return min(calls, most)

    return count


PLAN = BalanceLow(calls_per_day=2_000)


@pytest.mark.parametrize(
    ("calls", "kind"),
    [
        pytest.param(1_599, Clear, id="just below"),
        pytest.param(1_600, Holds, id="at the limit"),
        pytest.param(9_000, Holds, id="far beyond"),
    ],
)
def test_the_limit_of_what_a_plan_allows_a_day(calls: int, kind: type[Any]) -> None:
    facts = make_provider_facts(calls_since=counted(calls))

    assert isinstance(PLAN.evaluate(facts), kind)


def test_calls_are_counted_from_midnight_where_the_provider_is() -> None:
    since: list[datetime] = []
    facts = make_provider_facts(
        calls_since=counted(1_640, since), default_zone="Asia/Kolkata", vendor="bland"
    )

    assert held(facts, PLAN).summary == "calls today: 1,640 of 2,000 used (82 %)"
    assert since == [NOON - 17 * HOUR - 30 * MINUTE]


def test_a_plan_and_an_old_balance_are_known_only_by_half() -> None:
    facts = facts_of(5, age=2 * HOUR, calls_since=counted(3))

    assert PLAN.evaluate(facts) == Unknown("the account could not be read lately")


def test_a_plan_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="calls_per_day"):
        BalanceLow(calls_per_day=0)


@pytest.mark.parametrize("share", [0, 1.01])
def test_a_share_that_cannot_be_meant_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="cap_share"):
        BalanceLow(cap_share=share)
