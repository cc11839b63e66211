import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.core.model import (
    BatchStatus,
    CallStatus,
    ContactStatus,
    EndedBy,
    Item,
    Outcome,
    Rates,
    Sentiment,
)
from monitor.providers.graine import batches, contacts
from monitor.providers.phones import Phones
from tests.loopback import NOW

FIXTURE = Path(__file__).parent.parent / "fixtures" / "graine" / "contacts.json"
PHONES = Phones(b"k" * 32)


def decode(row: Any, seen_at: datetime = NOW, rates: Rates | None = None) -> Item:
    raw = row if isinstance(row, bytes) else json.dumps(row).encode()
    return contacts.decode(raw, seen_at=seen_at, phones=PHONES, rates=rates)


def record(**fields: Any) -> dict[str, Any]:
    return {
        "execution_id": "exec_1",
        "call_status": "completed",
        "duration_seconds": 60,
        "created_at": "2026-05-10T10:00:00Z",
    } | fields


def person(**fields: Any) -> dict[str, Any]:
    return {"contact_id": "con_1", "status": "completed"} | fields


def one_call(**fields: Any) -> Any:
    (call,) = decode(person(call_records=[record(**fields)])).calls
    return call


def test_the_documented_person_is_read_to_its_exact_values() -> None:
    (row,) = json.loads(FIXTURE.read_text())
    contact, (first, second) = decode(row)
    assert contact.contact_id == "con_111"
    assert contact.status is ContactStatus.COMPLETED
    assert (contact.attempts, contact.follow_ups) == (1, 0)
    assert contact.last_attempt_at == datetime(2026, 5, 10, 10, 15, tzinfo=UTC)
    assert contact.next_retry_at is None
    assert (contact.phone, contact.country) == ("••3210", "IN")
    assert contact.seen_at == NOW

    assert (first.call_id, first.contact_id) == ("exec_bbb", "con_111")
    assert first.status is CallStatus.NO_ANSWER
    assert (first.attempt, first.duration_s, first.cost_micros) == (0, 0.0, None)
    assert first.created_at == datetime(2026, 5, 10, 9, 0, tzinfo=UTC)
    assert first.hangup_by is first.hangup_class is first.sentiment is None

    assert second.call_id == "exec_aaa"
    assert second.status is CallStatus.COMPLETED
    assert second.outcome is Outcome.COMPLETED
    assert (second.attempt, second.duration_s) == (1, 142.0)
    assert (second.cost_micros, second.currency, second.cost_estimated) == (120_000, "USD", False)
    assert second.sentiment is Sentiment.POSITIVE
    assert (second.hangup_by, second.hangup_class) == ("assistant", "goal_completed")
    assert second.ended_at == datetime(2026, 5, 10, 10, 17, 22, tzinfo=UTC)
    assert second.ended_by is EndedBy.DERIVED
    assert second.detail_at == NOW
    assert second.error_class is None
    assert second.raw_status is None


def test_nothing_of_what_was_said_or_of_who_it_was_is_kept() -> None:
    shown = repr(decode(FIXTURE.read_bytes().strip()[1:-1]))
    for secret in ("Rajesh", "9876543210", "insurance", "Family", "premium", "recordings"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", ContactStatus.PENDING),
        ("dispatched", ContactStatus.DISPATCHED),
        ("in_progress", ContactStatus.IN_CALL),
        ("retrying", ContactStatus.RETRYING),
        ("followup_scheduled", ContactStatus.FOLLOW_UP),
        ("completed", ContactStatus.COMPLETED),
        ("failed", ContactStatus.FAILED),
        ("busy", ContactStatus.BUSY),
        ("no_answer", ContactStatus.NO_ANSWER),
        ("no-answer", ContactStatus.NO_ANSWER),
        ("NO_ANSWER", ContactStatus.NO_ANSWER),
        ("skipped", ContactStatus.SKIPPED),
        ("max_retries_reached", ContactStatus.EXHAUSTED),
    ],
)
def test_each_documented_word_of_a_person_is_known(word: str, status: ContactStatus) -> None:
    contact, _ = decode(person(status=word))
    assert (contact.status, contact.raw_status) == (status, None)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("completed", CallStatus.COMPLETED),
        ("no-answer", CallStatus.NO_ANSWER),
        ("no_answer", CallStatus.NO_ANSWER),
        ("busy", CallStatus.BUSY),
        ("failed", CallStatus.FAILED),
        ("canceled", CallStatus.CANCELLED),
        ("in-progress", CallStatus.IN_PROGRESS),
    ],
)
def test_each_documented_word_of_a_call_is_known(word: str, status: CallStatus) -> None:
    call = one_call(call_status=word)
    assert (call.status, call.raw_status) == (status, None)


