import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.core.model import Batch, BatchStatus, CallStatus, Counts, Item, Outcome
from monitor.errors import NotFoundError, ProviderError
from monitor.http import HttpClient
from monitor.providers import Known, LookFailed, Page, Stop
from monitor.providers.bland import Bland, BlandSettings
from tests.loopback import NOW, Asked, Loopback, Reply, StillClock, serving

KEY = "sk_verysecret"
V2 = "8f0e2d1c-0000-4000-8000-000000000001"
V1 = "AAcQq8zXxLB56LWg-gen-batch"
UNAUTHORIZED = {"data": None, "errors": [{"error": "AUTH_FAILURE", "message": "Unauthorized"}]}


def call_row(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "call_id": f"c-{number}",
        "batch_id": V2,
        "to": f"+1212555{number:04}",
        "from": "+17473423273",
        "completed": True,
        "queue_status": "complete",
        "call_length": 1.0,
        "created_at": "2026-05-10T10:00:00.123Z",
        "error_message": None,
    } | fields


class Vendor:
    """Bland's documented answers of both generations."""

    def __init__(self) -> None:
        self.batches: dict[str, dict[str, Any]] = {}
        self.logs: dict[str, list[Any]] = {}
        self.calls: dict[str, list[dict[str, Any]]] = {}
        self.details: dict[str, Any] = {}
        self.v1: dict[str, dict[str, Any]] = {}
        self.broken: dict[str, Any] = {}
        self.balance: Any = 12.345
        self.clamp = 1000
        self.without_total = False
        self.sorts = True
        self.rows_broken = False
        self.changed: list[dict[str, Any]] = []  # last
        self.missing: Any = Reply(UNAUTHORIZED | {"errors": [{"error": "NOT_FOUND"}]}, 404)

    def v2_batch(self, batch_id: str = V2, calls: int = 3, hours: float = 1.0) -> str:
        at = (NOW - timedelta(hours=hours)).isoformat()
        self.batches[batch_id] = {"id": batch_id, "description": "May offers", "created_at": at}
        self.calls[batch_id] = [call_row(number) for number in range(calls)]
        self.logs[batch_id] = []
        if batch_id == V2:
            self.log("Requested: 52. Validated: 50. Dispatched: 50.", state_change="in_progress")
        return batch_id

    def log(self, message: str | None = None, event: str = "lifecycle", **payload: Any) -> None:
        at = (NOW - timedelta(minutes=50 - len(self.logs[V2]))).isoformat()
        payload["message"] = message
        self.logs[V2].insert(0, {"event_type": event, "timestamp": at, "payload": payload})

    def answer(self, asked: Asked) -> Any:
        if asked.headers.get("authorization") != KEY:
            return Reply(UNAUTHORIZED, 401)
        if asked.path in self.broken:
            return self.broken[asked.path]
        found = self._found(asked, asked.path.strip("/").split("/"))
        return self.missing if found is None else found

    def _found(self, asked: Asked, path: list[str]) -> Any:
        found: Any = None
        match path:
            case ["v2", "batches", "list"]:
                found = {"data": self._list(asked), "errors": None}
            case ["v2", "batches", batch_id] if batch_id in self.batches:
                found = {"data": self.batches[batch_id], "errors": None}
            case ["v2", "batches", batch_id, "logs"] if batch_id in self.logs:
                log = self.logs[batch_id][: int(asked.params["take"])]
                found = {"data": log, "errors": None}
            case ["v1", "batches", batch_id] if batch_id in self.v1:
                found = self._v1(asked, self.v1[batch_id])
            case ["v1", "calls"] if self.rows_broken and "sort_by" in asked.params:
                found = Reply(b"no", 500)
            case ["v1", "calls"]:
                found = self._calls(asked)
            case ["v1", "calls", call_id]:
                found = self.details.get(call_id)
            case ["v1", "me"]:
                found = {"status": "active", "billing": {"current_balance": self.balance}}
        return found

    def _list(self, asked: Asked) -> list[Any]:
        rows = sorted(self.batches.values(), key=lambda row: str(row["created_at"]), reverse=True)
        skip, take = int(asked.params["skip"]), int(asked.params["take"])
        return rows[skip : skip + take]

    def _v1(self, asked: Asked, whole: dict[str, Any]) -> dict[str, Any]:
        left_out = set()
        if asked.params.get("include_calls") == "false":
            left_out.add("call_data")
        if asked.params.get("include_analysis") == "false":
            left_out.add("analysis")
        assert asked.params["include_transcripts"] == "false"
        return {key: value for key, value in whole.items() if key not in left_out}

    def _calls(self, asked: Asked) -> dict[str, Any]:
        rows = self.calls.get(asked.params["batch_id"], [])
        if "completed" in asked.params:
            rows = [row for row in rows if row["completed"]]
        start = int(asked.params.get("from", 0))
        end = min(
            int(asked.params.get("to", len(rows))),
            start + min(int(asked.params["limit"]), self.clamp),
        )
        total = {} if self.without_total else {"total_count": len(rows)}
        if asked.params.get("sort_by") == "updated_at" and self.sorts:
            rows = [row for row in self.changed if row in rows] + rows
        page = rows[start:end]
        return {"status": "success", "count": len(page), "calls": page} | total


