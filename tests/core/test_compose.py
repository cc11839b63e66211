"""Messages: the sentence first, everything short, and nothing that an alert holds breaks it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.alert import Alert, AlertState, Reason
from monitor.core.compose import Fired, compose, labels_of, same_report
from monitor.core.message import Message
from monitor.core.rule import Finding, Severity, SubjectKind
from monitor.core.text import one_line
from tests.builders import HOUR, MINUTE, NOON
from tests.delivering import CALM, SPIKE, make_alert, make_report, make_subject, resolved
from tests.delivering import settled as settled_report


def say(alert: Alert, *, at: datetime = NOON, **more: Any) -> Message:
    return compose(alert, at=at, default_zone="UTC", **more)


def test_the_sentence_comes_first_with_the_name_of_the_batch() -> None:
    message = say(make_alert())

    assert message.sentence.startswith("Renewals May: 19 of 42 calls failed in 10 min")
    assert message.batch == "btc_1"
    assert ("batch", "Renewals May (btc_1)") in message.lines


def test_a_firing_alert_tells_its_numbers_and_since_when_in_the_zone_of_the_batch() -> None:
    lines = dict(say(make_alert(since=NOON - 10 * MINUTE)).lines)

    assert lines["affected"] == "19 of 42, 404 waiting"
    assert lines["value"] == "45.2 % (limit 25 %, n = 42)"
    assert lines["since"] == "13:50 CEST (10 min)"
    assert lines["commonest error"] == "carrier block # (17 of 19)"


def test_where_one_is_too_many_no_line_says_so_beside_how_many_there_are() -> None:
    finding = Finding(summary="1 person was called", value=1, threshold=0, affected=1, total=9)
    alert = replace(make_alert(), finding=finding)
    over = replace(resolved(alert, after=MINUTE), closing=None)

    assert dict(say(alert).lines)["affected"] == "1 of 9"
    assert "value" not in dict(say(alert).lines)
    assert "value" not in dict(say(over, fired=Fired(1.0, 0)).lines)
    more = replace(over, finding=replace(finding, value=3, affected=3))
    assert dict(say(more, fired=Fired(1.0, 0)).lines)["value"] == (
        "1 when it fired, 3 at last (limit 0)"
    )


def test_no_more_than_three_calls_are_named() -> None:
    assert say(make_alert()).evidence == ("call_1", "call_2", "call_3")


def test_a_recovery_shows_the_value_while_firing_and_at_the_end_and_how_long_it_lasted() -> None:
    message = say(resolved(make_alert(), after=12 * MINUTE), at=NOON + 12 * MINUTE)
    lines = dict(message.lines)

    assert message.state == "RESOLVED"
    assert message.sentence == "Renewals May: recovered: 2 of 40 calls failed in 10 min (5 %)"
    assert lines["closed because"] == "recovered"
    assert lines["value"] == "45.2 % while firing, 5 % at the end (limit 25 %, n = 40)"
    assert lines["lasted"] == "12 min, 14:00 CEST to 14:12 CEST"
    assert message.todo is None


def test_an_end_tells_the_value_that_it_fired_at_and_not_the_last_before_the_end() -> None:
    last = replace(SPIKE, value=25.7)
    over = resolved(make_alert(finding=last), after=12 * MINUTE)
    quiet = resolved(make_alert(finding=last), Reason.BATCH_ENDED)
    fired = Fired(80.6, SPIKE.threshold)

    assert dict(say(over, fired=fired).lines)["value"] == (
        "80.6 % when it fired, 5 % at the end (limit 25 %, n = 40)"
    )
    assert dict(say(quiet, fired=fired).lines)["value"] == (
        "80.6 % when it fired, 25.7 % at last (limit 25 %, n = 42)"
    )
    streak = dict(say(over, fired=Fired(8.0, 8.0)).lines)["value"]
    assert streak.startswith("25.7 % while firing, 5 % at the end"), "another thing was measured"


def test_what_was_so_while_it_fired_is_not_called_now_once_it_is_over() -> None:
    alert = make_alert(finding=replace(SPIKE, details=(("other batches now", "1 of 60"),)))

    assert ("other batches now", "1 of 60") in say(alert).lines
    over = dict(say(resolved(alert, after=12 * MINUTE), at=NOON + 12 * MINUTE).lines)
    assert over["other batches while firing"] == "1 of 60"
    assert "other batches now" not in over


def test_a_streak_that_fired_is_not_compared_with_the_share_at_the_end() -> None:
    streak = replace(SPIKE, value=8.0, threshold=8.0, unit="", n=8)
    over = resolved(make_alert(finding=streak), after=12 * MINUTE)

    assert dict(say(over, at=NOON + 12 * MINUTE).lines)["value"] == "8 (limit 8, n = 8)"


@pytest.mark.parametrize(
    "reason", [Reason.BATCH_ENDED, Reason.BATCH_PAUSED, Reason.RULE_CHANGED], ids=str
)
def test_no_other_end_says_that_things_are_well(reason: Reason) -> None:
    sentence = say(resolved(make_alert(), reason)).sentence

    assert "recovered" not in sentence
    assert sentence.startswith(f"Renewals May: {reason.words}; it had been: 19 of 42")


def test_what_cannot_be_judged_now_is_said() -> None:
    message = say(make_alert(unknown="no calls since 14:06"))

    assert ("cannot be judged now", "no calls since 14:06") in message.lines


def test_a_time_of_another_day_carries_its_day() -> None:
    message = say(make_alert(since=NOON - 26 * HOUR))

    assert dict(message.lines)["since"] == "Tue 12:00 CEST (1 d 2 h)"


def test_a_repeat_says_that_it_still_is_so() -> None:
    message = say(make_alert(), at=NOON + 4 * HOUR, repeat=1)

    assert message.sentence.startswith("Renewals May: still, after 4 h: 19 of 42")


@pytest.mark.parametrize(
    ("changes", "mark"),
    [
        pytest.param({"late": True}, "detected late", id="late"),
        pytest.param({"estimate": True}, "estimate", id="estimate"),
        pytest.param({"marks": ("unverified",)}, "unverified", id="unverified"),
    ],
)
def test_marks_are_true_remarks(changes: dict[str, Any], mark: str) -> None:
    assert say(make_alert(finding=replace(SPIKE, **changes))).marks == (mark,)


def test_a_report_is_settling_until_it_is_settled() -> None:
    report = make_report()

    assert say(report).marks == ("settling",)
    assert say(settled_report(report)).marks == ("settled",)


def test_a_summary_says_that_nothing_was_told_in_between() -> None:
    message = say(resolved(make_alert()), untold=True)

    assert message.marks == ("over before it could be told",)


def test_a_report_is_the_same_when_only_its_remarks_differ() -> None:
    report = make_report()
    first, day = say(report), NOON + 24 * HOUR

    assert same_report(first, say(settled_report(report), at=day))
    assert not same_report(first, say(settled_report(report, cost="41.90 USD")))


def test_an_alert_about_a_provider_names_no_batch() -> None:
    subject = make_subject(kind=SubjectKind.PROVIDER, id="renewals", title="renewals")
    message = say(make_alert(subject=subject))

    assert message.batch == ""
    assert "batch" not in dict(message.lines)
    assert labels_of(make_alert(subject=subject))["batch_name"] == ""


def test_the_labels_of_the_user_do_not_replace_the_built_in_ones() -> None:
    labels = labels_of(make_alert(labels={"team": "north", "provider": "forged"}))

    assert (labels["team"], labels["provider"]) == ("north", "renewals")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        pytest.param(5400.0, "s", "1 h 30 min", id="seconds"),
        pytest.param(1234567, "", "1,234,567", id="count"),
        pytest.param(0.1234, "USD", "0.123 USD", id="small"),
        pytest.param(float("nan"), "%", "unknown", id="not a number"),
        pytest.param(1e300, "", "1e+300", id="huge"),
    ],
)
def test_values_are_written_for_people(value: float, unit: str, text: str) -> None:
    finding = Finding(summary="x", value=value, unit=unit)

    assert dict(say(make_alert(finding=finding)).lines)["value"] == text


_TEXT = st.text(st.characters(), max_size=60) | st.sampled_from(
    ["<!channel>", "\u202e\u0000", "\ud800", "a\nb: c", "x" * 5_000, "*_~`", "@everyone"]
)
_TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
_NUMBERS = st.none() | st.floats() | st.integers(-(10**18), 10**18)
_COUNTS = st.none() | st.integers(-5, 10**12)
_FINDINGS = st.builds(
    Finding,
    summary=_TEXT,
    value=_NUMBERS,
    threshold=_NUMBERS,
    unit=_TEXT,
    n=_COUNTS,
    affected=_COUNTS,
    total=_COUNTS,
    waiting=_COUNTS,
    since=st.none() | _TIMES,
    details=st.lists(st.tuples(_TEXT, _TEXT), max_size=30).map(tuple),
    evidence=st.lists(_TEXT, max_size=6).map(tuple),
    todo=st.none() | _TEXT,
    marks=st.lists(_TEXT, max_size=3).map(tuple),
)
ANY_ALERT = st.builds(
    make_alert,
    rule=_TEXT,
    instance=st.just("error_spike"),
    severity=st.sampled_from(Severity),
    state=st.sampled_from(AlertState),
    reason=st.sampled_from(Reason),
    since=_TIMES,
    fired_at=st.none() | _TIMES,
    closed_at=st.none() | _TIMES,
    finding=_FINDINGS,
    closing=st.none() | _FINDINGS,
    unknown=st.none() | _TEXT,
    labels=st.dictionaries(_TEXT, _TEXT, max_size=3),
    runbook_url=st.none() | _TEXT,
    subject=st.builds(
        make_subject,
        kind=st.sampled_from(SubjectKind),
        id=_TEXT.filter(lambda text: "\ud800" not in text),
        title=_TEXT,
        campaign=_TEXT,
        zone=_TEXT,
    ),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(alert=ANY_ALERT, at=_TIMES, repeat=st.integers(0, 3), untold=st.booleans())
def test_any_alert_makes_a_short_clean_message(
    alert: Alert, at: datetime, *, repeat: int, untold: bool
) -> None:
    message = compose(alert, at=at, default_zone="\x00", repeat=repeat, untold=untold)

    texts = [message.sentence, message.title, message.rule, message.batch, message.zone]
    texts += [text for line in message.lines for text in line]
    texts += [*message.evidence, *message.marks, message.todo or ""]
    assert all(len(text) <= 500 and text == one_line(text) for text in texts)
    assert len(message.lines) <= 24
    assert message.sentence
    json.dumps([*texts, *message.labels.values()]).encode()


def test_times_at_the_edge_of_the_calendar_do_not_break_it() -> None:
    message = say(make_alert(since=datetime.min.replace(tzinfo=UTC)))

    assert "since" in dict(message.lines)


def test_a_length_never_runs_backwards() -> None:
    message = say(make_alert(since=NOON + timedelta(minutes=5)))

    assert dict(message.lines)["since"].endswith("(0 s)")


def test_a_recovery_without_a_finding_says_what_had_been() -> None:
    closed = replace(resolved(make_alert()), closing=None)

    assert "it had been: 19 of 42" in say(closed).sentence
    assert CALM.summary not in say(closed).sentence
