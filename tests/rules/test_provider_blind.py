from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.calendar import Calendar
from monitor.core.facts import ProviderFacts
from monitor.core.hours import parse_hours
from monitor.core.rule import Clear, Finding, Holds, Severity, Unknown
from rules.provider_blind import ProviderBlind
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_failure, make_provider_facts

RULE = ProviderBlind()


def held(facts: ProviderFacts) -> Finding:
    verdict = RULE.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


def silent_for(length: timedelta, **changes: Any) -> ProviderFacts:
    return make_provider_facts(**{"fresh_at": NOON - length} | changes)


@pytest.mark.parametrize(
    ("length", "kind"),
    [
        pytest.param(timedelta(0), Clear, id="just heard"),
        pytest.param(5 * MINUTE - SECOND, Clear, id="just in time"),
        pytest.param(5 * MINUTE, Holds, id="at the limit"),
        pytest.param(HOUR, Holds, id="long silent"),
    ],
)
def test_the_limit(length: timedelta, kind: type[Holds | Clear]) -> None:
    assert isinstance(RULE.evaluate(silent_for(length)), kind)


def test_the_limit_is_the_providers_own() -> None:
    assert isinstance(RULE.evaluate(silent_for(6 * MINUTE, blind_after=7 * MINUTE)), Clear)


def test_the_sentence_says_why_and_what_is_not_watched() -> None:
    failure = make_failure(text="401 Unauthorized: the key is not accepted.")

    finding = held(silent_for(7 * MINUTE, failure=failure, failing_since=NOON - 7 * MINUTE))

    assert finding.summary == (
        "cannot be seen for 7 min: 401 Unauthorized: the key is not accepted; "
        "2 open batches with 611 people waiting not watched"
    )
    assert finding.todo == "Put the right API key into the configuration of this provider."
    assert finding.since == NOON - 7 * MINUTE
    assert (finding.value, finding.threshold) == (420, 300)


def test_silence_without_a_reason_says_so() -> None:
    finding = held(silent_for(6 * MINUTE, open_batches=0, people_waiting=0))

    assert finding.summary == "cannot be seen for 6 min: no answer"
    assert finding.todo is not None


@pytest.mark.parametrize(
    ("length", "severity"),
    [
        pytest.param(5 * MINUTE, None, id="at first"),
        pytest.param(15 * MINUTE - SECOND, None, id="just below"),
        pytest.param(15 * MINUTE, Severity.CRITICAL, id="a quarter of an hour"),
    ],
)
def test_it_becomes_critical_with_time(length: timedelta, severity: Severity | None) -> None:
    assert held(silent_for(length)).severity is severity


def test_only_permitted_time_makes_it_critical() -> None:
    hours = Calendar(ZoneInfo("UTC"), (parse_hours("daily 09:00-20:00"),))
    night = datetime(2026, 6, 10, 9, 14, tzinfo=UTC)

    def at(now: datetime) -> ProviderFacts:
        return make_provider_facts(
            now=now, started_at=now - 99 * HOUR, fresh_at=night - 10 * HOUR, calendar=hours
        )

    assert held(at(night)).severity is None
    assert held(at(night + MINUTE)).severity is Severity.CRITICAL


def test_nothing_is_blind_before_it_looked() -> None:
    just_started = silent_for(9 * HOUR, started_at=NOON - 5 * MINUTE + SECOND)
    started = silent_for(9 * HOUR, started_at=NOON - 5 * MINUTE)

    assert isinstance(RULE.evaluate(just_started), Unknown)
    assert held(started).since == NOON - 5 * MINUTE


def test_a_provider_that_never_answered_is_blind_after_its_time() -> None:
    first = make_provider_facts(fresh_at=None, started_at=NOON - MINUTE)
    later = make_provider_facts(fresh_at=None, started_at=NOON - 5 * MINUTE)

    assert isinstance(RULE.evaluate(first), Unknown)
    held(later)


@pytest.mark.parametrize(
    ("failing", "kind"),
    [
        pytest.param(MINUTE, Unknown, id="fails for a minute"),
        pytest.param(5 * MINUTE, Holds, id="fails for five"),
    ],
)
def test_a_failing_key_is_blind_though_something_still_answers(
    failing: timedelta, kind: type[Holds | Unknown]
) -> None:
    facts = make_provider_facts(failure=make_failure(), failing_since=NOON - failing)

    assert isinstance(RULE.evaluate(facts), kind)


@pytest.mark.parametrize(
    ("stale", "kind"),
    [
        pytest.param(0, Clear, id="none"),
        pytest.param(1, Clear, id="one of two alone"),
        pytest.param(2, Holds, id="all"),
    ],
)
def test_it_is_blind_when_all_its_batches_are_stale(stale: int, kind: type[Holds | Clear]) -> None:
    assert isinstance(RULE.evaluate(make_provider_facts(stale_batches=stale)), kind)


def test_stale_batches_count_from_when_one_was_last_heard_of() -> None:
    stale = make_provider_facts(stale_batches=2, batches_seen_at=NOON - 20 * MINUTE)

    finding = held(stale)

    assert finding.since == NOON - 20 * MINUTE
    assert finding.severity is Severity.CRITICAL


def test_stale_batches_after_a_restart_are_given_time() -> None:
    facts = make_provider_facts(
        stale_batches=2, batches_seen_at=NOON - HOUR, started_at=NOON - MINUTE
    )

    assert isinstance(RULE.evaluate(facts), Unknown)


def test_without_open_batches_none_is_stale() -> None:
    assert isinstance(RULE.evaluate(make_provider_facts(open_batches=0)), Clear)


def failing(kind: str, times: int, **changes: Any) -> ProviderFacts:
    """Refused so often in a row within the last seconds."""
    known = {
        "failure": make_failure(kind),
        "failures": times,
        "failing_since": NOON - 10 * SECOND,
    }
    return make_provider_facts(**known | changes)


@pytest.mark.parametrize(
    ("kind", "severity"),
    [
        pytest.param("auth", Severity.CRITICAL, id="401"),
        pytest.param("forbidden", Severity.CRITICAL, id="403"),
        pytest.param("payment", Severity.CRITICAL, id="402"),
        pytest.param("tls", None, id="a certificate"),
    ],
)
def test_a_refusal_is_told_at_once_when_a_second_try_confirms_it(
    kind: str, severity: Severity | None
) -> None:
    assert isinstance(RULE.evaluate(failing(kind, 1)), Unknown)
    assert held(failing(kind, 2)).severity is severity


@pytest.mark.parametrize("kind", ["timeout", "unreachable", "server", "rate_limited", "garbage"])
def test_what_may_pass_by_itself_is_given_time(kind: str) -> None:
    assert isinstance(RULE.evaluate(failing(kind, 9)), Unknown)


def test_patience_is_no_blindness_while_lists_still_come() -> None:
    asked = {"failing_since": NOON - HOUR, "discovered_at": NOON - MINUTE}

    assert isinstance(RULE.evaluate(failing("rate_limited", 9, **asked)), Unknown)
    assert isinstance(RULE.evaluate(failing("server", 9, **asked)), Holds)
    held(failing("rate_limited", 9, **asked | {"discovered_at": NOON - 5 * MINUTE}))


def test_an_account_that_knows_no_batch_is_asked_about() -> None:
    failure = make_failure("account", "it answers 404 for every batch")
    facts = make_provider_facts(stale_batches=2, batches_seen_at=NOON - 6 * MINUTE, failure=failure)

    assert held(facts).summary.startswith("cannot be seen for 6 min: it answers 404 for every")
    assert held(facts).todo == "Is this the right account? Look at api_key and base_url."