@asynccontextmanager
async def watching(vendor: Vendor, key: str = KEY) -> AsyncIterator[tuple[Bland, Loopback]]:
    http = HttpClient(StillClock())
    async with serving(vendor.answer) as server:
        settings = BlandSettings(vendor="bland", api_key=key, base_url=server.url)  # type: ignore[arg-type]  # the validator makes it a secret
        yield Bland("offers", settings, http, b"k" * 32), server
    await http.aclose()


async def looked(bland: Bland, *known: Known) -> list[Batch | LookFailed]:
    return [found async for found in bland.looks(known)]


async def look(vendor: Vendor, batch_id: str = V2, before: Batch | None = None) -> Batch:
    async with watching(vendor) as (bland, _):
        (found,) = await looked(bland, Known(batch_id=batch_id, look=before))
    assert isinstance(found, Batch), found
    return found


async def failed_look(vendor: Vendor, batch_id: str = V2) -> ProviderError:
    async with watching(vendor) as (bland, _):
        (found,) = await looked(bland, Known(batch_id=batch_id))
    assert isinstance(found, LookFailed)
    return found.error


def v1_answer(**fields: Any) -> dict[str, Any]:
    return {
        "status": "in-progress",
        "batch_params": {"id": V1, "label": "demo", "created_at": "2026-05-10T09:00:00.1+00:00"},
        "analysis": {"total_calls": 3, "completed_calls": 2, "in_progress_calls": 1},
        "call_data": [call_row(number, transcripts=[{"text": "hm"}]) for number in range(3)],
    } | fields


async def test_the_first_look_learns_name_status_and_counts() -> None:
    vendor = Vendor()
    vendor.v2_batch()
    vendor.calls[V2].append(call_row(9, completed=False, queue_status="started"))
    batch = await look(vendor)
    assert (batch.provider, batch.batch_id, batch.shape) == ("offers", V2, "v2")
    assert batch.name == "May offers"
    assert batch.status is BatchStatus.RUNNING
    assert batch.created_at == NOW - timedelta(hours=1)
    assert batch.started_at == NOW - timedelta(minutes=50)
    assert batch.counts == Counts(
        total=50, finished=3, live=1, waiting=46, requested=52, rejected=2
    )


async def test_later_looks_ask_for_the_log_and_two_counts() -> None:
    vendor = Vendor()
    vendor.v2_batch()
    before = await look(vendor)
    async with watching(vendor) as (bland, server):
        await looked(bland, Known(batch_id=V2, look=before))
    assert [(asked.path, asked.params) for asked in server.asked] == [
        (f"/v2/batches/{V2}/logs", {"take": "5"}),
        ("/v1/calls", {"batch_id": V2, "completed": "true", "limit": "1"}),
        ("/v1/calls", {"batch_id": V2, "limit": "1"}),
    ]


async def test_what_the_log_no_longer_shows_is_kept_from_the_look_before() -> None:
    vendor = Vendor()
    vendor.v2_batch()
    before = await look(vendor)
    for _ in range(6):
        vendor.log("still going", "note")
    vendor.log(state_change="in_progress_chunked")
    batch = await look(vendor, before=before)
    assert batch.status is BatchStatus.RUNNING
    assert (batch.name, batch.created_at, batch.started_at) == (
        before.name,
        before.created_at,
        before.started_at,
    )
    assert (batch.counts.requested, batch.counts.rejected, batch.counts.total) == (52, 2, 50)


