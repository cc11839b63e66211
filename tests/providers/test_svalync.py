import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.core.completion import disagreements, still_live, unwitnessed
from monitor.core.model import (
    Batch,
    BatchStatus,
    Call,
    CallStatus,
    Contact,
    ContactStatus,
    Counts,
    Item,
    Sentiment,
)
from monitor.errors import NotFoundError, ProviderError
from monitor.http import HttpClient
from monitor.providers import Known, LookFailed, Page
from monitor.providers.facts import Proof, Scheme
from monitor.providers.svalync import Svalync, SvalyncSettings
from tests.loopback import NOW, Loopback, Reply, StillClock, serving

DOCUMENTED = (Path(__file__).parents[1] / "fixtures" / "svalync" / "documented.json").read_bytes()
ID = "batch_xyz789"
KEY = "sv_verysecret"


def call(number: int, status: str = "completed", **fields: Any) -> dict[str, Any]:
    return {"id": f"call_{number}", "status": status, "duration": 60, "cost": "0.25"} | fields


def result(*calls: dict[str, Any], status: Any = "in-progress", **fields: Any) -> dict[str, Any]:
    counted = {
        "total_calls": len(calls),
        "completed": sum(each["status"] == "completed" for each in calls),
        "failed": sum(each["status"] == "failed" for each in calls),
        "in_progress": sum(each["status"] == "in-progress" for each in calls),
    }
    batch = {"id": ID, "status": status, "statistics": counted, "calls": list(calls)}
    return {"batch": batch | fields}


@asynccontextmanager
async def asking(
    answer: Any, at: str = "/node", **table: Any
) -> AsyncIterator[tuple[Svalync, Loopback]]:
    http = HttpClient(StillClock())
    try:
        async with serving(lambda _: answer) as server:
            given = {"vendor": "svalync", "url": server.url + at, "batches": [ID]} | table
            yield Svalync("flows", settings(**given), http), server
    finally:
        await http.aclose()


def settings(**table: Any) -> SvalyncSettings:
    return SvalyncSettings.model_validate_json(json.dumps(table), strict=True)


async def looked(svalync: Svalync, batch_id: str = ID) -> Batch:
    (found,) = [each async for each in svalync.looks([Known(batch_id=batch_id)])]
    if isinstance(found, LookFailed):
        raise found.error
    return found


async def page_of(svalync: Svalync, batch: Batch) -> Page:
    (page,) = [each async for each in svalync.sweep(batch)]
    return page


async def items(svalync: Svalync, batch: Batch) -> list[Item]:
    page = await page_of(svalync, batch)
    return [svalync.decode(batch, page, raw) for raw in svalync.split(page)]


async def item(**row: Any) -> Item:
    async with asking(result(call(1, **row))) as (svalync, _):
        (found,) = await items(svalync, await looked(svalync))
    return found


# The documented example


async def test_the_documented_example_is_read_exactly() -> None:
    later = NOW.replace(year=2026)
    async with asking(Reply(DOCUMENTED)) as (svalync, _):
        batch = await looked(svalync)
        (only,) = await items(svalync, batch)
    assert batch == Batch(
        provider="flows",
        batch_id=ID,
        status=BatchStatus.COMPLETED,
        seen_at=later,
        counts=Counts(total=100, finished=98, succeeded=95, failed=3, live=2, unaccounted=0),
        created_at=datetime(2024, 1, 1, 12, 0, tzinfo=UTC),
        ended_at=datetime(2024, 1, 1, 12, 30, tzinfo=UTC),
    )
    assert only == Item(
        Contact("call_abc123", ContactStatus.COMPLETED, seen_at=NOW),
        (
            Call(
                call_id="call_abc123",
                contact_id="call_abc123",
                status=CallStatus.COMPLETED,
                duration_s=125.0,
                seen_at=NOW,
                cost_micros=500_000,
                currency="USD",
                cost_estimated=True,
                sentiment=Sentiment.POSITIVE,
                detail_at=NOW,
            ),
        ),
    )


async def test_completed_with_two_calls_in_progress_is_not_yet_a_completion() -> None:
    async with asking(Reply(DOCUMENTED)) as (svalync, _):
        batch = await looked(svalync)
    tally = {"contacts": 100, "calls": 100, "call.completed": 100}
    assert batch.status is BatchStatus.COMPLETED
    assert still_live(batch, tally) == "2 lines still open"
    assert [each.what for each in disagreements(batch, tally, svalync.capabilities)] == [
        "people in a call"
    ]