def test_a_word_that_is_not_known_is_kept_and_ends_nothing() -> None:
    contact, (call,) = decode(
        person(status="voicemail_left", call_records=[record(call_status="amd_5551234567")])
    )
    assert (contact.status, contact.raw_status) == (ContactStatus.UNKNOWN, "voicemail_left")
    assert (call.status, call.raw_status) == (CallStatus.UNKNOWN, "amd_#")
    assert call.ended_at is None
    assert call.outcome is None


@pytest.mark.parametrize("word", [None, 7, [], {}, True, ""], ids=repr)
def test_a_status_that_is_no_word_is_unknown(word: Any) -> None:
    contact, (call,) = decode(person(status=word, call_records=[record(call_status=word)]))
    assert (contact.status, call.status) == (ContactStatus.UNKNOWN, CallStatus.UNKNOWN)


def test_missing_and_null_are_alike() -> None:
    bare = {"contact_id": "con_1", "status": "pending"}
    names = ("retry_count", "follow_up_count", "last_attempted_at", "next_retry_at")
    nulls = dict.fromkeys((*names, "phone_number", "current_call", "call_records"))
    assert decode(bare) == decode(bare | nulls)
    call = {"execution_id": "e", "call_status": "no-answer"}
    more = ("recording_url", "transcript", "summary", "sentiment", "hangup_by", "hangup_reason")
    nulls = dict.fromkeys((*more, "total_cost", "duration_seconds", "created_at"))
    assert decode(person(call_records=[call])) == decode(person(call_records=[call | nulls]))


def test_numbers_may_be_written_as_text() -> None:
    contact, (call,) = decode(
        person(
            retry_count="2",
            call_records=[record(duration_seconds="61.5", total_cost="0.07", retry_count="2")],
        )
    )
    assert (contact.attempts, call.attempt) == (2, 2)
    assert (call.duration_s, call.cost_micros) == (61.5, 70_000)


def test_a_field_of_another_type_is_left_out_and_the_rest_is_read() -> None:
    contact, (call,) = decode(
        person(
            retry_count=[1],
            phone_number={"a": 1},
            next_retry_at=["soon"],
            call_records=[record(total_cost=[], sentiment=3, hangup_by={}, is_follow_up="yes")],
        )
    )
    assert (contact.attempts, contact.phone, contact.next_retry_at) == (0, None, None)
    assert (call.cost_micros, call.sentiment, call.hangup_by, call.follow_up) == (
        None,
        None,
        None,
        False,
    )
    assert call.status is CallStatus.COMPLETED


def test_a_call_does_not_end_later_than_it_was_seen() -> None:
    seen_at = datetime(2026, 5, 10, 10, 0, 30, tzinfo=UTC)
    raw = person(call_records=[record(duration_seconds=600)])
    assert decode(raw, seen_at).calls[0].ended_at == seen_at


def test_a_call_that_ended_at_an_unknown_time_says_so() -> None:
    for fields in ({"created_at": None}, {"duration_seconds": None}):
        call = one_call(**fields)
        assert (call.ended_at, call.ended_by) == (None, None)
        assert call.status.terminal


def test_an_absurd_length_is_no_length() -> None:
    assert one_call(duration_seconds=10**14).duration_s is None


