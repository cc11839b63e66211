"""Graine's list of people in parts: which places are asked for, and what comes of them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.providers import InParts, Page
from monitor.providers.graine import Graine
from monitor.providers.graine.places import cut, stretches
from tests.loopback import Loopback
from tests.providers.test_graine import Vendor, batch_of, watching

POSITIONS = st.lists(st.integers(0, 900), unique=True, max_size=60).map(sorted)


async def parts_of(
    graine: Graine, places: Mapping[int, Sequence[int]], listing: str = "contacts"
) -> list[Page]:
    return [page async for page in graine.parts(batch_of(250), listing, places)]


def ids(graine: Graine, page: Page) -> list[str]:
    items = [graine.decode(batch_of(), page, raw) for raw in graine.split(page)]
    return [item.contact.contact_id for item in items]


def spans(server: Loopback) -> list[tuple[str, ...]]:
    names = ("include_calls", "skip", "limit")
    return [tuple(asked.params[name] for name in names) for asked in server.asked]


async def test_places_on_two_pages_come_with_one_request_and_with_calls() -> None:
    vendor = Vendor()
    vendor.people(vendor.batch(1), 250)
    async with watching(vendor) as (graine, server):
        assert isinstance(graine, InParts)
        pages = await parts_of(graine, {0: (97, 99), 1: (3,)})

        assert spans(server) == [("true", "97", "7")]
        assert [(page.number, page.start, page.last) for page in pages] == [
            (0, 97, False),
            (1, 0, False),
        ]
        assert ids(graine, pages[0]) == ["con_0097", "con_0098", "con_0099"]
        assert ids(graine, pages[1]) == ["con_0100", "con_0101", "con_0102", "con_0103"]


async def test_places_far_apart_are_asked_for_apart() -> None:
    vendor = Vendor()
    vendor.people(vendor.batch(1), 250)
    async with watching(vendor) as (graine, server):
        await parts_of(graine, {0: (5,), 2: (10, 20)})

    assert spans(server) == [
        ("true", "5", "1"),
        ("true", "210", "11"),
    ]


@pytest.mark.parametrize(
    ("people", "clamp"), [(205, 1000), (250, 7)], ids=["a shorter list", "a shorter page"]
)
async def test_an_answer_with_fewer_rows_than_asked_for_ends_it(people: int, clamp: int) -> None:
    vendor = Vendor()
    vendor.clamp = clamp
    vendor.people(vendor.batch(1), people)
    async with watching(vendor) as (graine, _):
        assert [page.number for page in await parts_of(graine, {2: (3, 12)})] == []


async def test_places_of_pages_of_another_size_are_not_asked_for() -> None:
    vendor = Vendor()
    vendor.people(vendor.batch(1), 250)
    async with watching(vendor) as (graine, server):
        assert await parts_of(graine, {0: (1,)}, "contacts/50") == []
        assert server.paths() == []


@settings(max_examples=60, deadline=None, derandomize=True)
@given(positions=POSITIONS, longest=st.integers(1, 120))
def test_stretches_hold_every_position_and_no_fewer_could(
    positions: list[int], longest: int
) -> None:
    found = stretches(positions, longest)

    assert all(any(a <= each < b for a, b in found) for each in positions)
    assert all(0 < b - a <= longest for a, b in found)
    # The first positions of any two are too far apart for one stretch.
    assert all(later[0] - earlier[0] >= longest for earlier, later in pairwise(found))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(start=st.integers(0, 500), length=st.integers(0, 300), size=st.integers(1, 120))
def test_a_stretch_is_cut_where_pages_end(start: int, length: int, size: int) -> None:
    pieces = list(cut(start, start + length, size))

    assert [n for a, b in pieces for n in range(a, b)] == list(range(start, start + length))
    assert all(a // size == (b - 1) // size for a, b in pieces)