async def test_it_is_one_once_the_counts_have_caught_up() -> None:
    rows = [call(1), call(2, "failed")]
    async with asking(result(*rows, status="completed")) as (svalync, _):
        batch = await looked(svalync)
    tally = {"contacts": 2, "calls": 2, "call.completed": 1, "call.failed": 1}
    assert still_live(batch, tally) is None
    assert disagreements(batch, tally, svalync.capabilities) == ()


# Where the result comes from


async def test_the_batch_is_asked_for_by_a_parameter() -> None:
    async with asking(result(call(1)), api_key=KEY) as (svalync, server):
        await looked(svalync)
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.params) == ("GET", "/node", {"batch_id": ID})
    assert asked.headers["x-api-key"] == KEY


async def test_a_parameter_joins_those_of_the_address() -> None:
    async with asking(result(), at="/run?id=7") as (svalync, server):
        await looked(svalync)
    assert server.asked[0].params == {"id": "7", "batch_id": ID}
    assert "x-api-key" not in server.asked[0].headers


@pytest.mark.parametrize("at", ["/of/{batch_id}/result", "/of?b={batch_id}"])
async def test_the_batch_is_filled_into_the_address(at: str) -> None:
    odd = "a/b?c&d"
    async with asking(result(id=odd), at=at, batches=[odd]) as (svalync, server):
        assert (await looked(svalync, odd)).batch_id == odd
    (asked,) = server.asked
    assert (asked.path, asked.params) in [(f"/of/{odd}/result", {}), ("/of", {"b": odd})]


async def test_a_post_carries_the_input_of_the_node() -> None:
    chosen = {
        "status": ["completed", "no-answer"],
        "duration": {"min": 30, "max": 300},
        "cost": {"min": "0.10"},
        "sentiment": {"min_positive": 0.7},
        "date_range": {"start": "2026-01-01T00:00:00Z"},
    }
    async with asking(result(), method="POST", filter=chosen) as (svalync, server):
        await looked(svalync)
    (asked,) = server.asked
    assert (asked.method, asked.params) == ("POST", {})
    assert json.loads(asked.body) == {
        "batch_id": ID,
        "include_analytics": False,
        "include_transcripts": False,
        "filter": chosen,
    }


async def test_without_a_filter_none_is_sent() -> None:
    async with asking(result(), method="POST") as (svalync, server):
        await looked(svalync)
    assert "filter" not in json.loads(server.asked[0].body)


async def test_the_run_of_a_workflow_may_hold_the_batch_among_its_nodes() -> None:
    responses = [{"ok": True}, result(call(9), id="another"), result(call(1)), None]
    run = [{"nodeId": "n", "input": {}, "response": each} for each in responses]
    async with asking(Reply(run)) as (svalync, _):
        (only,) = await items(svalync, await looked(svalync))
    assert only.contact.contact_id == "call_1"


async def test_one_answer_serves_the_look_and_its_list() -> None:
    async with asking(result(call(1), call(2))) as (svalync, server):
        batch = await looked(svalync)
        assert len(await items(svalync, batch)) == 2
        assert len(server.asked) == 1
        assert len(await items(svalync, batch)) == 2
        assert len(server.asked) == 2


async def test_nothing_lists_batches_and_nothing_is_missing_from_that() -> None:
    async with asking(result()) as (svalync, server):
        found = await svalync.discover(since=NOW, known={}, memory={})
        assert await svalync.state() is None
    assert (found.sightings, found.complete, server.asked) == ((), True, [])
    assert not svalync.capabilities.discovery


async def test_a_check_reads_the_first_batch() -> None:
    async with asking(result(call(1))) as (svalync, _):
        assert await svalync.check() == f"the result of {ID} can be read: running"
        await svalync.close()


