import base64
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from monitor.core.model import Batch, BatchStatus, CallStatus, ContactStatus, Counts, Item
from monitor.errors import NotFoundError, ProviderError
from monitor.http import HttpClient
from monitor.providers import Discovery, Known, LookFailed, Page, Stop
from monitor.providers.facts import Scheme
from monitor.providers.vogent import Vogent, VogentSettings
from monitor.providers.vogent.jobs import ESTIMATED
from tests.loopback import NOW, Asked, Loopback, Reply, StillClock, serving

KEY = "vgt_verysecret"
JOB = "job_1"


def queue_row(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"q-{number}",
        "toNumber": f"+1212555{number:04}",
        "batchDialJobId": JOB,
        "createdAt": "2026-05-10T09:00:00Z",
        "inputs": {"customer_name": "Rajesh"},
    } | fields


def dial_row(number: int, **fields: Any) -> dict[str, Any]:
    at = NOW - timedelta(hours=2) + timedelta(seconds=10 * number)
    return {
        "id": f"d-{number}",
        "toNumber": f"+1212555{number:04}",
        "agent": {"id": "a-1", "name": "Anna", "metadata": {"big": "x" * 300}},
        "transcript": [{"text": "Hello", "speaker": "HUMAN", "detailType": None}],
        "status": "completed",
        "systemResultType": "COUNTERPARTY_HANGUP",
        "durationSeconds": 5,
        "createdAt": at.isoformat(),
        "startedAt": (at + timedelta(seconds=1)).isoformat(),
        "endedAt": (at + timedelta(seconds=6)).isoformat(),
    } | fields