async def test_the_end_is_told_by_the_log_with_its_counts() -> None:
    vendor = Vendor()
    vendor.v2_batch(calls=50)
    vendor.calls[V2][7] = call_row(7, completed=False, queue_status="pre_queue_error")
    vendor.log(event="complete", calls_total=50, calls_successful=46, calls_failed=4)
    batch = await look(vendor)
    assert batch.status is BatchStatus.COMPLETED
    assert batch.ended_at == NOW - timedelta(minutes=49)
    assert (batch.counts.total, batch.counts.finished, batch.counts.live) == (50, 50, 0)
    assert (batch.counts.succeeded, batch.counts.failed) == (46, 4)
    assert batch.counts.waiting is None


async def test_calls_that_are_all_listed_leave_waiting_to_the_rows() -> None:
    vendor = Vendor()
    vendor.v2_batch(calls=50)
    assert (await look(vendor)).counts.waiting is None


async def test_without_a_total_nothing_is_counted_but_an_empty_list() -> None:
    vendor = Vendor()
    vendor.without_total = True
    vendor.v2_batch(calls=5)
    counts = (await look(vendor)).counts
    assert (counts.total, counts.finished, counts.live) == (50, None, None)
    vendor.calls[V2] = []
    counts = (await look(vendor)).counts
    assert (counts.total, counts.finished, counts.live) == (50, 0, 0)


async def test_a_first_generation_batch_is_counted_without_its_calls() -> None:
    vendor = Vendor()
    vendor.v1[V1] = v1_answer()
    async with watching(vendor) as (bland, server):
        (batch,) = await looked(bland, Known(batch_id=V1))
    assert isinstance(batch, Batch)
    assert (batch.shape, batch.name, batch.status) == ("v1", "demo", BatchStatus.RUNNING)
    assert (batch.counts.total, batch.counts.finished, batch.counts.live) == (3, 2, 1)
    assert [asked.path for asked in server.asked] == [f"/v1/batches/{V1}"]
    assert server.asked[0].params["include_calls"] == "false"


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param(Reply({"status": "error", "message": "no such batch"}, 404), id="404"),
        pytest.param(Reply({"status": "error", "message": "bad id"}, 400), id="400"),
        pytest.param(Reply({"data": None, "errors": [{"error": "NOT_FOUND"}]}), id="200-null"),
        pytest.param(Reply({"status": "error", "message": "no"}), id="200-error"),
        pytest.param(Reply(b"<html>Cannot GET</html>", 404), id="html"),
    ],
)
async def test_the_generation_of_an_id_is_found_out_by_asking(missing: Reply) -> None:
    vendor = Vendor()
    vendor.missing = missing
    vendor.v1[V2] = v1_answer(batch_params={"id": V2})
    assert (await look(vendor, V2)).shape == "v1"
    vendor = Vendor()
    vendor.missing = missing
    vendor.v2_batch("odd-id")
    vendor.logs["odd-id"] = []
    assert (await look(vendor, "odd-id")).shape == "v2"


async def test_the_generation_that_was_found_is_not_asked_about_again() -> None:
    vendor = Vendor()
    vendor.v1[V2] = v1_answer(batch_params={"id": V2})
    before = await look(vendor, V2)
    async with watching(vendor) as (bland, server):
        await looked(bland, Known(batch_id=V2, look=before))
        assert server.paths() == [f"/v1/batches/{V2}"]
        vendor.v1.clear()
        (found,) = await looked(bland, Known(batch_id=V2, look=before))
    assert isinstance(found, LookFailed)
    assert isinstance(found.error, NotFoundError)