# What an answer means


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        pytest.param(Reply(b""), "garbage", id="empty"),
        pytest.param(Reply(b"<html>"), "garbage", id="a-web-page"),
        pytest.param(Reply(DOCUMENTED[:300]), "garbage", id="broken-off"),
        pytest.param({"error": "Batch not found"}, "garbage", id="an-error-with-200"),
        pytest.param(Reply([]), "garbage", id="no-nodes"),
        pytest.param(Reply([{"response": {}}]), "garbage", id="no-batch-in-the-nodes"),
        pytest.param({"batch": None}, "garbage", id="null"),
        pytest.param({"batch": {"status": "completed"}}, "garbage", id="no-id"),
        pytest.param({"batch": {"id": "other"}}, "garbage", id="another-batch"),
        pytest.param(Reply({}, 404), "not_found", id="404"),
        pytest.param(Reply({}, 429, {"retry-after": "7"}), "rate_limited", id="429"),
        pytest.param(Reply({}, 401), "auth", id="401"),
        pytest.param(Reply({}, 302, {"location": "http://127.0.0.1:9/"}), "contract", id="302"),
    ],
)
async def test_a_failed_read_is_no_conclusion(said: Any, kind: str) -> None:
    async with asking(said, api_key=KEY) as (svalync, _):
        with pytest.raises(ProviderError) as caught:
            await looked(svalync)
    assert caught.value.kind == kind
    assert isinstance(caught.value, NotFoundError) is (kind == "not_found")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "status", "raw"),
    [
        ("completed", BatchStatus.COMPLETED, None),
        ("COMPLETED", BatchStatus.COMPLETED, None),
        ("in-progress", BatchStatus.RUNNING, None),
        ("canceled", BatchStatus.CANCELLED, None),
        ("failed", BatchStatus.FAILED, None),
        ("done-ish 12345678", BatchStatus.UNKNOWN, "done-ish #"),
        (None, BatchStatus.UNKNOWN, None),
        (7, BatchStatus.UNKNOWN, None),
    ],
)
async def test_a_status_is_known_or_kept_raw(
    said: Any, status: BatchStatus, raw: str | None
) -> None:
    async with asking(result(status=said)) as (svalync, _):
        batch = await looked(svalync)
    assert (batch.status, batch.raw_status) == (status, raw)


@pytest.mark.parametrize(
    ("said", "status", "person"),
    [
        ("queued", CallStatus.QUEUED, ContactStatus.PENDING),
        ("ringing", CallStatus.RINGING, ContactStatus.IN_CALL),
        ("in-progress", CallStatus.IN_PROGRESS, ContactStatus.IN_CALL),
        ("in_progress", CallStatus.IN_PROGRESS, ContactStatus.IN_CALL),
        ("completed", CallStatus.COMPLETED, ContactStatus.COMPLETED),
        ("failed", CallStatus.FAILED, ContactStatus.FAILED),
        ("busy", CallStatus.BUSY, ContactStatus.BUSY),
        ("no-answer", CallStatus.NO_ANSWER, ContactStatus.NO_ANSWER),
        ("no_answer", CallStatus.NO_ANSWER, ContactStatus.NO_ANSWER),
        ("canceled", CallStatus.CANCELLED, ContactStatus.SKIPPED),
        ("abducted", CallStatus.UNKNOWN, ContactStatus.UNKNOWN),
    ],
)
async def test_a_call_is_one_person(said: str, status: CallStatus, person: ContactStatus) -> None:
    found = await item(status=said)
    assert (found.calls[0].status, found.contact.status) == (status, person)
    unknown = said if status is CallStatus.UNKNOWN else None
    assert found.calls[0].raw_status == found.contact.raw_status == unknown


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({"positive": 0.8, "neutral": 0.2}, Sentiment.POSITIVE),
        ({"positive": 0.1, "neutral": 0.2, "negative": 0.7}, Sentiment.NEGATIVE),
        ({"negative": 0.6}, Sentiment.NEGATIVE),
        pytest.param({"positive": 0.4}, None, id="what is missing may be more"),
        pytest.param({"positive": 0.4, "neutral": 0.1}, None, id="or may be"),
        pytest.param({"positive": 0.5, "negative": 0.5}, None, id="even"),
        pytest.param({"positive": 0, "neutral": 0, "negative": 0}, None, id="nothing"),
        pytest.param({"positive": 80, "neutral": 20}, None, id="no shares"),
        pytest.param({"positive": "much"}, None, id="no number"),
        pytest.param({}, None, id="empty"),
        pytest.param(["positive"], None, id="a list"),
    ],
)
async def test_sentiment_is_the_share_that_is_surely_largest(
    shares: Any, expected: Sentiment | None
) -> None:
    found = await item(analytics={"sentiment": shares})
    assert found.calls[0].sentiment is expected


async def test_an_amount_has_the_currency_of_the_rates() -> None:
    rates = {"minute": "0.10 INR"}
    async with asking(result(call(1), call(2, cost=None)), rates=rates) as (svalync, _):
        told, missing = await items(svalync, await looked(svalync))
    assert (told.calls[0].cost_micros, told.calls[0].currency) == (250_000, "INR")
    assert told.calls[0].cost_estimated is False
    assert missing.calls[0].cost_micros is None


