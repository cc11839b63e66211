"""Reading one list: as far as is needed, what it proves, and what it does not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from monitor.core.model import Counts, EndedBy
from monitor.core.pace import Reading
from monitor.core.pastmoves import UNLISTED
from monitor.errors import ProviderError
from monitor.ingest.looks import take_look
from monitor.providers import Stop
from monitor.scheduler.sweeper import SweepDone, Sweeper
from monitor.store import changes, snapshot
from monitor.store.batches import BatchRow
from monitor.store.writer import Priority
from tests.builders import EVERYTHING, HOUR, MINUTE, NOON
from tests.fakes import CallRow, Person
from tests.lookout import Lookout


@dataclass
class Desk:
    """One batch of one vendor, swept by hand."""

    at: Lookout

    async def look(self) -> BatchRow:
        look = self.at.vendor._look(self.at.vendor.batches["b1"])
        return await self.at.store.write(
            Priority.INGEST, lambda conn: take_look(conn, look, baseline=False)
        )

    async def sweep(self, mode: Reading = Reading.ALL) -> tuple[SweepDone, list[int]]:
        """Look and sweep; what came of it, and the pages that were asked for."""
        self.at.clock.move(MINUTE)
        row = await self.look()
        self.at.vendor.told()
        done = await self.at.sweeper.sweep(row, mode)
        return done, [int(one.split()[2]) for one in self.at.vendor.told("page")]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    at = Lookout(tmp_path / "offhook.db", threads=False)
    at.vendor.add("b1", people=35)
    yield Desk(at)
    at.store.close()


async def test_a_whole_reading_proves_that_everything_was_read(desk: Desk) -> None:
    done, pages = await desk.sweep(Reading.ANEW)

    now = NOON + MINUTE
    assert pages == [0, 1, 2, 3]
    assert (done.row.swept_at, done.row.full_swept_at, done.row.complete_at) == (now, now, now)
    assert (done.row.read_at, done.row.sweeping_since, done.moved) == (now, None, True)


async def test_reading_all_again_is_no_reading_anew(desk: Desk) -> None:
    await desk.sweep(Reading.ANEW)
    done, _ = await desk.sweep(Reading.ALL)

    assert (done.row.swept_at, done.row.full_swept_at) == (NOON + 2 * MINUTE, NOON + MINUTE)
    assert not done.moved


async def test_a_part_of_the_list_proves_only_what_it_read(desk: Desk) -> None:
    people = desk.at.vendor.batches["b1"].people
    people[12] = Person(id="p012", status="in_call")
    await desk.sweep(Reading.ANEW)
    people[12] = Person(id="p012", status="completed")
    done, pages = await desk.sweep(Reading.HOT)

    assert pages[0] == 1
    assert len(pages) < 4
    assert (done.row.swept_at, done.row.read_at) == (NOON + MINUTE, NOON + 2 * MINUTE)
    assert done.row.swept_counts == done.row.look.counts


async def test_rows_that_cannot_be_read_leave_everything_unproven(desk: Desk) -> None:
    people = desk.at.vendor.batches["b1"].people
    people[3] = Person(id="p003", bad=True)
    done, _ = await desk.sweep(Reading.ANEW)

    assert (done.row.swept_at, done.row.complete_at, done.row.read_at) == (None, None, None)
    assert (done.row.unread, done.row.swept_counts) == (1, None)
    assert done.row.listed_at == NOON + MINUTE
    people[3] = Person(id="p003")
    done, _ = await desk.sweep()
    assert (done.row.unread, done.row.complete_at) == (0, NOON + 2 * MINUTE)


async def test_one_row_that_cannot_be_read_makes_no_history_of_the_others(desk: Desk) -> None:
    people = desk.at.vendor.batches["b1"].people
    people[3] = Person(id="p003", bad=True)
    await desk.sweep(Reading.ANEW)
    people[5] = Person(id="p005", status="exhausted", calls=[CallRow(id="c5", status="failed")])
    done, _ = await desk.sweep()

    calls = await desk.at.store.read(lambda conn: list(snapshot.every_call(conn, done.row.id)))
    assert [(each.ended_by, each.ended_at) for each in calls] == [(EndedBy.SEEN, NOON + 2 * MINUTE)]
    assert done.row.moved_at == NOON + 2 * MINUTE
    last = await desk.at.store.read(lambda conn: changes.since(conn, done.row.id, 1))
    moved = {each.subject for each in last if each.kind not in {changes.COUNTS, UNLISTED}}
    assert moved == {"p005", "c5"}


@pytest.mark.parametrize(
    ("total", "complete"),
    [(35, True), (None, True), (36, False), (34, False)],
    ids=["as many as were read", "not told", "one more", "one fewer"],
)
async def test_only_as_many_as_the_vendor_counts_is_complete(
    desk: Desk, total: int | None, complete: bool
) -> None:
    desk.at.vendor.batches["b1"].counts = Counts(total=total)
    done, _ = await desk.sweep(Reading.ANEW)

    assert (done.row.complete_at is not None) is complete
    assert done.row.swept_at is not None


async def test_a_sweep_that_breaks_off_says_so_until_one_comes_to_its_end(desk: Desk) -> None:
    desk.at.vendor.cut_pages_after = 2
    with pytest.raises(ProviderError):
        await desk.sweep(Reading.ANEW)
    row = await desk.at.row()
    assert (row.sweeping_since, row.swept_at, row.listed_at) == (NOON + MINUTE, None, None)

    desk.at.vendor.cut_pages_after = None
    done, _ = await desk.sweep(Reading.ANEW)
    assert (done.row.sweeping_since, done.row.swept_at) == (None, NOON + 2 * MINUTE)


async def test_words_of_a_list_are_handed_on(desk: Desk) -> None:
    desk.at.vendor.batches["b1"].people[0] = Person(id="p000", status="on_hold")
    done, _ = await desk.sweep(Reading.ANEW)

    assert done.words == {("contact", "on_hold")}


# Who vanished


async def test_only_who_is_missing_from_two_whole_readings_has_vanished(desk: Desk) -> None:
    batch = desk.at.vendor.batches["b1"]
    await desk.sweep(Reading.ANEW)
    del batch.people[7]
    await desk.sweep(Reading.ALL)
    first, _ = await desk.sweep(Reading.ANEW)
    assert first.row.tally["contacts"] == 35
    second, _ = await desk.sweep(Reading.ANEW)

    assert second.row.tally["contacts"] == 34
    assert "p007" not in await desk.at.people()
    last = await desk.at.store.read(lambda conn: changes.since(conn, second.row.id, 1))
    people = [(each.subject, each.after) for each in last if each.kind != changes.COUNTS]
    assert people == [("p007", "vanished")]


async def test_who_comes_back_in_between_has_not_vanished(desk: Desk) -> None:
    people = desk.at.vendor.batches["b1"].people
    await desk.sweep(Reading.ANEW)
    gone = people.pop(7)
    await desk.sweep(Reading.ANEW)
    people.append(gone)
    await desk.sweep(Reading.ANEW)
    people.pop()
    await desk.sweep(Reading.ANEW)

    assert len(await desk.at.people()) == 35


async def test_nobody_vanishes_from_a_list_that_the_vendor_counts_otherwise(desk: Desk) -> None:
    batch = desk.at.vendor.batches["b1"]
    await desk.sweep(Reading.ANEW)
    batch.counts = batch.counted()
    del batch.people[7:]
    for _ in range(3):
        await desk.sweep(Reading.ANEW)

    assert len(await desk.at.people()) == 35


async def test_nobody_vanishes_while_rows_cannot_be_read(desk: Desk) -> None:
    batch = desk.at.vendor.batches["b1"]
    await desk.sweep(Reading.ANEW)
    batch.people[7] = Person(id="p007", bad=True)
    for _ in range(3):
        await desk.sweep(Reading.ANEW)

    assert len(await desk.at.people()) == 35


async def test_a_list_that_is_suddenly_empty_takes_nobody_away(desk: Desk) -> None:
    batch = desk.at.vendor.batches["b1"]
    await desk.sweep(Reading.ANEW)
    batch.counts = batch.counted()
    batch.people.clear()
    for _ in range(3):
        done, _ = await desk.sweep(Reading.ANEW)

    assert done.row.tally["contacts"] == 35
    assert done.row.complete_at == NOON + MINUTE


async def test_who_may_be_in_a_call_and_on_no_list_must_be_missing_for_longer(desk: Desk) -> None:
    vendor, batch = desk.at.vendor, desk.at.vendor.batches["b1"]
    vendor.capabilities = replace(EVERYTHING, unlisted_for=HOUR)
    batch.counts = Counts(total=35, estimated=frozenset({"total"}))
    batch.people[9] = Person(id="p009", status="completed", calls=[CallRow(id="c9")])
    await desk.sweep(Reading.ANEW)
    del batch.people[7], batch.people[8]  # the second is p009, who was called
    for _ in range(60):
        done, _ = await desk.sweep(Reading.ANEW)
        assert done.row.tally["contacts"] == 35
    done, _ = await desk.sweep(Reading.ANEW)

    assert done.row.tally["contacts"] == 34
    assert "p009" in await desk.at.people()


# Where a quick reading ends


@pytest.mark.parametrize(
    ("stop", "pages"),
    [
        pytest.param(Stop.HERE, [0], id="here"),
        pytest.param(Stop.KNOWN, [0, 1, 2], id="with what is known"),
        pytest.param(Stop.NEVER, [0, 1, 2, 3], id="never"),
    ],
)
async def test_a_page_says_whether_a_quick_reading_may_end_with_it(
    desk: Desk, stop: Stop, pages: list[int]
) -> None:
    people = desk.at.vendor.batches["b1"].people
    desk.at.vendor.stop = stop
    await desk.sweep(Reading.ANEW)
    for number in (9, 19, 22):  # the last of the first two pages, and one of the third
        people[number] = Person(id=f"p{number:03}", status="completed")
    done, read = await desk.sweep(Reading.HOT)

    assert read == pages
    assert done.row.tally["contact.completed"] == min(len(pages), 3)
    assert (done.row.swept_at == NOON + MINUTE) is (len(pages) < 4)


@pytest.mark.parametrize(
    ("finished", "pages"), [(2, [0]), (3, [0, 1])], ids=["nothing missing", "one missing"]
)
async def test_a_quick_reading_ends_as_soon_as_nothing_counted_is_missing(
    desk: Desk, finished: int, pages: list[int]
) -> None:
    batch = desk.at.vendor.batches["b1"]
    desk.at.vendor.stop = Stop.AGREED
    desk.at.vendor.capabilities = replace(EVERYTHING, trusted=frozenset({"finished"}))
    await desk.sweep(Reading.ANEW)
    for number in (3, 4, 12)[:finished]:
        call = CallRow(id=f"c{number}")
        batch.people[number] = Person(id=f"p{number:03}", status="completed", calls=[call])
    batch.counts = Counts(total=35, finished=finished)
    _, read = await desk.sweep(Reading.HOT)

    assert read == pages


async def test_who_waits_on_the_list_explains_nothing_that_is_missing(desk: Desk) -> None:
    batch = desk.at.vendor.batches["b1"]
    desk.at.vendor.capabilities = replace(EVERYTHING, trusted=frozenset({"finished"}))
    await desk.sweep(Reading.ANEW)
    for number in range(30, 35):
        call = CallRow(id=f"c{number}")
        batch.people[number] = Person(id=f"p{number:03}", status="completed", calls=[call])
    # Whoever is listed and not finished counts as live: the whole queue.
    batch.counts = Counts(total=35, finished=5, live=30)
    done, read = await desk.sweep(Reading.HOT)

    assert read == [0, 1, 2, 3]
    assert done.row.tally["contact.completed"] == 5


async def test_a_whole_reading_ends_with_no_page_but_the_last(desk: Desk) -> None:
    desk.at.vendor.stop = Stop.HERE
    for mode in (Reading.ANEW, Reading.ALL):
        _, read = await desk.sweep(mode)
        assert read == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("waiting", "complete"), [(5, True), (6, False), (None, False)], ids=["yes", "more", "unknown"]
)
async def test_lists_of_calls_are_complete_with_as_many_rows_as_calls_and_people_who_wait(
    desk: Desk, waiting: int | None, complete: bool
) -> None:
    vendor, batch = desk.at.vendor, desk.at.vendor.batches["b1"]
    vendor.capabilities = replace(EVERYTHING, row_of_call=True)
    batch.people = [
        Person(id=f"p{n:03}", status="completed", calls=[CallRow(id=f"c{n}")]) for n in range(9)
    ]
    # One person with two calls: a row more than there are people.
    batch.people.append(Person(id="p000", status="completed", calls=[CallRow(id="c9")]))
    batch.people += [Person(id=f"w{n}") for n in range(5)]
    batch.counts = Counts(total=99, waiting=waiting, estimated=frozenset({"total"}))
    done, _ = await desk.sweep(Reading.ANEW)

    assert (done.row.complete_at is not None) is complete


# Calls that are listed apart


def with_calls(n: int) -> list[Person]:
    return [
        Person(id=f"p{i:03}", status="completed", calls=[CallRow(id=f"c{i}")]) for i in range(n)
    ]


async def test_calls_that_are_listed_apart_are_asked_for(desk: Desk) -> None:
    desk.at.vendor.calls_apart = True
    desk.at.vendor.batches["b1"].people = with_calls(12)
    await desk.sweep(Reading.ANEW)

    assert len(await desk.at.calls()) == 12


async def test_whose_calls_do_not_come_stays_unread_and_is_asked_again(desk: Desk) -> None:
    vendor = desk.at.vendor
    vendor.calls_apart, vendor.calls_missing = True, {"p003"}
    vendor.batches["b1"].people = with_calls(12)
    done, _ = await desk.sweep(Reading.ANEW)
    assert (done.row.unread, done.row.swept_at) == (1, None)
    assert "p003" not in await desk.at.people()

    vendor.calls_missing.clear()
    done, _ = await desk.sweep(Reading.ALL)
    assert (done.row.unread, done.row.complete_at) == (0, NOON + 2 * MINUTE)
    assert len(await desk.at.calls()) == 12


async def test_calls_that_come_older_than_the_list_are_asked_for_again(desk: Desk) -> None:
    vendor = desk.at.vendor
    vendor.calls_apart = True
    vendor.batches["b1"].people = with_calls(12)
    vendor.calls_stale = {"p003": Person(id="p003", status="dispatched")}
    done, _ = await desk.sweep(Reading.ANEW)
    assert (done.row.unread, done.row.swept_at) == (1, None)

    vendor.calls_stale.clear()
    done, _ = await desk.sweep(Reading.ALL)
    assert (done.row.unread, done.row.complete_at) == (0, NOON + 2 * MINUTE)
    assert len(await desk.at.calls()) == 12


async def test_known_people_are_not_asked_about_again(desk: Desk) -> None:
    vendor = desk.at.vendor
    vendor.calls_apart = True
    vendor.batches["b1"].people = with_calls(12)
    await desk.sweep(Reading.ANEW)
    vendor.batches["b1"].people[5].noise = 1
    desk.at.clock.move(MINUTE)
    row = await desk.look()
    vendor.told()
    await desk.at.sweeper.sweep(row, Reading.ALL)

    assert vendor.told("calls") == ["calls p005"]


async def test_another_process_goes_on_where_this_one_was(desk: Desk) -> None:
    await desk.sweep(Reading.ANEW)
    desk.at.vendor.batches["b1"].people[30] = Person(id="p030", status="completed")
    again = Sweeper(desk.at.vendor, desk.at.store, desk.at.clock, seed=7)
    row = await desk.look()
    done = await again.sweep(row, Reading.ALL)

    assert done.moved
    assert (await desk.at.people())["p030"] == "completed"


async def test_a_batch_let_go_is_remembered_by_the_database(desk: Desk) -> None:
    await desk.sweep(Reading.ANEW)
    desk.at.sweeper.forget((await desk.at.row()).id)
    done, _ = await desk.sweep(Reading.ALL)

    assert not done.moved
    assert done.row.complete_at == NOON + 2 * MINUTE
