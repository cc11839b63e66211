"""The answers of the vendors that list by cursor, or that tell a batch in one answer."""

from dataclasses import replace
from typing import Any

from monitor.simulator.faults.shapes import Kind, Paging, Part, Shape
from monitor.simulator.wire import Asked

_NO_OFFSET = "its lists are asked for by cursor, and a cursor names a row and no place"
_NO_COUNTS = "it counts nothing, so there is nothing that could disagree"
_BY_CURSOR = dict.fromkeys(("first_page_only", "endless"), _NO_OFFSET)
_UNCOUNTED = dict.fromkeys(("counts_disagree", "counts_backward"), _NO_COUNTS)
_WHOLE = dict.fromkeys(
    ("server_error_people", "page_drift", "duplicates", "first_page_only", "endless", "no_people"),
    "people stand in the batch's own answer, which has no pages",
)


def _set_status(word: str, *keys: str) -> Any:
    """Says ``word`` for every batch of an answer; ``keys`` lead to it, or to the rows."""

    def ended(asked: Asked, value: Any) -> Any:
        del asked
        inside = value
        for key in keys:
            inside = inside.get(key, inside) if isinstance(inside, dict) else inside
        for row in inside if isinstance(inside, list) else [inside]:
            row["status"] = word
        return value

    return ended


def _job(part: Part, prefix: str) -> Part:
    words = ("maxConcurrentDials", "fromPhoneNumberIds", "callAgentId")
    return replace(
        part,
        ids=(f"{prefix}id",),
        batch_status=(f"{prefix}status",),
        times=(f"{prefix}createdAt",),
        optional=tuple(f"{prefix}{word}" for word in words),
        texts=(f"{prefix}callAgentId",),
    )


_JOBS = "/api/batch_dial_jobs"
_CURSOR = Paging(cursor="cursor", next="cursor", size="limit")
_DIAL_TIMES = ("createdAt", "startedAt", "endedAt", "updatedAt")
_DIAL_MORE = ("recordings", "transcript", "aiResult", "inputs", "agent", "fromNumberId")

VOGENT = Shape(
    vendor="vogent",
    parts=(
        _job(Part(kind=Kind.BATCHES, path=_JOBS, rows="data", paging=_CURSOR), "data.*."),
        _job(Part(kind=Kind.BATCH, path=f"{_JOBS}/(?P<batch>[^/]+)"), ""),
        Part(
            kind=Kind.ITEMS,
            path=f"{_JOBS}/(?P<batch>[^/]+)/queue",
            rows="data",
            ids=("data.*.id",),
            times=("data.*.createdAt",),
            optional=("data.*.inputs",),
            texts=("data.*.inputs",),
            paging=_CURSOR,
        ),
        Part(
            kind=Kind.ITEMS,
            path=f"{_JOBS}/(?P<batch>[^/]+)/dials",
            rows="data",
            ids=("data.*.id",),
            call_status=("data.*.status",),
            times=tuple(f"data.*.{word}" for word in _DIAL_TIMES),
            optional=tuple(f"data.*.{word}" for word in _DIAL_MORE),
            texts=("data.*.transcript", "data.*.aiResult"),
            paging=_CURSOR,
        ),
        Part(
            kind=Kind.DETAIL,
            path="/api/dials/[^/]+",
            ids=("id",),
            times=_DIAL_TIMES,
            optional=_DIAL_MORE,
            texts=("transcript",),
        ),
    ),
    ended=_set_status("COMPLETE", "data"),
    lacks={
        **_BY_CURSOR,
        **_UNCOUNTED,
        "person_word": "rows that wait have no status, and dials are calls",
        "no_people": "an empty queue is what it has once everybody is dialled",
    },
)

_STATISTICS = "batch.statistics."

SVALYNC = Shape(
    vendor="svalync",
    parts=(
        Part(
            kind=Kind.BATCH,
            also=frozenset({Kind.ITEMS}),
            path="/batch",
            batch="batch_id",
            rows="batch.calls",
            ids=("batch.calls.*.id",),
            batch_status=("batch.status",),
            call_status=("batch.calls.*.status",),
            totals=(f"{_STATISTICS}total_calls",),
            finished=(f"{_STATISTICS}completed",),
            times=("batch.created_at", "batch.completed_at"),
            optional=(
                "batch.analytics",
                f"{_STATISTICS}average_duration",
                f"{_STATISTICS}total_cost",
                "batch.calls.*.cost",
                "batch.calls.*.analytics",
            ),
            texts=("batch.analytics",),
        ),
    ),
    ended=_set_status("completed", "batch"),
    lacks={
        **_WHOLE,
        **dict.fromkeys(
            ("server_error_lists", "no_batches", "cursor_loop", "empty_pages"),
            "it has no list of batches",
        ),
        "person_word": "it tells of calls and of nobody",
    },
)


def _recipients(part: Part, prefix: str) -> Part:
    counts = ("total_calls_dispatched", "target_concurrency_limit", "agent_name", "timezone")
    return replace(
        part,
        batch_status=(f"{prefix}status",),
        totals=(f"{prefix}total_calls_scheduled",),
        finished=(f"{prefix}total_calls_finished",),
        times=(f"{prefix}created_at_unix", f"{prefix}scheduled_time_unix"),
        optional=tuple(f"{prefix}{word}" for word in counts[1:]),
        texts=(f"{prefix}agent_name",),
    )


_BATCH_CALLING = "/v1/convai/batch-calling"

ELEVENLABS = Shape(
    vendor="elevenlabs",
    parts=(
        _recipients(
            Part(
                kind=Kind.BATCHES,
                path=f"{_BATCH_CALLING}/workspace",
                rows="batch_calls",
                ids=("batch_calls.*.id",),
                paging=Paging(cursor="last_doc", next="next_doc", size="limit", more=("has_more",)),
            ),
            "batch_calls.*.",
        ),
        _recipients(
            Part(
                kind=Kind.BATCH,
                also=frozenset({Kind.ITEMS}),
                path=f"{_BATCH_CALLING}/(?P<batch>[^/]+)",
                rows="recipients",
                ids=("recipients.*.id",),
                contact_status=("recipients.*.status",),
            ),
            "",
        ),
    ),
    ended=_set_status("completed", "batch_calls"),
    lacks={
        **_WHOLE,
        "times_naive": "it tells times in seconds since 1970, which have no zone to miss",
        "call_word": "it tells of people, and of their calls no more than that",
    },
)
