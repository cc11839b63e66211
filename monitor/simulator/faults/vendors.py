"""The answers of each vendor, described for faults that lie inside their JSON."""

from dataclasses import replace
from typing import Any

from monitor.simulator.faults.more_vendors import ELEVENLABS, SVALYNC, VOGENT
from monitor.simulator.faults.shapes import Kind, Paging, Part, Shape
from monitor.simulator.wire import Asked

_NO_CURSOR = "its lists are asked for by offset, so there is no cursor to go wrong"
_BY_OFFSET = dict.fromkeys(("cursor_loop", "empty_pages"), _NO_CURSOR)


def _graine_batch(part: Part, prefix: str) -> Part:
    """The fields of a batch, which stand in its own answer and in the rows of lists."""
    optional = ("concurrency_limit", "scheduled_start", "metadata", "updated_at", "call_context")
    return replace(
        part,
        ids=(f"{prefix}batch_id",),
        batch_status=(f"{prefix}status",),
        totals=(f"{prefix}total_contacts",),
        finished=tuple(
            f"{prefix}counters.{word}" for word in ("completed", "failed", "busy", "no_answer")
        ),
        times=(f"{prefix}created_at", f"{prefix}updated_at"),
        optional=tuple(f"{prefix}{word}" for word in optional),
    )


def _graine_ended(asked: Asked, value: Any) -> Any:
    """The batch says that it has completed, whatever its counters say."""
    del asked
    for row in value if isinstance(value, list) else [value]:
        row["status"] = "completed"
    return value


_ROOT = "/api/v1"
_PEOPLE = ("retry_count", "follow_up_count", "phone_number", "last_attempted_at", "current_call")
_RECORDS = ("duration_seconds", "sentiment", "total_cost", "hangup_by", "hangup_reason")

GRAINE = Shape(
    vendor="graine",
    parts=(
        _graine_batch(
            Part(
                kind=Kind.BATCHES,
                path=f"{_ROOT}/batches/",
                rows="",
                paging=Paging(offset="skip", size="limit"),
            ),
            "*.",
        ),
        _graine_batch(Part(kind=Kind.BATCH, path=f"{_ROOT}/batches/(?P<batch>[^/]+)"), ""),
        Part(
            kind=Kind.ITEMS,
            path=f"{_ROOT}/batches/(?P<batch>[^/]+)/contacts",
            rows="",
            ids=("*.contact_id",),
            contact_status=("*.status",),
            call_status=("*.call_records.*.call_status",),
            times=("*.last_attempted_at", "*.next_retry_at", "*.call_records.*.created_at"),
            optional=(
                *(f"*.{word}" for word in _PEOPLE),
                *(f"*.call_records.*.{word}" for word in _RECORDS),
            ),
            texts=("*.call_variables", "*.call_records.*.hangup_reason"),
            paging=Paging(offset="skip", size="limit"),
        ),
        Part(
            kind=Kind.ELSE,
            path=f"{_ROOT}/campaigns/[^/]+",
            optional=("name", "retry_policy", "working_hours", "timezone"),
            texts=("name",),
        ),
    ),
    ended=_graine_ended,
    lacks=_BY_OFFSET,
)


def _bland_ended(asked: Asked, value: Any) -> Any:
    """The log's newest entry says that the batch has completed."""
    if asked.path.endswith("/logs"):
        newest = value["data"][0]
        said = {"message": "Done.", "state_change": "completed"}
        value["data"].insert(0, {**newest, "id": "f" * 16, "payload": said})
    return value


_CALL = ("from", "answered_by", "error_message", "call_length")


def _calls(part: Part) -> Part:
    return replace(
        part,
        batch="batch_id",
        rows="calls",
        ids=("calls.*.call_id",),
        contact_status=("calls.*.queue_status",),
        call_status=("calls.*.queue_status",),
        totals=("total_count",),
        times=("calls.*.created_at",),
        optional=tuple(f"calls.*.{word}" for word in _CALL),
        texts=("calls.*.error_message",),
    )


BLAND = Shape(
    vendor="bland",
    parts=(
        Part(
            kind=Kind.BATCHES,
            path="/v2/batches/list",
            rows="data",
            ids=("data.*.id",),
            times=("data.*.created_at",),
            optional=("data.*.description", "data.*.call_objects", "data.*.user_id"),
            texts=("data.*.base_prompt",),
            paging=Paging(offset="skip", size="take"),
        ),
        Part(
            kind=Kind.ELSE,
            path="/v2/batches/(?P<batch>[^/]+)",
            ids=("data.id",),
            times=("data.created_at",),
            optional=("data.description", "data.call_objects"),
            texts=("data.description",),
        ),
        Part(
            kind=Kind.BATCH,
            path="/v2/batches/(?P<batch>[^/]+)/logs",
            batch_status=("data.0.payload.state_change",),
            totals=("data.*.payload.calls_total",),
            finished=("data.*.payload.calls_successful",),
            times=("data.*.timestamp",),
            optional=("data.*.payload.message", "data.*.org_id"),
            texts=("data.*.payload.message",),
        ),
        Part(
            kind=Kind.COUNTS,
            path="/v1/calls",
            only="completed=true.*&limit=1(&|$)",
            batch="batch_id",
            finished=("total_count",),
        ),
        # A look counts, and may bring the calls that changed last along.
        _calls(Part(kind=Kind.COUNTS, path="/v1/calls", only="&limit=1(&|$)|sort_by=updated_at")),
        _calls(Part(kind=Kind.ITEMS, path="/v1/calls", paging=Paging(offset="from", size="limit"))),
        Part(
            kind=Kind.DETAIL,
            path="/v1/calls/[^/]+",
            ids=("call_id",),
            times=("created_at", "end_at"),
            optional=("price", "summary", "variables"),
            texts=("summary",),
        ),
    ),
    ended=_bland_ended,
    lacks=_BY_OFFSET,
)

SHAPES = {shape.vendor: shape for shape in (GRAINE, BLAND, VOGENT, SVALYNC, ELEVENLABS)}
