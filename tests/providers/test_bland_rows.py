import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from monitor.core.merge import merge_contact
from monitor.core.model import (
    AnsweredBy,
    BatchStatus,
    Call,
    CallStatus,
    ContactStatus,
    EndedBy,
    Item,
    Outcome,
    Rates,
)
from monitor.core.words import BLOCKED, UNDELIVERED
from monitor.errors import ProviderError
from monitor.providers.bland import generations
from monitor.providers.bland.rows import Reading
from tests.loopback import NOW

FIXTURE = Path(__file__).parent.parent / "fixtures" / "bland" / "v1_batch.json"
READING = Reading(b"k" * 32, None)
START = datetime(2026, 5, 10, 10, 0, tzinfo=UTC)


def stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def item(row: Any, seen_at: datetime = NOW, *, certain: bool = False) -> Item:
    raw = row if isinstance(row, bytes) else json.dumps(row).encode()
    return READING.item(raw, seen_at, certain=certain)


def row(**fields: Any) -> dict[str, Any]:
    return {
        "call_id": "c-1",
        "to": "+12125550100",
        "completed": True,
        "queue_status": "complete",
        "call_length": 1.0,
        "created_at": stamp(START),
    } | fields


def call(**fields: Any) -> Call:
    (found,) = item(row(**fields), certain=True).calls
    return found


def test_the_documented_call_is_read_to_its_exact_values() -> None:
    document = json.loads(FIXTURE.read_text())
    contact, (found,) = item(document["call_data"][0], datetime(2023, 12, 17, tzinfo=UTC))
    assert found.call_id == contact.contact_id == found.contact_id
    assert found.call_id == "ffa99be3-63dd-44dc-9523-380cd25c1b9e"
    assert found.status is CallStatus.COMPLETED
    assert found.answered_by is AnsweredBy.VOICEMAIL
    assert found.outcome is Outcome.VOICEMAIL
    assert found.duration_s == 12.0
    assert found.created_at == datetime(2023, 12, 16, 0, 17, 22, 383682, tzinfo=UTC)
    assert found.ended_at == datetime(2023, 12, 16, 0, 17, 38, tzinfo=UTC)
    assert found.ended_by is EndedBy.VENDOR
    assert found.from_number == "••3273"
    assert found.error_class is None
    assert contact.status is ContactStatus.VOICEMAIL
    assert contact.phone == "••3333"
    assert contact.attempts == 0


def test_the_length_in_minutes_counts_where_the_corrected_one_is_missing() -> None:
    assert call(call_length=0.12345, corrected_duration="12").duration_s == 12.0
    assert call(call_length=0.12345, corrected_duration=12.5).duration_s == 12.5
    assert call(call_length=0.12345).duration_s == 7.407
    assert call(call_length="0.5", corrected_duration="soon").duration_s == 30.0
    assert call(call_length=None).duration_s is None


def test_the_documented_batch_is_read_to_its_exact_values() -> None:
    body = FIXTURE.read_bytes()
    parsed = generations.V1.decode(body)
    batch = generations.v1_batch(
        parsed, provider="p", batch_id="AAcQq8zXxLB56LWg-gen-batch", seen_at=START
    )
    assert batch.status is BatchStatus.RUNNING
    assert batch.name == "Customer Satisfaction Follow-up"
    assert (batch.counts.total, batch.counts.finished, batch.counts.live) == (88, 86, 2)
    assert batch.counts.waiting is None
    assert batch.created_at == datetime(2023, 12, 7, 20, 43, 44, 544773, tzinfo=UTC)
    assert batch.campaign is None
    assert batch.shape == "v1"


def test_the_documented_error_message_keeps_no_number() -> None:
    document = json.loads(FIXTURE.read_text())
    message = document["analysis"]["error_messages"][0]["error_message"]
    assert call(error_message=message).error_class == (
        "Cannot transfer to +# - Call is no longer active"
    )


