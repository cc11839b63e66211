"""Batches of Bland's two generations: what their answers tell of status and counts.

v1, no longer documented, tells both in one answer. v2 tells its status only in the batch's
log, and its counts in the totals of filtered lists of calls.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from monitor.core.model import Batch, BatchStatus, Counts
from monitor.errors import ProviderError
from monitor.providers.answers import (
    decoded,
    identity,
    parse_time,
    raw_word,
    reason,
    title,
    whole,
    word,
)

BATCH_STATUS = {
    "initializing": BatchStatus.SCHEDULED,
    "validating": BatchStatus.SCHEDULED,
    "dispatching": BatchStatus.RUNNING,
    "in_progress": BatchStatus.RUNNING,
    "in_progress_chunked": BatchStatus.RUNNING,
    "waiting_for_scheduled_calls": BatchStatus.SCHEDULED,
    "completed": BatchStatus.COMPLETED,
    "complete": BatchStatus.COMPLETED,
    "completed_partial": BatchStatus.PARTIAL,
    "failed": BatchStatus.FAILED,
}

_PREPARING = frozenset({"initializing", "validating"})

# Nobody has written down what a stopped batch logs. Such words are no status that we know, and
# must not leave an earlier "in_progress" standing.
STOPPED = frozenset({"stop", "stopped", "cancel", "cancelled", "canceled"})
_MAYBE_STOPPED = STOPPED | {"error"}

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_COUNTED = re.compile(r"\b(requested|validated|dispatched)\b\D{0,5}(\d{1,9})", re.IGNORECASE)


def likely_shape(batch_id: str) -> str:
    """Which generation an id looks like; only asking tells."""
    return "v2" if _UUID.fullmatch(batch_id) else "v1"


class _Params(msgspec.Struct):
    id: Any = None
    label: Any = None
    campaign_id: Any = None
    created_at: Any = None


class _Analysis(msgspec.Struct):
    total_calls: Any = None
    completed_calls: Any = None
    in_progress_calls: Any = None


class _V1(msgspec.Struct):
    status: Any = None
    batch_params: _Params | None = None
    analysis: _Analysis | None = None


V1 = msgspec.json.Decoder(_V1)


def v1_batch(row: _V1, *, provider: str, batch_id: str, seen_at: datetime) -> Batch:
    """A batch of the first generation.

    ``completed_calls`` counts whatever is over, errors included: it is what is finished.
    Old answers have no status. Then calls in progress say that it runs; that all are over
    does not say that it ended, and the status stays unknown, which keeps it open.
    """
    if row.batch_params is None and row.analysis is None:
        raise ProviderError("garbage", "a batch: the answer has another shape than documented")
    params, analysis = row.batch_params or _Params(), row.analysis or _Analysis()
    if isinstance(params.id, str) and params.id != batch_id:
        raise ProviderError("garbage", "a batch: the answer is not about the batch asked for")
    live = whole(analysis.in_progress_calls)
    status = BATCH_STATUS.get(word(row.status) or "", BatchStatus.UNKNOWN)
    if row.status is None and live:
        status = BatchStatus.RUNNING
    return Batch(
        provider=provider,
        batch_id=batch_id,
        status=status,
        raw_status=raw_word(row.status) if status is BatchStatus.UNKNOWN else None,
        seen_at=seen_at,
        name=title(params.label),
        campaign=title(params.campaign_id),
        counts=Counts(
            total=whole(analysis.total_calls), finished=whole(analysis.completed_calls), live=live
        ),
        created_at=parse_time(params.created_at, seen_at),
        shape="v1",
    )


class _V2Data(msgspec.Struct):
    id: Any = None
    batch_id: Any = None
    description: Any = None
    created_at: Any = None


class _V2(msgspec.Struct):
    data: _V2Data


V2 = msgspec.json.Decoder(_V2)


class _V2List(msgspec.Struct):
    data: list[msgspec.Raw]


V2_LIST = msgspec.json.Decoder(_V2List)
_V2_ROW = msgspec.json.Decoder(_V2Data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What the second generation tells about a batch that never changes."""

    batch_id: str
    name: str | None
    created_at: datetime | None


