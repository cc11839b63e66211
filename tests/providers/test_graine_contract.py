"""Answers made from what the vendor publishes: none crashes, loses a person, or is misread."""

import json
from collections.abc import Mapping
from typing import Any

from monitor.core.model import Batch, BatchStatus, CallStatus, ContactStatus, Item
from monitor.providers import Page
from monitor.providers.graine import Graine, GraineSettings
from tests.contracts import ADDRESS, Says, always, contract
from tests.loopback import NOW

CONTRACT = contract("graine")
BATCH = Batch(provider="renewals", batch_id="btc_1", status=BatchStatus.RUNNING, seen_at=NOW)

PERSON = {
    "pending": ContactStatus.PENDING,
    "dispatched": ContactStatus.DISPATCHED,
    "in_progress": ContactStatus.IN_CALL,
    "retrying": ContactStatus.RETRYING,
    "followup_scheduled": ContactStatus.FOLLOW_UP,
    "completed": ContactStatus.COMPLETED,
    "failed": ContactStatus.FAILED,
    "busy": ContactStatus.BUSY,
    "no_answer": ContactStatus.NO_ANSWER,
    "skipped": ContactStatus.SKIPPED,
    "max_retries_reached": ContactStatus.EXHAUSTED,
}
CALL = {
    "completed": CallStatus.COMPLETED,
    "no-answer": CallStatus.NO_ANSWER,
    "busy": CallStatus.BUSY,
    "failed": CallStatus.FAILED,
    "canceled": CallStatus.CANCELLED,
}


def graine() -> Graine:
    settings = GraineSettings(
        vendor="graine",
        api_key="k",  # type: ignore[arg-type]  # the validator makes it a secret
        base_url=ADDRESS,
    )
    return Graine("renewals", settings, Says(), b"k" * 32)


def read(answer: list[Any]) -> list[Item | None]:
    """Every row as it is read, None for one that is counted as unread."""
    adapter = graine()
    page = Page("contacts", 0, json.dumps(answer).encode(), NOW, last=True)
    found: list[Item | None] = []
    for raw in adapter.split(page):
        try:
            found.append(adapter.decode(BATCH, page, raw))
        except ValueError:
            found.append(None)
    return found


def fits(identity: str) -> bool:
    return 0 < len(identity) <= 200 and identity.isprintable()


def records(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every record of a call that a row holds, the one under way last."""
    current = row.get("current_call")
    return [*row.get("call_records", []), *([current] if current else [])]


def test_no_valid_list_of_people_loses_anybody_or_is_misread(*, proof: bool) -> None:
    def holds(answer: list[Any]) -> None:
        for row, item in zip(answer, read(answer), strict=True):
            ids = {each["execution_id"] for each in records(row)}
            assert (item is not None) is (fits(row["contact_id"]) and all(map(fits, ids)))
            if item is not None:
                same_person(row, item, ids)

    always(CONTRACT, "people", holds, proof=proof)


def same_person(row: Mapping[str, Any], item: Item, ids: set[str]) -> None:
    contact, calls = item
    assert (contact.contact_id, contact.status) == (row["contact_id"], PERSON[row["status"]])
    assert {call.call_id for call in calls} == ids
    assert len(calls) == len(ids)
    for call in calls:
        told = {
            each["call_status"] for each in records(row) if each["execution_id"] == call.call_id
        }
        assert call.status in {status for word in told for status in possible(word)}
        assert call.ended_at is None or call.ended_at <= NOW


def possible(word: str) -> set[CallStatus]:
    """What a word may be read as: one that ends no call in the reference never ends one."""
    if word in CALL:
        return {CALL[word]}
    spelt = (
        word.strip().lower().replace("_", "-").replace(" ", "-").replace("cancelled", "canceled")
    )
    if spelt in CALL:
        return {CALL[spelt]}
    return {each for each in CallStatus if not each.terminal}
