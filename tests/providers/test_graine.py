import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.calendar import Calendar
from monitor.core.hours import Hours
from monitor.core.model import Batch, BatchStatus, ContactStatus, Counts, Item, RetryPolicy
from monitor.errors import NotFoundError, ProviderError
from monitor.http import HttpClient
from monitor.providers import Known, LookFailed, Page
from monitor.providers.graine import Graine, GraineSettings
from tests.loopback import NOW, Asked, Loopback, Reply, StillClock, serving

KEY = "gat_verysecret"
SINCE = NOW - timedelta(days=7)


def stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


class Vendor:
    """Graine's documented answers, over people and batches that the test moves."""

    def __init__(self) -> None:
        self.batches: dict[str, dict[str, Any]] = {}
        self.contacts: dict[str, list[dict[str, Any]]] = {}
        self.campaigns: dict[str, Any] = {}
        self.clamp = 1000
        self.ascending = False
        self.broken: dict[str, Any] = {}
        self.after: Callable[[Asked], None] = lambda asked: None

    def batch(self, number: int, status: str = "in_progress", **fields: Any) -> str:
        batch_id = f"btc_{number:03}"
        self.batches[batch_id] = {
            "batch_id": batch_id,
            "campaign_id": "cmp_1",
            "status": status,
            "total_contacts": 3,
            "counters": {"pending": 1, "completed": 2},
            "created_at": stamp(NOW - timedelta(hours=number)),
            "updated_at": stamp(NOW),
        } | fields
        return batch_id

    def people(self, batch_id: str, count: int, status: str = "pending") -> None:
        self.contacts[batch_id] = [
            {"contact_id": f"con_{number:04}", "batch_id": batch_id, "status": status}
            for number in range(count)
        ]

    def answer(self, asked: Asked) -> Any:
        found = self._answer(asked)
        self.after(asked)
        return found

    def _answer(self, asked: Asked) -> Any:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return Reply({"detail": "Not authenticated"}, 401)
        if asked.path in self.broken:
            return self.broken[asked.path]
        found: Any = Reply({"detail": "Batch not found"}, 404)
        match asked.path.strip("/").split("/"):
            case ["batches"]:
                found = self._list(asked)
            case ["batches", batch_id] if batch_id in self.batches:
                found = self.batches[batch_id]
            case ["batches", batch_id, "contacts"] if batch_id in self.contacts:
                found = self._contacts(asked, self.contacts[batch_id])
            case ["campaigns", campaign_id] if campaign_id in self.campaigns:
                found = self.campaigns[campaign_id]
        return found

    def _list(self, asked: Asked) -> list[Any]:
        wanted = asked.params.get("status")
        rows = [row for row in self.batches.values() if wanted is None or row["status"] == wanted]
        rows.sort(key=lambda row: str(row["created_at"]), reverse=not self.ascending)
        return self._paged(asked, rows)

    def _contacts(self, asked: Asked, rows: list[dict[str, Any]]) -> list[Any]:
        paged = self._paged(asked, rows)
        if asked.params["include_calls"] == "true":
            return paged
        return [{k: v for k, v in row.items() if k != "call_records"} for row in paged]

    def _paged(self, asked: Asked, rows: list[Any]) -> list[Any]:
        skip, limit = int(asked.params["skip"]), int(asked.params["limit"])
        return rows[skip : skip + min(limit, self.clamp)]


@asynccontextmanager
async def watching(vendor: Vendor, key: str = KEY) -> AsyncIterator[tuple[Graine, Loopback]]:
    http = HttpClient(StillClock())
    async with serving(vendor.answer) as server:
        settings = GraineSettings(vendor="graine", api_key=key, base_url=server.url)  # type: ignore[arg-type]  # the validator makes it a secret
        yield Graine("renewals", settings, http, b"k" * 32), server
    await http.aclose()


def known(*ids: str, look: Batch | None = None) -> list[Known]:
    return [Known(batch_id=batch_id, look=look) for batch_id in ids]


