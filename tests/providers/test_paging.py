from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ProviderError
from monitor.providers import Page
from monitor.providers.paging import AskRows, Listing, Longest, Reading, Rows, read_batches
from tests.loopback import NOW


def body(ids: Sequence[int]) -> bytes:
    return " ".join(map(str, ids)).encode()


def ids(pages: Sequence[Page]) -> list[int]:
    return [int(found) for page in pages for found in page.body.split()]


class People:
    """A vendor's list of people, which gives at most ``clamp`` at once."""

    def __init__(self, size: int, *, clamp: int = 10**6, total: bool = False) -> None:
        self.size = size
        self.clamp = clamp
        self.total = total
        self.asked: list[tuple[int, int]] = []

    async def ask(self, skip: int, limit: int) -> Rows:
        self.asked.append((skip, limit))
        found = range(self.size)[skip : skip + min(limit, self.clamp)]
        return Rows(body(found), len(found), NOW, self.size if self.total else None)


async def swept(
    listing: Listing, ask: AskRows, total: int | None = None, first: Sequence[int] = ()
) -> list[Page]:
    return [page async for page in listing.sweep(ask, total=total, first=first)]


async def test_a_sweep_reads_every_page_and_says_which_is_the_last() -> None:
    people = People(250)
    pages = await swept(Listing("people", 100), people.ask, 250)
    assert [(page.listing, page.number, page.last) for page in pages] == [
        ("people", 0, False),
        ("people", 1, False),
        ("people", 2, True),
    ]
    assert ids(pages) == list(range(250))
    assert people.asked == [(0, 100), (100, 100), (200, 100)]


async def test_pages_that_matter_come_first_and_the_last_one_last() -> None:
    pages = await swept(Listing("people", 100), People(450).ask, 450, first=(4, 2, 9, 2))
    assert [page.number for page in pages] == [2, 4, 0, 1, 3, 4]
    assert [page.last for page in pages] == [False] * 5 + [True]


@pytest.mark.parametrize("size", [150, 200], ids=["short", "full"])
async def test_the_last_page_is_among_the_first_where_it_matters_and_ends_the_list_later(
    size: int,
) -> None:
    people = People(size, total=True)
    pages = await swept(Listing("people", 100), people.ask, size + 50, first=(1,))

    assert [(page.number, page.last) for page in pages] == [(1, False), (0, False), (1, True)]
    assert ids(pages[1:]) == list(range(size))


async def test_a_full_last_page_needs_no_further_question_when_the_total_is_known() -> None:
    people = People(200)
    pages = await swept(Listing("people", 100), people.ask, 200)
    assert [page.last for page in pages] == [False, True]
    assert len(people.asked) == 2


async def test_the_total_of_the_answers_themselves_goes_before_the_batchs() -> None:
    people = People(300, total=True)
    assert len(await swept(Listing("people", 100), people.ask, 100)) == 3


async def test_an_empty_list_is_one_empty_last_page() -> None:
    (page,) = await swept(Listing("people", 100), People(0).ask, 0)
    assert (page.number, page.last, page.body) == (0, True, b"")


async def test_without_a_total_a_short_first_page_is_asked_past_once() -> None:
    people = People(50)
    pages = await swept(Listing("people", 100), people.ask)
    assert [page.last for page in pages] == [True]
    assert people.asked == [(0, 100), (50, 100)]


async def test_a_list_shorter_than_its_total_ends_when_nothing_follows() -> None:
    people = People(130)
    pages = await swept(Listing("people", 100), people.ask, 500)
    assert ids(pages) == list(range(130))
    assert pages[-1].last


@pytest.mark.parametrize("total", [None, 230, 200], ids=["no-total", "total", "multiple"])
async def test_a_vendor_that_gives_less_than_asked_for_is_read_whole_at_its_own_size(
    total: int | None,
) -> None:
    people = People(total or 230, clamp=50)
    listing = Listing("people", 100)
    pages = await swept(listing, people.ask, total)
    assert ids(pages) == list(range(total or 230))
    assert {page.listing for page in pages} == {"people/50"}
    assert [page.number for page in pages] == list(range(len(pages)))
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert listing.size_of(pages[0]) == 50


