"""What is kept of pages reads back as it was remembered, however it was written."""

from array import array
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, select

from monitor.ingest.looks import take_look
from monitor.store import pages, schema
from monitor.store.pages import Page, PageState
from tests.builders import make_batch
from tests.stories import hurried

LISTING = "contacts"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = hurried(tmp_path_factory.mktemp("pages") / "offhook.db")
    yield made
    made.dispose()


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as conn, conn.begin() as transaction:
        take_look(conn, make_batch(), baseline=True)
        yield conn
        transaction.rollback()


def a_state(n: int, of: int = 6) -> PageState:
    return PageState(n, array("Q", [n * 100 + i for i in range(of)]), array("I", [n] * of))


def moved(state: PageState, digest: int, *places: int) -> PageState:
    slices, dues = state.slices[:], state.dues[:]
    for place in places:
        slices[place], dues[place] = 2**64 - digest, digest
    return PageState(digest, slices, dues)


WRITES = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 3),  # the page
            st.one_of(st.none(), st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True)),
        ),
        min_size=1,
        max_size=4,
    )
    | st.just("forget")
    | st.just("gather"),
    max_size=12,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(WRITES)
def test_pages_read_back_as_they_were_last_written(engine: Engine, writes: list[object]) -> None:
    known: dict[int, PageState] = {}
    stamp = 1
    with engine.connect() as conn, conn.begin() as transaction:
        batch = take_look(conn, make_batch(), baseline=True).id
        for write in writes:
            if write == "forget":
                pages.forget(conn, batch, LISTING, 1)
                known = {number: state for number, state in known.items() if number <= 1}
            elif write == "gather":
                stamp = _many(conn, batch, known, stamp)
            elif isinstance(write, list):
                before, chunk = dict(known), []
                for number, places in write:
                    stamp += 1
                    if number in before and places:
                        known[number] = moved(before[number], stamp, *places)
                        chunk.append(Page(LISTING, number, known[number], places))
                    else:
                        known[number] = a_state(stamp)
                        chunk.append(Page(LISTING, number, known[number]))
                pages.save(conn, batch, chunk)
            assert pages.load(conn, batch).get(LISTING, {}) == known
        transaction.rollback()


def _many(conn: Connection, batch: int, known: dict[int, PageState], stamp: int) -> int:
    """Move one page until its moves are written into its row."""
    known.setdefault(0, a_state(stamp))
    pages.save(conn, batch, [Page(LISTING, 0, known[0])])
    for _ in range(70):
        stamp += 1
        known[0] = moved(known[0], stamp, stamp % 6)
        pages.save(conn, batch, [Page(LISTING, 0, known[0], [stamp % 6])])
    assert _rows(conn) < 70
    return stamp


def _rows(conn: Connection) -> int:
    return conn.execute(select(func.count()).select_from(schema.page_moves)).scalar_one()


def test_a_few_items_of_a_page_do_not_write_its_row(conn: Connection) -> None:
    state = a_state(7)
    pages.save(conn, 1, [Page(LISTING, 0, state)])
    row = conn.execute(select(schema.pages)).all()

    pages.save(conn, 1, [Page(LISTING, 0, moved(state, 8, 2), [2])])

    assert conn.execute(select(schema.pages)).all() == row
    assert _rows(conn) == 1
    assert pages.load(conn, 1) == {LISTING: {0: moved(state, 8, 2)}}
