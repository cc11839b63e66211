"""Pages are read only where they differ, and nothing that differs is missed."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, select

from monitor.core.model import CallStatus, Contact, ContactStatus, Item
from monitor.ingest.looks import take_look
from monitor.ingest.pages import UNREAD, PageBook, decode, due
from monitor.ingest.parts import Parts
from monitor.ingest.sweeps import remember, take_pages
from monitor.providers import Page
from monitor.store import gathering, schema, snapshot
from monitor.store import pages as store_pages
from monitor.store.pages import CLOSED, LIVE, NEVER, WAITING, PageState
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch, make_call, make_contact
from tests.clocks import ManualClock
from tests.fakes import LISTING, CallRow, Person, Vendor, encoded
from tests.stories import hurried

SEED = 7
VENDOR = Vendor(ManualClock())
BATCH = make_batch()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = hurried(tmp_path_factory.mktemp("pages") / "offhook.db")
    yield made
    made.dispose()


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


@dataclass
class Shelf:
    """One batch whose list is read as a sweep reads it, with what that decoded."""

    conn: Connection
    size: int = 5
    seed: int = SEED
    batch: int = 0
    looks: int = 0
    decoded: list[int] = field(default_factory=list)  # items, by reading

    def __post_init__(self) -> None:
        self.batch = take_look(self.conn, BATCH, baseline=False).id
        self.book = self.stored()

    def stored(self) -> PageBook:
        return PageBook(store_pages.load(self.conn, self.batch), self.seed)

    def read(self, people: list[Person], *only: int, anew: bool = False) -> int:
        """Read the pages of a list, all or some; how many items that decoded."""
        self.looks += 1
        pages = [people[at : at + self.size] for at in range(0, len(people), self.size)] or [[]]
        decoded = sum(
            self.page(number, rows, anew=anew)
            for number, rows in enumerate(pages)
            if not only or number in only
        )
        self.book.release()
        if not only:
            self.book.shorten(LISTING, len(pages) - 1)
            store_pages.forget(self.conn, self.batch, LISTING, len(pages) - 1)
        self.decoded.append(decoded)
        return decoded

    def page(self, number: int, rows: list[Person], *, anew: bool = False) -> int:
        page = Page(LISTING, number, encoded(rows), NOON + self.looks * SECOND)
        difference = self.book.compare(VENDOR, page, anew=anew)
        if difference is None:
            return 0
        read = decode(VENDOR, BATCH, difference)
        at = page.seen_at
        remember(self.book, take_pages(self.conn, self.batch, self.book, [read], at))
        return len(difference.positions)

    def known(self) -> dict[str, str]:
        rows = snapshot.every_contact(self.conn, self.batch)
        return {row.contact_id: row.status.value for row in rows}


def people(n: int, status: str = "pending", *, first: int = 0) -> list[Person]:
    return [Person(id=f"p{i:03}", status=status) for i in range(first, first + n)]


def changed(row: Person, **values: Any) -> Person:
    return msgspec.structs.replace(row, **values)


@pytest.fixture
def shelf(conn: Connection) -> Shelf:
    return Shelf(conn)


def test_the_first_reading_decodes_everything_and_the_next_nothing(shelf: Shelf) -> None:
    rows = people(23)

    assert [shelf.read(rows), shelf.read(rows)] == [23, 0]
    assert len(shelf.known()) == 23


def test_only_what_changed_is_decoded(shelf: Shelf) -> None:
    rows = people(23)
    shelf.read(rows)
    rows[7] = changed(rows[7], status="completed", attempts=1)

    assert shelf.read(rows) == 1
    assert shelf.known()["p007"] == "completed"


def test_who_moved_is_gathered_while_a_list_is_read(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MOST_APART", 7)
    apart = select(func.count()).select_from(schema.moved_contacts)
    shelf.read(people(10))

    for number, left in ((0, 5), (1, 0)):
        shelf.read(people(10, "completed"), number)
        assert shelf.conn.execute(apart).scalar_one() == left

    assert set(shelf.known().values()) == {"completed"}


def test_a_page_whose_every_item_changed_is_decoded_whole(shelf: Shelf) -> None:
    shelf.read(people(10))

    assert shelf.read(people(10, "completed")) == 10
    assert set(shelf.known().values()) == {"completed"}


@pytest.mark.parametrize("place", [0, 2, 9], ids=["in front", "in the middle", "at the end"])
def test_a_list_that_shifts_decodes_only_who_is_new(shelf: Shelf, place: int) -> None:
    rows = people(30)
    shelf.read(rows)
    rows.insert(place, Person(id="new"))
    decoded = shelf.read(rows)

    # One page around the place may be decoded whole; the others have only moved.
    assert 1 <= decoded <= shelf.size
    assert len(shelf.known()) == 31


def test_a_list_that_gets_shorter_forgets_its_last_pages(shelf: Shelf) -> None:
    rows = people(23)
    shelf.read(rows)
    shelf.read(rows[:11])

    states = store_pages.load(shelf.conn, shelf.batch)[LISTING]
    assert sorted(states) == [0, 1, 2]
    assert [len(state.slices) for state in states.values()] == [5, 5, 1]
    assert shelf.read(rows[:11]) == 0


def test_who_moves_between_pages_keeps_when_they_are_due(shelf: Shelf) -> None:
    rows = [*people(9, "completed"), Person(id="late", status="retrying", retry=NOON + HOUR)]
    shelf.read(rows)
    before = shelf.book.hot(NOON + HOUR + MINUTE)
    shelf.read([rows[-1], *rows[:-1]])

    assert before == (1,)
    assert shelf.book.hot(NOON + HOUR + MINUTE) == (0,)
    assert shelf.book.hot(NOON) == ()


def test_an_item_that_cannot_be_read_is_read_again_though_nothing_changed(shelf: Shelf) -> None:
    rows = people(10, "completed")
    rows[3] = changed(rows[3], bad=True)

    assert [shelf.read(rows) for _ in range(3)] == [10, 1, 1]
    assert "p003" not in shelf.known()
    assert shelf.book.hot(NOON) == (0,)
    rows[3] = changed(rows[3], bad=False)
    assert [shelf.read(rows), shelf.read(rows)] == [1, 0]
    assert shelf.known()["p003"] == "completed"


def test_an_unread_item_is_tried_again_after_a_restart_too(shelf: Shelf) -> None:
    rows = [changed(row, bad=row.id == "p002") for row in people(5)]
    shelf.read(rows)
    shelf.book = shelf.stored()

    assert shelf.read(rows) == 1


def test_a_restart_forgets_nothing(shelf: Shelf) -> None:
    rows = people(23)
    shelf.read(rows)
    shelf.book = shelf.stored()

    assert shelf.read(rows) == 0


def test_another_salt_reads_everything_again(shelf: Shelf) -> None:
    rows = people(23)
    shelf.read(rows)
    shelf.seed = SEED + 1
    shelf.book = shelf.stored()

    assert shelf.read(rows) == 23


def test_reading_anew_decodes_what_is_known(shelf: Shelf) -> None:
    rows = people(23)
    shelf.read(rows)

    assert [shelf.read(rows, anew=True), shelf.read(rows)] == [23, 0]


def test_a_page_that_was_not_committed_is_not_remembered(shelf: Shelf) -> None:
    page = Page(LISTING, 0, encoded(people(5)), NOON)
    difference = shelf.book.compare(VENDOR, page)
    assert difference is not None
    with shelf.conn.begin_nested() as cut:
        take_pages(shelf.conn, shelf.batch, shelf.book, [decode(VENDOR, BATCH, difference)], NOON)
        cut.rollback()

    assert shelf.known() == {}
    assert shelf.book.compare(VENDOR, page) is not None
    assert store_pages.load(shelf.conn, shelf.batch) == {}


def test_an_empty_list_is_a_page_like_others(shelf: Shelf) -> None:
    assert [shelf.read([]), shelf.read([]), shelf.read(people(3))] == [0, 0, 3]


def test_bytes_that_only_look_new_change_nothing_in_the_snapshot(shelf: Shelf) -> None:
    rows = people(5)
    shelf.read(rows)
    before = list(snapshot.every_contact(shelf.conn, shelf.batch))
    shelf.read([changed(row, noise=1) for row in rows])

    assert list(snapshot.every_contact(shelf.conn, shelf.batch)) == before


# When an item is expected to move


@pytest.mark.parametrize("status", ContactStatus)
def test_every_status_says_when_it_is_expected_to_move(status: ContactStatus) -> None:
    found = due(Item(make_contact(status=status)))

    if status is ContactStatus.PENDING:
        assert found == WAITING
    elif status.open:
        assert found == LIVE
    else:
        assert found == CLOSED


def test_a_retry_is_expected_at_its_time() -> None:
    at = NOON + HOUR
    found = due(Item(make_contact(status=ContactStatus.RETRYING, next_retry_at=at)))

    assert abs(found - at.timestamp()) <= 1
    assert due(Item(make_contact(status=ContactStatus.COMPLETED, next_retry_at=at))) == CLOSED


def test_an_open_call_keeps_a_finished_person_in_sight() -> None:
    contact = make_contact(status=ContactStatus.COMPLETED)

    ringing = make_call(status=CallStatus.RINGING, ended_at=None, ended_by=None)

    assert due(Item(contact, (ringing,))) == LIVE
    assert due(Item(contact, (make_call(),))) == CLOSED


def page_of(*dues: int) -> PageState:
    return PageState(1, array("Q", range(len(dues))), array("I", dues))


LATER = int((NOON + HOUR).timestamp()) & ~1


@pytest.mark.parametrize(
    ("pages", "hot", "overdue"),
    [
        pytest.param([page_of(CLOSED)], (), False, id="all is done"),
        pytest.param([page_of(CLOSED, LIVE)], (0,), False, id="somebody talks"),
        pytest.param([page_of(LATER)], (), False, id="a retry to come"),
        pytest.param([page_of(LATER - 7_200)], (0,), True, id="a retry is due"),
        pytest.param([page_of(LIVE, LATER - 7_200)], (0,), True, id="one talks, a retry is due"),
        pytest.param([page_of(WAITING)] * 4, (0, 1), False, id="people wait: the next pages"),
        pytest.param(
            [page_of(WAITING), page_of(WAITING), page_of(LIVE)], (2, 0, 1), False,
            id="who moves comes before who waits",
        ),
        pytest.param([], (), False, id="nothing is known"),
    ],
)  # fmt: skip
def test_pages_are_hot_where_something_is_expected_to_move(
    pages: list[PageState], hot: tuple[int, ...], overdue: bool
) -> None:
    book = PageBook({LISTING: dict(enumerate(pages))}, SEED)

    assert (book.hot(NOON), book.overdue(NOON)) == (hot, overdue)


def test_retries_are_counted_that_should_have_been_made() -> None:
    past = LATER - 7_200
    pages = [page_of(past, LIVE, past | 1, past, LATER), page_of(WAITING, past), page_of(LATER)]
    parts = Parts({LISTING: dict(enumerate(pages))}, SEED)

    assert parts.retries_due(NOON) == 3


def test_a_page_knows_its_next_time() -> None:
    assert page_of(CLOSED, WAITING).next_due == NEVER
    assert page_of(LATER, LATER + 60).next_due == LATER


def test_digests_beyond_the_sign_bit_come_back(shelf: Shelf) -> None:
    state = PageState(2**64 - 1, array("Q", [2**64 - 1, UNREAD]), array("I", [NEVER, 0]))
    store_pages.save(shelf.conn, shelf.batch, [store_pages.Page(LISTING, 0, state)])

    assert store_pages.load(shelf.conn, shelf.batch) == {LISTING: {0: state}}


# Whatever happens to a list, reading what differs finds what reading everything would

ROWS = st.builds(
    Person,
    id=st.sampled_from([f"p{n}" for n in range(12)]),
    status=st.sampled_from(["pending", "in_call", "retrying", "completed", "exhausted"]),
    attempts=st.integers(0, 1),
    noise=st.integers(0, 1),
    calls=st.lists(st.just(CallRow(id="")), max_size=1),
).map(lambda row: changed(row, calls=[CallRow(id=f"{row.id}.1") for _ in row.calls]))
LISTS = st.lists(ROWS, max_size=14, unique_by=lambda row: row.id)


@st.composite
def edits(draw: st.DrawFn) -> list[list[Person]]:
    """A list, and what becomes of it from look to look."""
    rows = draw(LISTS)
    versions = [list(rows)]
    for _ in range(draw(st.integers(1, 4))):
        what = draw(st.sampled_from(["change", "insert", "remove", "rotate", "replace", "noise"]))
        if what == "replace" or not rows:
            rows = draw(LISTS)
        elif what == "insert":
            new = draw(ROWS)
            if all(row.id != new.id for row in rows):
                rows.insert(draw(st.integers(0, len(rows))), new)
        else:
            at = draw(st.integers(0, len(rows) - 1))
            if what == "change":
                new = draw(ROWS)
                rows[at] = changed(rows[at], status=new.status, attempts=new.attempts)
            elif what == "remove":
                del rows[at]
            elif what == "rotate":
                rows = rows[at:] + rows[:at]
            else:
                rows[at] = changed(rows[at], noise=rows[at].noise + 1)
        versions.append(list(rows))
    return versions


@settings(max_examples=50, deadline=None, derandomize=True)
@given(versions=edits(), size=st.integers(1, 5), restarts=st.sets(st.integers(0, 4)))
def test_reading_what_differs_finds_what_reading_everything_finds(
    engine: Engine, versions: list[list[Person]], size: int, restarts: set[int]
) -> None:
    found = []
    for anew in (False, True):
        with engine.connect() as conn, conn.begin() as transaction:
            shelf = Shelf(conn, size)
            for n, rows in enumerate(versions):
                if n in restarts:
                    shelf.book = shelf.stored()
                shelf.read(rows, anew=anew)
            found.append(_snapshot(shelf))
            transaction.rollback()

    assert found[0] == found[1]


def _snapshot(shelf: Shelf) -> tuple[Any, ...]:
    """Without the times of looking: who was not read again was last seen earlier."""
    untimed: list[Contact] = [
        row._replace(seen_at=None) for row in snapshot.every_contact(shelf.conn, shelf.batch)
    ]
    kept = [(call.call_id, call.status) for call in snapshot.every_call(shelf.conn, shelf.batch)]
    return sorted(untimed, key=repr), sorted(kept)


BIG = st.lists(
    st.tuples(st.sampled_from(["change", "insert", "remove", "longer"]), st.integers(0, 59)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(steps=st.lists(BIG, min_size=1, max_size=3))
def test_a_long_page_is_read_as_well_as_a_short_one(
    engine: Engine, steps: list[list[tuple[str, int]]]
) -> None:
    rows = people(60)
    with engine.connect() as conn, conn.begin() as transaction:
        shelf = Shelf(conn, size=60)
        shelf.read(rows)
        for n, edit in enumerate(steps):
            for what, place in edit:
                at = place % len(rows)
                if what == "insert":
                    rows.insert(at, Person(id=f"n{n}.{place}.{len(rows)}"))
                elif what == "remove":
                    del rows[at]
                elif what == "longer":
                    rows[at] = changed(rows[at], noise=rows[at].noise * 10 + 1)
                else:
                    rows[at] = changed(rows[at], status="completed", attempts=n + 1)
            shelf.read(rows)
            listed = {row.id: row.status for row in rows}
            assert {key: word for key, word in shelf.known().items() if key in listed} == listed
        transaction.rollback()


def test_times_of_pages_are_those_of_their_requests(shelf: Shelf) -> None:
    rows = people(2)
    shelf.read(rows)
    rows[0] = changed(rows[0], status="in_call")
    shelf.read(rows)

    seen = {row.contact_id: row.seen_at for row in snapshot.every_contact(shelf.conn, shelf.batch)}
    assert seen == {"p000": NOON + timedelta(seconds=2), "p001": NOON + SECOND}


def test_a_page_that_became_shorter_is_read_where_it_still_is(shelf: Shelf) -> None:
    """The last of its people is due a second look, and has gone to another page."""
    shelf.book = PageBook({}, SEED, recheck_after=5 * SECOND)
    call = CallRow(id="c1", ended=NOON)
    rows = [*people(3), Person(id="p003", status="completed", calls=[call])]
    shelf.read(rows)
    shelf.looks += 10

    assert shelf.read(rows[:3]) == 0
    assert len(shelf.known()) == 4