@pytest.mark.parametrize("row", [{"id": None}, {"id": ""}, {"id": {}}])
async def test_a_call_without_an_id_is_unread(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="id is missing"):
        await item(**row)


async def test_odd_values_leave_the_rest_of_a_call() -> None:
    found = await item(duration="soon", cost="a lot", analytics=3, extra={"a": [1]})
    assert found.calls[0].status is CallStatus.COMPLETED
    assert (found.calls[0].duration_s, found.calls[0].cost_micros) == (None, None)


async def test_a_batch_without_calls_is_empty_only_where_it_counts_none() -> None:
    async with asking(result(calls=None)) as (svalync, _):
        assert await items(svalync, await looked(svalync)) == []
    async with asking(result(call(1), calls=None)) as (svalync, _):
        batch = await looked(svalync)
        with pytest.raises(ProviderError, match="no calls in it"):
            await items(svalync, batch)


async def test_statistics_of_another_shape_count_nothing() -> None:
    async with asking(result(statistics=[1, 2])) as (svalync, _):
        assert (await looked(svalync)).counts == Counts()


async def test_with_a_filter_no_count_is_held_against_the_list() -> None:
    answer = result(call(1), status="completed", statistics={"total_calls": 50, "in_progress": 0})
    async with asking(answer, filter={"status": ["completed"]}) as (svalync, _):
        batch = await looked(svalync)
        await items(svalync, batch)
    tally = {"contacts": 1, "calls": 1, "call.completed": 1}
    assert batch.counts.total is None
    assert disagreements(batch, tally, svalync.capabilities) == ()
    assert list(unwitnessed(batch, tally, svalync.capabilities)) == [
        "the vendor does not say whether its own counts add up"
    ]
    assert "calls that the filter leaves out" in svalync.capabilities.blind_to


@pytest.mark.parametrize(
    ("told", "chosen", "says"),
    [
        pytest.param({}, ["completed"], None, id="they add up"),
        pytest.param({"total_calls": 100}, ["completed"], "differ by 47 calls", id="left out"),
        pytest.param({"total_calls": 100}, None, "differ by 47 calls", id="more than are listed"),
        pytest.param({"total_calls": 55}, None, None, id="those listed as busy"),
        pytest.param(
            {"total_calls": 55}, ["busy"], "differ by 2 calls", id="more may be on no list"
        ),
        pytest.param({"total_calls": 50}, ["completed"], "differ by 3 calls", id="too many"),
        pytest.param({"in_progress": None}, ["busy"], "does not say", id="one is missing"),
    ],
)
async def test_the_statistics_of_an_end_must_add_up_filter_or_not(
    told: dict[str, Any], chosen: list[str] | None, says: str | None
) -> None:
    counted = {"total_calls": 53, "completed": 50, "failed": 3, "in_progress": 0} | told
    answer = result(call(1), status="completed", statistics=counted)
    table: dict[str, Any] = {} if chosen is None else {"filter": {"status": chosen}}
    async with asking(answer, **table) as (svalync, _):
        batch = await looked(svalync)
    tally = {"contacts": 55, "calls": 55, "call.completed": 50, "call.failed": 3, "call.busy": 2}
    doubts = "; ".join(unwitnessed(batch, tally, svalync.capabilities))
    assert (says or "") in doubts
    assert bool(doubts) is bool(says)


async def test_an_end_without_statistics_is_not_borne_out() -> None:
    async with asking(result(call(1), status="completed", statistics=None)) as (svalync, _):
        batch = await looked(svalync)
    tally = {"contacts": 1, "calls": 1, "call.completed": 1}
    assert list(unwitnessed(batch, tally, svalync.capabilities)) == [
        "the vendor does not say how many people there are",
        "the vendor does not say how many people are in a call",
        "the vendor does not say whether its own counts add up",
    ]


async def test_while_it_runs_the_statistics_need_not_add_up() -> None:
    counted = {"total_calls": 100, "completed": 50, "failed": 3, "in_progress": 2}
    async with asking(result(call(1), statistics=counted)) as (svalync, _):
        assert (await looked(svalync)).counts.unaccounted is None


# Files