async def test_an_id_that_neither_generation_knows_is_not_found() -> None:
    assert isinstance(await failed_look(Vendor()), NotFoundError)
    assert isinstance(await failed_look(Vendor(), V1), NotFoundError)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, "auth"), (402, "payment"), (429, "rate_limited")], ids=str
)
async def test_what_concerns_the_account_is_raised(status: int, kind: str) -> None:
    vendor = Vendor()
    vendor.broken[f"/v2/batches/{V2}"] = Reply(UNAUTHORIZED, status)
    async with watching(vendor) as (bland, server):
        with pytest.raises(ProviderError) as caught:
            await looked(bland, Known(batch_id=V2))
    assert caught.value.kind == kind
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("path", "reply", "kind"),
    [
        pytest.param(f"/v2/batches/{V2}/logs", Reply(b"<html>"), "garbage", id="log-html"),
        pytest.param(f"/v2/batches/{V2}/logs", Reply(UNAUTHORIZED), "garbage", id="log-null"),
        pytest.param(f"/v2/batches/{V2}/logs", Reply([]), "garbage", id="log-list"),
        pytest.param(f"/v2/batches/{V2}/logs", Reply(b"", 500), "server", id="log-500"),
        pytest.param("/v1/calls", Reply({"status": "error"}), "garbage", id="count-error-200"),
        pytest.param("/v1/calls", Reply(b""), "garbage", id="count-empty"),
        pytest.param("/v1/calls", Reply(b"", 403), "forbidden", id="count-403"),
        pytest.param("/v1/calls", Reply(b"", 302, {"location": "/"}), "contract", id="redirect"),
    ],
)
async def test_an_answer_that_cannot_be_read_is_a_failed_look(
    path: str, reply: Reply, kind: str
) -> None:
    vendor = Vendor()
    vendor.v2_batch()
    before = await look(vendor)
    vendor.broken[path] = reply
    async with watching(vendor) as (bland, _):
        (found,) = await looked(bland, Known(batch_id=V2, look=before))
    assert isinstance(found, LookFailed)
    assert found.error.kind == kind


async def test_discovery_names_batches_made_since_and_does_not_guess_their_state() -> None:
    vendor = Vendor()
    vendor.v2_batch()
    for number in range(300):
        batch_id = f"8f0e2d1c-0000-4000-8000-{1000 + number:012}"
        at = (NOW - timedelta(hours=2 + number)).isoformat()
        vendor.batches[batch_id] = {"id": batch_id, "created_at": at}
    async with watching(vendor) as (bland, server):
        found = await bland.discover(since=NOW - timedelta(days=7), known={}, memory={})
    assert len(found.sightings) == 1 + 7 * 24 - 2 + 1
    assert found.complete
    assert all(sighting.look is None for sighting in found.sightings)
    assert found.sightings[0].name == "May offers"
    assert len(server.asked) == 4


async def test_a_list_that_is_too_large_to_read_is_read_in_smaller_pages() -> None:
    vendor = Vendor()
    filler = "x" * (1024 * 1024)
    for number in range(24):
        batch_id = f"8f0e2d1c-0000-4000-8000-{number:012}"
        at = (NOW - timedelta(hours=number)).isoformat()
        vendor.batches[batch_id] = {"id": batch_id, "created_at": at, "call_objects": [filler]}
    async with watching(vendor) as (bland, server):
        found = await bland.discover(since=NOW - timedelta(days=7), known={}, memory={})
        assert len(found.sightings) == 24
        assert found.complete
        server.asked.clear()
        await bland.discover(since=NOW - timedelta(days=7), known={}, memory={})
    assert {asked.params["take"] for asked in server.asked} == {"12"}


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(UNAUTHORIZED), id="error-200"),
        pytest.param(Reply([]), id="list"),
        pytest.param(Reply(b"<html>"), id="html"),
        pytest.param(Reply({"data": {}}), id="object"),
    ],
)
async def test_a_list_that_cannot_be_read_is_an_error_and_no_empty_list(reply: Reply) -> None:
    vendor = Vendor()
    vendor.broken["/v2/batches/list"] = reply
    async with watching(vendor) as (bland, _):
        with pytest.raises(ProviderError) as caught:
            await bland.discover(since=NOW, known={}, memory={})
    assert caught.value.kind == "garbage"


def batch_of(total: int | None = None, shape: str = "v2") -> Batch:
    return Batch(
        provider="offers",
        batch_id=V1 if shape == "v1" else V2,
        status=BatchStatus.RUNNING,
        seen_at=NOW,
        counts=Counts(total=total),
        shape=shape,
    )


async def pages_of(bland: Bland, batch: Batch, first: Sequence[int] = ()) -> list[Page]:
    return [page async for page in bland.sweep(batch, first)]


def items_of(bland: Bland, pages: Sequence[Page]) -> list[Item]:
    return [bland.decode(batch_of(), page, raw) for page in pages for raw in bland.split(page)]


