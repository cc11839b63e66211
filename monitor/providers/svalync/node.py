"""The node's result: a batch with its statistics and calls, wherever in an answer it stands."""

from datetime import datetime
from typing import Any

import msgspec

from monitor.core.model import (
    Batch,
    BatchStatus,
    Call,
    CallStatus,
    Contact,
    Counts,
    Item,
    Rates,
    Sentiment,
)
from monitor.core.words import person_of
from monitor.errors import ProviderError
from monitor.providers.answers import (
    decoded,
    identity,
    micros,
    number,
    parse_time,
    raw_word,
    read,
    seconds,
    whole,
    word,
)
from monitor.providers.cost import estimated

WHAT = "the node's result"

# Only "completed" is documented of a batch; its events and its calls have the other words.
BATCH_STATUS = {
    "scheduled": BatchStatus.SCHEDULED,
    "queued": BatchStatus.SCHEDULED,
    "pending": BatchStatus.SCHEDULED,
    "started": BatchStatus.RUNNING,
    "running": BatchStatus.RUNNING,
    "in_progress": BatchStatus.RUNNING,
    "processing": BatchStatus.RUNNING,
    "paused": BatchStatus.PAUSED,
    "completed": BatchStatus.COMPLETED,
    "failed": BatchStatus.FAILED,
    "canceled": BatchStatus.CANCELLED,
    "cancelled": BatchStatus.CANCELLED,
}

CALL_STATUS = {
    "queued": CallStatus.QUEUED,
    "ringing": CallStatus.RINGING,
    "in_progress": CallStatus.IN_PROGRESS,
    "completed": CallStatus.COMPLETED,
    "failed": CallStatus.FAILED,
    "busy": CallStatus.BUSY,
    "no_answer": CallStatus.NO_ANSWER,
    "canceled": CallStatus.CANCELLED,
    "cancelled": CallStatus.CANCELLED,
}


class _Answer(msgspec.Struct):
    batch: msgspec.Raw


class _Node(msgspec.Struct):
    response: msgspec.Raw


class _Id(msgspec.Struct):
    id: Any = None


class _Batch(msgspec.Struct):
    id: Any = None
    status: Any = None
    created_at: Any = None
    completed_at: Any = None
    statistics: Any = None


class _Calls(msgspec.Struct):
    calls: list[msgspec.Raw] | None = None
    statistics: Any = None


class _Row(msgspec.Struct, gc=False):
    id: Any = None
    status: Any = None
    duration: Any = None
    cost: Any = None
    analytics: Any = None


_ANSWER = msgspec.json.Decoder(_Answer | list[msgspec.Raw])
_NODE = msgspec.json.Decoder(_Node)
_INNER = msgspec.json.Decoder(_Answer)
_ID = msgspec.json.Decoder(_Id)
_BATCH = msgspec.json.Decoder(_Batch)
_CALLS = msgspec.json.Decoder(_Calls)
_ROW = msgspec.json.Decoder(_Row)


def id_of(raw: bytes | memoryview) -> str:
    """The id of a batch object; ValueError when it has none."""
    try:
        return identity(decoded(_ID, raw).id)
    except RecursionError:
        raise ValueError("a batch is nested without end") from None


def batches_in(body: bytes) -> list[bytes]:
    """The batch objects of an answer: one, or those of the nodes that a workflow's run lists."""
    answer = read(_ANSWER, body, WHAT)
    raws = [answer.batch] if isinstance(answer, _Answer) else list(_of_nodes(answer))
    if not raws:
        raise ProviderError("garbage", f"{WHAT}: no node in the answer tells of a batch")
    return [bytes(raw) for raw in raws]


def _of_nodes(nodes: list[msgspec.Raw]) -> list[msgspec.Raw]:
    found = []
    for node in nodes:
        try:
            found.append(decoded(_INNER, decoded(_NODE, node).response).batch)
        except (ValueError, RecursionError):
            continue  # another node, with an answer of its own
    return found


def batch_in(body: bytes, batch_id: str) -> bytes:
    """The batch that was asked for; of several of one id, the last that the workflow made."""
    found = None
    for raw in batches_in(body):
        try:
            if id_of(raw) == batch_id:
                found = raw
        except ValueError:
            continue
    if found is None:
        raise ProviderError("garbage", f"{WHAT} is not about the batch asked for")
    return found