async def looked(graine: Graine, asked: Sequence[Known]) -> dict[str, Batch | LookFailed]:
    found = [look async for look in graine.looks(asked)]
    assert len({each.batch_id for each in found}) == len(found)
    return {each.batch_id: each for each in found}


def batch_of(total: int | None = None, batch_id: str = "btc_001") -> Batch:
    return Batch(
        provider="renewals",
        batch_id=batch_id,
        status=BatchStatus.RUNNING,
        seen_at=NOW,
        counts=Counts(total=total),
    )


async def pages_of(graine: Graine, batch: Batch, first: Sequence[int] = ()) -> list[Page]:
    return [page async for page in graine.sweep(batch, first)]


def people_of(graine: Graine, pages: Sequence[Page]) -> list[Item]:
    return [graine.decode(batch_of(), page, raw) for page in pages for raw in graine.split(page)]


async def test_two_batches_are_asked_for_by_id() -> None:
    vendor = Vendor()
    ids = [vendor.batch(1), vendor.batch(2, "paused")]
    async with watching(vendor) as (graine, server):
        found = await looked(graine, known(*ids))
    assert found["btc_002"].status is BatchStatus.PAUSED  # type: ignore[union-attr]  # a look
    assert [path for path in server.paths() if "batches" in path] == [
        "/batches/btc_001",
        "/batches/btc_002",
    ]


async def test_many_batches_are_read_from_one_list() -> None:
    vendor = Vendor()
    ids = [vendor.batch(number) for number in range(40)]
    vendor.batch(99)  # in the list, but nobody asked
    async with watching(vendor) as (graine, server):
        found = await looked(graine, known(*ids))
        assert found.keys() == set(ids)
        server.asked.clear()
        await looked(graine, known(*ids))
    assert [asked.params for asked in server.asked] == [
        {"status": "in_progress", "skip": "0", "limit": "50"}
    ]


async def test_a_batch_that_left_the_lists_is_asked_for_by_id() -> None:
    vendor = Vendor()
    ids = [vendor.batch(number) for number in range(5)]
    vendor.batch(3, "completed")
    async with watching(vendor) as (graine, server):
        found = await looked(graine, known(*ids))
    assert found["btc_003"].status is BatchStatus.COMPLETED  # type: ignore[union-attr]  # a look
    assert server.paths().count("/batches/btc_003") == 1


async def test_batches_are_sought_in_the_lists_where_they_were_last() -> None:
    vendor = Vendor()
    for number in range(6):
        vendor.batch(number, "paused" if number % 2 else "in_progress")
    async with watching(vendor) as (graine, server):
        discovery = await graine.discover(since=SINCE, known={}, memory={})
        server.asked.clear()
        asked = [Known(batch_id=each.batch_id, look=each.look) for each in discovery.sightings]
        assert len(await looked(graine, asked)) == 6
    assert [asked.params.get("status") for asked in server.asked] == ["in_progress", "paused"]


async def test_a_few_batches_among_very_many_are_asked_for_by_id_in_the_end() -> None:
    vendor = Vendor()
    ids = [vendor.batch(number) for number in range(600)]
    async with watching(vendor) as (graine, server):
        assert len(await looked(graine, known(*ids[-3:]))) == 3
    assert len([path for path in server.paths() if "batches" in path]) <= 8


async def test_a_batch_that_is_gone_is_a_failed_look_and_the_others_are_not() -> None:
    vendor = Vendor()
    ids = [vendor.batch(number) for number in range(3)]
    async with watching(vendor) as (graine, _):
        found = await looked(graine, known(*ids, "btc_gone"))
    failed = found["btc_gone"]
    assert isinstance(failed, LookFailed)
    assert isinstance(failed.error, NotFoundError)
    assert all(isinstance(found[batch_id], Batch) for batch_id in ids)