async def test_a_sweep_reads_all_calls_oldest_first_in_pages_of_one_size() -> None:
    vendor = Vendor()
    vendor.v2_batch(calls=500)
    async with watching(vendor) as (bland, server):
        pages = await pages_of(bland, batch_of(500), first=(1,))
        assert len({item.contact.contact_id for item in items_of(bland, pages)}) == 500
    assert [(page.listing, page.number, page.last) for page in pages] == [
        ("calls", 1, False),
        ("calls", 0, False),
        ("calls", 2, True),
    ]
    assert server.asked[0].params == {
        "batch_id": V2,
        "ascending": "true",
        "from": "200",
        "to": "400",
        "limit": "200",
    }


async def moved(
    vendor: Vendor, bland: Bland, before: Batch, calls: int = 1, *, routine: bool = False
) -> Batch:
    """A look after so many more calls were over."""
    waiting = [row for row in vendor.calls[V2] if not row["completed"]][-calls:]
    for row in waiting:
        row["completed"] = True
    vendor.changed = waiting
    (found,) = await looked(bland, Known(batch_id=V2, look=before, routine=routine))
    assert isinstance(found, Batch)
    return found


async def begun(vendor: Vendor, bland: Bland) -> Batch:
    vendor.v2_batch(calls=500)
    for row in vendor.calls[V2][100:]:
        row["completed"] = False
    (found,) = await looked(bland, Known(batch_id=V2))
    assert isinstance(found, Batch)
    return found


async def test_a_quick_reading_begins_with_what_changed_last_and_asks_for_nothing() -> None:
    vendor = Vendor()
    async with watching(vendor) as (bland, server):
        batch = await moved(vendor, bland, await begun(vendor, bland), 2)
        server.asked.clear()
        sweep = bland.sweep(batch, (1, 2))
        page = await anext(sweep)
        await sweep.aclose()
        ids = {item.contact.contact_id for item in items_of(bland, [page])}
    assert (page.listing, page.stop, server.asked) == ("recent", Stop.AGREED, [])
    assert {"c-498", "c-499"} <= ids


async def test_a_look_at_which_nothing_has_moved_asks_for_one_row() -> None:
    vendor = Vendor()
    async with watching(vendor) as (bland, server):
        before = await begun(vendor, bland)
        server.asked.clear()
        await looked(bland, Known(batch_id=V2, look=before))
    assert [asked.params.get("limit") for asked in server.asked] == [None, "1", "1"]


async def test_while_calls_go_on_to_end_the_log_may_wait() -> None:
    vendor = Vendor()
    async with watching(vendor) as (bland, server):
        batch = await moved(vendor, bland, await begun(vendor, bland), 20)
        server.asked.clear()
        batch = await moved(vendor, bland, batch, 20, routine=True)
        spared = [asked.path for asked in server.asked]
        vendor.log("Stopped.", state_change="failed")
        server.asked.clear()
        batch = await moved(vendor, bland, batch, 9, routine=True)
    assert spared == ["/v1/calls", "/v1/calls"]
    # fewer ends than there were: the log tells why, and the ends are counted after it
    assert [asked.path for asked in server.asked] == [
        "/v1/calls",
        f"/v2/batches/{V2}/logs",
        "/v1/calls",
        "/v1/calls",
    ]
    assert (batch.status, batch.counts.finished) == (BatchStatus.FAILED, 149)


async def test_a_look_without_the_log_is_as_the_one_before_but_for_its_counts() -> None:
    vendor = Vendor()
    async with watching(vendor) as (bland, _):
        before = await moved(vendor, bland, await begun(vendor, bland), 20)
        batch = await moved(vendor, bland, before, 20, routine=True)
    counts = replace(before.counts, finished=140, live=360)
    assert replace(batch, seen_at=before.seen_at) == replace(before, counts=counts)


async def test_rows_that_cannot_be_had_leave_the_look_as_it_is() -> None:
    vendor = Vendor()
    async with watching(vendor) as (bland, _):
        before = await begun(vendor, bland)
        vendor.rows_broken = True
        batch = await moved(vendor, bland, before)
        vendor.rows_broken = False
        pages = await pages_of(bland, batch, (1,))
    assert (before.counts.finished, batch.counts.finished) == (100, 101)
    assert {page.listing for page in pages} == {"calls"}


async def test_a_reading_of_everything_takes_no_page_of_what_changed_last() -> None:
    vendor = Vendor()
    async with watching(vendor) as (bland, _):
        batch = await moved(vendor, bland, await begun(vendor, bland))
        pages = await pages_of(bland, batch)
    assert {page.listing for page in pages} == {"calls"}