def test_a_failed_call_has_its_reason_as_error_class_with_digits_masked() -> None:
    call = one_call(call_status="failed", hangup_reason="sip_503 for +919876543210")
    assert call.error_class == call.hangup_class == "sip_# for +#"
    assert one_call(call_status="busy", hangup_reason="486").error_class is None


def test_a_follow_up_is_marked() -> None:
    assert one_call(is_follow_up=True).follow_up


def test_the_current_call_counts_only_where_the_records_lack_it() -> None:
    current = {"execution_id": "exec_1", "call_status": "in-progress"}
    (call,) = decode(person(call_records=[record()], current_call=current)).calls
    assert call.status is CallStatus.COMPLETED
    (call,) = decode(person(current_call=current)).calls
    assert (call.call_id, call.status) == ("exec_1", CallStatus.IN_PROGRESS)
    other = {"execution_id": "exec_2", "call_status": "ringing"}
    calls = decode(person(call_records=[record()], current_call=other)).calls
    assert [call.call_id for call in calls] == ["exec_1", "exec_2"]
    assert decode(person(current_call={})).calls == ()


def test_one_call_listed_twice_is_one_call() -> None:
    rows = [record(call_status="in-progress"), record(), record(execution_id="exec_2")]
    calls = decode(person(call_records=rows)).calls
    assert [(call.call_id, call.status.value) for call in calls] == [
        ("exec_1", "completed"),
        ("exec_2", "completed"),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param({"status": "completed"}, id="no-id"),
        pytest.param({"contact_id": None, "status": "completed"}, id="null-id"),
        pytest.param(person(call_records=[{"call_status": "busy"}]), id="call-without-id"),
        pytest.param(person(call_records={"a": 1}), id="records-no-list"),
        pytest.param(person(call_records=["+919876543210"]), id="record-no-object"),
        pytest.param(person(current_call="+919876543210"), id="current-no-object"),
        pytest.param([], id="list"),
        pytest.param(b'{"contact_id": "con_1", "phone_number": "+9198765', id="truncated"),
        pytest.param(b'{"contact_id": "\xff+919876543210"}', id="not-utf8"),
        pytest.param(b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}", id="nested"),
    ],
)
def test_a_row_that_cannot_be_read_is_a_value_error_that_quotes_nothing(raw: Any) -> None:
    with pytest.raises(ValueError, match=r"missing or mistyped|another shape") as caught:
        decode(raw)
    assert "98765" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_half_a_character_in_what_is_not_read_hurts_nobody() -> None:
    raw = b'{"contact_id": "con_1", "status": "busy", "call_variables": {"n": "\\ud83d"}}'
    assert decode(raw).contact.status is ContactStatus.BUSY
    assert decode(b'{"contact_id": "a\\\\ud83d\\ud83d\\ude00\\ude00"}').contact.contact_id == (
        "a\\ud83d\N{GRINNING FACE}\ufffd"
    )


def test_rates_fill_in_what_a_call_without_a_cost_costs() -> None:
    from_vendor = record(total_cost=0.5)
    silent = record(execution_id="exec_2", call_status="no-answer", duration_seconds=0)
    rates = Rates(attempt=None, minute=None)
    calls = decode(person(call_records=[from_vendor, silent]), rates=rates).calls
    assert [call.cost_estimated for call in calls] == [False, True]


@pytest.mark.parametrize(
    ("fields", "lacks"),
    [
        pytest.param({"status": "pending"}, False, id="pending"),
        pytest.param({"status": "pending", "retry_count": 1}, True, id="pending-again"),
        pytest.param(
            {"status": "pending", "last_attempted_at": "2026-05-10T10:00:00Z"}, True, id="attempted"
        ),
        pytest.param({"status": "dispatched"}, False, id="dispatched"),
        pytest.param({"status": "in_progress"}, False, id="first-call-under-way"),
        pytest.param({"status": "in_progress", "retry_count": 1}, True, id="second-call"),
        pytest.param({"status": "skipped"}, False, id="never-dialled"),
        pytest.param({"status": "skipped", "retry_count": 2}, True, id="skipped-after-calls"),
        pytest.param({"status": "no_answer"}, True, id="no-answer"),
        pytest.param({"status": "retrying"}, True, id="retrying"),
        pytest.param({"status": "completed"}, True, id="completed"),
        pytest.param({"status": "something_new"}, True, id="unknown"),
        pytest.param({"status": "completed", "call_records": [record()]}, False, id="has-calls"),
    ],
)
def test_calls_are_asked_for_where_there_were_any(fields: dict[str, Any], lacks: bool) -> None:
    assert contacts.lacks_calls(decode(person(**fields))) is lacks