@pytest.mark.parametrize(
    ("word", "status", "person"),
    [
        ("completed", CallStatus.COMPLETED, ContactStatus.COMPLETED),
        ("complete", CallStatus.COMPLETED, ContactStatus.COMPLETED),
        ("failed", CallStatus.FAILED, ContactStatus.FAILED),
        ("busy", CallStatus.BUSY, ContactStatus.BUSY),
        ("no-answer", CallStatus.NO_ANSWER, ContactStatus.NO_ANSWER),
        ("no_answer", CallStatus.NO_ANSWER, ContactStatus.NO_ANSWER),
        ("canceled", CallStatus.CANCELLED, ContactStatus.SKIPPED),
    ],
)
def test_each_documented_status_is_known(
    word: str, status: CallStatus, person: ContactStatus
) -> None:
    contact, (found,) = item(row(status=word))
    assert (found.status, found.raw_status, contact.status) == (status, None, person)


@pytest.mark.parametrize(
    ("queue", "status", "person"),
    [
        ("new", CallStatus.QUEUED, ContactStatus.PENDING),
        ("queued", CallStatus.QUEUED, ContactStatus.PENDING),
        ("allocated", CallStatus.QUEUED, ContactStatus.DISPATCHED),
        ("started", CallStatus.IN_PROGRESS, ContactStatus.IN_CALL),
        ("complete", CallStatus.COMPLETED, ContactStatus.COMPLETED),
        ("completed", CallStatus.COMPLETED, ContactStatus.COMPLETED),
        ("complete_error", CallStatus.COMPLETED, ContactStatus.COMPLETED),
        ("pre_queue_error", CallStatus.ERROR, ContactStatus.FAILED),
        ("queue_error", CallStatus.ERROR, ContactStatus.FAILED),
        ("call_error", CallStatus.ERROR, ContactStatus.FAILED),
    ],
)
def test_each_documented_place_in_the_queue_is_known(
    queue: str, status: CallStatus, person: ContactStatus
) -> None:
    contact, (found,) = item(row(queue_status=queue, completed=False))
    assert (found.status, found.raw_status, contact.status) == (status, None, person)


def test_completed_wins_over_a_queue_that_says_otherwise() -> None:
    assert call(completed=True, queue_status="started").status is CallStatus.COMPLETED
    assert call(completed="true", queue_status="queued").status is CallStatus.COMPLETED


def test_a_queue_error_is_an_error_also_of_a_call_that_is_over() -> None:
    found = call(completed=True, queue_status="call_error", error_message="A database error 7")
    assert found.status is CallStatus.ERROR
    assert found.error_class == "A database error #"


def test_an_error_after_the_call_is_no_failed_call() -> None:
    found = call(queue_status="complete_error", error_message="webhook answered 500")
    assert found.status is CallStatus.COMPLETED


@pytest.mark.parametrize("queue", ["pre_queue_error", "queue_error", "call_error"])
def test_one_failed_call_reads_the_same_with_and_without_its_status(queue: str) -> None:
    listed = row(completed=True, queue_status=queue, error_message="Call failed.", call_length=0)
    record = listed | {"status": "failed"}

    (one,), (other,) = item(listed).calls, item(record).calls

    assert one.status is other.status is CallStatus.ERROR
    assert item(listed).contact.status is item(record).contact.status


def test_a_queue_error_without_status_or_end_has_no_end() -> None:
    bare = {"call_id": "c-1", "queue_status": "pre_queue_error", "created_at": stamp(START)}
    (found,) = item(bare).calls
    assert (found.status, found.ended_at, found.ended_by) == (CallStatus.ERROR, None, None)
    assert found.status.terminal


def test_a_status_that_the_vendor_does_not_know_is_no_new_word() -> None:
    over = call(status="unknown")
    assert (over.status, over.raw_status) == (CallStatus.COMPLETED, None)
    under_way = call(status="unknown", completed=False, queue_status="started")
    assert (under_way.status, under_way.raw_status) == (CallStatus.IN_PROGRESS, None)