async def test_the_size_that_was_found_is_kept_for_the_next_sweep() -> None:
    people, listing = People(230, clamp=50), Listing("people", 100)
    await swept(listing, people.ask, 230)
    people.asked.clear()
    await swept(listing, people.ask, 230)
    assert people.asked == [(skip, 50) for skip in range(0, 230, 50)]


@given(
    size=st.integers(0, 400),
    clamp=st.integers(1, 150),
    told=st.booleans(),
    first=st.lists(st.integers(0, 6), max_size=4),
)
async def test_whatever_the_vendor_gives_at_once_nobody_is_missed(
    size: int, clamp: int, told: bool, first: list[int]
) -> None:
    people = People(size, clamp=clamp)
    listing = Listing("people", 100)
    for _ in range(2):
        pages = await swept(listing, people.ask, size if told else None, first)
        assert set(ids(pages)) == set(range(size))
        assert [page.last for page in pages].count(True) == 1
        assert pages[-1].last


async def test_a_list_that_never_moves_on_is_an_error_and_not_a_loop() -> None:
    async def ask(skip: int, limit: int) -> Rows:
        return Rows(body(range(limit)), limit, NOW)

    with pytest.raises(ProviderError) as caught:
        await swept(Listing("people", 100), ask)
    assert caught.value.kind == "contract"


@dataclass(frozen=True)
class Row:
    batch_id: str
    created_at: datetime | None = None


def rows(count: int, *, newest_first: bool = True) -> list[Row]:
    made = [Row(f"b{n}", NOW - timedelta(hours=n)) for n in range(count)]
    return made if newest_first else made[::-1]


class Batches:
    """A vendor's list of batches, which may move between two questions."""

    def __init__(
        self,
        held: list[Row],
        *,
        clamp: int = 10**6,
        move: Callable[[list[Row]], None] | None = None,
    ) -> None:
        self.held = held
        self.clamp = clamp
        self.move = move
        self.asked: list[int] = []

    async def ask(self, skip: int, limit: int) -> Sequence[Row | None]:
        self.asked.append(skip)
        found = self.held[skip : skip + min(limit, self.clamp)]
        if self.move:
            self.move(self.held)
        return found

    async def read(
        self, longest: Longest | None = None, back_to: datetime | None = None
    ) -> Reading[Row]:
        return await read_batches(self.ask, size=50, longest=longest or Longest(), back_to=back_to)


@pytest.mark.parametrize("count", [0, 1, 2, 49, 50, 51, 99, 100, 175])
@pytest.mark.parametrize("clamp", [1, 7, 25, 50])
async def test_every_batch_is_found_however_few_come_at_once(count: int, clamp: int) -> None:
    reading = await Batches(rows(count), clamp=clamp).read()
    assert len(reading.found) == count
    assert reading.complete


async def test_a_page_shorter_than_one_seen_before_is_the_end() -> None:
    longest = Longest()
    await Batches(rows(120)).read(longest)
    batches = Batches(rows(30))
    assert (await batches.read(longest)).complete
    assert batches.asked == [0]


async def test_a_list_that_is_newest_first_is_read_back_only_as_far_as_asked() -> None:
    batches = Batches(rows(500))
    reading = await batches.read(back_to=NOW - timedelta(hours=60))
    assert reading.complete
    assert len(batches.asked) == 2
    assert "b60" in reading.found


async def test_a_list_in_another_order_is_read_to_its_end() -> None:
    batches = Batches(rows(500, newest_first=False))
    reading = await batches.read(back_to=NOW - timedelta(hours=60))
    assert len(reading.found) == 500
    assert reading.complete


async def test_a_list_without_times_is_read_to_its_end() -> None:
    reading = await Batches([Row(f"b{n}") for n in range(200)]).read(back_to=NOW)
    assert len(reading.found) == 200


async def test_batches_made_meanwhile_push_rows_down_and_hide_none() -> None:
    batches = Batches(rows(120), move=lambda held: held.insert(0, Row("new", NOW)))
    reading = await batches.read()
    assert {f"b{n}" for n in range(120)} <= reading.found.keys()
    assert reading.complete


async def test_a_batch_that_leaves_meanwhile_may_hide_another_and_that_is_said() -> None:
    def leave(held: list[Row]) -> None:
        del held[:2]

    reading = await Batches(rows(120), move=leave).read()
    assert not reading.complete