class Vendor:
    """Vogent's documented answers. A cursor holds the place behind which its page begins."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = []
        self.queues: dict[str, list[dict[str, Any]]] = {}
        self.dials: dict[str, list[dict[str, Any]]] = {}  # oldest first
        self.newest_first = True
        self.clamp = 1000
        self.refuse_above: int | None = None
        self.oversize_above: int | None = None
        self.broken: dict[str, Any] = {}
        self.without_null = False  # what is null is left out
        self.shown: Callable[[Asked, dict[str, Any]], Any] = lambda _, answer: answer

    def job(self, job_id: str = JOB, *, waiting: int = 0, dials: int = 0, **fields: Any) -> str:
        row = {
            "id": job_id,
            "maxConcurrentDials": 5,
            "name": "May offers",
            "status": "ACTIVE",
            "callAgentId": "agent_1",
            "createdAt": (NOW - timedelta(hours=2)).isoformat(),
            "fromPhoneNumberIds": ["num_1"],
        }
        self.jobs.insert(0, row | fields)
        self.queues[job_id] = [queue_row(dials + number) for number in range(waiting)]
        self.dials[job_id] = [dial_row(number) for number in range(dials)]
        return job_id

    def called(self, count: int = 1, job_id: str = JOB, **fields: Any) -> None:
        """The next people are called, and their dials end."""
        for _ in range(count):
            row = self.queues[job_id].pop(0)
            number = int(row["id"].removeprefix("q-"))
            self.dials[job_id].append(dial_row(number, **fields))

    def answer(self, asked: Asked) -> Any:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return Reply({"message": "unauthorized"}, 401)
        if asked.path in self.broken:
            return self.broken[asked.path]
        found: Any = None
        match asked.path.strip("/").split("/"):
            case ["batch_dial_jobs"]:
                word = asked.params.get("status")
                found = self._page(
                    asked, [job for job in self.jobs if word in {None, job.get("status")}]
                )
            case ["batch_dial_jobs", job_id]:
                found = next((job for job in self.jobs if job["id"] == job_id), None)
            case ["batch_dial_jobs", job_id, "queue"] if job_id in self.queues:
                found = self._page(asked, self.queues[job_id])
            case ["batch_dial_jobs", job_id, "dials"] if job_id in self.dials:
                rows = self.dials[job_id]
                found = self._page(asked, rows[::-1] if self.newest_first else rows)
            case ["dials", dial_id]:
                every = [row for rows in self.dials.values() for row in rows]
                found = next((row for row in every if row["id"] == dial_id), None)
        return Reply(b"", 404) if found is None else found

    def _page(self, asked: Asked, rows: Sequence[dict[str, Any]]) -> Any:
        limit = int(asked.params["limit"])
        if self.refuse_above is not None and limit > self.refuse_above:
            return Reply({"message": "Invalid input"}, 400)
        cursor = asked.params.get("cursor")
        start = 0
        if cursor is not None:
            after = base64.b64decode(cursor).decode()
            places = [place for place, row in enumerate(rows) if row["id"] == after]
            if not places:
                return Reply({"message": "Invalid input"}, 400)
            start = places[0] + 1
        end = start + min(limit, self.clamp)
        part = list(rows[start:end])
        following = base64.b64encode(part[-1]["id"].encode()).decode() if end < len(rows) else None
        answer: dict[str, Any] = {"data": part, "cursor": following}
        if self.without_null and following is None:
            del answer["cursor"]
        return self.shown(asked, answer)


@asynccontextmanager
async def watching(
    vendor: Vendor, key: str = KEY, clock: StillClock | None = None
) -> AsyncIterator[tuple[Vogent, Loopback]]:
    http = HttpClient(clock or StillClock())
    async with serving(vendor.answer) as server:
        settings = VogentSettings(vendor="vogent", api_key=key, base_url=server.url)  # type: ignore[arg-type]  # the validator makes it a secret
        yield Vogent("offers", settings, http, b"k" * 32), server
    await http.aclose()


async def looked(vogent: Vogent, *known: Known) -> list[Batch | LookFailed]:
    return [found async for found in vogent.looks(known)]


async def look(vendor: Vendor, **known: Any) -> Batch:
    async with watching(vendor) as (vogent, _):
        (found,) = await looked(vogent, Known(batch_id=JOB, **known))
    assert isinstance(found, Batch), found
    return found


async def failed_look(vendor: Vendor) -> ProviderError:
    async with watching(vendor) as (vogent, _):
        (found,) = await looked(vogent, Known(batch_id=JOB))
    assert isinstance(found, LookFailed)
    return found.error


def a_batch(**fields: Any) -> Batch:
    whole: dict[str, Any] = {
        "provider": "offers",
        "batch_id": JOB,
        "status": BatchStatus.RUNNING,
        "seen_at": NOW,
        "concurrency": 5,
    }
    return Batch(**whole | fields)


async def swept(vogent: Vogent, batch: Batch | None = None) -> list[Page]:
    return [page async for page in vogent.sweep(batch or a_batch())]


async def read(vendor: Vendor) -> list[Item]:
    """Everybody that a whole reading shows, in the order in which they were shown."""
    async with watching(vendor) as (vogent, _):
        pages = await swept(vogent)
        return items(vogent, pages)


def items(vogent: Vogent, pages: Sequence[Page]) -> list[Item]:
    batch = a_batch()
    return [vogent.decode(batch, page, raw) for page in pages for raw in vogent.split(page)]


def ids(found: Sequence[Item]) -> set[str]:
    return {call.call_id for item in found for call in item.calls}


def waiting(found: Sequence[Item]) -> int:
    return sum(item.contact.status is ContactStatus.PENDING for item in found)


# Looks


async def test_a_look_tells_how_the_job_stands_and_counts_who_waits() -> None:
    vendor = Vendor()
    schedule = {
        "days": [{"dayOfWeek": 0, "timeSlots": [{"startTime": "09:00", "endTime": "17:00"}]}],
        "timezone": "Asia/Kolkata",
    }
    vendor.job(waiting=37, dials=3, schedule=schedule)
    async with watching(vendor) as (vogent, server):
        (batch,) = await looked(vogent, Known(batch_id=JOB))
    assert isinstance(batch, Batch)
    assert (batch.provider, batch.batch_id, batch.name) == ("offers", JOB, "May offers")
    assert (batch.status, batch.concurrency, batch.campaign) == (BatchStatus.RUNNING, 5, "agent_1")
    assert batch.created_at == NOW - timedelta(hours=2)
    assert (batch.timezone, batch.calendar is not None) == ("Asia/Kolkata", True)
    assert batch.counts == Counts(waiting=37, estimated=ESTIMATED)
    assert [(asked.path, asked.params) for asked in server.asked] == [
        (f"/batch_dial_jobs/{JOB}", {}),
        (f"/batch_dial_jobs/{JOB}/queue", {"limit": "500"}),
    ]


async def test_what_is_under_way_is_what_left_the_queue_and_is_no_dial_yet() -> None:
    vendor = Vendor()
    vendor.job(waiting=30, dials=10)
    batch = await look(vendor, look=a_batch(), contacts=45, waiting=35)
    assert batch.counts.live == 5
    assert (batch.counts.total, batch.counts.finished, batch.counts.waiting) == (45, 10, 30)
    assert batch.counts.estimated == {"total", "finished", "live"}


async def test_the_front_of_a_queue_tells_how_many_are_left() -> None:
    vendor = Vendor()
    vendor.job(waiting=1200)
    async with watching(vendor) as (vogent, server):
        counted = []
        for called in (0, 7, 19, 0):
            vendor.called(called)
            server.asked.clear()
            (found,) = await looked(vogent, Known(batch_id=JOB))
            assert isinstance(found, Batch)
            counted.append((found.counts.waiting, len(server.asked) - 1))
    assert counted == [(1200, 3), (1193, 1), (1174, 1), (1174, 1)]


@pytest.mark.parametrize("gone", [slice(5, 6), slice(-3, None), slice(0, 900)], ids=str)
async def test_a_queue_that_does_not_leave_from_its_front_is_counted_anew(gone: slice) -> None:
    vendor = Vendor()
    vendor.job(waiting=1000)
    vendor.queues[JOB].reverse()
    async with watching(vendor) as (vogent, _):
        await looked(vogent, Known(batch_id=JOB))
        del vendor.queues[JOB][gone]
        vendor.queues[JOB].insert(0, queue_row(5000))
        (found,) = await looked(vogent, Known(batch_id=JOB))
    assert isinstance(found, Batch)
    assert found.counts.waiting == len(vendor.queues[JOB])


async def test_who_was_taken_out_of_the_middle_is_missed_for_five_minutes_at_most() -> None:
    vendor = Vendor()
    vendor.job(waiting=100)
    clock = StillClock()
    http = HttpClient(clock)
    async with serving(vendor.answer) as server:
        settings = VogentSettings(vendor="vogent", api_key=KEY, base_url=server.url)  # type: ignore[arg-type]  # the validator makes it a secret
        vogent = Vogent("offers", settings, http, b"k" * 32)
        counted = []
        for minutes in (0, 4, 5):
            clock.at = NOW + timedelta(minutes=minutes)
            (found,) = await looked(vogent, Known(batch_id=JOB))
            assert isinstance(found, Batch)
            counted.append(found.counts.waiting)
            del vendor.queues[JOB][60:62]
    await http.aclose()
    assert counted == [100, 100, 96]


async def test_the_queue_of_an_ended_job_is_counted_to_its_last_row() -> None:
    vendor = Vendor()
    vendor.job(waiting=100)
    async with watching(vendor) as (vogent, _):
        await looked(vogent, Known(batch_id=JOB))
        del vendor.queues[JOB][50:]
        vendor.jobs[0]["status"] = "CANCELLED"
        (found,) = await looked(vogent, Known(batch_id=JOB))
    assert isinstance(found, Batch)
    assert (found.status, found.counts.waiting) == (BatchStatus.CANCELLED, 50)


@pytest.mark.parametrize(
    ("before", "stored", "proven"),
    [
        pytest.param(2, None, True, id="always two lines"),
        pytest.param(5, None, False, id="lines were taken away"),
        pytest.param(2, 5, False, id="before a restart"),
    ],
)
async def test_calls_on_lines_that_were_taken_away_may_go_on_unseen(
    before: int, stored: int | None, *, proven: bool
) -> None:
    vendor, clock = Vendor(), StillClock()
    vendor.job(waiting=2, maxConcurrentDials=before)
    known = Known(batch_id=JOB, look=a_batch(concurrency=stored) if stored else None)
    async with watching(vendor, clock=clock) as (vogent, _):
        await looked(vogent, known)
        await swept(vogent)
        clock.at = NOW + timedelta(minutes=6)
        for began in (NOW + timedelta(minutes=minutes) for minutes in (2, 3)):
            ended = (began + timedelta(minutes=2)).isoformat()
            vendor.called(createdAt=began.isoformat(), startedAt=began.isoformat(), endedAt=ended)
        vendor.jobs[0] |= {"maxConcurrentDials": 2, "status": "COMPLETE"}
        await swept(vogent)
        (found,) = await looked(vogent, Known(batch_id=JOB, look=a_batch(concurrency=2)))
    assert isinstance(found, Batch)
    assert (found.unseen_for == timedelta(0)) is proven


async def test_many_jobs_are_looked_up_in_the_lists_of_open_ones() -> None:
    vendor = Vendor()
    for number in range(6):
        vendor.job(f"job_{number}", status=("ACTIVE", "PAUSED")[number % 2])
    vendor.jobs[0]["status"] = "COMPLETE"
    known = [
        Known(
            batch_id=f"job_{number}",
            look=a_batch(status=(BatchStatus.RUNNING, BatchStatus.PAUSED)[number % 2]),
        )
        for number in range(6)
    ]
    async with watching(vendor) as (vogent, server):
        found = await looked(vogent, *known)
    assert [each.batch_id for each in found] == [each.batch_id for each in known]
    assert isinstance(found[5], Batch)
    assert found[5].status is BatchStatus.COMPLETED
    asked = [each for each in server.asked if not each.path.endswith("queue")]
    assert [(each.path, each.params.get("status")) for each in asked] == [
        ("/batch_dial_jobs", "ACTIVE"),
        ("/batch_dial_jobs", "PAUSED"),
        ("/batch_dial_jobs/job_5", None),
    ]


async def test_a_schedule_that_was_taken_away_gives_every_hour_back() -> None:
    vendor = Vendor()
    vendor.job(waiting=1)
    before = a_batch(timezone="Asia/Kolkata")
    batch = await look(vendor, look=before)
    assert batch.calendar is not None
    assert len(batch.calendar.hours[0].days) == 7
    assert batch.calendar.hours[0].end is None
    vendor.job("job_2")
    vendor.job("job_3")
    known = [
        Known(batch_id=name, look=a_batch(timezone="Asia/Kolkata", calendar=batch.calendar))
        for name in (JOB, "job_2", "job_3")
    ]
    async with watching(vendor) as (vogent, server):
        await looked(vogent, *known)
    assert f"/batch_dial_jobs/{JOB}" not in server.paths()


@pytest.mark.parametrize(
    ("path", "reply", "kind"),
    [
        pytest.param("", Reply(b"<html>"), "garbage", id="html"),
        pytest.param("", Reply({"error": "no"}), "garbage", id="error with 200"),
        pytest.param("", Reply({"id": "another", "status": "ACTIVE"}), "garbage", id="other job"),
        pytest.param("", Reply(b"", 500), "server", id="500"),
        pytest.param("", Reply({"message": "Invalid input"}, 400), "contract", id="400"),
        pytest.param("", Reply(b"", 422), "contract", id="422"),
        pytest.param("", Reply(b"", 302, {"location": "/"}), "contract", id="redirect"),
        pytest.param("/queue", Reply(b""), "garbage", id="queue empty"),
        pytest.param("/queue", Reply([]), "garbage", id="queue a list"),
        pytest.param("/queue", Reply({"data": {}, "cursor": None}), "garbage", id="queue object"),
        pytest.param("/queue", Reply({"data": [], "cursor": {}}), "garbage", id="odd cursor"),
        pytest.param("/queue", Reply(b"", 403), "forbidden", id="queue 403"),
        pytest.param("/queue", Reply(b"", 404), "contract", id="queue not found"),
    ],
)
async def test_an_answer_that_cannot_be_read_is_a_failed_look(
    path: str, reply: Reply, kind: str
) -> None:
    vendor = Vendor()
    vendor.job(waiting=3)
    vendor.broken[f"/batch_dial_jobs/{JOB}{path}"] = reply
    error = await failed_look(vendor)
    assert error.kind == kind
    assert not isinstance(error, NotFoundError)


async def test_a_job_that_is_not_known_is_not_found() -> None:
    assert isinstance(await failed_look(Vendor()), NotFoundError)


async def test_a_key_that_is_not_taken_concerns_the_whole_account() -> None:
    vendor = Vendor()
    vendor.job()
    async with watching(vendor, key="wrong") as (vogent, server):
        with pytest.raises(ProviderError) as caught:
            await looked(vogent, Known(batch_id=JOB))
    assert (caught.value.kind, len(server.asked)) == ("auth", 1)
    assert "wrong" not in str(caught.value)


# Discovery


async def discovered(vendor: Vendor, days: int = 7, **known: Known) -> tuple[Discovery, Loopback]:
    async with watching(vendor) as (vogent, server):
        found = await vogent.discover(since=NOW - timedelta(days=days), known=known, memory={})
    return found, server


async def test_discovery_finds_open_jobs_and_those_that_ended_lately() -> None:
    vendor = Vendor()
    old = (NOW - timedelta(days=30)).isoformat()
    vendor.job("old_open", createdAt=old, status="PAUSED")
    vendor.job("old_done", createdAt=old, status="COMPLETE")
    vendor.job("old_odd", createdAt=old, status="ARCHIVED")
    vendor.job("done", status="COMPLETE")
    vendor.job("odd", status="ARCHIVED")
    vendor.job("new", status="INIT")
    found, _ = await discovered(vendor)
    assert found.complete
    assert {each.batch_id for each in found.sightings} == {"old_open", "done", "odd", "new"}


async def test_only_jobs_that_need_no_counts_are_taken_from_the_list() -> None:
    vendor = Vendor()
    vendor.job("running")
    vendor.job("done", status="COMPLETE")
    vendor.job("watched")
    vendor.job("back_again", status="ACTIVE")
    found, _ = await discovered(
        vendor,
        watched=Known(batch_id="watched", look=a_batch()),
        back_again=Known(batch_id="back_again"),
    )
    told = {each.batch_id: each.look and each.look.status for each in found.sightings}
    assert told == {
        "running": None,
        "done": BatchStatus.COMPLETED,
        "watched": None,
        "back_again": BatchStatus.RUNNING,
    }


async def test_a_list_of_jobs_that_is_newest_first_is_read_no_further_than_needed() -> None:
    vendor = Vendor()
    for hours in range(500, 0, -1):
        at = (NOW - timedelta(hours=hours)).isoformat()
        vendor.job(f"job_{hours}", createdAt=at, status="COMPLETE" if hours > 3 else "ACTIVE")
    found, server = await discovered(vendor, days=1)
    assert len(found.sightings) == 24
    assert [each.params.get("status") for each in server.asked] == [
        None,
        "ACTIVE",
        "PAUSED",
        "INIT",
    ]
    vendor.jobs.reverse()
    found, server = await discovered(vendor, days=1)
    assert len(found.sightings) == 24
    assert [each.params.get("status") for each in server.asked] == [None] * 5


async def test_a_row_that_cannot_be_read_makes_discovery_incomplete() -> None:
    vendor = Vendor()
    vendor.job()
    vendor.jobs.append({"id": None, "name": "?"})
    found, _ = await discovered(vendor)
    assert [each.batch_id for each in found.sightings] == [JOB]
    assert not found.complete


# Reading


@pytest.mark.parametrize("newest_first", [True, False], ids=["newest first", "oldest first"])
@pytest.mark.parametrize("clamp", [1000, 50, 7, 1], ids=str)
async def test_a_whole_reading_shows_every_dial_and_everybody_who_waits(
    newest_first: bool, clamp: int
) -> None:
    vendor = Vendor()
    vendor.newest_first, vendor.clamp = newest_first, clamp
    vendor.job(waiting=33, dials=61)
    found = await read(vendor)
    assert len(ids(found)) == 61
    assert (len(found), waiting(found)) == (94, 33)
    assert {call.status for item in found for call in item.calls} == {CallStatus.COMPLETED}


async def test_empty_lists_are_read_to_their_end() -> None:
    vendor = Vendor()
    vendor.job()
    async with watching(vendor) as (vogent, _):
        pages = await swept(vogent)
    assert [(page.listing, page.number, page.last) for page in pages] == [
        ("queue", 0, True),
        ("dials", 0, True),
    ]


async def test_a_job_never_read_shows_its_queue_first_so_that_nobody_slips_between() -> None:
    vendor = Vendor()
    vendor.job(waiting=3, dials=2)
    async with watching(vendor) as (vogent, _):
        assert [page.listing for page in await swept(vogent)] == ["queue", "dials"]
        assert [page.listing for page in await swept(vogent)] == ["dials", "queue"]


async def test_the_pages_of_dials_begin_small_and_grow() -> None:
    vendor = Vendor()
    vendor.job(dials=500)
    async with watching(vendor) as (vogent, server):
        pages = await swept(vogent)
        again = await swept(vogent)
    limits = [each.params["limit"] for each in server.asked if each.path.endswith("dials")]
    assert limits[: len(limits) // 2] == ["10", "10", "20", "40", *["50"] * 9]
    before = {(page.listing, page.number): page.body for page in pages}
    assert {(page.listing, page.number): page.body for page in again} == before


async def quick(vogent: Vogent, known: set[str]) -> tuple[list[str], int]:
    """What a reading of no more than what moved finds new, and how many pages it takes."""
    fresh: list[str] = []
    pages = 0
    sweep = vogent.sweep(a_batch())
    async for page in sweep:
        pages += 1
        rows = [json.loads(bytes(raw))["id"] for raw in vogent.split(page)]
        fresh += [row for row in rows if row not in known]
        ends = page.stop is Stop.KNOWN and (not rows or rows[-1] in known)
        if ends or page.stop is Stop.HERE:
            break
    await sweep.aclose()
    return fresh, pages


@pytest.mark.parametrize("newest_first", [True, False], ids=["newest first", "oldest first"])
async def test_what_is_new_is_found_on_one_page_once_the_order_is_proven(
    newest_first: bool,
) -> None:
    vendor = Vendor()
    vendor.newest_first = newest_first
    vendor.job(waiting=40, dials=300)
    async with watching(vendor) as (vogent, _):
        known = {
            json.loads(bytes(raw))["id"]
            for page in await swept(vogent)
            for raw in vogent.split(page)
        }
        vendor.called(4)
        fresh, pages = await quick(vogent, known)
    assert (sorted(fresh), pages) == (["d-300", "d-301", "d-302", "d-303"], 1)


async def test_an_order_that_was_never_shown_is_not_believed() -> None:
    vendor = Vendor()
    vendor.job(dials=200, waiting=1)
    rows = vendor.dials[JOB]
    vendor.dials[JOB] = rows[::2] + rows[1::2]
    async with watching(vendor) as (vogent, _):
        await swept(vogent)
        assert {page.stop for page in await swept(vogent)} == {Stop.NEVER}


async def test_a_few_rows_prove_no_order() -> None:
    vendor = Vendor()
    vendor.job(dials=10, waiting=1)
    async with watching(vendor) as (vogent, _):
        assert {page.stop for page in await swept(vogent)} == {Stop.NEVER}


async def test_one_row_against_the_order_ends_the_belief_in_it() -> None:
    vendor = Vendor()
    vendor.job(dials=200)
    async with watching(vendor) as (vogent, _):
        stops = [page.stop for page in await swept(vogent) if page.listing == "dials"]
        assert stops[1:] == [Stop.KNOWN] * (len(stops) - 1)
        vendor.dials[JOB].insert(180, dial_row(5000))
        stops = [page.stop for page in await swept(vogent) if page.listing == "dials"]
    assert stops[2:] == [Stop.NEVER] * (len(stops) - 2)


async def test_lists_that_are_read_at_once_do_not_disturb_each_others_order() -> None:
    vendor = Vendor()
    vendor.job(dials=200)
    async with watching(vendor) as (vogent, _):
        first, second = vogent.sweep(a_batch()), vogent.sweep(a_batch())
        async with aclosing(first) as one, aclosing(second) as two:
            await anext(one)
            async for _page in two:
                await anext(one, None)
        stops = [page.stop for page in await swept(vogent) if page.listing == "dials"]
    assert stops == [Stop.KNOWN] * len(stops)


async def test_a_long_call_is_found_before_the_shorter_ones_at_the_end_of_the_list() -> None:
    vendor = Vendor()
    vendor.newest_first = False
    vendor.job(dials=300)
    for number, row in enumerate(vendor.dials[JOB]):
        ended = NOW - timedelta(seconds=30 * (number * 7 % 300))
        row["endedAt"] = row["startedAt"] = ended.isoformat()
    long = vendor.dials[JOB].pop(250)
    async with watching(vendor) as (vogent, _):
        await swept(vogent, a_batch(concurrency=65))
        vendor.dials[JOB].insert(250, long)
        found: set[str] = set()
        async with aclosing(vogent.sweep(a_batch(concurrency=65))) as pages:
            async for page in pages:
                found.update(json.loads(bytes(raw))["id"] for raw in vogent.split(page))
                if page.stop is Stop.HERE:
                    break
    assert long["id"] in found
    assert len(found) < 150


async def test_in_order_of_creation_as_many_dials_as_lines_are_looked_through() -> None:
    vendor = Vendor()
    vendor.job(dials=200)
    for number, row in enumerate(vendor.dials[JOB]):
        ended = NOW - timedelta(seconds=30 * (number * 7 % 200))
        row["endedAt"] = row["startedAt"] = ended.isoformat()
    async with watching(vendor) as (vogent, _):
        await swept(vogent)
        pages = await swept(vogent, a_batch(concurrency=65))
    stops = [page.stop for page in pages if page.listing == "dials"]
    assert stops[:4] == [Stop.NEVER, Stop.NEVER, Stop.NEVER, Stop.KNOWN]


async def test_a_remembered_place_that_the_vendor_knows_no_more_is_forgotten() -> None:
    vendor = Vendor()
    vendor.newest_first = False
    vendor.job(dials=200, waiting=3)
    async with watching(vendor) as (vogent, server):
        await swept(vogent)
        for row in vendor.dials[JOB]:
            row["id"] = f"new-{row['id']}"
        found = items(vogent, await swept(vogent))
        assert len(ids(found)) == 200
        server.asked.clear()
        await swept(vogent)
    assert "cursor" in server.asked[0].params


async def test_every_dial_is_shown_though_the_list_grows_in_its_middle() -> None:
    vendor = Vendor()
    vendor.newest_first = False
    vendor.job(dials=200)
    late = vendor.dials[JOB].pop(20)
    async with watching(vendor) as (vogent, _):
        await swept(vogent)
        vendor.dials[JOB].insert(20, late)
        found = items(vogent, await swept(vogent))
    assert len(ids(found)) == 200


async def test_a_page_that_is_refused_for_its_size_is_asked_for_smaller() -> None:
    vendor = Vendor()
    vendor.refuse_above = 100
    vendor.job(waiting=250, dials=5)
    found = await read(vendor)
    assert (waiting(found), len(ids(found))) == (250, 5)


async def test_a_page_that_is_too_large_to_be_read_is_asked_for_smaller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vendor = Vendor()
    vendor.job(dials=200)
    async with watching(vendor) as (vogent, server):
        account = vogent._account
        whole = account.get

        async def narrow(path: str, params: Any = None, **_: Any) -> Any:
            return await whole(path, params, limit=25_000)

        monkeypatch.setattr(account, "get", narrow)
        found = items(vogent, await swept(vogent))
    assert len(ids(found)) == 200
    limits = [int(each.params["limit"]) for each in server.asked if each.path.endswith("dials")]
    assert limits[:5] == [10, 10, 20, 40, 10]


async def test_a_dial_too_large_by_itself_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = Vendor()
    vendor.job(dials=1)
    async with watching(vendor) as (vogent, _):
        account = vogent._account
        whole = account.get

        async def narrow(path: str, params: Any = None, **_: Any) -> Any:
            return await whole(path, params, limit=200)

        monkeypatch.setattr(account, "get", narrow)
        with pytest.raises(ProviderError) as caught:
            await swept(vogent)
    assert caught.value.kind == "oversize"


# Lists that lead nowhere


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        pytest.param(
            lambda _, answer: answer | {"cursor": "again"}, "contract", id="one cursor for ever"
        ),
        pytest.param(
            lambda asked, answer: (
                answer | {"cursor": {"b": "c", "c": "b"}.get(asked.params.get("cursor", ""), "b")}
            ),
            "contract",
            id="two cursors in turn",
        ),
        pytest.param(
            lambda asked, _: {
                "data": [dial_row(1)],
                "cursor": asked.params.get("cursor", "") + "x",
            },
            "contract",
            id="the same page for ever",
        ),
        pytest.param(
            lambda asked, _: {"data": [], "cursor": asked.params.get("cursor", "") + "x"},
            "contract",
            id="nothing for ever",
        ),
        pytest.param(lambda _, answer: {"data": answer["data"]}, "garbage", id="no cursor at all"),
        pytest.param(lambda _, answer: answer | {"cursor": 1.5}, "garbage", id="odd cursor"),
        pytest.param(lambda _, answer: answer | {"cursor": "x" * 5000}, "garbage", id="endless"),
        pytest.param(lambda _, answer: {"cursor": None}, "garbage", id="no rows"),
        pytest.param(lambda _, answer: {"data": None, "cursor": None}, "garbage", id="null rows"),
    ],
)
async def test_a_list_that_leads_nowhere_ends_in_an_error(shown: Any, kind: str) -> None:
    vendor = Vendor()
    vendor.job(dials=300)

    def odd(asked: Asked, answer: dict[str, Any]) -> Any:
        if not asked.path.endswith("dials"):
            return answer
        if "cursor" in asked.params:
            answer = {"data": [dial_row(900)], "cursor": "more"}
        return shown(asked, answer)

    vendor.shown = odd
    page = vendor._page

    def lenient(asked: Asked, rows: Sequence[dict[str, Any]]) -> Any:
        if "cursor" in asked.params and asked.path.endswith("dials"):
            return odd(asked, {})
        return page(asked, rows)

    vendor._page = lenient  # type: ignore[method-assign]  # a vendor that takes any cursor
    async with watching(vendor) as (vogent, server):
        with pytest.raises(ProviderError) as caught:
            await swept(vogent)
    assert caught.value.kind == kind
    assert len(server.asked) < 8


async def test_a_last_page_may_leave_its_null_cursor_out() -> None:
    vendor = Vendor()
    vendor.without_null = True
    vendor.job(waiting=3, dials=35)
    found = await read(vendor)
    assert (len(ids(found)), waiting(found)) == (35, 3)


async def test_an_empty_page_in_the_middle_of_a_list_ends_nothing() -> None:
    vendor = Vendor()
    vendor.job(dials=35)
    holes = [base64.b64encode(b"d-25").decode()]

    def holed(asked: Asked, answer: dict[str, Any]) -> Any:
        if asked.params.get("cursor") in holes:
            # The same place, written otherwise.
            return {"data": [], "cursor": holes.pop() + "\n"}
        return answer

    vendor.shown = holed
    assert len(ids(await read(vendor))) == 35
    assert not holes


# Dials by themselves


async def test_a_dial_that_does_not_say_how_it_stands_is_asked_about() -> None:
    vendor = Vendor()
    vendor.job(dials=3)
    async with watching(vendor) as (vogent, server):
        for row in vendor.dials[JOB]:
            row["toNumber"] = "+12125550001"
        silent = [{"id": row["id"], "toNumber": row["toNumber"]} for row in vendor.dials[JOB]]
        silent.append({"id": "gone"})
        body = json.dumps({"data": silent, "cursor": None}).encode()
        page = Page("dials", 0, body, NOW, last=True)
        batch = a_batch()
        listed = [vogent.decode(batch, page, raw) for raw in vogent.split(page)]
        assert all(vogent.lacks_calls(batch, item) for item in listed)
        found = await vogent.calls(batch, page, list(enumerate(listed)))
    assert server.paths() == ["/dials/d-0", "/dials/d-1", "/dials/d-2", "/dials/gone"]
    (person,) = {item.contact.contact_id for item in listed[:3]}
    assert [call.status for call in found[person].calls] == [CallStatus.COMPLETED] * 3
    assert {call.contact_id for call in found[person].calls} == {person}
    assert [call.status for call in found["gone"].calls] == [CallStatus.UNKNOWN]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(Reply({"message": "unauthorized"}, 401), "auth", id="the key is refused"),
        pytest.param(Reply({"message": "slow down"}, 429), "rate_limited", id="too many"),
        pytest.param(Reply({"message": "oops"}, 500), "server", id="a failure"),
        pytest.param(Reply({"message": "gone"}, 404), "not_found", id="unknown"),
        pytest.param({"id": "d-9", "status": "completed"}, "garbage", id="another dial"),
        pytest.param({"status": "completed"}, "garbage", id="no dial"),
    ],
)
async def test_what_is_wrong_with_an_answer_about_one_dial_is_raised(
    answer: Any, kind: str
) -> None:
    vendor = Vendor()
    vendor.shown = lambda _, before: before
    vendor.broken = {"/dials/d-0": answer}
    async with watching(vendor) as (vogent, _):
        with pytest.raises(ProviderError) as caught:
            await vogent.call("d-0")
    assert caught.value.kind == kind


async def test_one_dial_is_told_without_its_job() -> None:
    vendor = Vendor()
    vendor.job(dials=1)
    async with watching(vendor) as (vogent, _):
        told = await vogent.call("d-0")
    assert (told.batch_id, told.item.calls[0].call_id) == (None, "d-0")


async def test_rows_of_both_lists_that_say_enough_are_not_asked_about() -> None:
    vendor = Vendor()
    vendor.job(waiting=2, dials=2)
    async with watching(vendor) as (vogent, _):
        found = items(vogent, await swept(vogent))
        assert not any(vogent.lacks_calls(a_batch(), item) for item in found)


async def test_late_results_change_a_dial_that_had_ended() -> None:
    vendor = Vendor()
    vendor.job(dials=1)
    vendor.dials[JOB][0].update(systemResultType=None)
    (before,) = ((await read(vendor))[0]).calls
    vendor.dials[JOB][0].update(systemResultType="VOICEMAIL_LEFT", aiResult={"interested": "yes"})
    (after,) = ((await read(vendor))[0]).calls
    assert (before.call_id, before.answered_by) == (after.call_id, None)
    assert after.answered_by is not None


# The account


@pytest.mark.parametrize(
    ("jobs", "said"), [(0, "no job is active"), (1, "at least one job is active")], ids=str
)
async def test_a_key_is_tried_with_the_smallest_list(jobs: int, said: str) -> None:
    vendor = Vendor()
    for number in range(jobs):
        vendor.job(f"job_{number}")
    async with watching(vendor) as (vogent, server):
        assert said in await vogent.check()
        assert await vogent.state() is None
    assert [each.params for each in server.asked] == [{"status": "ACTIVE", "limit": "1"}]


def test_what_the_vendor_documents_of_webhooks_and_actions() -> None:
    facts = Vogent.facts
    assert facts.webhooks is not None
    assert (facts.webhooks.scheme, facts.webhooks.header) == (
        Scheme.HMAC_SHA256_HEX,
        "X-Elto-Signature",
    )
    proves = {event.name: event.proves.value for event in facts.webhooks.events}
    assert proves == {
        "dial.updated": "call_status",
        "dial.created": "hint",
        "dial.extractor": "hint",
        "dial.recording_created": "nothing",
        "dial.transcript": "nothing",
        "dial.inbound": "nothing",
    }
    assert all(event.match == {"event": event.name} for event in facts.webhooks.events)
    assert {(event.call_id, event.batch_id) for event in facts.webhooks.events} == {
        ("payload.dial_id", None)
    }
    assert [(each.name, each.body, each.final) for each in facts.actions] == [
        ("pause", {"paused": True}, False),
        ("resume", {"paused": False}, False),
    ]
    assert facts.dashboard == "https://app.vogent.ai"


async def test_an_error_names_neither_key_nor_answer() -> None:
    vendor = Vendor()
    vendor.job()
    vendor.broken[f"/batch_dial_jobs/{JOB}/dials"] = Reply(b'{"data": [{"toNumber": "+12125550100"')
    async with watching(vendor) as (vogent, _):
        with pytest.raises(ProviderError) as caught:
            await swept(vogent)
    assert "2125550100" not in str(caught.value)
    assert KEY not in str(caught.value)
    assert KEY not in repr(vogent._account)