def test_a_word_that_is_not_known_is_kept_and_ends_nothing() -> None:
    contact, (found,) = item(row(status="amd-beep"))
    assert (found.status, found.raw_status) == (CallStatus.UNKNOWN, "amd-beep")
    assert (contact.status, contact.raw_status) == (ContactStatus.UNKNOWN, "amd-beep")
    assert (found.ended_at, found.outcome) == (None, None)
    found = call(completed=False, queue_status="parked")
    assert (found.status, found.raw_status) == (CallStatus.UNKNOWN, "parked")
    found = call(completed=None, queue_status=None)
    assert (found.status, found.raw_status) == (CallStatus.UNKNOWN, None)


@pytest.mark.parametrize("first", [{"queue_status": "new"}, {"status": "amd-beep"}])
def test_a_word_that_is_not_known_gives_way_to_what_is_read_later(first: dict[str, Any]) -> None:
    words = [first, {"status": "amd-beep"}, {"queue_status": "new"}]
    views = [
        item(row(**{"completed": False} | each), NOW + timedelta(minutes=n)).contact
        for n, each in enumerate(words)
    ]

    assert [each.status for each in views[1:]] == [ContactStatus.UNKNOWN, ContactStatus.PENDING]
    assert reduce(merge_contact, views) == views[-1]
    assert reduce(merge_contact, views[:-1]) == views[1]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("human", AnsweredBy.HUMAN),
        ("voicemail", AnsweredBy.VOICEMAIL),
        ("no-answer", AnsweredBy.NO_ANSWER),
        ("unknown", AnsweredBy.UNKNOWN),
        (["human"], AnsweredBy.HUMAN),
        ([], None),
        (None, None),
        ("machine", AnsweredBy.UNKNOWN),
        (7, None),
    ],
    ids=repr,
)
def test_who_answered_is_a_word_a_list_or_nothing(value: Any, expected: AnsweredBy | None) -> None:
    assert call(answered_by=value).answered_by is expected


def test_a_call_that_nobody_answered_counts_as_such() -> None:
    contact, (found,) = item(row(answered_by="no-answer"))
    assert found.outcome is Outcome.NO_ANSWER
    assert contact.status is ContactStatus.NO_ANSWER
    assert call(call_length=0).outcome is Outcome.NO_ANSWER
    assert call(call_length=0, answered_by="voicemail").outcome is Outcome.VOICEMAIL
    assert call(call_length=None).outcome is Outcome.COMPLETED


@pytest.mark.parametrize(
    "text",
    [
        "Call failed.",
        "Call failed. The number was not found (404)",
        "Call failed. Service Provider Blocked Call due to Spam or Number Reputation (608)",
        "Unable to start call",
        "unknown",
    ],
)
def test_a_failure_without_a_status_is_asked_about_and_else_taken_as_listed(text: str) -> None:
    failed = row(error_message=text, call_length=0)
    contact, calls = item(failed)
    assert (contact.status, calls) == (ContactStatus.FAILED, ())
    (found,) = item(failed, certain=True).calls
    assert found.status is CallStatus.FAILED
    assert "404" not in (found.error_class or "")
    contact, calls = item(failed | {"status": "failed"})
    assert [found.status for found in calls] == [CallStatus.FAILED]


def test_a_busy_line_needs_no_further_question() -> None:
    (found,) = item(row(error_message="Call failed. The line is busy (486)", call_length=0)).calls
    assert found.status is CallStatus.BUSY


def test_a_queue_error_did_not_end_when_it_was_queued() -> None:
    found = call(queue_status="call_error", call_length=0)
    assert (found.ended_at, found.ended_by) == (None, None)


def test_an_error_within_a_conversation_is_no_failed_call() -> None:
    found = call(error_message="Cannot transfer to +12223334444", call_length=3)
    assert found.status is CallStatus.COMPLETED
    assert found.error_class == "Cannot transfer to +#"


