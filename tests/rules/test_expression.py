from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.config.expressions import read_condition, read_says
from monitor.core.calendar import Calendar
from monitor.core.expression import Value
from monitor.core.facts import BatchFacts, LateRetry
from monitor.core.hours import parse_hours
from monitor.core.model import BatchStatus, Capabilities, ContactStatus, Counts, Outcome
from monitor.core.names import Sight
from monitor.core.rule import Clear, Finding, Holds, Unknown
from monitor.core.vocabulary import NAMES
from rules.expression import Expression
from tests.builders import (
    EVERYTHING,
    HOUR,
    MINUTE,
    NOON,
    ListedCalls,
    ListedRetries,
    ended_calls,
    make_batch,
    make_facts,
)

RULE = Expression(when=read_condition("failed_share > 0.2 and finished >= 50"))
OFFICE = Calendar(ZoneInfo("Asia/Kolkata"), (parse_hours("daily 09:00-20:00"),))


def facts_of(failed: int, others: int, **changes: Any) -> BatchFacts:
    ended = [*[Outcome.FAILED] * failed, *[Outcome.COMPLETED] * others]
    return make_facts(calls=ListedCalls(ended_calls(*ended)), **changes)


def held(facts: BatchFacts, rule: Expression = RULE) -> Finding:
    verdict = rule.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


@pytest.mark.parametrize(
    ("failed", "others", "kind"),
    [
        pytest.param(10, 40, Clear, id="at the limit"),
        pytest.param(11, 39, Holds, id="beyond it"),
        pytest.param(11, 38, Clear, id="too few calls"),
        pytest.param(0, 0, Unknown, id="no calls"),
    ],
)
def test_the_limits_are_those_that_were_written(failed: int, others: int, kind: type[Any]) -> None:
    assert isinstance(RULE.evaluate(facts_of(failed, others)), kind)


def test_every_name_that_occurs_is_shown_with_its_value() -> None:
    finding = held(facts_of(20, 44))

    assert finding.summary == "failed_share 31 %, finished 64"
    assert finding.details == (("condition", "failed_share > 0.2 and finished >= 50"),)
    assert (finding.value, finding.threshold, finding.unit) == (31.25, 20, "%")
    assert finding.evidence == ("c19", "c18", "c17")


def test_the_sentence_may_be_the_users_own() -> None:
    rule = replace(RULE, says=read_says("{failed} of {finished} calls failed by {hour} o'clock"))
    finding = held(facts_of(20, 44), rule)

    assert finding.summary == "20 of 64 calls failed by 12 o'clock"
    assert ("values", "failed_share 31 %, finished 64") in finding.details


def test_a_window_that_empties_says_so_and_never_clears() -> None:
    verdict = RULE.evaluate(make_facts(tally={"call.failed": 60}))

    assert isinstance(verdict, Unknown)
    assert verdict.reason == "not known: failed_share"
    assert verdict.finding is not None
    assert verdict.finding.summary == "failed_share unknown, finished 0"


def test_a_quotient_of_nothing_says_so() -> None:
    rule = Expression(when=read_condition("failed / finished > 1"))
    verdict = rule.evaluate(make_facts())

    assert isinstance(verdict, Unknown)
    assert verdict.reason == "not known: so many for each of none"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (BatchStatus.PAUSED, "the batch is paused"),
        (BatchStatus.SCHEDULED, "the batch has not begun"),
    ],
)
def test_a_batch_that_does_not_run_is_not_judged(status: BatchStatus, reason: str) -> None:
    verdict = RULE.evaluate(facts_of(20, 44, batch=make_batch(status=status)))

    assert verdict == Unknown(reason)


def test_without_a_condition_it_says_so() -> None:
    assert Expression().evaluate(facts_of(20, 44)) == Unknown("no condition is written: when")


def test_of_a_time_gone_by_only_the_calls_are_known() -> None:
    past = facts_of(20, 44, now=NOON - 2 * MINUTE)

    assert RULE.evaluate(past) == Unknown("how it stood then is not known")


def test_it_runs_only_where_it_is_written() -> None:
    assert Expression.written_only


def value(name: str, facts: BatchFacts, window: timedelta = HOUR) -> Value:
    return NAMES[name].value(Sight(facts, window, "USD"))