async def test_a_row_that_cannot_be_read_leaves_the_reading_incomplete() -> None:
    async def ask(skip: int, limit: int) -> Sequence[Row | None]:
        return [Row("a"), None][skip : skip + limit]

    reading = await read_batches(ask, size=50, longest=Longest())
    assert reading.found.keys() == {"a"}
    assert not reading.complete


async def test_a_vendor_that_ignores_the_place_asked_for_ends_the_reading_incomplete() -> None:
    async def ask(skip: int, limit: int) -> Sequence[Row | None]:
        return rows(50)

    reading = await read_batches(ask, size=50, longest=Longest())
    assert len(reading.found) == 50
    assert not reading.complete


class Heavy(People):
    """People of whom no more than so many fit into one answer."""

    def __init__(self, size: int, *, fit: int) -> None:
        super().__init__(size)
        self.fit = fit

    async def ask(self, skip: int, limit: int) -> Rows:
        if limit > self.fit:
            self.asked.append((skip, limit))
            raise ProviderError("oversize", "the answer is longer than 16 MiB")
        return await super().ask(skip, limit)


@pytest.mark.parametrize("first", [(), (1,)], ids=["in order", "some first"])
async def test_a_page_that_is_too_long_is_asked_for_in_halves(first: tuple[int, ...]) -> None:
    people, listing = Heavy(230, fit=30), Listing("people", 100)
    pages = await swept(listing, people.ask, 230, first)

    assert sorted(ids(pages)) == list(range(230))
    assert {page.listing for page in pages} == {"people/25"}
    assert [limit for _, limit in people.asked[:2]] == [100, 50]
    people.asked.clear()
    await swept(listing, people.ask, 230)
    assert {limit for _, limit in people.asked} == {25}, "and it is remembered"


async def test_what_is_too_long_however_little_is_asked_for_is_an_error() -> None:
    people, listing = Heavy(230, fit=0), Listing("people", 100)
    with pytest.raises(ProviderError, match="oversize"):
        await swept(listing, people.ask, 230)

    assert [limit for _, limit in people.asked] == [100, 50, 25, 12, 6]
    people.fit = 100
    pages = await swept(listing, people.ask, 230)
    assert {page.listing for page in pages} == {"people"}, "the fault passed"


async def test_an_error_of_another_kind_shortens_nothing() -> None:
    async def refuse(skip: int, limit: int) -> Rows:
        raise ProviderError("timeout", "no answer")

    with pytest.raises(ProviderError, match="timeout"):
        await swept(Listing("people", 100), refuse, 230)


async def test_a_list_of_batches_that_is_too_long_is_asked_for_in_halves_too() -> None:
    asked: list[int] = []

    async def ask(skip: int, limit: int) -> Sequence[Row | None]:
        asked.append(limit)
        if limit > 20:
            raise ProviderError("oversize", "the answer is longer than 16 MiB")
        return rows(60)[skip : skip + limit]

    longest = Longest(rows=50)
    reading = await read_batches(ask, size=50, longest=longest)

    assert len(reading.found) == 60
    assert reading.complete
    assert asked[:3] == [50, 25, 12]


async def test_a_short_list_that_has_not_changed_is_believed_to_end_for_a_while() -> None:
    asked: list[int] = []
    rows = [Row(f"b{number}") for number in range(3)]

    async def ask(skip: int, limit: int) -> list[Row | None]:
        asked.append(skip)
        return [*rows[skip : skip + min(limit, 3)]]  # it never gives more than three at once

    longest = Longest()

    async def read(name: str = "") -> tuple[int, int]:
        asked.clear()
        reading = await read_batches(ask, size=50, longest=longest, name=name)
        assert reading.complete
        assert reading.ended
        return len(reading.found), len(asked)

    assert await read() == (3, 2)  # a page shorter than asked for may be all that it gives
    assert [await read() for _ in range(4)] == [(3, 1)] * 4
    assert await read("another list") == (3, 2)
    assert await read() == (3, 2)
    rows.append(Row("b3"))
    assert (await read())[0] == 3  # where it stands behind such a page it is seen before long
    assert max([await read() for _ in range(4)]) == (4, 2)
    rows.insert(0, Row("b4"))
    assert (await read())[0] == 5