async def test_a_key_that_is_refused_is_raised_for_the_whole_account() -> None:
    vendor = Vendor()
    ids = [vendor.batch(number) for number in range(2)]
    async with watching(vendor, key="gat_wrong") as (graine, _):
        for asked in (known(*ids), known(*ids, "btc_9")):
            with pytest.raises(ProviderError, match="the key is not accepted") as caught:
                await looked(graine, asked)
            assert caught.value.kind == "auth"
        with pytest.raises(ProviderError):
            await graine.check()
        with pytest.raises(ProviderError):
            await graine.discover(since=SINCE, known={}, memory={})


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        pytest.param(Reply({"detail": "no"}, 403), "forbidden", id="403"),
        pytest.param(Reply({"detail": "no"}, 404), "not_found", id="404"),
        pytest.param(Reply({"detail": [{"loc": []}]}, 422), "contract", id="422"),
        pytest.param(Reply(b"down", 502), "server", id="502"),
        pytest.param(Reply(b"", 307, {"location": "/elsewhere"}), "contract", id="redirect"),
        pytest.param(Reply(b"<html>maintenance</html>"), "garbage", id="html-200"),
        pytest.param(Reply(b""), "garbage", id="empty"),
        pytest.param(Reply(b"null"), "garbage", id="null"),
        pytest.param(Reply(b"[]"), "garbage", id="list"),
        pytest.param(Reply({"error": "no"}), "garbage", id="error-200"),
        pytest.param(Reply(b'{"batch_id": "btc_001", "sta'), "garbage", id="truncated"),
        pytest.param(Reply({"batch_id": "btc_other"}), "garbage", id="another-batch"),
        pytest.param(Reply({"batch_id": None}), "garbage", id="no-id"),
        pytest.param(Reply(b" " * (17 * 1024 * 1024)), "oversize", id="far-too-large"),
    ],
)
async def test_an_answer_that_cannot_be_read_is_a_failed_look(reply: Reply, kind: str) -> None:
    vendor = Vendor()
    vendor.broken[f"/batches/{vendor.batch(1)}"] = reply
    async with watching(vendor) as (graine, _):
        (failed,) = (await looked(graine, known("btc_001"))).values()
    assert isinstance(failed, LookFailed)
    assert failed.error.kind == kind


async def test_a_vendor_that_asks_for_patience_is_raised_with_how_long() -> None:
    vendor = Vendor()
    vendor.broken["/batches/btc_001"] = Reply(b"", 429, {"retry-after": "17"})
    async with watching(vendor) as (graine, _):
        with pytest.raises(ProviderError) as caught:
            await looked(graine, known("btc_001"))
    assert (caught.value.kind, caught.value.retry_after) == ("rate_limited", 17.0)


async def test_a_vendor_that_fails_for_batch_after_batch_is_not_asked_for_all() -> None:
    vendor = Vendor()
    ids = [vendor.batch(number, "completed") for number in range(60)]
    vendor.broken = {f"/batches/{batch_id}": Reply(b"", 500) for batch_id in ids}
    async with watching(vendor) as (graine, server):
        with pytest.raises(ProviderError) as caught:
            await looked(graine, known(*ids))
    assert caught.value.kind == "server"
    assert len(server.asked) < 10


async def test_nobody_listening_is_unreachable() -> None:
    vendor = Vendor()
    async with watching(vendor) as (graine, server):
        pass
    http = HttpClient(StillClock())
    settings = GraineSettings(vendor="graine", api_key=KEY, base_url=server.url)  # type: ignore[arg-type]  # the validator makes it a secret
    graine = Graine("renewals", settings, http, b"k")
    with pytest.raises(ProviderError) as caught:
        await looked(graine, known("btc_001"))
    assert caught.value.kind == "unreachable"
    await http.aclose()


CAMPAIGN = {
    "campaign_id": "cmp_1",
    "name": "Renewals May",
    "retry_policy": {"max_retries": 3, "strategy": "fixed", "cooldown_minutes": 30},
    "working_hours_enforced": True,
    "timezone": "Asia/Kolkata",
    "working_hours": {
        "monday": {"start": "09:00", "end": "20:00", "enabled": True},
        "saturday": {"start": "10:00", "end": "24:00", "enabled": True},
        "sunday": {"start": "10:00", "end": "16:00", "enabled": False},
    },
}


