"""Answers made from what ElevenLabs publishes: none crashes, loses a row, or is misread."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.core.model import Batch, BatchStatus, CallStatus, ContactStatus, Item
from monitor.providers import Discovery, Page
from monitor.providers.http_json import HttpJson
from tests.contracts import ADDRESS, Says, always, contract
from tests.loopback import NOW
from tests.providers.test_http_json_elevenlabs import shipped

CONTRACT = contract("http_json")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SETTINGS = shipped().model_copy(update={"base_url": ADDRESS})
BATCH = Batch(provider="survey", batch_id="b", status=BatchStatus.RUNNING, seen_at=NOW)
STATUS = {
    "pending": BatchStatus.SCHEDULED,
    "in_progress": BatchStatus.RUNNING,
    "completed": BatchStatus.COMPLETED,
    "failed": BatchStatus.FAILED,
    "cancelled": BatchStatus.CANCELLED,
}
ENDED = {"completed", "failed", "cancelled", "voicemail"}


def elevenlabs(answers: dict[str, Any] | None = None) -> HttpJson:
    return HttpJson("survey", SETTINGS, Says(answers), b"k" * 32)


def readable(text: Any) -> bool:
    return isinstance(text, str) and 0 < len(text) <= 200 and text.isprintable()


def test_no_valid_list_loses_a_batch_or_is_read_as_another_status(*, proof: bool) -> None:
    async def discovered(answer: dict[str, Any]) -> Discovery:
        path = "/v1/convai/batch-calling/workspace?limit=100"
        return await elevenlabs({path: answer}).discover(since=EPOCH, known={}, memory={})

    def holds(answer: dict[str, Any]) -> None:
        found = asyncio.run(discovered(answer))
        rows = {row["id"]: row for row in answer["batch_calls"] if readable(row["id"])}
        shown = {each.batch_id: each.look for each in found.sightings}
        lately = {key for key, row in rows.items() if _created(row) is not None}
        assert lately <= set(shown) <= set(rows)
        assert found.complete is all(readable(row["id"]) for row in answer["batch_calls"])
        for key, look in shown.items():
            assert look is not None
            assert look.status is STATUS[rows[key]["status"]]
            assert look.created_at == _created(rows[key])

    always(CONTRACT, "list", holds, proof=proof)


def _created(row: dict[str, Any]) -> datetime | None:
    try:
        at = EPOCH + timedelta(seconds=row["created_at_unix"])
    except OverflowError:
        return None
    return at if at > EPOCH and abs(at - NOW) < timedelta(days=3653) else None


def test_no_valid_answer_loses_a_recipient_or_is_read_as_another_status(*, proof: bool) -> None:
    def holds(answer: dict[str, Any]) -> None:
        adapter = elevenlabs()
        page = Page("items", 0, json.dumps(answer).encode(), NOW, last=True)
        raws = adapter.split(page)
        for row, raw in zip(answer["recipients"], raws, strict=True):
            try:
                item = adapter.decode(BATCH, page, raw)
            except ValueError:
                assert not (readable(row["id"]) and readable(row["conversation_id"] or "x"))
                continue
            same_recipient(row, item)

    always(CONTRACT, "people", holds, proof=proof)


def same_recipient(row: dict[str, Any], item: Item) -> None:
    status = item.contact.status
    assert (item.contact.contact_id == row["id"]) or item.contact.phone_hash is not None
    assert status is not ContactStatus.UNKNOWN
    assert (status is ContactStatus.VOICEMAIL) is (row["status"] == "voicemail")
    assert (status is ContactStatus.COMPLETED) is (row["status"] == "completed")
    assert bool(item.calls) is bool(row["conversation_id"] or row["status"] in ENDED)
    for call in item.calls:
        assert call.status.terminal is (row["status"] in ENDED)
        assert call.status is not CallStatus.UNKNOWN
        assert (call.ended_at, call.cost_micros) == (None, None)
