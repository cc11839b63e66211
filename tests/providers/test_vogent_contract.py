"""Answers made from what the vendor publishes: none crashes, loses a row, or is misread."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from monitor.core.model import AnsweredBy, Batch, BatchStatus, CallStatus, ContactStatus, Item
from monitor.providers import Known, LookFailed, Page
from monitor.providers.vogent import Vogent, VogentSettings
from tests.contracts import ADDRESS, Says, always, contract
from tests.loopback import NOW

CONTRACT = contract("vogent")
JOB = Batch(provider="offers", batch_id="job_1", status=BatchStatus.RUNNING, seen_at=NOW)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def vogent(answers: Mapping[str, Any] | None = None) -> Vogent:
    settings = VogentSettings(
        vendor="vogent",
        api_key="k",  # type: ignore[arg-type]  # the validator makes it a secret
        base_url=ADDRESS,
    )
    return Vogent("offers", settings, Says(answers), b"k" * 32)


def read(listing: str, answer: Mapping[str, Any]) -> list[Item | None]:
    """Every row as it is read, None for one that is counted as unread."""
    adapter = vogent()
    page = Page(listing, 0, json.dumps(answer).encode(), NOW, last=True)
    found: list[Item | None] = []
    for raw in adapter.split(page):
        try:
            found.append(adapter.decode(JOB, page, raw))
        except ValueError:
            found.append(None)
    return found


def has_id(row: Mapping[str, Any]) -> bool:
    """Whether the row's id can be kept: short, and of characters that can be shown."""
    return 0 < len(row["id"]) <= 200 and row["id"].isprintable()


FINAL = {
    "completed": CallStatus.COMPLETED,
    "failed": CallStatus.FAILED,
    "canceled": CallStatus.CANCELLED,
    "busy": CallStatus.BUSY,
    "no-answer": CallStatus.NO_ANSWER,
}
OPEN = {
    "queued": CallStatus.QUEUED,
    "ringing": CallStatus.RINGING,
    "in-progress": CallStatus.IN_PROGRESS,
}
RESULT = {
    "BUSY": CallStatus.BUSY,
    "FAILED": CallStatus.FAILED,
    "NO_ANSWER": CallStatus.NO_ANSWER,
    "CANCELLED": CallStatus.CANCELLED,
    "RATE_LIMITED": CallStatus.ERROR,
}


def expected(row: Mapping[str, Any]) -> CallStatus | None:
    """How a dial stands by its words; None for one without any."""
    status, result = row.get("status"), row.get("systemResultType")
    if status is None or not status.strip():
        return None if result is None else RESULT.get(result, CallStatus.COMPLETED)
    if status in OPEN:
        return OPEN[status]
    if status == "completed":
        return RESULT.get(result or "", CallStatus.COMPLETED)
    if status in FINAL:
        return CallStatus.ERROR if result == "RATE_LIMITED" else FINAL[status]
    return CallStatus.UNKNOWN


def test_no_valid_list_of_dials_loses_a_dial_or_is_read_as_another_status(*, proof: bool) -> None:
    def holds(answer: dict[str, Any]) -> None:
        rows = answer["data"]
        for row, item in zip(rows, read("dials", answer), strict=True):
            assert (item is not None) is has_id(row)
            if item is not None:
                same_dial(row, item)

    always(CONTRACT, "dials", holds, proof=proof)


def same_dial(row: Mapping[str, Any], item: Item) -> None:
    told = expected(row)
    assert (item.calls == ()) is (told is None)
    for call in item.calls:
        assert (call.call_id, call.status) == (row["id"], told)
        assert call.contact_id == item.contact.contact_id
        machine = row.get("systemResultType") == "VOICEMAIL_DETECTED_HANGUP"
        answered_by = AnsweredBy.VOICEMAIL if machine else None
        assert call.answered_by == (answered_by if told is CallStatus.COMPLETED else None)
        assert call.ended_at is None or EPOCH < call.ended_at <= NOW
        assert call.ended_at is None or call.status.terminal
    digits = "".join(each for each in row.get("toNumber", "") if each.isdigit())
    assert len(digits) < 8 or digits not in f"{item.contact.phone} {item.contact.area}"


def test_no_valid_queue_loses_a_row(*, proof: bool) -> None:
    def holds(answer: dict[str, Any]) -> None:
        for row, item in zip(answer["data"], read("queue", answer), strict=True):
            assert (item is not None) is has_id(row)
            if item is not None:
                assert (item.contact.status, item.calls) == (ContactStatus.PENDING, ())

    always(CONTRACT, "queue", holds, proof=proof)


JOBS = {
    "INIT": BatchStatus.SCHEDULED,
    "ACTIVE": BatchStatus.RUNNING,
    "PAUSED": BatchStatus.PAUSED,
    "COMPLETE": BatchStatus.COMPLETED,
    "CANCELLED": BatchStatus.CANCELLED,
}


def test_no_valid_list_of_jobs_loses_a_job(*, proof: bool) -> None:
    def holds(answer: dict[str, Any]) -> None:
        whole = answer | {"cursor": None}
        found = asyncio.run(
            vogent({"/batch_dial_jobs": whole}).discover(since=EPOCH, known={}, memory={})
        )
        kept = {row["id"] for row in answer["data"] if has_id(row)}
        assert {each.batch_id for each in found.sightings} == {
            each for each in kept if made_lately(answer["data"], each)
        }
        assert found.complete is all(has_id(row) for row in answer["data"])

    always(CONTRACT, "jobs", holds, proof=proof)


def made_lately(rows: list[dict[str, Any]], job_id: str) -> bool:
    """Whether a job is one to be watched: the last row of an id is what counts."""
    row = next(row for row in reversed(rows) if row["id"] == job_id)
    ended = row["status"] in {"COMPLETE", "CANCELLED"}
    return (
        not ended
        or row["createdAt"] >= "1970"
        or datetime.fromisoformat(row["createdAt"]) < datetime(2016, 5, 13, tzinfo=UTC)
    )


async def test_a_job_without_an_id_of_its_own_is_a_failed_look() -> None:
    adapter = vogent({"/batch_dial_jobs/job_1": {"id": "job_2"}})
    (found,) = [each async for each in adapter.looks([Known(batch_id="job_1")])]
    assert isinstance(found, LookFailed)


def test_each_valid_job_is_looked_at_and_read_as_what_it_says(*, proof: bool) -> None:
    def holds(job: dict[str, Any]) -> None:
        if not has_id(job):
            return
        row = job | {"id": "job_1"}
        answers = {
            "/batch_dial_jobs/job_1": row,
            "/batch_dial_jobs/job_1/queue": {"data": [{"id": "q-1"}], "cursor": None},
        }
        looks = vogent(answers).looks([Known(batch_id="job_1")])
        batch = asyncio.run(first(looks))
        assert isinstance(batch, Batch)
        assert (batch.status, batch.counts.waiting) == (JOBS[job["status"]], 1)
        assert batch.calendar is None or batch.timezone == job["schedule"]["timezone"]

    always(CONTRACT, "job", holds, proof=proof)


async def first(looks: Any) -> Any:
    found = [each async for each in looks]
    return found[0]


@pytest.mark.parametrize("number", [10**30, -1, 2**63, 2**64 + 1, 1e300], ids=str)
def test_a_number_beyond_all_measure_loses_no_dial(number: float) -> None:
    answer = {"data": [{"id": "d-1", "status": "busy", "durationSeconds": number}], "cursor": None}
    (item,) = read("dials", answer)
    assert item is not None
    assert [(call.status, call.duration_s) for call in item.calls] == [(CallStatus.BUSY, None)]