@pytest.mark.parametrize(
    ("fields", "ended_at", "by"),
    [
        pytest.param(
            {"end_at": stamp(START + timedelta(seconds=75))},
            START + timedelta(seconds=75),
            EndedBy.VENDOR,
            id="actual-end",
        ),
        pytest.param(
            {"end_at": stamp(START + timedelta(minutes=90))},
            START + timedelta(minutes=90),
            EndedBy.VENDOR,
            id="after-a-long-time-in-the-queue",
        ),
        pytest.param(
            {"created_at": stamp(NOW - timedelta(minutes=3))},
            NOW - timedelta(minutes=2),
            EndedBy.DERIVED,
            id="no-end-but-just-now",
        ),
        pytest.param({}, None, None, id="no-end-and-perhaps-long-in-the-queue"),
        pytest.param(
            {"started_at": stamp(START + timedelta(seconds=9))},
            START + timedelta(seconds=69),
            EndedBy.DERIVED,
            id="no-end-but-a-start",
        ),
        pytest.param(
            {"started_at": stamp(START)}, None, None, id="no-end-and-a-start-that-only-repeats"
        ),
        pytest.param(
            {"end_at": stamp(START + timedelta(hours=5))},
            START + timedelta(seconds=60),
            EndedBy.DERIVED,
            id="ahead",
        ),
        pytest.param(
            {"end_at": stamp(START + timedelta(minutes=30))},
            START + timedelta(seconds=60),
            EndedBy.DERIVED,
            id="planned-by-default",
        ),
        pytest.param(
            {"end_at": stamp(START + timedelta(minutes=10)), "max_duration": 10},
            START + timedelta(seconds=60),
            EndedBy.DERIVED,
            id="planned",
        ),
        pytest.param(
            {
                "end_at": stamp(START + timedelta(minutes=10)),
                "max_duration": 10,
                "call_length": 10,
            },
            START + timedelta(minutes=10),
            EndedBy.VENDOR,
            id="talked-to-the-limit",
        ),
        pytest.param(
            {"end_at": stamp(START), "call_length": 20},
            START + timedelta(minutes=20),
            EndedBy.DERIVED,
            id="before-the-talk-was-over",
        ),
        pytest.param(
            {"end_at": stamp(START - timedelta(hours=1))},
            START + timedelta(seconds=60),
            EndedBy.DERIVED,
            id="before-the-start",
        ),
        pytest.param(
            {
                "started_at": stamp(START + timedelta(minutes=5)),
                "end_at": stamp(START + timedelta(minutes=55)),
            },
            START + timedelta(minutes=6),
            EndedBy.DERIVED,
            id="unlike-the-length",
        ),
        pytest.param(
            {"end_at": stamp(START + timedelta(seconds=70)), "created_at": None},
            START + timedelta(seconds=70),
            EndedBy.VENDOR,
            id="no-start",
        ),
        pytest.param({"created_at": None}, None, None, id="nothing-known"),
        pytest.param({"call_length": None}, None, None, id="no-length"),
        pytest.param({"call_length": 600}, NOW, EndedBy.DERIVED, id="never-after-it-was-seen"),
    ],
)
def test_an_end_is_believed_only_where_it_can_be_one(
    fields: dict[str, Any], ended_at: datetime | None, by: EndedBy | None
) -> None:
    found = call(**fields)
    assert (found.ended_at, found.ended_by) == (ended_at, by)


def test_a_call_under_way_has_no_end() -> None:
    found = call(completed=False, queue_status="started", end_at=stamp(START))
    assert (found.ended_at, found.ended_by) == (None, None)


def test_the_answer_about_one_call_adds_its_details() -> None:
    found = call(
        status="completed",
        started_at=stamp(START + timedelta(seconds=3)),
        price=0.09,
        call_ended_by="ASSISTANT",
        transcripts=[{"text": "private"}],
    )
    assert found.started_at == START + timedelta(seconds=3)
    assert (found.cost_micros, found.currency, found.hangup_by) == (90_000, "USD", "assistant")
    assert found.detail_at == NOW
    assert "private" not in repr(found)


def test_a_start_that_only_repeats_when_the_row_was_made_is_none() -> None:
    assert call(started_at=stamp(START)).started_at is None