async def test_an_order_that_proves_wrong_again_and_again_is_asked_for_seldom() -> None:
    vendor = Vendor()
    vendor.sorts = False
    async with watching(vendor) as (bland, server):
        batch = await begun(vendor, bland)
        for _ in range(20):
            batch = await moved(vendor, bland, batch)
            assert len(await pages_of(bland, batch, (1,))) >= 3  # goes on to the list itself
        asked = [each.params["limit"] for each in server.asked if "sort_by" in each.params]
    assert asked == ["100", "200", "400", "400", "400"]


@pytest.mark.parametrize("clamp", [100, 333, 1000])
@pytest.mark.parametrize("without_total", [False, True], ids=["total", "no-total"])
async def test_a_sweep_misses_none_however_few_come_at_once(
    clamp: int, without_total: bool
) -> None:
    vendor = Vendor()
    vendor.clamp, vendor.without_total = clamp, without_total
    vendor.v2_batch(calls=700)
    async with watching(vendor) as (bland, _):
        pages = await pages_of(bland, batch_of(None if without_total else 700))
        assert len({item.contact.contact_id for item in items_of(bland, pages)}) == 700
    assert pages[-1].last


async def test_a_first_generation_batch_is_one_page_of_its_calls() -> None:
    vendor = Vendor()
    vendor.v1[V1] = v1_answer()
    async with watching(vendor) as (bland, server):
        (page,) = await pages_of(bland, batch_of(shape="v1"))
        assert (page.listing, page.number, page.last) == ("v1", 0, True)
        assert len(items_of(bland, [page])) == 3
        slices = [bytes(raw) for raw in bland.split(page)]
        moved = replace_body(page, {"analysis": {"total_calls": 4}, "status": "completed"})
        assert [bytes(raw) for raw in bland.split(moved)] == slices
    assert server.asked[0].params["include_calls"] == "true"


def replace_body(page: Page, changes: dict[str, Any]) -> Page:
    body = json.loads(page.body) | changes
    return page._replace(body=json.dumps(body).encode())


async def test_what_stands_beside_the_calls_disturbs_none() -> None:
    vendor = Vendor()
    vendor.v2_batch(calls=3)
    async with watching(vendor) as (bland, _):
        (page,) = await pages_of(bland, batch_of(3))
        slices = [bytes(raw) for raw in bland.split(page)]
        moved = replace_body(page, {"total_count": 99, "extra": [1]})
        assert [bytes(raw) for raw in bland.split(moved)] == slices


@pytest.mark.parametrize(
    ("listing", "body"),
    [
        pytest.param("calls", b"[]", id="list"),
        pytest.param("calls", b'{"status": "error", "message": "no"}', id="error"),
        pytest.param("calls", b'{"calls": null, "count": 3}', id="null"),
        pytest.param("calls", b'{"calls": {}}', id="object"),
        pytest.param("calls", b'{"calls": [{"call_id": "c-1"}, {"call', id="truncated"),
        pytest.param("calls", b"", id="empty"),
        pytest.param("v1", b'{"call_data": null}', id="v1-null"),
        pytest.param("v1", b'{"status": "completed"}', id="v1-without"),
        pytest.param("v1", b"<html>", id="v1-html"),
    ],
)
async def test_a_page_of_another_shape_is_an_error_and_no_empty_page(
    listing: str, body: bytes
) -> None:
    async with watching(Vendor()) as (bland, _):
        with pytest.raises(ProviderError) as caught:
            bland.split(Page(listing, 0, body, NOW))
    assert caught.value.kind == "garbage"


async def test_calls_that_are_null_where_none_are_counted_are_none() -> None:
    async with watching(Vendor()) as (bland, _):
        page = Page("calls", 0, b'{"calls": null, "total_count": 0}', NOW)
        assert list(bland.split(page)) == []


