import json
import random
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from monitor.ingest import marks
from monitor.ingest.pages import PageBook, Read
from monitor.providers import Page
from tests.builders import NOON
from tests.clocks import ManualClock
from tests.fakes import LISTING, Vendor

SEED = 11


def rows(n: int) -> list[str]:
    return [
        json.dumps({"contact_id": f"c{i}", "n": i * i}, separators=(",", ":")) for i in range(n)
    ]


def page(items: list[str]) -> bytes:
    return f"[{','.join(items)}]".encode()


def slices(items: list[str]) -> "array[int]":
    return array("Q", [xxh3_64_intdigest(each.encode(), SEED) for each in items])


def learned(items: list[str]) -> "array[int]":
    found = marks.learn(page(items), [len(each.encode()) for each in items], SEED)
    assert found is not None
    return found


@pytest.mark.parametrize("places", [[0], [99], [5, 6], [9, 10], [3, 41, 42, 97], list(range(100))])
def test_the_groups_that_moved_are_found_and_no_others(places: list[int]) -> None:
    before, after = rows(100), rows(100)
    for place in places:
        after[place] = json.dumps({"contact_id": f"c{place}", "moved": True}, separators=(",", ":"))

    found = marks.differing(page(after), learned(before), slices(before), SEED)

    if len(places) == 100:
        assert found is None
        return
    assert found is not None
    assert list(found.places) == places
    wanted = [after[place] for place in places]
    assert found.body == page(wanted)
    again = marks.relearn(page(after), learned(before), found, [len(each) for each in wanted], SEED)
    assert again == learned(after)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="an empty list"),
        pytest.param(b'{"detail":"Not Found"}', id="no list"),
        pytest.param(page(rows(30))[:-9], id="cut off"),
        pytest.param(page(rows(60)[30:]), id="another page"),
    ],
)
def test_what_does_not_fit_is_left_to_the_parser(body: bytes) -> None:
    assert marks.differing(body, learned(rows(30)), slices(rows(30)), SEED) is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'[{"a": 1}, {"a": 2}]', id="blanks"),
        pytest.param(b'{"rows":[{"a":1},{"a":2}]}', id="an envelope"),
        pytest.param(b"[]", id="nothing"),
    ],
)
def test_only_a_bare_array_has_marks(body: bytes) -> None:
    lengths = [8, 8] if b"a" in body else []

    assert marks.learn(body, lengths, SEED) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(rows(30), [*rows(31)[:7], *rows(31)[8:]], id="one went, and one came"),
        pytest.param(rows(30), rows(31), id="one more at the end"),
        pytest.param(rows(30), rows(29), id="one less at the end"),
        pytest.param(rows(30), [*rows(30)[:9], *rows(30)[10:], "{}"], id="the last is another"),
    ],
)
def test_items_that_came_and_went_are_never_taken_for_others(
    before: list[str], after: list[str]
) -> None:
    found = marks.differing(page(after), learned(before), slices(before), SEED)

    if found is None:
        return
    parsed = json.loads(found.body)
    assert len(parsed) != len(found.places) or parsed == [
        json.loads(after[i]) for i in found.places
    ]


@pytest.mark.parametrize("place", [0, 14, 29])
def test_what_an_item_holds_may_look_like_the_next_item(place: int) -> None:
    before, after = rows(30), rows(30)
    inside = rows(30)[(place + 1) % 30]
    after[place] = f'{{"contact_id":"c{place}","calls":[{inside},{inside},{inside}]}}'

    found = marks.differing(page(after), learned(before), slices(before), SEED)

    if found is None:
        return
    parsed = json.loads(found.body)
    assert len(parsed) != len(found.places) or parsed == [
        json.loads(after[i]) for i in found.places
    ]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    n=st.integers(1, 60),
    moved=st.sets(st.integers(0, 59), max_size=12),
    seed=st.integers(0, 1_000),
)
def test_parsing_the_parts_finds_what_parsing_the_page_finds(
    n: int, moved: set[int], seed: int
) -> None:
    some = random.Random(seed)
    before, after = rows(n), rows(n)
    for place in moved:
        if place < n:
            extra = "x" * some.randrange(40)
            nested = [{"contact_id": extra}] if some.random() < 0.3 else []
            row = {"contact_id": f"c{place}", "calls": nested, "extra": extra}
            after[place] = json.dumps(row, separators=(",", ":"))

    found = marks.differing(page(after), learned(before), slices(before), SEED)

    if found is None:
        return
    places = found.places
    parsed = json.loads(found.body)
    assert [json.loads(after[place]) for place in places] == parsed
    assert {place for place in range(n) if before[place] != after[place]} <= set(places)


def compared(before: list[str], after: list[str]) -> None:
    """Hold what is found of a page, known as it was before, to the digests of all its items."""
    vendor = Vendor(ManualClock(NOON))
    book = PageBook({}, SEED)
    first = book.compare(vendor, Page(LISTING, 0, page(before), NOON))
    assert first is not None
    book.keep(first.page, book.state_after(Read(first, {})))

    found = book.compare(vendor, Page(LISTING, 0, page(after), NOON))

    if found is None:
        assert after == before
        return
    assert found.slices == slices(after)
    assert [bytes(raw).decode() for raw in found.raws] == [after[i] for i in found.positions]
    if found.in_place:
        pairs = zip(before, after, strict=False)
        assert {i for i, (old, new) in enumerate(pairs) if old != new} <= {*found.positions}


def test_as_many_items_as_before_may_be_others_than_those_that_were_cut() -> None:
    before = rows(30)
    inside = f'[{{"contact_id":"a"}},{before[6]},{{"contact_id":"b"}}]'
    holds = f'{{"contact_id":"c5","calls":{inside}}}'
    others = [holds, *before[8:10], '{"x":1}', '{"x":2}']

    compared(before, [*before[:5], *others, *before[11:]])


few = st.one_of(
    st.integers(0, 5).map(lambda n: f'{{"contact_id":"{n}"}}'),
    st.integers(0, 3).map(lambda n: f'{{"x":{n}}}'),
    st.sampled_from(["null", "[]", json.dumps('a,{"contact_id"')]),
)
items = st.recursive(
    few,
    lambda inside: st.lists(inside, max_size=3).map(
        lambda some: f'{{"contact_id":"0","calls":[{",".join(some)}]}}'
    ),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    before=st.lists(items, min_size=6, max_size=30),
    edits=st.lists(
        st.tuples(st.integers(0, 29), st.integers(0, 3), st.lists(items, max_size=3)), max_size=4
    ),
)
def test_whatever_items_hold_what_is_found_is_what_digesting_all_of_them_finds(
    before: list[str], edits: list[tuple[int, int, list[str]]]
) -> None:
    after = before[:]
    for place, gone, come in edits:
        after[place : place + gone] = come

    compared(before, after)
