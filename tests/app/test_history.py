"""Batches of the past are read once, whole, and nobody is told of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, func, select
from structlog.testing import capture_logs

from monitor.app.history import Finished, History
from monitor.core.route import parse_matcher
from monitor.errors import NotFoundError, ProviderError
from monitor.providers.budget import Circuit
from monitor.scheduler.sweeper import Sweeper
from monitor.settings import AccountSettings
from monitor.store import batches
from monitor.store.schema import alert_events, alerts, conversations, outbox
from monitor.store.writer import Priority
from tests.app.progress import Seen, Watcher
from tests.builders import EVERYTHING, HOUR, MINUTE, NOON
from tests.fakes import CallRow, Person, VendorBatch
from tests.lookout import Lookout
from tests.stories import make_view

DAY = 24 * HOUR
BUSY = ProviderError("rate_limited", "429 Too Many Requests", retry_after=40.0)


@dataclass
class Past:
    """A vendor with a history, and the database that it is read into."""

    at: Lookout
    seen: Seen = field(default_factory=Seen)

    def ended(self, batch_id: str, ago: timedelta, people: int = 12, **values: Any) -> VendorBatch:
        """A batch whose calls all ended so long ago."""
        made = self.at.vendor.add(batch_id, people, status="completed", **values)
        made.people = [
            Person(
                id=person.id,
                status="completed",
                calls=[CallRow(id=f"{batch_id}{person.id}", ended=self.at.clock.now() - ago)],
            )
            for person in made.people
        ]
        return made

    async def read(self, since: timedelta = 14 * DAY, **changes: Any) -> Finished:
        """Read it back as the command does."""
        settings = AccountSettings(**{"api_key": SecretStr("k")} | changes.pop("settings", {}))
        view = replace(make_view(capabilities=self.at.vendor.capabilities), **changes)
        watcher = Watcher()
        history = History(
            provider=self.at.vendor,
            settings=settings,
            view=view,
            store=self.at.store,
            clock=self.at.clock,
            sweeper=Sweeper(self.at.vendor, self.at.store, self.at.clock, seed=7),
            circuit=Circuit(self.at.clock, chance=lambda: 0.0),
            progress=watcher,
        )
        done = await history.read(self.at.clock.now() - since)
        self.seen = watcher.seen
        return done

    async def rows(self, *tables: Any) -> int:
        """How many rows these tables have."""

        def count(conn: Connection) -> int:
            counts = (select(func.count()).select_from(table) for table in tables)
            return sum(conn.execute(each).scalar_one() for each in counts)

        return await self.at.store.read(count)


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    with capture_logs():
        made = Lookout(tmp_path / "offhook.db")
        made.vendor.capabilities = replace(EVERYTHING, discovery=True)
        yield Past(made)
        made.store.close()


async def test_what_ended_is_read_whole_and_kept_closed(past: Past) -> None:
    past.ended("b1", 3 * DAY)
    past.ended("b2", 2 * DAY, people=25)

    done = await past.read()

    assert (done.read, done.people, done.failures) == (2, 37, [])
    row = await past.at.row("b2")
    assert (row.open, row.news, row.ended) == (False, False, True)
    assert row.terminal_at == NOON - 2 * DAY
    assert row.report is not None
    assert (row.report.people, row.report.reached, row.report.calls) == (25, 25, 25)
    assert row.report.ended_at == NOON - 2 * DAY
    assert len(await past.at.people("b2")) == 25


async def test_no_alert_comes_of_it_then_or_later(past: Past) -> None:
    failed = past.ended("b1", DAY, people=30)
    failed.status = "failed"
    for person in failed.people:
        person.calls[0].status = "failed"
    past.ended("b2", 2 * DAY)

    await past.read()
    await past.at.live_for(30 * MINUTE, every=MINUTE)

    assert await past.rows(alerts, alert_events, outbox, conversations) == 0


async def test_what_was_read_whole_is_not_asked_for_again(past: Past) -> None:
    past.ended("b1", DAY)
    past.ended("b2", 2 * DAY)
    await past.read()
    past.at.vendor.told()

    done = await past.read()

    assert past.at.vendor.told() == ["discover"]
    assert (done.read, done.already) == (0, 2)


async def test_it_goes_on_where_it_was_cut_off(past: Past) -> None:
    past.at.vendor.page_size = 10
    past.ended("b1", DAY, people=40)
    past.ended("b2", 2 * DAY, people=40)
    past.at.vendor.refuse_pages["b2"] = ProviderError("garbage", "a page is no page")
    first = await past.read()
    assert (first.read, first.failures) == (1, ["b2: a page is no page"])
    assert (await past.at.row("b2")).report is None
    past.at.vendor.refuse_pages.clear()
    past.at.vendor.told()

    second = await past.read()

    assert (second.read, second.already) == (1, 1)
    assert past.at.vendor.told("page") == [f"page b2 {n}" for n in range(4)]
    assert len(await past.at.people("b2")) == 40


async def test_two_readings_leave_what_one_does(past: Past) -> None:
    past.ended("b1", DAY, people=20)
    await past.read()
    before = await past.at.row("b1")
    report = before.report
    await past.at.store.write(
        Priority.INGEST, lambda conn: batches.save(conn, replace(before, swept_at=None), "swept_at")
    )

    await past.read()

    after = await past.at.row("b1")
    assert (after.tally, after.report, after.seq) == (before.tally, report, before.seq)


async def test_what_runs_is_left_to_the_daemon(past: Past) -> None:
    past.at.vendor.add("b1", 5)

    done = await past.read()

    assert (done.open, done.read) == (1, 0)
    assert await past.at.known() == set()


async def test_what_is_still_watched_is_left_alone(past: Past) -> None:
    batch = past.at.vendor.add("b1", 5)
    await past.at.poll()
    batch.status = "completed"
    past.at.vendor.told()

    done = await past.read()

    assert past.at.vendor.told() == ["discover"]
    assert (done.open, done.read) == (1, 0)


async def test_what_ended_since_the_baseline_is_left_to_be_told(past: Past) -> None:
    """Nobody has looked since; to call it history would lose its report."""
    past.at.vendor.add("b0", 5)
    await past.at.poll()
    past.ended("b1", MINUTE)

    done = await past.read()

    assert (done.news, done.read) == (1, 0)
    await past.at.live_for(10 * MINUTE, every=30 * timedelta(seconds=1))
    assert ("batch_completed", "reported") in await past.at.owed()


async def test_what_the_baseline_found_ended_is_read(past: Past) -> None:
    past.ended("b1", 3 * DAY)
    await past.at.poll()
    assert (await past.at.row("b1")).terminal_at == NOON

    done = await past.read()

    assert done.read == 1
    assert (await past.at.row("b1")).terminal_at == NOON - 3 * DAY


async def test_a_batch_that_was_watched_keeps_when_it_was_seen_to_end(past: Past) -> None:
    batch = past.at.vendor.add("b1", 5)
    await past.at.poll()
    batch.status = "completed"
    batch.people = [Person(id=each.id, status="completed") for each in batch.people]
    await past.at.live_for(20 * MINUTE, every=30 * timedelta(seconds=1))
    before = await past.at.row("b1")
    assert not before.open
    assert before.report is not None

    done = await past.read()

    assert (done.already, done.read) == (1, 0)
    assert await past.at.row("b1") == before


async def test_the_daemon_finds_no_news_in_what_was_read_back(past: Past) -> None:
    past.ended("b1", DAY)
    past.at.vendor.add("b2", 5)
    await past.read()

    await past.at.live_for(10 * MINUTE, every=30 * timedelta(seconds=1))

    assert await past.at.owed() == []
    assert past.at.vendor.told("page") == []
    assert (await past.at.row("b1")).open is False


async def test_a_batch_that_goes_on_after_all_is_watched(past: Past) -> None:
    batch = past.ended("b1", DAY)
    await past.read()
    batch.status = "running"
    batch.people.append(Person(id="new"))

    await past.at.live_for(5 * MINUTE, every=30 * timedelta(seconds=1))

    row = await past.at.row("b1")
    assert (row.run, row.open) == (2, True)
    assert len(await past.at.people("b1")) == 13


async def test_the_batch_before_is_the_one_that_ended_before(past: Past) -> None:
    """Whatever the order in which they were read back."""
    for n, ago in enumerate((3, 9, 6)):
        past.ended(f"b{n}", ago * DAY, people=10 + n)
    await past.read()

    async def before(batch_id: str) -> str | None:
        row = await past.at.row(batch_id)
        found = await past.at.store.read(lambda conn: batches.previous_report(conn, row))
        return found.batch_id if found else None

    assert [await before(f"b{n}") for n in range(3)] == ["b2", None, "b1"]


async def test_a_busy_vendor_is_left_alone_for_as_long_as_it_asks(past: Past) -> None:
    past.ended("b1", DAY)
    refusals = iter([BUSY, BUSY])
    real = past.at.vendor.discover

    async def discover(**asked: Any) -> Any:
        for refusal in refusals:
            raise refusal
        return await real(**asked)

    past.at.vendor.discover = discover  # type: ignore[method-assign]  # refused twice, then not

    done = await past.read()

    assert (done.read, done.failures) == (1, [])
    assert past.seen.waited == [40.0, 40.0]


async def test_who_wants_to_be_left_alone_for_long_is_given_up_for_now(past: Past) -> None:
    past.at.vendor.refuse = ProviderError("rate_limited", "429", retry_after=7200.0)

    done = await past.read()

    (said,) = done.failures
    assert "left alone for 2 h" in said
    assert "run it again later" in said
    assert past.seen.waited == []


async def test_a_key_that_is_refused_ends_it_with_a_sentence(past: Past) -> None:
    past.ended("b1", DAY)
    past.at.vendor.refuse = ProviderError("auth", "401: the key is not accepted")

    done = await past.read()

    assert done.failures == ["401: the key is not accepted"]
    assert past.at.vendor.told() == ["discover"]


async def test_one_batch_that_cannot_be_looked_at_keeps_no_other_from_being_read(
    past: Past,
) -> None:
    past.at.vendor.silent_lists = True
    past.ended("b1", DAY)
    past.ended("b2", DAY)
    past.at.vendor.refuse_looks["b1"] = NotFoundError("404: it is not known")

    done = await past.read()

    assert done.read == 1
    assert done.failures == ["b1: 404: it is not known"]


async def test_rows_that_cannot_be_read_are_said_and_read_again_next_time(past: Past) -> None:
    batch = past.ended("b1", DAY)
    batch.people[3].bad = True

    done = await past.read()

    assert (done.read, done.failures) == (0, ["b1: 1 row could not be read"])
    assert (await past.at.row("b1")).report is None
    batch.people[3].bad = False
    assert (await past.read()).read == 1


async def test_words_that_are_not_known_are_said_and_alert_nobody(past: Past) -> None:
    batch = past.ended("b1", DAY)
    batch.people[0].status = "hibernating"

    done = await past.read()
    await past.at.live_for(MINUTE)

    assert done.notes == ["statuses that Offhook does not know: hibernating"]
    assert (await past.at.provider()).unknown_words == {}
    assert await past.rows(alerts, outbox) == 0


async def test_a_vendor_without_a_history_says_so_and_named_batches_are_read(past: Past) -> None:
    past.at.vendor.capabilities = replace(EVERYTHING, discovery=False)
    past.ended("b1", DAY)
    past.ended("b2", DAY)

    done = await past.read(settings={"batches": ("b2",)})

    assert past.at.vendor.told("discover") == []
    assert done.read == 1
    (note,) = done.notes
    assert "keeps no list of past batches" in note
    assert await past.at.known() == {"b2"}


async def test_lists_with_holes_are_said(past: Past) -> None:
    past.at.vendor.complete = False

    assert (await past.read()).notes == ["its lists have holes, so there may be more batches"]


async def test_batches_that_are_not_to_be_watched_are_not_read(past: Past) -> None:
    past.ended("b1", DAY, name="Test of May")
    past.ended("b2", DAY)

    done = await past.read(match=(parse_matcher("batch_name!~Test.*"),))

    assert done.read == 1
    assert await past.at.known() == {"b2"}


async def test_progress_counts_batches(past: Past) -> None:
    past.ended("b1", DAY)
    past.ended("b2", DAY, name="Others")

    await past.read()

    assert past.seen.found == [2]
    assert past.seen.done == 2
    assert set(past.seen.titles) == {"Renewals May", "Others"}


async def test_what_retention_has_forgotten_is_not_read_again(past: Past) -> None:
    past.ended("b1", 10 * DAY)
    await past.read()
    row = await past.at.row("b1")
    await past.at.store.write(
        Priority.INGEST, lambda conn: batches.save(conn, replace(row, pruned=True), "pruned")
    )
    past.at.vendor.told()

    assert (await past.read()).already == 1
    assert past.at.vendor.told("page") == []