BATCH = {
    "batch_id": "btc_1",
    "campaign_id": "cmp_1",
    "status": "in_progress",
    "total_contacts": 42,
    "concurrency_limit": 5,
    "max_retries_override": None,
    "counters": {
        "pending": 9,
        "dispatched": 1,
        "in_flight": 2,
        "retrying": 3,
        "completed": 20,
        "failed": 1,
        "busy": 2,
        "no_answer": 2,
    },
    "created_at": "2026-05-10T09:00:00Z",
    "updated_at": "2026-05-10T10:30:00Z",
}


def told(row: Any) -> batches.Told:
    return batches.decode(json.dumps(row).encode(), provider="renewals", seen_at=NOW)


def test_a_batch_is_read_with_its_live_counters() -> None:
    batch = told(BATCH).batch
    assert (batch.provider, batch.batch_id, batch.campaign) == ("renewals", "btc_1", "cmp_1")
    assert batch.status is BatchStatus.RUNNING
    assert batch.counts.by_status == {
        ContactStatus.PENDING: 9,
        ContactStatus.DISPATCHED: 1,
        ContactStatus.IN_CALL: 2,
        ContactStatus.RETRYING: 3,
        ContactStatus.COMPLETED: 20,
        ContactStatus.FAILED: 1,
        ContactStatus.BUSY: 2,
        ContactStatus.NO_ANSWER: 2,
    }
    assert (batch.counts.total, batch.counts.waiting, batch.counts.live) == (42, 9, 3)
    assert batch.counts.finished is None
    assert batch.concurrency == 5
    assert batch.version == NOW - timedelta(minutes=90)
    assert batch.created_at == NOW - timedelta(hours=3)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", BatchStatus.SCHEDULED),
        ("in_progress", BatchStatus.RUNNING),
        ("paused", BatchStatus.PAUSED),
        ("completed", BatchStatus.COMPLETED),
        ("cancelled", BatchStatus.CANCELLED),
        ("expired", BatchStatus.EXPIRED),
    ],
)
def test_each_documented_word_of_a_batch_is_known(word: str, status: BatchStatus) -> None:
    batch = told(BATCH | {"status": word}).batch
    assert (batch.status, batch.raw_status) == (status, None)


def test_a_batch_in_an_unknown_status_stays_open() -> None:
    batch = told(BATCH | {"status": "archived"}).batch
    assert (batch.status, batch.raw_status) == (BatchStatus.UNKNOWN, "archived")
    assert not batch.status.terminal


def test_counters_that_are_missing_or_mistyped_count_nothing() -> None:
    odd: tuple[Any, ...] = (None, [], "many", {"pending": "?", "new_key": 3})
    for counters in odd:
        counts = told(BATCH | {"counters": counters}).batch.counts
        assert (dict(counts.by_status), counts.waiting, counts.live) == ({}, None, None)


def test_counters_of_words_that_only_some_answers_have_are_taken() -> None:
    counters = {"in_progress": 1, "skipped": 4, "followup_scheduled": 2, "max_retries_reached": 5}
    assert told(BATCH | {"counters": counters}).batch.counts.by_status == {
        ContactStatus.IN_CALL: 1,
        ContactStatus.SKIPPED: 4,
        ContactStatus.FOLLOW_UP: 2,
        ContactStatus.EXHAUSTED: 5,
    }
