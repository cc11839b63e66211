from datetime import timedelta
from typing import Any

import pytest

from monitor.core.facts import Hearing, Lately, Refused
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from rules.self_webhook_silent import SelfWebhookSilent
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_failure, make_provider_facts

RULE = SelfWebhookSilent()
TICK = timedelta(microseconds=1)
SILENT: dict[str, Any] = {
    "missed": 5,
    "missed_since": NOON - 30 * MINUTE,
    "missed_until": NOON - 3 * MINUTE,
}


def judged(facts: dict[str, Any] | None = None, **hearing: Any) -> Verdict:
    told = Hearing(**SILENT | hearing)
    values = {"started_at": NOON - 5 * HOUR, "hearing": told} | (facts or {})
    return RULE.evaluate(make_provider_facts(**values))


def told(**hearing: Any) -> Finding:
    verdict = judged(**hearing)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


def test_ends_that_no_webhook_told_are_counted_with_the_likeliest_reason() -> None:
    finding = told(missed=7)

    assert finding.summary == (
        "polls saw 7 ends since 11:30 and no webhook told of any: none has ever come"
    )
    assert finding.todo == (
        "Register the address at the vendor; offhook webhooks shows it,"
        " offhook webhooks test renewals tries it."
    )
    assert (finding.affected, finding.since) == (7, NOON - 30 * MINUTE)


@pytest.mark.parametrize(
    ("hearing", "why", "todo"),
    [
        pytest.param(
            {"heard_at": NOON - HOUR},
            "the last one came at 11:00",
            "See at the vendor whether the endpoint is still there and enabled; offhook webhooks"
            " shows its address, offhook webhooks test renewals tries it.",
            id="they stopped",
        ),
        pytest.param(
            {
                "heard_at": NOON - HOUR,
                "refused": Refused(times=(NOON - MINUTE,) * 3, in_a_row=3),
            },
            "those that came were refused",
            "Compare webhook_secret of [providers.renewals] with the vendor's secret.",
            id="the secret is another",
        ),
        pytest.param(
            {"heard_at": NOON - HOUR, "refused": Refused(times=(NOON - 31 * MINUTE,) * 9)},
            "the last one came at 11:00",
            "See at the vendor whether the endpoint is still there and enabled; offhook webhooks"
            " shows its address, offhook webhooks test renewals tries it.",
            id="refused before that",
        ),
        pytest.param(
            {
                "heard_at": NOON - HOUR,
                "refused": Refused(times=(NOON - MINUTE,) * 2, unsigned=90, unsigned_at=NOON),
            },
            "the last one came at 11:00",
            "See at the vendor whether the endpoint is still there and enabled; offhook webhooks"
            " shows its address, offhook webhooks test renewals tries it.",
            id="others only try addresses",
        ),
        pytest.param(
            {"unreadable": 4},
            "those that came could not be read",
            "See that only this vendor's events come; offhook status says what was wrong.",
            id="something else comes",
        ),
    ],
)
def test_what_is_known_of_webhooks_tells_the_reason(
    hearing: dict[str, Any], why: str, todo: str
) -> None:
    finding = told(**hearing)

    assert finding.summary.endswith(f"told of any: {why}")
    assert finding.todo == todo


@pytest.mark.parametrize(
    "hearing",
    [
        pytest.param({"missed": 4}, id="too few"),
        pytest.param({"missed_since": NOON - 30 * MINUTE + TICK}, id="not for long yet"),
        pytest.param({"missed": 0, "missed_since": None, "missed_until": None}, id="nothing ended"),
    ],
)
def test_too_little_says_nothing_neither_way(hearing: dict[str, Any]) -> None:
    assert isinstance(judged(**hearing), Unknown)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"stale_batches": 2}, id="all batches are silent"),
        pytest.param(
            {"failure": make_failure(), "failing_since": NOON - MINUTE}, id="the account fails"
        ),
        pytest.param({"fresh_at": NOON - 5 * MINUTE}, id="nothing fresh"),
        pytest.param({"fresh_at": None}, id="never heard from"),
    ],
)
def test_nothing_is_said_while_the_provider_is_blind(facts: dict[str, Any]) -> None:
    assert isinstance(judged(facts), Unknown)