def reading(path: Path, *batches: str, now: datetime = NOW, **table: Any) -> Svalync:
    given = {"vendor": "svalync", "path": str(path), "batches": batches or [ID]} | table
    http = HttpClient(StillClock())
    return Svalync("flows", settings(**given), http, StillClock(now))


def write(path: Path, body: Any, at: datetime = NOW) -> Path:
    path.write_bytes(body if isinstance(body, bytes) else json.dumps(body).encode())
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


async def test_a_file_tells_of_a_batch_as_of_when_it_was_written(tmp_path: Path) -> None:
    written = NOW - timedelta(minutes=3)
    svalync = reading(write(tmp_path / "result.json", result(call(1)), written))
    batch = await looked(svalync)
    assert batch.seen_at == written
    assert [each.calls[0].seen_at for each in await items(svalync, batch)] == [written]


async def test_an_end_stands_however_long_ago_it_was_written(tmp_path: Path) -> None:
    body = result(call(1), status="completed")
    svalync = reading(write(tmp_path / "r.json", body, NOW - timedelta(days=2)))
    assert (await looked(svalync)).seen_at == NOW


@pytest.mark.parametrize(
    ("age", "now"),
    [
        pytest.param(timedelta(0), False, id="just written"),
        pytest.param(timedelta(minutes=2, seconds=29), False, id="may be written again"),
        pytest.param(timedelta(minutes=2, seconds=30), True, id="is written no more"),
    ],
)
async def test_the_same_bytes_are_no_second_look_at_an_end(
    tmp_path: Path, age: timedelta, *, now: bool
) -> None:
    written = NOW - age
    path = write(tmp_path / "r.json", result(call(1), status="completed"), written)
    assert (await looked(reading(path))).seen_at == (NOW if now else written)


async def test_an_end_that_is_written_again_is_seen_again(tmp_path: Path) -> None:
    body, path = result(call(1), status="completed"), tmp_path / "r.json"
    svalync = reading(write(path, body, NOW - timedelta(seconds=40)))
    first = await looked(svalync)
    write(path, body, NOW - timedelta(seconds=10))
    assert (await looked(svalync)).seen_at - first.seen_at == timedelta(seconds=30)


async def test_a_file_is_never_from_the_future(tmp_path: Path) -> None:
    svalync = reading(write(tmp_path / "r.json", result(), NOW + timedelta(hours=1)))
    assert (await looked(svalync)).seen_at == NOW


async def test_a_directory_has_one_file_a_batch(tmp_path: Path) -> None:
    write(tmp_path / f"{ID}.json", result(call(1)))
    write(tmp_path / "two.json", result(call(2), id="two"))
    svalync = reading(tmp_path, ID, "two")
    found = [await items(svalync, await looked(svalync, each)) for each in (ID, "two")]
    assert [each[0].contact.contact_id for each in found] == ["call_1", "call_2"]


async def test_a_file_of_any_name_is_found_by_the_id_in_it_the_newest_first(
    tmp_path: Path,
) -> None:
    write(tmp_path / "out-1.json", result(call(1)), NOW - timedelta(hours=1))
    write(tmp_path / "out-2.json", result(call(2)), NOW - timedelta(minutes=1))
    write(tmp_path / "out-3.json", result(call(3), id="another"))
    write(tmp_path / "out-4.txt", b"no result")
    svalync = reading(tmp_path)
    (only,) = await items(svalync, await looked(svalync))
    assert only.contact.contact_id == "call_2"


@pytest.mark.parametrize("name", [f"{ID}.json", "any.json"])
@pytest.mark.parametrize("size", [0, 1, 200, 700])
async def test_a_half_written_file_is_a_failed_read(tmp_path: Path, name: str, size: int) -> None:
    svalync = reading(tmp_path)
    write(tmp_path / name, DOCUMENTED[:size])
    with pytest.raises(ProviderError) as caught:
        await looked(svalync)
    assert caught.value.kind == "garbage"
    write(tmp_path / name, DOCUMENTED)
    assert (await looked(svalync)).status is BatchStatus.COMPLETED


@pytest.mark.parametrize("odd", ["../r", "/r", "a/b", "nul\0l", "."])
async def test_an_id_is_no_way_out_of_the_directory(tmp_path: Path, odd: str) -> None:
    inside = tmp_path / "results"
    inside.mkdir()
    write(tmp_path / "r.json", result(id=odd))
    with pytest.raises(ProviderError) as caught:
        await looked(reading(inside, odd), odd)
    assert caught.value.kind == "missing"


