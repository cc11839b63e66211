"""Bland's webhooks, as documented: what each proves, and what none of them may smuggle in."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.model import BatchStatus, CallStatus
from monitor.providers.bland.notices import read_notice
from monitor.providers.bland.rows import Reading
from monitor.providers.facts import Proof
from monitor.providers.notices import Notice
from monitor.store.coding import encode

NOW = datetime(2026, 8, 1, 10, 45, tzinfo=UTC)
RECORD = {
    "call_id": "c-1",
    "c_id": "c-1",
    "batch_id": "8f0e",
    "to": "+15550100",
    "from": "+15550101",
    "completed": True,
    "status": "completed",
    "queue_status": "complete",
    "answered_by": "human",
    "call_length": 0.2,
    "corrected_duration": "12",
    "created_at": "2026-08-01T10:40:00.120Z",
    "end_at": "2026-08-01T10:40:12.000Z",
    "error_message": None,
    "price": 0.02,
    "summary": "Ada Example will pay on Monday",
    "concatenated_transcript": "user: my number is 555 0100",
    "transcripts": [{"id": 1, "user": "user", "text": "it is Ada Example"}],
    "variables": {"name": "Ada Example"},
}


def read(body: Any) -> Notice:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_notice(raw, NOW, provider="sales", reading=Reading(b"k" * 32, None))


def test_the_record_after_a_call_is_the_whole_call() -> None:
    notice = read(RECORD)

    assert (notice.event, notice.proves) == ("post-call record", Proof.CALL)
    assert (notice.call_id, notice.batch_id) == ("c-1", "8f0e")
    assert notice.item is not None
    (call,) = notice.item.calls
    assert call.status is CallStatus.COMPLETED
    assert call.duration_s == 12
    assert call.cost_micros == 20_000
    assert call.ended_at == datetime(2026, 8, 1, 10, 40, 12, tzinfo=UTC)


def test_nothing_that_was_said_and_no_number_is_in_what_is_kept() -> None:
    kept = encode(read(RECORD))

    for secret in ("Ada", "Monday", "5550100", "555 0100", "+15550101"):
        assert secret not in kept


def test_a_record_that_does_not_say_how_the_call_ended_is_a_hint() -> None:
    notice = read({"call_id": "c-1", "batch_id": None})

    assert (notice.proves, notice.item, notice.batch_id) == (Proof.HINT, None, None)


@pytest.mark.parametrize(
    ("body", "event"),
    [
        pytest.param(
            {"message": "x", "call_id": "c-1", "category": "error", "log_level": "info"},
            "in-call error",
            id="an error in a call",
        ),
        pytest.param(
            {"message": "x", "call_id": "c-1", "category": "call", "log_level": "error"},
            "in-call error",
            id="an error by its level",
        ),
        pytest.param(
            RECORD | {"category": "call"},
            "in-call event without a level",
            id="a category is of no record",
        ),
        pytest.param(
            {"call_id": "c-1", "event_type": "citations", "citations": []},
            "addition to a call",
            id="citations",
        ),
    ],
)
def test_errors_in_calls_and_what_comes_in_addition_are_hints(body: Any, event: str) -> None:
    notice = read(body)

    assert (notice.event, notice.proves, notice.call_id) == (event, Proof.HINT, "c-1")
    assert notice.item is None


def test_what_is_said_during_a_call_asks_for_nothing() -> None:
    notice = read({"message": "x", "call_id": "c-1", "category": "call", "log_level": "info"})

    assert (notice.event, notice.proves) == ("in-call event", Proof.NOTHING)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"status": "in_progress"}, BatchStatus.RUNNING, id="in progress"),
        pytest.param(
            {"status": "completed", "calls_total": 50, "calls_successful": 46, "calls_failed": 4},
            BatchStatus.COMPLETED,
            id="completed",
        ),
        pytest.param(
            {"status": "failed", "code": "source_invalid", "reason": "Entry #3 had no number."},
            BatchStatus.FAILED,
            id="failed",
        ),
        pytest.param(
            {"status": "completed_partial", "code": "batch_early_exit", "calls_total": 50},
            BatchStatus.PARTIAL,
            id="partial",
        ),
        pytest.param({"status": "levitating"}, BatchStatus.UNKNOWN, id="never seen"),
    ],
)
def test_the_status_of_a_batch_is_read_as_its_log_would_be(
    body: dict[str, Any], status: BatchStatus
) -> None:
    notice = read(body | {"batch_id": "8f0e", "timestamp": "2026-08-01T10:40:00.000Z"})

    assert (notice.proves, notice.batch_id) == (Proof.BATCH, "8f0e")
    assert notice.look is not None
    assert notice.look.status is status
    if "calls_total" in body and "calls_failed" in body:
        assert (notice.look.counts.total, notice.look.counts.finished) == (50, 50)
    if status.terminal:
        assert notice.look.ended_at == datetime(2026, 8, 1, 10, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"a": NaN}', id="NaN"),
        pytest.param(b'{"hello": "world"}', id="no event"),
        pytest.param(b'{"call_id": 7.5}', id="no text"),
        pytest.param(b'{"x": ' + b"[" * 100_000, id="without end"),
        pytest.param(
            b'{"call_id": "c-1", "x": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}", id="deep"
        ),
        pytest.param(b'{"call_id": "' + b"x" * 1_000 + b'"}', id="a long id"),
        pytest.param(b"\xff\xfe{\x00}\x00", id="another encoding"),
    ],
)
def test_what_cannot_be_read_is_a_value_error_that_tells_no_values(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"it is|an id is") as caught:
        read(body)
    assert "world" not in str(caught.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    changes=st.dictionaries(st.sampled_from([*RECORD, "category", "timestamp"]), _JSON, max_size=5)
)
def test_whatever_stands_in_a_record_is_read_or_refused(changes: dict[str, Any]) -> None:
    raw = json.dumps(RECORD | changes).encode()
    try:
        notice = read(raw)
    except ValueError:
        return
    encode(notice)