def to_batch(raw: bytes, *, provider: str, batch_id: str, seen_at: datetime, subset: bool) -> Batch:
    """One look. ``subset``: only some of the calls are listed, so that no total applies to them.

    ``in_progress`` are calls on the line, and there may be some beside the word "completed":
    the statistics lag behind it. Who waits has no count: what the statistics leave out may be
    still to come, so those of an ended batch must add up.
    """
    row = read(_BATCH, raw, WHAT)
    told = row.statistics if isinstance(row.statistics, dict) else {}
    total, live = whole(told.get("total_calls")), whole(told.get("in_progress"))
    succeeded, failed = whole(told.get("completed")), whole(told.get("failed"))
    finished = None if succeeded is None or failed is None else succeeded + failed
    status = BATCH_STATUS.get(word(row.status) or "", BatchStatus.UNKNOWN)
    return Batch(
        provider=provider,
        batch_id=batch_id,
        status=status,
        raw_status=raw_word(row.status) if status is BatchStatus.UNKNOWN else None,
        seen_at=seen_at,
        counts=Counts(
            total=None if subset else total,
            finished=finished,
            succeeded=succeeded,
            failed=failed,
            live=live,
            unaccounted=_left_out(total, finished, live) if status.terminal else None,
        ),
        created_at=parse_time(row.created_at, seen_at),
        ended_at=parse_time(row.completed_at, seen_at) if status.terminal else None,
    )


def _left_out(total: int | None, finished: int | None, live: int | None) -> int | None:
    """How many calls no other count holds; None where one of the counts is missing."""
    if total is None or finished is None or live is None:
        return None
    return total - finished - live


def calls_in(raw: bytes | memoryview) -> list[msgspec.Raw]:
    """The calls as slices. A list that is missing is empty only where the batch counts none."""
    found = read(_CALLS, bytes(raw), WHAT)
    if found.calls is not None:
        return found.calls
    told = found.statistics if isinstance(found.statistics, dict) else {}
    if whole(told.get("total_calls")) == 0:
        return []
    raise ProviderError("garbage", f"{WHAT}: the batch has no calls in it")


class Reading:
    """How this account's calls are read.

    The vendor names no currency. That of the user's rates is taken for it; without rates an
    amount is shown as an estimate, in US dollars.
    """

    def __init__(self, rates: Rates | None) -> None:
        self._rates = rates
        self._currency = rates.currency if rates else "USD"

    def item(self, raw: bytes | memoryview, seen_at: datetime) -> Item:
        """One call and its person; ValueError without an id."""
        row = _row(raw)
        call_id = identity(row.id)
        status = CALL_STATUS.get(word(row.status) or "", CallStatus.UNKNOWN)
        unknown = raw_word(row.status) if status is CallStatus.UNKNOWN else None
        cost = micros(row.cost)
        call = Call(
            call_id=call_id,
            contact_id=call_id,
            status=status,
            raw_status=unknown,
            duration_s=seconds(row.duration),
            seen_at=seen_at,
            cost_micros=cost,
            currency=None if cost is None else self._currency,
            cost_estimated=cost is not None and self._rates is None,
            sentiment=sentiment(row.analytics),
            detail_at=seen_at,
        )
        # One call is one person here: nothing else tells them apart.
        standing = person_of(status, None)
        person = Contact(call_id, standing, raw_status=unknown, seen_at=seen_at)
        return Item(person, (estimated(self._rates, call),))


def _row(raw: bytes | memoryview) -> _Row:
    try:
        return decoded(_ROW, raw)
    except (ValueError, RecursionError):
        raise ValueError("a call has another shape than documented") from None


def sentiment(analytics: Any) -> Sentiment | None:
    """The one whose share is surely the largest.

    A share that is missing is not nothing: it may be whatever the others leave of the whole.
    """
    told = analytics.get("sentiment") if isinstance(analytics, dict) else None
    if not isinstance(told, dict):
        return None
    found = {each: number(told.get(each.value)) for each in Sentiment}
    shares = {each: share for each, share in found.items() if share is not None}
    if not shares or max(shares.values()) > 1:
        return None
    best = max(shares, key=lambda each: shares[each])
    rest = max(1 - sum(shares.values()), 0.0) if len(shares) < len(found) else 0.0
    others = [share for each, share in shares.items() if each is not best]
    return best if shares[best] > max([rest, *others], default=0.0) else None
