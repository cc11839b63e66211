"""Reading only the places where somebody moves: right while the list stands, else read whole."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.model import Batch
from monitor.core.pace import Reading
from monitor.errors import ProviderError
from monitor.ingest.looks import take_look
from monitor.ingest.parts import DOUBTED_FOR
from monitor.providers import Page
from monitor.providers.graine.places import stretches
from monitor.scheduler.sweeper import SweepDone
from monitor.scheduler.underway import is_behind_counts
from monitor.store import pages
from monitor.store.pages import LIVE, WAITING
from monitor.store.writer import Priority
from tests.builders import MINUTE, NOON
from tests.fakes import LISTING, CallRow, Person, Vendor, encoded
from tests.lookout import Lookout

SIZE = 10  # rows of a page of the fake
OPEN = ("dispatched", "in_call")


@dataclass
class InPlaces(Vendor):
    """A vendor whose list can be read from any place in it."""

    short: bool = False  # it gives one row less than asked for
    longest: int = SIZE  # so many rows an answer
    answers: int = 100  # so many of them before the list gives less
    refuse_parts: ProviderError | None = None
    on_part: Callable[[], object] = lambda: None
    meanwhile: list[Person] = field(default_factory=list)  # who turns up at the front then

    async def parts(
        self, batch: Batch, listing: str, places: Mapping[int, Sequence[int]]
    ) -> AsyncGenerator[Page]:
        people = self.batches[batch.batch_id].people
        people[:0], self.meanwhile = self.meanwhile, []
        assert listing == LISTING
        ranges = [
            (n, *each) for n, some in places.items() for each in stretches(some, self.longest)
        ]
        for number, low, high in ranges[: self.answers]:
            self._asked(f"part {batch.batch_id} {number} {low}-{high - 1}")
            self.on_part()
            if self.refuse_parts is not None:
                raise self.refuse_parts
            start, end = number * SIZE + low, number * SIZE + high
            rows = people[start:end][: -1 if self.short else None]
            if len(rows) == end - start:
                yield Page(LISTING, number, encoded(rows), self.clock.now(), start=low)


@dataclass
class Desk:
    """One batch of forty people, ten of whom are dialled and six in a call."""

    at: Lookout
    vendor: InPlaces

    @property
    def people(self) -> list[Person]:
        return self.vendor.batches["b1"].people

    def set(self, place: int, status: str) -> None:
        """Somebody's status changes; who is not called any more has a call that ended."""
        before = self.people[place]
        calls = [] if status in OPEN else [CallRow(id=f"c-{before.id}")]
        self.people[place] = Person(id=before.id, status=status, calls=calls)

    async def sweep(self, mode: Reading = Reading.HOT) -> tuple[SweepDone, list[str]]:
        self.at.clock.move(MINUTE)
        look = self.vendor._look(self.vendor.batches["b1"])
        row = await self.at.store.write(
            Priority.INGEST, lambda conn: take_look(conn, look, baseline=False)
        )
        self.vendor.told()
        done = await self.at.sweeper.sweep(row, mode)
        return done, self.vendor.told()

    async def snapshot(self) -> dict[str, str]:
        return await self.at.people()

    def truth(self) -> dict[str, str]:
        return {person.id: person.status for person in self.people}


@contextmanager
def a_desk(directory: Path) -> Iterator[Desk]:
    at = Lookout(directory / "offhook.db", threads=False)
    at.store.close()
    vendor = at.vendor = InPlaces(at.clock)
    at.start()
    vendor.add("b1", people=40)
    made = Desk(at, vendor)
    for place in range(4):
        made.set(place, "completed")
    for place in range(4, 10):
        made.set(place, "in_call")
    yield made
    at.store.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    with a_desk(tmp_path) as made:
        await made.sweep(Reading.ANEW)
        yield made


async def test_only_the_places_where_somebody_moves_are_read(desk: Desk) -> None:
    desk.set(5, "completed")
    desk.set(10, "in_call")
    done, asked = await desk.sweep()

    assert asked == ["part b1 0 4-9", "part b1 1 0-9", "part b1 2 0-0"]
    assert await desk.snapshot() == desk.truth()
    assert done.row.tally["call.completed"] == 5
    assert done.row.full_swept_at == NOON + MINUTE  # and no whole reading is claimed
    assert done.row.read_at == NOON + 2 * MINUTE


async def test_who_began_meanwhile_is_found_again_by_place(desk: Desk) -> None:
    desk.set(10, "in_call")
    await desk.sweep()
    desk.set(10, "failed")
    _, asked = await desk.sweep()

    assert not [one for one in asked if one.startswith("page")]
    assert await desk.snapshot() == desk.truth()


async def test_a_whole_reading_afterwards_reads_what_was_read_in_part_once_more(desk: Desk) -> None:
    desk.set(5, "completed")
    await desk.sweep()
    desk.set(6, "failed")
    done, _ = await desk.sweep(Reading.ALL)

    assert await desk.snapshot() == desk.truth()
    assert done.row.complete_at == done.row.swept_at == NOON + 3 * MINUTE


async def test_what_was_read_in_part_is_remembered_by_the_next_process(desk: Desk) -> None:
    desk.set(5, "completed")
    await desk.sweep()
    desk.at.store.close()
    desk.at.start()
    desk.set(6, "completed")
    _, asked = await desk.sweep()

    # Nobody knows any more who stood there, so whole pages are read.
    assert [one for one in asked if one.startswith("part")] == []
    assert await desk.snapshot() == desk.truth()