def v2_row(raw: bytes | memoryview, seen_at: datetime) -> Label | None:
    """One row of the list of batches; None when it cannot be read."""
    try:
        return v2_label(decoded(_V2_ROW, raw), seen_at)
    except (ValueError, RecursionError):
        return None


def v2_label(row: _V2Data, seen_at: datetime) -> Label:
    """A batch's own answer or row; ValueError without an id."""
    return Label(
        batch_id=identity(row.id if row.id is not None else row.batch_id),
        name=title(row.description),
        created_at=parse_time(row.created_at, seen_at),
    )


class Entry(msgspec.Struct):
    """One entry of a batch's log, as it came."""

    event_type: Any = None
    timestamp: Any = None
    payload: Any = None


class _Log(msgspec.Struct):
    data: list[Entry]


LOG = msgspec.json.Decoder(_Log)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a batch's log tells: its newest status, and the counts that were written into it."""

    status: BatchStatus = BatchStatus.UNKNOWN
    raw_status: str | None = None
    at: datetime | None = None
    started_at: datetime | None = None
    reason: str | None = None
    code: str | None = None
    requested: int | None = None
    validated: int | None = None
    preparing: bool = False
    total: int | None = None
    succeeded: int | None = None
    failed: int | None = None


def standing(entries: Sequence[Entry], seen_at: datetime) -> Standing:
    """Read a log, newest first as documented, or sorted by its own times where all have one."""
    dated = [(parse_time(entry.timestamp, seen_at), entry) for entry in entries]
    times = [at for at, _ in dated if at is not None]
    if len(times) == len(dated):
        order = sorted(range(len(dated)), key=times.__getitem__, reverse=True)
        dated = [dated[place] for place in order]
    newest = next(
        ((at, entry, said) for at, entry in dated if (said := _state(entry)) is not None), None
    )
    counted = _counted([entry for _, entry in dated])
    started = [at for at, entry in dated if _state(entry) in {"dispatching", "in_progress"}]
    found = Standing(
        started_at=started[-1] if started else None,
        requested=counted.get("requested"),
        validated=counted.get("validated"),
    )
    if newest is None:
        return found
    at, entry, said = newest
    return _final(found, entry, said, at)


def _final(found: Standing, entry: Entry, said: str, at: datetime | None) -> Standing:
    payload = entry.payload if isinstance(entry.payload, dict) else {}
    status = BATCH_STATUS.get(said, BatchStatus.UNKNOWN)
    code = raw_word(payload.get("code"))
    if status is BatchStatus.COMPLETED and word(code) == "batch_early_exit":
        status = BatchStatus.PARTIAL
    return Standing(
        status=status,
        raw_status=raw_word(said) if status is BatchStatus.UNKNOWN else None,
        at=at,
        started_at=found.started_at,
        reason=reason(payload.get("reason")),
        code=code,
        requested=found.requested,
        validated=found.validated,
        preparing=said in _PREPARING,
        total=whole(payload.get("calls_total")),
        succeeded=whole(payload.get("calls_successful")),
        failed=whole(payload.get("calls_failed")),
    )


def _state(entry: Entry) -> str | None:
    """The status that an entry announces; None for one that announces none.

    The event that closes a log is itself the status, unless its payload is more exact.
    """
    payload = entry.payload if isinstance(entry.payload, dict) else {}
    said = word(payload.get("state_change")) or word(payload.get("status"))
    event = word(entry.event_type)
    return said or (event if event in BATCH_STATUS or event in _MAYBE_STOPPED else None)


def _counted(entries: Sequence[Entry]) -> dict[str, int]:
    """Numbers from messages such as "Requested: 50. Validated: 48.", the newest of each."""
    found: dict[str, int] = {}
    for entry in entries:
        payload = entry.payload if isinstance(entry.payload, dict) else {}
        message = payload.get("message")
        for key, number in _COUNTED.findall(message if isinstance(message, str) else ""):
            found.setdefault(key.lower(), int(number))
    return found