TALLY = {
    "contacts": 80,
    "undialled": 20,
    "contact.pending": 20,
    "contact.retrying": 5,
    "contact.exhausted": 7,
    "contact.completed": 40,
    "call.completed": 40,
    "call.failed": 10,
    "call.no_answer": 30,
    "cost.USD": 30_000_000,
    "sentiment.positive": 30,
    "sentiment.negative": 10,
}
FULL = make_facts(
    batch=make_batch(
        counts=Counts(total=100, live=3, by_status={ContactStatus.PENDING: 20}),
        concurrency=5,
        started_at=NOON - 2 * HOUR,
    ),
    tally=TALLY,
    calls=ListedCalls(
        ended_calls(
            *[Outcome.COMPLETED] * 6,
            *[Outcome.FAILED, Outcome.ERROR, Outcome.NO_ANSWER, Outcome.BUSY],
            cost_micros=500_000,
            currency="USD",
        )
    ),
    retries=ListedRetries(
        [LateRetry(contact_id="p1", due_at=NOON - HOUR, since=NOON - HOUR)], [NOON + HOUR]
    ),
    calendar=OFFICE,
    moved_at=NOON - 30 * MINUTE,
)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("finished", 10),
        ("completed", 6),
        ("failed", 2),
        ("failed_share", 0.2),
        ("no_answer_share", 0.1),
        ("busy", 1),
        ("voicemail_share", 0),
        ("cancelled", 0),
        ("calls_per_hour", 10),
        ("all_finished", 80),
        ("all_failed", 10),
        ("all_failed_share", 0.125),
        ("positive_share", 0.75),
        ("negative_share", 0.25),
        ("people", 100),
        ("people_called", 60),
        ("people_completed", 40),
        ("people_left", 45),
        ("people_exhausted", 7),
        ("done_share", 0.55),
        ("waiting", 21),
        ("retries_late", 1),
        ("retries_unplanned", 0),
        ("retries_planned", 1),
        ("late_retry_minutes", 60),
        ("lines", 5),
        ("lines_busy", 3),
        ("lines_free", 2),
        ("idle_minutes", 30),
        ("running_minutes", 120),
        ("closing_minutes", 150),
        ("hour", 17),
        ("weekday", 3),
        ("open", True),
        ("spent", 30),
        ("spent_lately", 5),
        ("spent_per_person", 0.5),
        ("spent_per_completed", 0.75),
        ("spent_per_call", 0.375),
    ],
)
def test_what_each_name_is(name: str, known: Value) -> None:
    assert value(name, FULL) == known


BLIND = replace(
    FULL,
    capabilities=Capabilities(tells_failures=False),
    batch=make_batch(),
    tally={},
    calls=ListedCalls(ended_calls(Outcome.COMPLETED)),
    calendar=None,
    first_seen_at=None,
    moved_at=None,
)


@pytest.mark.parametrize(
    "name",
    [
        *("failed", "failed_share", "all_failed", "all_failed_share", "voicemail_share"),
        *("no_answer", "no_answer_share", "all_busy", "all_busy_share"),
        *("all_completed_share", "positive_share", "done_share"),
        *("retries_late", "retries_planned", "late_retry_minutes"),
        *("lines", "lines_busy", "lines_free"),
        *("idle_minutes", "running_minutes", "closing_minutes"),
        *("spent", "spent_lately", "spent_per_person"),
    ],
)
def test_what_nothing_tells_is_unknown(name: str) -> None:
    assert value(name, BLIND) is None


def test_money_in_another_currency_is_unknown() -> None:
    both = replace(FULL, tally={**TALLY, "cost.EUR": 1})

    assert value("spent", both) is None
    assert value("spent", replace(FULL, tally={**TALLY, "cost.EUR": 1, "cost.USD": 0})) is None


def test_at_night_no_time_passes() -> None:
    night = replace(FULL, now=NOON + 8 * HOUR)

    assert value("open", night) is False
    assert value("closing_minutes", night) is None
    assert value("idle_minutes", night) == 180


@pytest.mark.parametrize(
    ("name", "known", "shown"),
    [
        ("finished", 1_204, "1,204"),
        ("calls_per_hour", 12.25, "12.2"),
        ("failed_share", 0.3125, "31 %"),
        ("idle_minutes", 90, "1 h 30 min"),
        ("spent", 12.34, "12.34 USD"),
        ("open", True, "yes"),
        ("open", False, "no"),
        ("spent", None, "unknown"),
    ],
)
def test_how_each_kind_is_shown(name: str, known: Value, shown: str) -> None:
    assert NAMES[name].shown(known, "USD") == shown


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        pytest.param("idle_minutes > 20", (1_800, 1_200, "s"), id="time"),
        pytest.param("spent > 20", (30, 20, "USD"), id="money"),
        pytest.param("people > 20", (100, 20, ""), id="a count"),
        pytest.param("open", (None, None, ""), id="nothing to compare"),
    ],
)
def test_the_first_limit_stands_beside_its_value(
    condition: str, numbers: tuple[float | None, float | None, str]
) -> None:
    finding = held(FULL, Expression(when=read_condition(condition)))

    assert (finding.value, finding.threshold, finding.unit) == numbers


@pytest.mark.parametrize(
    ("parameters", "word"),
    [({"window": 0 * HOUR}, "window"), ({"currency": "usd"}, "currency"), ({"currency": "$"}, "c")],
)
def test_parameters_that_cannot_be_meant_are_refused(parameters: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Expression(**parameters)


def test_everything_can_be_seen_of_the_full_batch() -> None:
    assert FULL.capabilities == EVERYTHING
    assert [name for name in NAMES if value(name, FULL) is None] == []
