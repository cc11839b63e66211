"""A batch at a vendor, polled in every way that goes wrong: what is known stays true.

Polls are whole or in part, break off, come late or twice, across restarts. However they
come, the counters are a recount, what ended stays ended, windows hold each ended call once,
and a poll that reads everything leaves the vendor's truth.
"""

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Connection

from monitor.core.model import Batch, BatchStatus, Call, ContactStatus, Counts
from monitor.core.tally import recount, trimmed
from monitor.ingest.looks import take_look
from monitor.ingest.pages import PageBook, decode
from monitor.ingest.sweeps import Swept, begin_sweep, finish_sweep, remember, take_pages
from monitor.providers import Page
from monitor.store import batches, changes, pages, snapshot
from monitor.store.windows import StoredCalls
from tests.builders import HOUR, NOON, SECOND, make_batch
from tests.clocks import ManualClock
from tests.fakes import LISTING, CallRow, Person, Vendor, encoded
from tests.stories import hurried

SIZE = 3
VENDOR = Vendor(ManualClock())
ENDS = {"completed": "completed", "no_answer": "retrying", "failed": "exhausted"}


class Polls(RuleBasedStateMachine):
    """The vendor's truth on one side, what Offhook keeps on the other."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.engine = hurried(Path(self.folder.name) / "offhook.db")
        self.now: datetime = NOON
        self.people: list[Person] = []
        self.status = BatchStatus.RUNNING
        self.batch = 0
        self.ended: dict[str, Call] = {}
        self.old_page: Page | None = None
        self.old_look: Batch | None = None
        self.seq = 0

    def teardown(self) -> None:
        self.engine.dispose()
        self.folder.cleanup()

    @initialize(n=st.integers(1, 8))
    def begin(self, n: int) -> None:
        self.people = [Person(id=f"p{i}") for i in range(n)]
        self._look()
        self.book = self._stored()

    # The vendor's side

    @rule(place=st.integers(0, 20), how=st.sampled_from([*ENDS]), timed=st.booleans())
    def call_somebody(self, place: int, how: str, timed: bool) -> None:
        person = self.people[place % len(self.people)]
        if person.status in {"completed", "exhausted"}:
            return
        self.now += SECOND
        ended = self.now if timed else None
        call = CallRow(id=f"{person.id}.{len(person.calls)}", status=how, ended=ended)
        person.calls = [*person.calls, call]
        person.attempts += 1
        person.status = ENDS[how]

    @rule(n=st.integers(1, 3), place=st.integers(0, 20))
    def invite(self, n: int, place: int) -> None:
        at = place % (len(self.people) + 1)
        new = [Person(id=f"p{len(self.people) + i}") for i in range(n)]
        self.people[at:at] = new

    @rule(place=st.integers(0, 20))
    def stir(self, place: int) -> None:
        self.people[place % len(self.people)].noise += 1

    @rule()
    def pause_or_resume(self) -> None:
        if self.status is BatchStatus.RUNNING:
            self.status = BatchStatus.PAUSED
        else:
            self.status = BatchStatus.RUNNING

    # Offhook's side

    @rule(anew=st.booleans())
    def poll(self, anew: bool) -> None:
        """Everything is read; what is known is the truth."""
        self._look()
        self._sweep(range(self._count()), anew=anew, finish=True)
        with self.engine.connect() as conn:
            found = {each.contact_id: each for each in snapshot.every_contact(conn, self.batch)}
            calls = {each.call_id for each in snapshot.every_call(conn, self.batch)}
            row = batches.load(conn, self.batch)
        assert {key: each.status for key, each in found.items()} == {
            person.id: ContactStatus(person.status) for person in self.people
        }
        assert calls == {call.id for person in self.people for call in person.calls}
        assert row.complete_at == row.fresh_at == self.now

    @rule(only=st.sets(st.integers(0, 4)))
    def poll_a_part(self, only: set[int]) -> None:
        self._look()
        self._sweep([n for n in sorted(only) if n < self._count()], finish=False)

    @rule()
    def look(self) -> None:
        self._look()

    @rule()
    def hear_an_old_look(self) -> None:
        if self.old_look is None:
            return
        with self.engine.begin() as conn:
            before = batches.load(conn, self.batch)
            after = take_look(conn, self.old_look, baseline=False)
            assert after.look == before.look
            assert after.fresh_at == before.fresh_at

    @rule()
    def read_an_old_page_again(self) -> None:
        if self.old_page is not None:
            with self.engine.begin() as conn:
                self._take(conn, self.old_page)

    @rule()
    def crash_before_the_commit(self) -> None:
        with self.engine.connect() as conn:
            transaction = conn.begin()
            for number in range(self._count()):
                page = self._page(number)
                difference = self.book.compare(VENDOR, page)
                if difference is not None:
                    read = decode(VENDOR, self._batch(), difference)
                    take_pages(conn, self.batch, self.book, [read], self.now)
            transaction.rollback()
        self.book.release()

    @rule()
    def restart(self) -> None:
        self.book = self._stored()

    def _batch(self) -> Batch:
        return make_batch(
            status=self.status, seen_at=self.now, counts=Counts(total=len(self.people))
        )

    def _look(self) -> None:
        self.now += SECOND
        look = self._batch()
        with self.engine.begin() as conn:
            self.batch = take_look(conn, look, baseline=False).id
        if self.old_look is None or self.now.second % 3 == 0:
            self.old_look = make_batch(status=BatchStatus.COMPLETED, seen_at=NOON - SECOND)

    def _count(self) -> int:
        return -(-len(self.people) // SIZE)

    def _page(self, number: int) -> Page:
        rows = self.people[number * SIZE : (number + 1) * SIZE]
        return Page(LISTING, number, encoded(rows), self.now)

    def _stored(self) -> PageBook:
        with self.engine.connect() as conn:
            return PageBook(pages.load(conn, self.batch), 7)

    def _sweep(self, numbers: Any, *, anew: bool = False, finish: bool) -> None:
        with self.engine.begin() as conn:
            row = begin_sweep(conn, self.batch, self.now)
        for number in numbers:
            page = self._page(number)
            with self.engine.begin() as conn:
                self._take(conn, page, anew=anew)
            self.old_page = page
        self.book.release()
        if finish:
            last = self._count() - 1
            swept = Swept(
                counts=row.look.counts,
                rows=len(self.people),
                run=row.run,
                every_page=True,
                anew=anew,
                last={LISTING: last},
            )
            with self.engine.begin() as conn:
                finish_sweep(conn, self.batch, swept, self.now)
            self.book.shorten(LISTING, last)

    def _take(self, conn: Connection, page: Page, *, anew: bool = False) -> None:
        difference = self.book.compare(VENDOR, page, anew=anew)
        if difference is not None:
            read = decode(VENDOR, self._batch(), difference)
            remember(self.book, take_pages(conn, self.batch, self.book, [read], page.seen_at))

    # What stays true

    @invariant()
    def counters_are_a_recount(self) -> None:
        if not self.batch:
            return
        with self.engine.connect() as conn:
            row = batches.load(conn, self.batch)
            calls = list(snapshot.every_call(conn, self.batch))
            people = snapshot.every_contact(conn, self.batch)
            assert trimmed(row.tally) == recount(people, calls)
            window = StoredCalls(conn, self.batch).window(NOON - HOUR, self.now + HOUR)
            last = [each.seq for each in changes.since(conn, self.batch, 0)]
        timed = [each for each in calls if each.outcome and each.ended_at]
        assert window.n == len(timed)
        assert last == list(range(1, row.seq + 1))
        assert row.seq >= self.seq
        self.seq = row.seq
        self._ended_stays_ended({each.call_id: each for each in calls})

    def _ended_stays_ended(self, calls: dict[str, Call]) -> None:
        for key, before in self.ended.items():
            after = calls[key]
            assert after.status is before.status
            assert before.ended_by is not None
            assert after.ended_by is not None
            assert after.ended_by.rank >= before.ended_by.rank
        self.ended = {key: call for key, call in calls.items() if call.status.terminal}


Polls.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, derandomize=True
)
TestPolls = Polls.TestCase