def test_a_list_row_does_not_speak_of_details() -> None:
    assert call().detail_at is None


def test_rates_estimate_what_the_list_does_not_tell() -> None:
    reading = Reading(b"k", Rates(minute=Decimal("0.09")))
    seen_at = START + timedelta(minutes=2)
    (found,) = reading.item(json.dumps(row()).encode(), seen_at).calls
    assert (found.cost_micros, found.cost_estimated) == (90_000, True)
    assert found.detail_at == found.ended_at


def test_numbers_in_two_spellings_are_one_person() -> None:
    first, _ = item(row(to="2125550100"))
    second, _ = item(row(to="+12125550100"))
    assert first.phone_hash == second.phone_hash
    assert (first.country, first.area) == ("US", "212")


def test_an_id_may_be_a_number_or_stand_in_its_other_field() -> None:
    assert item(row(call_id=17)).contact.contact_id == "17"
    assert item(row(call_id=None, c_id="c-9")).contact.contact_id == "c-9"


def test_null_and_missing_are_alike() -> None:
    bare = {"call_id": "c-1", "completed": True}
    names = ("status", "queue_status", "answered_by", "error_message", "call_length", "to", "from")
    more = ("corrected_duration", "created_at", "end_at", "price", "started_at", "max_duration")
    assert item(bare) == item(bare | dict.fromkeys(names + more))


def test_a_field_of_another_type_is_left_out_and_the_rest_is_read() -> None:
    found = call(
        error_message={"a": 1},
        to=5550100,
        call_length=[],
        corrected_duration={},
        price="much",
        end_at=[],
        max_duration="long",
        call_ended_by=3,
        **{"from": ["x"]},
    )
    assert found.status is CallStatus.COMPLETED
    assert (found.error_class, found.duration_s, found.cost_micros) == (None, None, None)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param({"to": "+12125550100"}, id="no-id"),
        pytest.param([], id="list"),
        pytest.param(b'{"call_id": "c-1", "to": "+1212555', id="truncated"),
        pytest.param(b'"+12125550100"', id="text"),
        pytest.param(b"null", id="null"),
    ],
)
def test_a_row_that_cannot_be_read_is_a_value_error_that_quotes_nothing(raw: Any) -> None:
    with pytest.raises(ValueError, match=r"missing or mistyped|another shape") as caught:
        item(raw)
    assert "212555" not in repr(caught.value)


def v1(**fields: Any) -> Any:
    base = {"batch_params": {"id": "x-gen-batch", "label": "demo"}, "analysis": None}
    return generations.v1_batch(
        generations.V1.decode(json.dumps(base | fields).encode()),
        provider="p",
        batch_id="x-gen-batch",
        seen_at=NOW,
    )


def test_a_first_generation_batch_without_a_status_is_never_ended_by_its_counts() -> None:
    counts = {"total_calls": 3, "completed_calls": 3, "in_progress_calls": 0}
    done = v1(analysis=counts)
    assert (done.status, done.raw_status) == (BatchStatus.UNKNOWN, None)
    running = v1(analysis=counts | {"completed_calls": 1, "in_progress_calls": 2})
    assert running.status is BatchStatus.RUNNING
    assert v1(status="completed", analysis=counts).status is BatchStatus.COMPLETED
    assert v1(status="success", analysis=counts).raw_status == "success"


def test_counts_of_the_first_generation_are_read_leniently() -> None:
    counts = v1(analysis={"total_calls": "3", "completed_calls": {}}).counts
    assert (counts.total, counts.finished, counts.live) == (3, None, None)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"batch_params": None}, id="error-envelope"),
        pytest.param({"batch_params": {"id": "another"}}, id="another-batch"),
    ],
)
def test_an_answer_about_no_batch_is_garbage(fields: dict[str, Any]) -> None:
    with pytest.raises(ProviderError) as caught:
        v1(status="error", **fields)
    assert caught.value.kind == "garbage"


def entry(minute: int, event: str = "lifecycle", **payload: Any) -> dict[str, Any]:
    at = stamp(START + timedelta(minutes=minute))
    return {"event_type": event, "timestamp": at, "payload": payload}


