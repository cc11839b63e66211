from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.core.facts import Hearing, Lately, Refused
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from rules.self_webhook_rejected import SelfWebhookRejected
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_provider_facts

RULE = SelfWebhookRejected()
TICK = timedelta(microseconds=1)
# Ends that no webhook told, so that what is refused is likely the vendor's.
MISSES: dict[str, Any] = {"missed": 3, "missed_since": NOON - HOUR, "missed_until": NOON - MINUTE}
LOSSY: dict[str, Any] = {"lately": Lately(ends=30, missed=3)}


def times(n: int, last: datetime = NOON - SECOND, apart: timedelta = SECOND) -> tuple[Any, ...]:
    return tuple(last - (n - 1 - i) * apart for i in range(n))


def row_of(n: int, **changes: Any) -> Refused:
    """So many in a row, an hour between two of them."""
    values: dict[str, Any] = {"times": times(n, apart=HOUR), "in_a_row": n}
    values["in_a_row_since"] = values["times"][0]
    values["refused_at"] = changes.get("times", values["times"])[-1]
    return Refused(**values | changes)


def among_others(n: int, **changes: Any) -> Refused:
    """So many lately, each followed by a good one."""
    values: dict[str, Any] = {"times": times(n), "in_a_row": 1, "accepted_at": NOON - 2 * SECOND}
    values["refused_at"] = changes.get("times", values["times"])[-1]
    return Refused(**values | changes)


def unsigned(n: int, **changes: Any) -> Refused:
    """So many that bear no signature."""
    values: dict[str, Any] = {"unsigned": n, "unsigned_at": NOON - SECOND}
    values["unsigned_since"] = NOON - 20 * MINUTE
    return Refused(**values | changes)


def judged(refused: Refused, **hearing: Any) -> Verdict:
    told = Hearing(refused=refused, **hearing)
    return RULE.evaluate(make_provider_facts(hearing=told))


def told(refused: Refused, **hearing: Any) -> Finding:
    verdict = judged(refused, **hearing)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


def test_ten_in_a_row_are_told_however_far_apart() -> None:
    finding = told(row_of(10))

    assert finding.summary == "the last 10 webhooks were refused: their signature is wrong"
    assert finding.todo == (
        "Compare webhook_secret of [providers.renewals] with the vendor's secret; list both while"
        " it changes. Then: offhook webhooks test renewals."
    )
    assert finding.since == NOON - SECOND - 9 * HOUR
    assert isinstance(judged(row_of(9)), Unknown)


def test_a_long_row_is_told_from_its_first_though_only_the_last_are_remembered() -> None:
    finding = told(row_of(100, in_a_row=1_521, in_a_row_since=NOON - 200 * HOUR))

    assert (finding.affected, finding.since) == (1_521, NOON - 200 * HOUR)


def test_a_vendor_that_signs_nothing_is_told_apart() -> None:
    finding = told(unsigned(10), **MISSES)

    assert finding.summary == "the last 10 webhooks were refused: none is signed"
    assert finding.todo == "Set the signing secret up at the vendor; offhook webhooks shows where."
    assert finding.since == NOON - 20 * MINUTE
    assert isinstance(judged(unsigned(9), **MISSES), Unknown)


def test_ten_within_five_minutes_are_told_though_good_ones_come() -> None:
    finding = told(among_others(10), **LOSSY)

    assert finding.summary == "10 webhooks were refused within 5 min, though others are good"
    assert (finding.value, finding.threshold) == (10, 10)
    assert isinstance(judged(among_others(9), **LOSSY), Unknown)


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        pytest.param(NOON - 5 * MINUTE, Holds, id="just within"),
        pytest.param(NOON - 5 * MINUTE - TICK, Unknown, id="just before"),
    ],
)
def test_the_window_ends_sharply(first: datetime, kind: type) -> None:
    refused = among_others(10, times=(first, *times(9)))

    assert isinstance(judged(refused, **LOSSY), kind)


@pytest.mark.parametrize(
    ("refused", "hearing"),
    [
        pytest.param(row_of(90, accepted_at=NOON - HOUR), {}, id="nothing is missed"),
        pytest.param(
            row_of(90, accepted_at=NOON - HOUR), MISSES | {"missed": 2}, id="two are an accident"
        ),
        pytest.param(
            row_of(90, accepted_at=NOON - HOUR),
            {"lately": Lately(ends=31, missed=3)},
            id="so are few of many",
        ),
        pytest.param(unsigned(90), {}, id="unsigned, and nothing is missed"),
        pytest.param(
            unsigned(90, accepted_at=NOON - HOUR), MISSES, id="unsigned, where the vendor signs"
        ),
    ],
)
def test_what_anybody_may_send_raises_nothing(refused: Refused, hearing: dict[str, Any]) -> None:
    assert not isinstance(judged(refused, **hearing), Holds)


def test_refusals_while_ends_are_missed_are_the_vendors() -> None:
    assert told(row_of(10, accepted_at=NOON - HOUR), **MISSES).affected == 10


@pytest.mark.parametrize(
    ("last", "good", "kind"),
    [
        pytest.param(5 * MINUTE, SECOND, Clear, id="good ones alone for long enough"),
        pytest.param(5 * MINUTE - TICK, SECOND, Holds, id="not for long enough yet"),
        pytest.param(5 * MINUTE, 5 * MINUTE, Unknown, id="no good one since"),
    ],
)
def test_a_good_one_ends_it_once_no_more_are_refused(
    last: timedelta, good: timedelta, kind: type
) -> None:
    refused = row_of(10, times=times(10, NOON - last), accepted_at=NOON - good)

    assert isinstance(judged(refused, **MISSES), kind)


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(row_of(10, times=times(10, NOON - 15 * MINUTE)), id="none was ever good"),
        pytest.param(
            row_of(10, times=times(10, NOON - HOUR), accepted_at=NOON - 2 * HOUR), id="good before"
        ),
        pytest.param(
            Refused(refused_at=NOON - HOUR, accepted_at=NOON - 2 * HOUR), id="before a restart"
        ),
    ],
)
def test_quiet_says_nothing_for_the_vendor_may_have_given_up(refused: Refused) -> None:
    verdict = judged(refused, **MISSES)

    assert isinstance(verdict, Unknown)
    last = refused.refused_at
    assert last is not None
    assert verdict.reason == f"nothing has come since {last:%H:%M}"


def test_a_new_process_that_knows_nothing_says_nothing() -> None:
    assert isinstance(judged(Refused()), Unknown)


def test_a_good_one_and_none_refused_is_well() -> None:
    assert isinstance(judged(Refused(accepted_at=NOON)), Clear)


def test_where_no_webhooks_are_expected_there_is_nothing_to_say() -> None:
    assert isinstance(RULE.evaluate(make_provider_facts()), Clear)


@pytest.mark.parametrize("n", [0, 101])
def test_a_number_that_could_not_be_counted_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match="it must lie between 1 and 100"):
        SelfWebhookRejected(times=n)