async def test_a_list_that_has_shifted_is_read_whole_and_by_pages_for_a_while(desk: Desk) -> None:
    desk.vendor.meanwhile = [Person(id="new")]
    desk.set(9, "completed")
    _, asked = await desk.sweep()

    assert [one for one in asked if one.startswith("page")] == [
        f"page b1 {number}" for number in (0, 1, 2, 3, 4)
    ]
    assert await desk.snapshot() == desk.truth()

    desk.set(11, "in_call")
    _, asked = await desk.sweep()
    assert not [one for one in asked if one.startswith("part")]
    desk.at.clock.move(DOUBTED_FOR)
    await desk.sweep(Reading.ANEW)
    desk.set(11, "completed")
    _, asked = await desk.sweep()
    assert [one for one in asked if one.startswith("part")]
    assert await desk.snapshot() == desk.truth()


async def test_a_list_that_gives_less_than_it_holds_is_read_whole(desk: Desk) -> None:
    desk.vendor.short = True
    desk.set(9, "completed")
    _, asked = await desk.sweep()

    assert len([one for one in asked if one.startswith("page")]) == 4
    assert await desk.snapshot() == desk.truth()


async def test_a_page_that_is_given_by_half_is_read_whole(desk: Desk) -> None:
    desk.vendor.longest, desk.vendor.answers = 3, 1
    desk.vendor.batches["b1"].people[10:] = []  # nobody waits, and all who move are on a page
    await desk.sweep(Reading.ANEW)
    desk.set(9, "completed")
    _, asked = await desk.sweep()

    assert asked[:2] == ["part b1 0 4-6", "page b1 0"]
    assert (await desk.snapshot())["p009"] == "completed"


async def test_two_parts_of_a_page_are_remembered_together(desk: Desk) -> None:
    desk.vendor.longest = 3
    for place in range(10, 15):
        desk.set(place, "in_call")
    await desk.sweep()

    stored = await desk.at.store.read(lambda conn: pages.load(conn, 1))
    assert list(stored[LISTING][1].dues) == [LIVE] * 5 + [WAITING] * 5


async def test_a_row_that_parts_and_pages_could_not_read_is_one(desk: Desk) -> None:
    desk.people[5] = Person(id="p005", status="in_call", bad=True)
    for place in range(25, 40):
        desk.set(place, "failed")
    done, asked = await desk.sweep()

    assert {one.split()[0] for one in asked} >= {"part", "page"}
    assert done.row.unread == 1


async def test_a_batch_that_is_let_go_of_meanwhile_is_read_to_the_end(desk: Desk) -> None:
    desk.vendor.on_part = lambda: desk.at.sweeper.forget(1)
    desk.set(5, "completed")
    await desk.sweep()

    assert await desk.snapshot() == desk.truth()


async def test_parts_that_are_too_long_for_an_answer_are_read_by_pages(desk: Desk) -> None:
    desk.vendor.refuse_parts = ProviderError("oversize", "more than 16 MiB")
    desk.set(9, "completed")
    _, asked = await desk.sweep()

    assert next(one for one in asked if one.startswith("page")) == "page b1 0"
    assert await desk.snapshot() == desk.truth()


async def test_a_part_that_is_refused_leaves_the_reading_unfinished(desk: Desk) -> None:
    desk.vendor.refuse_parts = ProviderError("server", "answered by 500")
    desk.set(9, "completed")
    with pytest.raises(ProviderError):
        await desk.sweep()

    assert (await desk.at.row()).sweeping_since == NOON + 2 * MINUTE


async def test_moves_out_of_order_that_counts_tell_of_are_found_by_pages(desk: Desk) -> None:
    for place in range(25, 40):
        desk.set(place, "failed")
    _, asked = await desk.sweep()

    assert [one for one in asked if one.startswith("page")]
    assert await desk.snapshot() == desk.truth()


async def test_who_moves_out_of_order_is_seen_in_the_counts_at_once(desk: Desk) -> None:
    desk.set(10, "in_call")
    done, _ = await desk.sweep()
    assert not is_behind_counts(done.row)

    desk.set(30, "failed")
    done, asked = await desk.sweep()
    assert not [one for one in asked if one.startswith("page")]  # too few to read more
    assert is_behind_counts(done.row)

    done, _ = await desk.sweep(Reading.ALL)
    assert not is_behind_counts(done.row)


MOVES = st.lists(
    st.tuples(st.integers(0, 39), st.sampled_from(["in_call", "completed", "failed", "busy"])),
    max_size=6,
)
STEPS = st.lists(
    st.tuples(MOVES, st.sampled_from(["stands", "stands", "stands", "turns", "grows"])),
    min_size=1,
    max_size=5,
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(steps=STEPS)
async def test_nobody_who_was_seen_in_a_call_stays_in_it_unseen(
    steps: list[tuple[list[tuple[int, str]], str]],
) -> None:
    """Whatever moves, and however the list shifts: whose end is missed, the counts show."""
    with TemporaryDirectory() as directory, a_desk(Path(directory)) as desk:
        await desk.sweep(Reading.ANEW)
        for number, (moves, shift) in enumerate(steps):
            talking = {key for key, status in (await desk.snapshot()).items() if status in OPEN}
            for place, status in moves:
                if desk.people[place].status in (*OPEN, "pending"):
                    desk.set(place, status)
            if shift == "turns":
                desk.people.append(desk.people.pop(0))
            elif shift == "grows":
                desk.people.insert(0, Person(id=f"new{number}"))
            await desk.sweep()
            found, truth = await desk.snapshot(), desk.truth()
            assert {key: found[key] for key in talking} == {key: truth[key] for key in talking}
        await desk.sweep(Reading.ALL)
        assert await desk.snapshot() == desk.truth()