async def test_calls_that_failed_without_a_status_are_asked_about() -> None:
    vendor = Vendor()
    vendor.v2_batch(calls=6)
    failed = {"error_message": "Call failed. Temporarily unavailable (480)", "call_length": 0}
    for number in (1, 4, 5):
        vendor.calls[V2][number] |= failed
    detail = call_row(1, status="busy", price=0.01, transcripts=[{"text": "private"}])
    vendor.details = {"c-1": detail, "c-4": Reply(b"", 500)}
    async with watching(vendor) as (bland, server):
        (page,) = await pages_of(bland, batch_of(6))
        items = items_of(bland, [page])
        lacking = [
            (place, item) for place, item in enumerate(items) if bland.lacks_calls(batch_of(), item)
        ]
        assert [place for place, _ in lacking] == [1, 4, 5]
        server.asked.clear()
        found = await bland.calls(batch_of(), page, lacking)
    assert server.paths() == ["/v1/calls/c-1", "/v1/calls/c-4", "/v1/calls/c-5"]
    assert {key: item.calls[0].status for key, item in found.items()} == {
        "c-1": CallStatus.BUSY,
        "c-4": CallStatus.FAILED,
        "c-5": CallStatus.FAILED,
    }
    assert found["c-1"].calls[0].cost_micros == 10_000
    assert found["c-4"].calls[0].error_class == "Call failed. Temporarily unavailable (#)"
    assert found["c-4"].calls[0].outcome is Outcome.FAILED


async def test_so_many_calls_of_a_page_are_asked_about_and_none_of_the_others_is_guessed() -> None:
    vendor = Vendor()
    vendor.v2_batch(calls=100)
    for row in vendor.calls[V2]:
        row |= {"error_message": "Call failed.", "call_length": 0}
    async with watching(vendor) as (bland, server):
        (page,) = await pages_of(bland, batch_of(100))
        server.asked.clear()
        found = await bland.calls(batch_of(), page, list(enumerate(items_of(bland, [page]))))
    assert len(server.asked) == 50
    assert len(found) == 50  # the others are asked for again
    assert all(item.calls[0].status is CallStatus.FAILED for item in found.values())


async def test_an_answer_about_another_call_is_not_taken_for_this_one() -> None:
    vendor = Vendor()
    vendor.v2_batch(calls=1)
    vendor.calls[V2][0] |= {"error_message": "Call failed."}
    vendor.details["c-0"] = call_row(7, status="completed")
    async with watching(vendor) as (bland, _):
        (page,) = await pages_of(bland, batch_of(1))
        found = await bland.calls(batch_of(), page, [(0, items_of(bland, [page])[0])])
    assert found["c-0"].calls[0].status is CallStatus.FAILED


async def test_a_key_that_works_is_told_with_the_balance() -> None:
    vendor = Vendor()
    async with watching(vendor) as (bland, _):
        assert await bland.check() == "Bland takes the key; the balance is 12.35 USD"
        vendor.broken["/v1/me"] = {"status": "active", "billing": None}
        assert await bland.check() == "Bland takes the key"
        await bland.close()


@pytest.mark.parametrize(
    ("told", "micros"), [(-3.2, -3_200_000), ("-0.5", -500_000), ("-inf", None), (None, None)]
)
async def test_an_account_in_debt_is_told_as_such(told: Any, micros: int | None) -> None:
    vendor = Vendor()
    vendor.balance = told
    async with watching(vendor) as (bland, _):
        assert (await bland.state()).balance_micros == micros
        await bland.close()


async def test_what_bland_cannot_tell_is_declared() -> None:
    capabilities = Bland.capabilities
    assert not capabilities.retries
    assert not capabilities.cost
    assert capabilities.trusted == {"total", "finished"}
    assert "retries" in capabilities.blind_to


async def test_no_error_shows_a_key_a_number_or_what_was_said() -> None:
    private = json.dumps({"message": f"{KEY} +12125550100 Hello Rajesh"}).encode()
    vendor = Vendor()
    shown = []
    async with watching(vendor) as (bland, _):
        for status in (200, 400, 401, 402, 403, 404, 429, 500):
            vendor.broken["/v1/calls"] = Reply(private, status)
            with pytest.raises(ProviderError) as caught:
                await pages_of(bland, batch_of(10))
            shown += [repr(caught.value), str(caught.value), caught.value.text]
        shown += [repr(bland), repr(vars(bland))]
    for secret in ("verysecret", "2125550", "Rajesh"):
        assert secret not in " ".join(shown)


async def test_the_batch_keeps_its_generation_through_a_look() -> None:
    vendor = Vendor()
    vendor.v2_batch()
    before = await look(vendor)
    assert (await look(vendor, before=replace(before, name="Renamed"))).name == "Renamed"