async def look_with(vendor: Vendor, before: Batch | None = None) -> Batch:
    async with watching(vendor) as (graine, _):
        (found,) = (await looked(graine, known("btc_001", look=before))).values()
    assert isinstance(found, Batch)
    return found


async def test_the_campaign_adds_hours_zone_name_and_retry_policy() -> None:
    vendor = Vendor()
    vendor.batch(1)
    vendor.campaigns["cmp_1"] = CAMPAIGN
    batch = await look_with(vendor)
    assert batch.timezone == "Asia/Kolkata"
    assert batch.title == "Renewals May"
    assert batch.retry == RetryPolicy(max_retries=3, cooldown_s=1800.0, grows=False)
    assert batch.calendar == Calendar(
        ZoneInfo("Asia/Kolkata"),
        (
            Hours(frozenset({0}), time(9), time(20)),
            Hours(frozenset({5}), time(10), None),
        ),
    )


@pytest.mark.parametrize(
    ("strategy", "grows"),
    [
        pytest.param("fixed", False, id="fixed"),
        pytest.param("Exponential", True, id="exponential"),
        pytest.param("fibonacci", None, id="a word that nobody knows"),
        pytest.param(None, None, id="not told"),
    ],
)
async def test_whether_waits_grow_is_told(strategy: str | None, grows: bool | None) -> None:
    vendor = Vendor()
    vendor.batch(1)
    policy = {"max_retries": 3, "strategy": strategy, "cooldown_minutes": 30}
    vendor.campaigns["cmp_1"] = CAMPAIGN | {"retry_policy": policy}

    retry = (await look_with(vendor)).retry

    assert retry is not None
    assert retry.grows is grows


async def test_the_batchs_own_limit_of_retries_goes_before_the_campaigns() -> None:
    vendor = Vendor()
    vendor.batch(1, max_retries_override=7)
    vendor.campaigns["cmp_1"] = CAMPAIGN
    assert (await look_with(vendor)).retry == RetryPolicy(
        max_retries=7, cooldown_s=1800.0, grows=False
    )


async def test_a_list_that_leaves_the_limit_out_does_not_take_it_away() -> None:
    vendor = Vendor()
    vendor.batch(1, max_retries_override=7)
    vendor.campaigns["cmp_1"] = CAMPAIGN
    before = await look_with(vendor)
    vendor.batch(1)
    assert (await look_with(vendor, before)).retry == before.retry


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"working_hours_enforced": False}, id="not-enforced"),
        pytest.param({"working_hours_enforced": None}, id="not-said"),
        pytest.param({"timezone": "Mars/Olympus"}, id="unknown-zone"),
        pytest.param({"timezone": "../../etc/passwd"}, id="path-for-zone"),
        pytest.param({"timezone": ""}, id="empty-zone"),
        pytest.param({"timezone": None}, id="no-zone"),
        pytest.param({"working_hours": None}, id="no-hours"),
        pytest.param({"working_hours": []}, id="hours-no-object"),
        pytest.param({"working_hours": {"monday": {"start": "9", "end": "25:00"}}}, id="bad-time"),
        pytest.param({"working_hours": {"monday": {"enabled": False}}}, id="never-open"),
    ],
)
async def test_hours_that_cannot_be_believed_are_no_hours(changes: dict[str, Any]) -> None:
    vendor = Vendor()
    vendor.batch(1)
    vendor.campaigns["cmp_1"] = CAMPAIGN | changes
    batch = await look_with(vendor)
    assert batch.calendar is None
    assert batch.retry == RetryPolicy(max_retries=3, cooldown_s=1800.0, grows=False)


@pytest.mark.parametrize(
    "campaign",
    [
        pytest.param(Reply(b"", 404), id="gone"),
        pytest.param(Reply(b"", 500), id="server"),
        pytest.param(Reply(b"<html>"), id="html"),
        pytest.param(Reply(b"", 401), id="not-allowed"),
    ],
)
async def test_a_campaign_that_cannot_be_read_fails_no_look_and_takes_nothing_away(
    campaign: Reply,
) -> None:
    vendor = Vendor()
    vendor.batch(1)
    vendor.campaigns["cmp_1"] = CAMPAIGN
    before = await look_with(vendor)
    vendor.campaigns["cmp_1"] = campaign
    after = await look_with(vendor, before)
    assert (after.calendar, after.timezone, after.retry, after.name) == (
        before.calendar,
        before.timezone,
        before.retry,
        before.name,
    )
    assert (await look_with(vendor)).calendar is None