def standing(*entries: Any) -> generations.Standing:
    body = json.dumps({"data": list(entries), "errors": None}).encode()
    return generations.standing(generations.LOG.decode(body).data, NOW)


@pytest.mark.parametrize(
    ("word", "at_work"),
    [
        ("initializing", True),
        ("validating", True),
        ("waiting_for_scheduled_calls", False),
        ("in_progress", False),
    ],
)
def test_checks_before_the_start_need_nobody(word: str, *, at_work: bool) -> None:
    assert standing(entry(1, state_change=word)).preparing is at_work


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("validating", BatchStatus.SCHEDULED),
        ("dispatching", BatchStatus.RUNNING),
        ("in_progress", BatchStatus.RUNNING),
        ("in_progress_chunked", BatchStatus.RUNNING),
        ("waiting_for_scheduled_calls", BatchStatus.SCHEDULED),
        ("completed", BatchStatus.COMPLETED),
        ("completed_partial", BatchStatus.PARTIAL),
        ("failed", BatchStatus.FAILED),
        ("Initializing", BatchStatus.SCHEDULED),
    ],
)
def test_each_documented_status_of_a_log_is_known(word: str, status: BatchStatus) -> None:
    found = standing(entry(1, state_change=word))
    assert (found.status, found.raw_status) == (status, None)


def test_the_documented_log_is_read_to_its_exact_values() -> None:
    message = "Requested: 50. Validated: 50. Dispatched: 50. CPS: 4.20."
    found = standing(
        entry(40, "complete", calls_total=50, calls_successful=46, calls_failed=4),
        entry(0, message=message, state_change="in_progress"),
    )
    assert found.status is BatchStatus.COMPLETED
    assert (found.total, found.succeeded, found.failed) == (50, 46, 4)
    assert (found.requested, found.validated) == (50, 50)
    assert (found.started_at, found.at) == (START, START + timedelta(minutes=40))


def test_the_newest_entry_that_tells_a_status_counts_in_whichever_order_they_come() -> None:
    entries = [
        entry(0, state_change="validating"),
        entry(5, state_change="in_progress"),
        entry(9, "note", message="slow"),
    ]
    assert standing(*entries).status is BatchStatus.RUNNING
    assert standing(*entries[::-1]).status is BatchStatus.RUNNING


def test_a_log_without_times_is_taken_newest_first_as_documented() -> None:
    first, second = entry(5, state_change="completed"), entry(0, state_change="in_progress")
    first["timestamp"] = second["timestamp"] = None
    assert standing(first, second).status is BatchStatus.COMPLETED


def test_a_log_that_tells_no_status_leaves_it_unknown_and_open() -> None:
    for found in (standing(), standing(entry(0, "note", message="hello"), {"payload": []})):
        assert (found.status, found.raw_status) == (BatchStatus.UNKNOWN, None)


def test_a_stop_that_nobody_documented_is_kept_as_its_word() -> None:
    found = standing(entry(9, "stopped"), entry(0, state_change="in_progress"))
    assert (found.status, found.raw_status) == (BatchStatus.UNKNOWN, "stopped")
    found = standing(entry(9, state_change="halted"), entry(0, state_change="in_progress"))
    assert (found.status, found.raw_status) == (BatchStatus.UNKNOWN, "halted")


def test_why_a_batch_failed_is_kept_without_its_numbers() -> None:
    found = standing(
        entry(1, "failed", code="source_invalid", reason="Entry #3 did not have +12125550100.")
    )
    assert found.status is BatchStatus.FAILED
    assert (found.code, found.reason) == ("source_invalid", "Entry ## did not have +#.")


def test_a_batch_that_was_ended_early_is_partial_however_it_is_called() -> None:
    found = standing(entry(1, "complete", code="batch_early_exit", calls_total=50))
    assert found.status is BatchStatus.PARTIAL