@pytest.mark.parametrize(
    ("started_at", "kind"),
    [
        pytest.param(NOON - 30 * MINUTE, Holds, id="half an hour ago"),
        pytest.param(NOON - 30 * MINUTE + TICK, Unknown, id="a moment later"),
        pytest.param(NOON - 2 * MINUTE, Unknown, id="after the newest end"),
    ],
)
def test_silence_counts_from_the_start_of_this_process(started_at: object, kind: type) -> None:
    hearing = {"missed_since": NOON - 3 * HOUR}

    assert isinstance(judged({"started_at": started_at}, **hearing), kind)


def test_what_ended_before_a_long_stop_proves_nothing_after_it() -> None:
    before = {"missed_since": NOON - 4 * HOUR, "missed_until": NOON - 3 * HOUR}

    assert isinstance(judged({"started_at": NOON - HOUR}, **before), Unknown)
    assert isinstance(judged({"started_at": NOON - 3 * HOUR}, **before), Holds)


@pytest.mark.parametrize(
    ("hearing", "kind"),
    [
        pytest.param({"heard_at": NOON - SECOND}, Clear, id="a webhook came"),
        pytest.param({"heard_at": NOON - 24 * HOUR + TICK}, Clear, id="within a day"),
        pytest.param({"heard_at": NOON - 24 * HOUR}, Unknown, id="what was missed is forgotten"),
        pytest.param({"heard_at": None}, Unknown, id="none ever came"),
    ],
)
def test_it_is_over_only_when_webhooks_come(hearing: dict[str, Any], kind: type) -> None:
    nothing = {"missed": 0, "missed_since": None, "missed_until": None}

    assert isinstance(judged(**nothing | hearing), kind)


def lossy(ends: int, missed: int, **changes: Any) -> dict[str, Any]:
    """Webhooks come, and missed so many of the ends of the last hour."""
    values = {"missed_since": NOON - 40 * MINUTE, "missed_until": NOON - 10 * MINUTE}
    late = Lately(**{"ends": ends, "missed": missed} | (values if missed else {}) | changes)
    nothing = {"missed": 0, "missed_since": None, "missed_until": None}
    return nothing | {"heard_at": NOON - SECOND, "lately": late}


def test_webhooks_that_miss_half_of_the_ends_are_told_though_others_come() -> None:
    finding = told(**lossy(10, 5))

    assert finding.summary == ("no webhook told of 5 of 10 ends since 11:20, though others come")
    assert finding.affected == 5
    assert finding.todo == (
        "See whether every batch and event is registered; offhook webhooks lists them."
    )


@pytest.mark.parametrize(
    ("hearing", "kind"),
    [
        pytest.param(lossy(5, 3), Holds, id="as few ends as may be"),
        pytest.param(lossy(4, 3), Unknown, id="too few ends"),
        pytest.param(lossy(11, 5), Unknown, id="less than half"),
        pytest.param(lossy(12, 3), Unknown, id="a quarter is still much"),
        pytest.param(lossy(13, 3), Clear, id="less than a quarter"),
        pytest.param(lossy(13, 0), Clear, id="none"),
        pytest.param(lossy(0, 0), Unknown, id="nothing ended"),
        pytest.param(
            lossy(10, 5, missed_until=NOON - 10 * MINUTE - TICK), Unknown, id="not for long yet"
        ),
    ],
)
def test_a_share_is_told_and_over_with_a_margin_between(
    hearing: dict[str, Any], kind: type
) -> None:
    assert isinstance(judged(**hearing), kind)


def test_where_no_webhooks_are_expected_there_is_nothing_to_say() -> None:
    assert isinstance(RULE.evaluate(make_provider_facts()), Clear)


def test_a_number_that_could_not_be_counted_is_refused() -> None:
    with pytest.raises(ValueError, match="min_ends is 0; it must lie between 1 and 1000"):
        SelfWebhookSilent(min_ends=0)