async def test_a_campaign_is_asked_for_once_in_a_quarter_of_an_hour() -> None:
    vendor = Vendor()
    vendor.batch(1)
    vendor.campaigns["cmp_1"] = CAMPAIGN
    clock = StillClock()
    http = HttpClient(clock)
    async with serving(vendor.answer) as server:
        settings = GraineSettings(vendor="graine", api_key=KEY, base_url=server.url)  # type: ignore[arg-type]  # the validator makes it a secret
        graine = Graine("renewals", settings, http, b"k")
        for minutes, expected in ((0, 1), (5, 1), (14, 1), (15, 2), (16, 2)):
            clock.at = NOW + timedelta(minutes=minutes)
            await looked(graine, known("btc_001"))
            assert server.paths().count("/campaigns/cmp_1") == expected
    await http.aclose()


async def test_a_campaign_of_an_ended_batch_is_asked_for_once_and_never_again() -> None:
    vendor = Vendor()
    vendor.batch(1, "completed")
    vendor.campaigns["cmp_1"] = CAMPAIGN
    clock = StillClock()
    http = HttpClient(clock)
    async with serving(vendor.answer) as server:
        settings = GraineSettings(vendor="graine", api_key=KEY, base_url=server.url)  # type: ignore[arg-type]  # the validator makes it a secret
        graine = Graine("renewals", settings, http, b"k")
        for hours in (0, 1, 2):
            clock.at = NOW + timedelta(hours=hours)
            await looked(graine, known("btc_001"))
        assert server.paths().count("/campaigns/cmp_1") == 1
    await http.aclose()


async def test_discovery_finds_open_batches_and_what_was_made_since() -> None:
    vendor = Vendor()
    vendor.batch(1)
    vendor.batch(2, "completed")
    vendor.batch(3, "expired")
    vendor.batch(4, "archived")
    vendor.batch(24 * 30, "paused")
    vendor.batch(24 * 31, "cancelled")
    vendor.batch(24 * 32, "archived")
    async with watching(vendor) as (graine, _):
        found = await graine.discover(since=SINCE, known={}, memory={})
    assert {each.batch_id for each in found.sightings} == {
        "btc_001",
        "btc_002",
        "btc_003",
        "btc_004",
        "btc_720",
    }
    assert found.complete
    for sighting in found.sightings:
        assert sighting.look is not None
        assert sighting.created_at == sighting.look.created_at


async def test_discovery_reads_ended_batches_only_back_to_since() -> None:
    vendor = Vendor()
    for number in range(600):
        vendor.batch(number * 2, "completed")
    async with watching(vendor) as (graine, server):
        found = await graine.discover(since=SINCE, known={}, memory={})
    assert len(found.sightings) == 7 * 24 // 2 + 1
    assert found.complete
    assert len(server.asked) <= 6


@pytest.mark.parametrize("clamp", [7, 50, 1000])
@pytest.mark.parametrize("ascending", [False, True], ids=["newest-first", "oldest-first"])
async def test_discovery_misses_none_in_whichever_order_and_however_few_come_at_once(
    ascending: bool, clamp: int
) -> None:
    vendor = Vendor()
    vendor.ascending, vendor.clamp = ascending, clamp
    expected = {vendor.batch(number, "completed") for number in range(150)}
    expected |= {vendor.batch(number) for number in range(200, 260)}
    async with watching(vendor) as (graine, _):
        found = await graine.discover(since=SINCE, known={}, memory={})
    assert {each.batch_id for each in found.sightings} == expected
    assert found.complete