@pytest.mark.parametrize(
    ("message", "requested", "validated"),
    [
        ("Requested: 50. Validated: 48. Dispatched: 10.", 50, 48),
        ("requested 50, validated = 48", 50, 48),
        ("Requested:50;Validated:none", 50, None),
        ("all good", None, None),
        (None, None, None),
        (["Requested: 50"], None, None),
    ],
    ids=repr,
)
def test_counts_in_a_message_are_read_leniently(
    message: Any, requested: int | None, validated: int | None
) -> None:
    found = standing(entry(0, message=message, state_change="in_progress"))
    assert (found.requested, found.validated) == (requested, validated)


@pytest.mark.parametrize(
    ("batch_id", "shape"),
    [
        ("8f0e2d1c-0000-4000-8000-000000000001", "v2"),
        ("8F0E2D1C-0000-4000-8000-000000000001", "v2"),
        ("AAcQq8zXxLB56LWg-gen-batch", "v1"),
        ("", "v1"),
    ],
)
def test_an_id_looks_like_one_generation(batch_id: str, shape: str) -> None:
    assert generations.likely_shape(batch_id) == shape


def test_a_call_that_is_over_without_a_length_is_asked_about() -> None:
    over = row(completed=True, queue_status="complete")
    for name in ("call_length", "corrected_duration", "answered_by", "status"):
        over.pop(name, None)

    assert item(over).calls == ()
    assert item(over, certain=True).calls != ()


@pytest.mark.parametrize(
    ("fields", "transferred"),
    [
        pytest.param({"transferred_to": "+12125550123"}, True, id="handed over"),
        pytest.param({"error_message": "Cannot transfer: no route"}, False, id="could not be"),
        pytest.param(
            {"error_message": "cannot transfer", "transferred_to": "+12125550123"},
            True,
            id="the second try went well",
        ),
        pytest.param({}, None, id="nobody tried"),
        pytest.param({"transferred_to": " "}, None, id="to nobody"),
        pytest.param(
            {"transferred_to": "+12125550123", "completed": False, "queue_status": "started"},
            None,
            id="still under way",
        ),
    ],
)
def test_whether_a_call_was_handed_over(
    fields: dict[str, Any], *, transferred: bool | None
) -> None:
    assert call(**fields).transferred is transferred


@pytest.mark.parametrize(
    ("text", "blocked"),
    [
        pytest.param("Call failed. SIP 608", True, id="by its number"),
        pytest.param(
            "Call failed. Service Provider Blocked Call due to Spam or Number Reputation",
            True,
            id="by its words",
        ),
        pytest.param("Call failed. SIP 6080", False, id="another number"),
        pytest.param("Call failed. SIP 486", False, id="busy"),
        pytest.param(None, False, id="no error"),
    ],
)
def test_a_call_that_a_carrier_refused_as_spam_is_known(text: str | None, *, blocked: bool) -> None:
    found = call(error_message=text, call_length=0, status="failed" if text else "completed")

    assert found.hangup_class == (BLOCKED if blocked else None)


def test_what_was_not_delivered_after_a_call_is_no_fault_of_the_call() -> None:
    found = call(queue_status="complete_error", error_message="webhook answered 500")

    assert (found.outcome, found.error_class) == (Outcome.COMPLETED, UNDELIVERED)
    assert call(queue_status="complete_error").error_class == UNDELIVERED
    lost = call(queue_status="complete_error", error_message="Cannot transfer")
    assert (lost.error_class, lost.transferred) == ("Cannot transfer", False)


@pytest.mark.parametrize(
    ("tag", "disposition"),
    [
        pytest.param("DNC", "dnc", id="a word"),
        pytest.param("Call back 4821", "call back #", id="digits are masked"),
        pytest.param("spoke with Erika M. of Bonn", None, id="a sentence may name somebody"),
        pytest.param("x" * 41, None, id="too long"),
        pytest.param(7, None, id="another type"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_what_came_of_a_call_is_a_label(tag: Any, disposition: str | None) -> None:
    found = call(disposition_tag=tag)

    assert found.disposition == disposition
    assert found.detail_at == NOW
