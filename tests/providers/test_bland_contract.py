"""Answers made from what the vendor publishes: none crashes, loses a call, or is misread."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from monitor.core.model import Batch, BatchStatus, CallStatus, Item
from monitor.providers import Page
from monitor.providers.answers import read as read_as
from monitor.providers.bland import Bland, BlandSettings
from monitor.providers.bland.generations import LOG, standing
from tests.contracts import ADDRESS, Says, always, contract
from tests.loopback import NOW

CONTRACT = contract("bland")
BATCH = Batch(provider="offers", batch_id="b-1", status=BatchStatus.RUNNING, seen_at=NOW)

STATUS = {
    "completed": CallStatus.COMPLETED,
    "failed": CallStatus.FAILED,
    "busy": CallStatus.BUSY,
    "no-answer": CallStatus.NO_ANSWER,
    "canceled": CallStatus.CANCELLED,
}
OVER = {CallStatus.COMPLETED, CallStatus.FAILED, CallStatus.BUSY, CallStatus.NO_ANSWER}


def bland() -> Bland:
    settings = BlandSettings(
        vendor="bland",
        api_key="k",  # type: ignore[arg-type]  # the validator makes it a secret
        base_url=ADDRESS,
    )
    return Bland("offers", settings, Says(), b"k" * 32)


def read(answer: Mapping[str, Any]) -> list[Item | None]:
    """Every row as it is read, None for one that is counted as unread."""
    adapter = bland()
    page = Page("calls", 0, json.dumps(answer).encode(), NOW, last=True)
    found: list[Item | None] = []
    for raw in adapter.split(page):
        try:
            found.append(adapter.decode(BATCH, page, raw))
        except ValueError:
            found.append(None)
    return found


def possible(row: Mapping[str, Any]) -> set[CallStatus]:
    """What a call may be read as, by its words."""
    status, queue = row.get("status"), row["queue_status"]
    lost = queue in {"pre_queue_error", "queue_error", "call_error"}
    if status in STATUS:
        return {CallStatus.ERROR if lost and status == "failed" else STATUS[status]}
    if lost:
        return {CallStatus.ERROR}
    if row["completed"] or queue in {"complete", "complete_error"}:
        # Without any error nothing failed; with one that names a busy line, it was that.
        return OVER if row.get("error_message") else {CallStatus.COMPLETED, CallStatus.NO_ANSWER}
    return {CallStatus.IN_PROGRESS} if queue == "started" else {CallStatus.QUEUED}


def test_no_valid_list_of_calls_loses_a_call_or_is_misread(*, proof: bool) -> None:
    def holds(answer: dict[str, Any]) -> None:
        for row, item in zip(answer["calls"], read(answer), strict=True):
            fits = 0 < len(row["call_id"]) <= 200 and row["call_id"].isprintable()
            assert (item is not None) is fits
            if item is not None:
                same_call(row, item)

    always(CONTRACT, "calls", holds, proof=proof)


def same_call(row: Mapping[str, Any], item: Item) -> None:
    assert item.contact.contact_id == row["call_id"]
    told = possible(row)
    # An end that only a lack suggests, of talk or of its length, is asked about and not taken.
    assert item.calls or told & {CallStatus.FAILED, CallStatus.COMPLETED}
    for call in item.calls:
        assert call.status in told
        assert call.ended_at is None or (call.status.terminal and call.ended_at <= NOW)


FINAL = {
    "completed": {BatchStatus.COMPLETED, BatchStatus.PARTIAL},
    "completed_partial": {BatchStatus.PARTIAL},
    "failed": {BatchStatus.FAILED},
    "complete": {BatchStatus.COMPLETED, BatchStatus.PARTIAL},
}


def test_no_valid_log_ends_a_batch_that_it_does_not_end(*, proof: bool) -> None:
    def holds(answer: dict[str, Any]) -> None:
        log = standing(read_as(LOG, json.dumps(answer).encode(), "a log").data, NOW)
        words = [word for entry in answer["data"] if (word := said(entry)) is not None]
        ends = set().union(*(FINAL.get(word, set()) for word in words))
        assert not log.status.terminal or log.status in ends
        if words and not ends:
            assert log.status in {BatchStatus.SCHEDULED, BatchStatus.RUNNING}
        assert log.at is None or isinstance(log.at, datetime)

    always(CONTRACT, "log", holds, proof=proof)


def said(entry: Mapping[str, Any]) -> str | None:
    """The status that an entry announces, its payload first."""
    change = entry.get("payload", {}).get("state_change")
    if change is not None:
        return str(change)
    return entry["event_type"] if entry["event_type"] in {"complete", "failed"} else None