async def test_a_batch_that_cannot_be_read_leaves_discovery_incomplete() -> None:
    vendor = Vendor()
    vendor.batch(1)
    vendor.batches["bad"] = {"status": "in_progress", "created_at": stamp(NOW)}
    async with watching(vendor) as (graine, _):
        found = await graine.discover(since=SINCE, known={}, memory={})
    assert [each.batch_id for each in found.sightings] == ["btc_001"]
    assert not found.complete


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(b"<html>"), id="html"),
        pytest.param(Reply(b""), id="empty"),
        pytest.param(Reply(b"null"), id="null"),
        pytest.param(Reply({"batches": []}), id="object"),
    ],
)
async def test_a_list_that_cannot_be_read_is_an_error_and_no_empty_list(reply: Reply) -> None:
    vendor = Vendor()
    vendor.broken["/batches/"] = reply
    async with watching(vendor) as (graine, _):
        with pytest.raises(ProviderError) as caught:
            await graine.discover(since=SINCE, known={}, memory={})
    assert caught.value.kind == "garbage"


async def test_a_sweep_reads_everybody_without_their_calls() -> None:
    vendor = Vendor()
    vendor.people(vendor.batch(1), 250)
    async with watching(vendor) as (graine, server):
        pages = await pages_of(graine, batch_of(250))
        assert [(page.listing, page.number, page.last) for page in pages] == [
            ("contacts", 0, False),
            ("contacts", 1, False),
            ("contacts", 2, True),
        ]
        assert len({item.contact.contact_id for item in people_of(graine, pages)}) == 250
    assert [asked.params for asked in server.asked] == [
        {"include_calls": "false", "skip": str(skip), "limit": "100"} for skip in (0, 100, 200)
    ]


async def test_a_sweep_of_a_vendor_that_gives_fewer_reads_everybody() -> None:
    vendor = Vendor()
    vendor.clamp = 50
    vendor.people(vendor.batch(1), 230)
    async with watching(vendor) as (graine, _):
        for total in (230, None):
            pages = await pages_of(graine, batch_of(total))
            assert len({item.contact.contact_id for item in people_of(graine, pages)}) == 230
            assert pages[-1].last


async def test_people_who_move_in_the_list_come_twice_or_are_missed_and_never_break_it() -> None:
    vendor = Vendor()
    vendor.people(vendor.batch(1), 250)

    def move(asked: Asked) -> None:
        rows = vendor.contacts["btc_001"]
        rows.append(rows.pop(0))

    vendor.after = move
    async with watching(vendor) as (graine, _):
        items = people_of(graine, await pages_of(graine, batch_of(250)))
    assert len(items) == 250
    assert len({item.contact.contact_id for item in items}) < 250


async def test_a_sweep_of_a_batch_that_is_gone_ends_with_an_error() -> None:
    async with watching(Vendor()) as (graine, _):
        with pytest.raises(NotFoundError):
            await pages_of(graine, batch_of(10))


async def test_a_page_that_cannot_be_read_ends_the_sweep() -> None:
    vendor = Vendor()
    vendor.people(vendor.batch(1), 250)

    def fail(asked: Asked) -> None:
        vendor.broken["/batches/btc_001/contacts"] = Reply(b'[{"contact_id": "con_0')

    vendor.after = fail
    async with watching(vendor) as (graine, _):
        pages = graine.sweep(batch_of(250))
        assert (await anext(pages)).number == 0
        with pytest.raises(ProviderError) as caught:
            await anext(pages)
    assert caught.value.kind == "garbage"


async def test_an_id_with_odd_characters_stays_one_part_of_the_path() -> None:
    vendor = Vendor()
    async with watching(vendor) as (graine, server):
        for batch_id in ("../../admin", "a/b?c=d#e", ".."):
            with pytest.raises(NotFoundError):
                await pages_of(graine, batch_of(1, batch_id))
    assert [path.count("/") for path in server.paths()] == [7 - 2, 4, 3]


def with_calls(row: dict[str, Any], count: int) -> None:
    row["status"] = "completed"
    row["retry_count"] = count - 1
    row["call_records"] = [
        {
            "execution_id": f"{row['contact_id']}_{number}",
            "call_status": "completed",
            "duration_seconds": 5,
            "created_at": "2026-05-10T10:00:00Z",
            "transcript": "private",
        }
        for number in range(count)
    ]