@pytest.mark.parametrize("name", ["none.json", "none"])
async def test_a_missing_file_is_a_failure_and_not_a_vanished_batch(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(ProviderError, match="cannot be read: No such file") as caught:
        await looked(reading(tmp_path / name))
    assert not isinstance(caught.value, NotFoundError)


async def test_a_directory_without_the_batch_says_so(tmp_path: Path) -> None:
    write(tmp_path / "two.json", result(id="two"))
    with pytest.raises(ProviderError, match="tells of this batch yet"):
        await looked(reading(tmp_path))
    with pytest.raises(ProviderError, match=r"two\.json tells nothing of this batch"):
        await looked(reading(tmp_path / "two.json"))


async def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    old = NOW - timedelta(minutes=1)
    path = write(tmp_path / "r.json", result(call(1)), old)
    svalync = reading(path)
    first = await looked(svalync)
    path.write_bytes(b"x" * path.stat().st_size)  # same size, same time: taken as unchanged
    os.utime(path, (old.timestamp(), old.timestamp()))
    assert await looked(svalync) == first


async def test_a_file_written_a_moment_ago_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "r.json", result(call(1, "queued"), call(2, "ringing ")))
    svalync = reading(path)
    await looked(svalync)
    write(path, result(call(1, "failed"), call(2, "completed")))
    found = await items(svalync, await looked(svalync))
    assert [each.calls[0].status for each in found] == [CallStatus.FAILED, CallStatus.COMPLETED]


# Configuration


@pytest.mark.parametrize(
    ("table", "words"),
    [
        pytest.param({}, "exactly one of url and path", id="no source"),
        pytest.param({"url": "https://a.example/x", "path": "r"}, "exactly one", id="two sources"),
        pytest.param({"path": "r", "method": "POST"}, "are for url", id="post to a file"),
        pytest.param({"path": "r", "api_key": "k"}, "are for url", id="key for a file"),
        pytest.param({"path": ""}, "a file or a directory", id="empty path"),
        pytest.param({"url": "http://a.example/x"}, "only for loopback", id="plain http"),
        pytest.param({"url": "https://{batch_id}.example/"}, "after the host", id="in the host"),
        pytest.param({"url": "https://a.example/{id}"}, "no other braces", id="other braces"),
        pytest.param({"url": "https://a.example/?a=b c"}, "no blanks", id="blank"),
        pytest.param({"url": "https://a.example/", "batches": []}, "batches", id="no batches"),
        pytest.param(
            {"path": "r", "filter": {"status": ["complete"]}}, "filter.status", id="no such word"
        ),
        pytest.param({"path": "r", "filter": {"stat": []}}, "filter.stat", id="misspelt"),
        pytest.param(
            {"path": "r", "filter": {"duration": {"min": 9, "max": 1}}}, "above max", id="order"
        ),
        pytest.param(
            {"path": "r", "filter": {"cost": {"min": "2", "max": "1.5"}}}, "above max", id="cost"
        ),
        pytest.param({"path": "r", "filter": {"cost": {"min": "x"}}}, "filter.cost", id="amount"),
        pytest.param(
            {"path": "r", "filter": {"date_range": {"start": "2026-01-01T00:00:00"}}},
            "with its zone",
            id="naive",
        ),
        pytest.param(
            {
                "path": "r",
                "filter": {
                    "date_range": {
                        "start": "2026-01-02T00:00:00Z",
                        "end": "2026-01-01T00:00:00Z",
                    }
                },
            },
            "after end",
            id="backwards",
        ),
    ],
)
def test_a_table_with_a_mistake_is_refused(table: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError) as caught:
        settings(**({"vendor": "svalync", "batches": [ID]} | table))
    assert words in str(caught.value)


def test_a_relative_path_starts_at_the_configuration(tmp_path: Path) -> None:
    table = json.dumps({"vendor": "svalync", "path": "out", "batches": [ID]})
    made = SvalyncSettings.model_validate_json(table, context={"directory": str(tmp_path)})
    assert made.path == tmp_path / "out"


def test_whatever_is_sent_is_a_hint_and_needs_a_secret_in_its_path() -> None:
    webhooks = Svalync.facts.webhooks
    assert webhooks is not None
    assert webhooks.scheme is Scheme.SECRET_PATH
    assert "batch.completed" in {event.name for event in webhooks.events}
    assert {event.proves for event in webhooks.events} == {Proof.HINT}
