"""Results made from what the vendor publishes: none crashes, loses a call, or is misread."""

import asyncio
from decimal import Decimal
from typing import Any

from monitor.core.model import Batch, BatchStatus, CallStatus, Item
from monitor.providers import Known, LookFailed
from monitor.providers.svalync import Svalync, SvalyncSettings
from tests.contracts import ADDRESS, Says, always, contract

CONTRACT = contract("svalync")
BATCH = {
    "completed": BatchStatus.COMPLETED,
    "in-progress": BatchStatus.RUNNING,
    "failed": BatchStatus.FAILED,
    "queued": BatchStatus.SCHEDULED,
}
CALL = {
    "queued": CallStatus.QUEUED,
    "ringing": CallStatus.RINGING,
    "in_progress": CallStatus.IN_PROGRESS,
    "completed": CallStatus.COMPLETED,
    "failed": CallStatus.FAILED,
    "busy": CallStatus.BUSY,
    "no_answer": CallStatus.NO_ANSWER,
    "canceled": CallStatus.CANCELLED,
}


async def read(answer: Any, batch_id: str) -> tuple[Batch, list[Item | None]]:
    """The look at a batch and its calls, None for one that is counted as unread."""
    settings = SvalyncSettings(vendor="svalync", url=ADDRESS, batches=(batch_id,))
    says = Says({f"?batch_id={batch_id}": answer})
    svalync = Svalync("flows", settings, says)
    (look,) = [each async for each in svalync.looks([Known(batch_id=batch_id)])]
    if isinstance(look, LookFailed):
        raise look.error
    (page,) = [each async for each in svalync.sweep(look)]
    found: list[Item | None] = []
    for raw in svalync.split(page):
        try:
            found.append(svalync.decode(look, page, raw))
        except ValueError:
            found.append(None)
    return look, found


def same_batch(told: dict[str, Any], look: Batch, items: list[Item | None]) -> None:
    counted = told.get("statistics", {})
    assert look.batch_id == told["id"]
    assert look.status is BATCH.get(told["status"], BatchStatus.UNKNOWN)
    assert (look.counts.total, look.counts.live) == (
        known(counted.get("total_calls")),
        known(counted.get("in_progress")),
    )
    for row, item in zip(told["calls"], items, strict=True):
        readable = 0 < len(row["id"]) <= 200 and row["id"].isprintable()
        assert (item is not None) is readable
        if item is not None:
            same_call(row, item)


def same_call(row: dict[str, Any], item: Item) -> None:
    (call,) = item.calls
    assert call.call_id == item.contact.contact_id == row["id"]
    assert call.status is CALL.get(row["status"].replace("-", "_"), CallStatus.UNKNOWN)
    assert item.contact.status.open is not call.status.terminal
    assert (call.started_at, call.ended_at, item.contact.phone) == (None, None, None)
    amount = row.get("cost")
    assert call.cost_micros == (None if amount is None else Decimal(amount) * 1_000_000)
    shares = row.get("analytics", {}).get("sentiment", {})
    if call.sentiment is not None:
        assert shares[call.sentiment] == max(shares.values())


def known(number: int | None) -> int | None:
    return number if number is not None and number < 10**15 else None


def test_no_valid_result_loses_a_call_or_is_read_as_another_status(*, proof: bool) -> None:
    def holds(answer: dict[str, Any]) -> None:
        told = answer["batch"]
        run = [{"nodeId": "1", "response": None}, {"nodeId": "2", "response": answer}]
        for said in (answer, run):
            look, items = asyncio.run(read(said, told["id"]))
            same_batch(told, look, items)

    always(CONTRACT, "result", holds, proof=proof)