async def test_calls_are_asked_for_at_the_places_of_those_who_lack_them() -> None:
    vendor = Vendor()
    vendor.people(vendor.batch(1), 250)
    places = (100, 101, 104, 130, 199)
    for place in places:
        with_calls(vendor.contacts["btc_001"][place], 2)
    async with watching(vendor) as (graine, server):
        page = (await pages_of(graine, batch_of(250)))[1]
        items = [graine.decode(batch_of(), page, raw) for raw in graine.split(page)]
        lacking = [
            (place, item)
            for place, item in enumerate(items)
            if graine.lacks_calls(batch_of(), item)
        ]
        assert [place for place, _ in lacking] == [0, 1, 4, 30, 99]
        server.asked.clear()
        found = await graine.calls(batch_of(), page, lacking)
    assert found.keys() == {f"con_{place:04}" for place in places}
    assert all(len(item.calls) == 2 for item in found.values())
    assert [
        (asked.params["skip"], asked.params["limit"], asked.params["include_calls"])
        for asked in server.asked
    ] == [("100", "31", "true"), ("199", "1", "true")]


async def test_who_moved_meanwhile_is_missing_from_the_calls_and_nobody_is_mistaken() -> None:
    vendor = Vendor()
    vendor.people(vendor.batch(1), 60)
    for place in (3, 50):
        with_calls(vendor.contacts["btc_001"][place], 1)
    async with watching(vendor) as (graine, _):
        (page,) = await pages_of(graine, batch_of(60))
        items = [graine.decode(batch_of(), page, raw) for raw in graine.split(page)]
        vendor.contacts["btc_001"].insert(5, vendor.contacts["btc_001"].pop(50))
        found = await graine.calls(batch_of(), page, [(3, items[3]), (50, items[50])])
    assert found.keys() == {"con_0003"}


async def test_a_diagnosis_tells_who_is_stuck_since_when() -> None:
    vendor = Vendor()
    vendor.broken["/batches/btc_001/debug"] = {
        "batch_id": "btc_001",
        "status": "in_progress",
        "status_breakdown": {
            "pending": {"count": 3, "oldest_updated_at": "2026-05-10T10:00:00Z"},
            "retrying": {"count": 1},
            "odd": 5,
        },
        "pending_sample": ["con_1"],
        "diagnostics": {"stuck_pending": 3, "tip": "call 5551234567"},
    }
    async with watching(vendor) as (graine, _):
        diagnosis = await graine.diagnose("btc_001")
    assert diagnosis.stuck_pending == 3
    assert diagnosis.oldest == {ContactStatus.PENDING: NOW - timedelta(hours=2)}


async def test_a_key_that_works_is_told_in_a_sentence() -> None:
    vendor = Vendor()
    async with watching(vendor) as (graine, server):
        assert await graine.check() == "Graine takes the key; no batch is in progress"
        vendor.batch(1)
        assert await graine.check() == "Graine takes the key; at least one batch is in progress"
        await graine.close()
    assert len(server.asked) == 2


async def test_what_graine_cannot_tell_is_declared() -> None:
    capabilities = Graine.capabilities
    assert capabilities.retries
    assert not capabilities.voicemail
    assert capabilities.trusted == {"by_status", "total"}
    assert capabilities.blind_to


async def test_no_error_shows_a_key_a_number_or_what_was_said() -> None:
    private = json.dumps({"detail": f"{KEY} +919876543210 Hello Rajesh"}).encode()
    vendor = Vendor()
    shown = []
    async with watching(vendor) as (graine, _):
        for status in (200, 400, 401, 403, 404, 429, 500):
            vendor.broken["/batches/"] = Reply(private, status)
            with pytest.raises(ProviderError) as caught:
                await graine.discover(since=SINCE, known={}, memory={})
            shown += [repr(caught.value), str(caught.value), caught.value.text]
        shown += [repr(graine), repr(vars(graine))]
    for secret in ("verysecret", "98765", "Rajesh"):
        assert secret not in " ".join(shown)
