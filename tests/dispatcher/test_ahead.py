"""Claiming in the transaction that owes: on a real database, with a channel that fails as told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, update

from monitor.core.alert import Alert
from monitor.dispatcher import Dispatcher, Timing
from monitor.errors import DeliveryError, Sent, StoreError
from monitor.notifiers import Envelope
from monitor.store.schema import outbox
from monitor.store.writer import Priority, Store
from tests.builders import SECOND
from tests.delivering import (
    MAIL,
    WEBHOOK,
    Channel,
    MovedClock,
    make_alert,
    make_subject,
    owed,
    routing,
    tell_all,
)

NOW = {"group_by": ("rule",), "group_wait": 0 * SECOND}
BUSY = DeliveryError(Sent.RETRY, "rate_limited", "later", retry_after=7.0)


class Watched(Channel):
    """Says when it is sent something, and lets it wait."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.reached = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.before = self._look

    async def _look(self, envelope: Envelope) -> None:
        del envelope
        self.reached.set()
        await self.open.wait()


@dataclass
class World:
    """A dispatcher at work, and who writes."""

    store: Store
    timing: Timing = field(default_factory=lambda: Timing(pace={}))
    clock: MovedClock = field(default_factory=MovedClock)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    written: list[Priority] = field(default_factory=list)
    broken: bool = False  # the database

    def __post_init__(self) -> None:
        self.hook, self.mail = Watched(WEBHOOK), Watched(MAIL)
        self.dispatcher = Dispatcher(
            self.store, {"hook": self.hook, "mail": self.mail}, self.clock, timing=self.timing
        )
        self._write = self.store.write
        self.store.write = self._written  # type: ignore[method-assign]  # to see who writes

    async def _written(self, priority: Priority, fn: Any) -> Any:
        self.written.append(priority)
        if self.broken and priority is Priority.OUTBOX:
            raise StoreError("the disk is full")
        return await self._write(priority, fn)

    async def tell(self, *alerts: Alert, then: Any = None) -> None:
        """As an evaluation does that came of news."""
        async with self.dispatcher.ahead() as ahead:

            def write(conn: Connection) -> None:
                to = routing("hook", **NOW)
                tell_all(conn, *alerts, to=to, now=self.clock.now())
                ahead.claim(conn, self.clock.now())
                if then is not None:
                    then()

            await self.store.write(Priority.NEWS, write)

    async def rows(self) -> list[str]:
        return [state for _, _, state in await self.store.read(owed)]

    async def rests(self, times: int) -> None:
        """Until the two lanes have gone to rest so often, together."""
        async with asyncio.timeout(5):
            while len(self.clock.slept) < times:  # noqa: ASYNC110 - clocks say nothing
                await asyncio.sleep(0)

    async def until(self, *states: str) -> None:
        async with asyncio.timeout(5):
            while await self.rows() != list(states):  # noqa: ASYNC110 - rows say nothing
                await asyncio.sleep(0)


@asynccontextmanager
async def at_work(directory: Path, **changes: Any) -> AsyncIterator[World]:
    """A dispatcher that rests, and has to be told of anything new."""
    store = Store.open(directory / "offhook.db")
    world = World(store, **changes)
    running = asyncio.create_task(world.dispatcher.run(world.stop))
    await world.rests(2)
    world.written.clear()
    yield world
    world.stop.set()
    async with asyncio.timeout(5):
        await running
    store.close()


async def test_what_is_news_is_sent_behind_its_own_commit(tmp_path: Path) -> None:
    async with at_work(tmp_path) as world:
        world.hook.open.clear()
        await world.tell(make_alert())
        await world.hook.reached.wait()

        assert await world.rows() == ["attempting"]
        assert world.written == [Priority.NEWS]
        world.hook.open.set()
        await world.until("sent")
        assert len(world.hook.standing) == 1
        assert world.mail.sent == []


async def test_nothing_is_sent_of_what_is_not_committed(tmp_path: Path) -> None:
    def fails() -> None:
        raise ZeroDivisionError

    async with at_work(tmp_path) as world:
        with pytest.raises(ZeroDivisionError):
            await world.tell(make_alert(), then=fails)
        await world.tell(make_alert("another"))
        await world.until("sent")

        assert [each.messages[0].rule for each in world.hook.sent] == ["another"]


async def test_who_is_being_sent_to_is_claimed_for_in_turn(tmp_path: Path) -> None:
    async with at_work(tmp_path) as world:
        world.hook.open.clear()
        await world.tell(make_alert())
        await world.hook.reached.wait()
        await world.tell(make_alert("another"))
        world.dispatcher.wake()

        assert await world.rows() == ["attempting", "pending"]
        world.hook.open.set()
        await world.until("sent", "sent")
        assert len(world.hook.standing) == 2


async def test_all_that_is_due_leaves_though_one_is_claimed_at_once(tmp_path: Path) -> None:
    async with at_work(tmp_path) as world:
        await world.tell(*(make_alert(name) for name in ("one", "two", "three")))
        await world.until("sent", "sent", "sent")

        assert len(world.hook.standing) == 3


async def test_a_message_that_must_wait_for_its_pace_is_not_under_way_meanwhile(
    tmp_path: Path,
) -> None:
    async with at_work(tmp_path, timing=Timing(pace={"slack": 5.0})) as world:
        await world.tell(make_alert())
        await world.rests(3)
        await world.tell(make_alert("another"))

        assert await world.rows() == ["sent", "pending"]


async def test_who_asked_to_be_left_alone_is(tmp_path: Path) -> None:
    async with at_work(tmp_path) as world:
        world.hook.plan = [BUSY]
        await world.tell(make_alert())
        await world.until("pending")
        await world.tell(make_alert("another"))

        assert await world.rows() == ["pending", "pending"]
        assert len(world.hook.sent) == 1


async def test_what_cannot_be_written_down_is_looked_for_later_and_the_lane_goes_on(
    tmp_path: Path,
) -> None:
    async with at_work(tmp_path) as world:
        world.hook.open.clear()
        await world.tell(make_alert())
        await world.hook.reached.wait()
        world.broken = True
        world.hook.open.set()
        async with asyncio.timeout(5):
            while 5.0 not in world.clock.slept:  # noqa: ASYNC110 - until it rests from the error
                await asyncio.sleep(0)
        world.broken = False
        await world.tell(make_alert("another"))
        await world.until("attempting", "sent")


async def test_what_was_claimed_before_the_stop_is_sent_before_it_ends(tmp_path: Path) -> None:
    async with at_work(tmp_path) as world:

        async def stops() -> None:
            world.stop.set()

        loop = asyncio.get_running_loop()
        await world.tell(
            make_alert(), then=lambda: asyncio.run_coroutine_threadsafe(stops(), loop).result(5)
        )
        await world.until("sent")


async def test_what_cannot_be_read_of_what_waits_keeps_no_news_from_being_kept(
    tmp_path: Path,
) -> None:
    async with at_work(tmp_path) as world:
        to = routing("hook", **NOW)

        def spoilt(conn: Connection) -> None:
            tell_all(conn, make_alert(), to=to)
            conn.execute(update(outbox).values(message="{"))

        await world.store.write(Priority.EVALUATE, spoilt)
        await world.tell(make_alert(subject=make_subject(id="b2")))

        assert await world.rows() == ["pending", "pending"]
        assert world.hook.sent == []


@pytest.mark.parametrize("ahead", [True, False], ids=["ahead", "in its turn"])
async def test_what_cannot_be_read_keeps_no_other_conversation_of_its_receiver_waiting(
    tmp_path: Path, ahead: bool
) -> None:
    async with at_work(tmp_path) as world:
        to = routing("hook", **NOW)
        other = make_alert("another")

        def spoilt(conn: Connection) -> None:
            tell_all(conn, make_alert(), to=to)
            conn.execute(update(outbox).values(message="{"))

        await world.store.write(Priority.EVALUATE, spoilt)
        if ahead:
            await world.tell(other)
        else:
            await world.store.write(Priority.EVALUATE, lambda conn: tell_all(conn, other, to=to))
            world.dispatcher.wake()
        await world.until("pending", "sent")

        assert len(world.hook.sent) == 1


async def test_what_cannot_be_read_for_one_receiver_keeps_no_other_from_being_told(
    tmp_path: Path,
) -> None:
    async with at_work(tmp_path) as world:

        def spoilt(conn: Connection) -> None:
            tell_all(conn, make_alert(), to=routing("mail", **NOW))
            conn.execute(update(outbox).values(message="{"))

        await world.store.write(Priority.EVALUATE, spoilt)
        await world.tell(make_alert("another"))
        await world.until("pending", "sent")

        assert len(world.hook.sent) == 1


async def test_nothing_is_claimed_where_nobody_works(tmp_path: Path) -> None:
    async with at_work(tmp_path) as world:
        pass
    store = Store.open(tmp_path / "offhook.db")
    world = World(store)
    await world.tell(make_alert())

    assert await world.rows() == ["pending"]
    store.close()


async def test_what_is_sent_behind_its_commit_ends_before_the_stop_whatever_its_worker_does(
    tmp_path: Path,
) -> None:
    async with at_work(tmp_path) as world:
        read, asking, answered = world.store.read, asyncio.Event(), asyncio.Event()

        async def slow(fn: Any) -> Any:
            asking.set()
            await answered.wait()
            return await read(fn)

        world.store.read = slow  # type: ignore[method-assign]  # a worker asks what is due next
        world.dispatcher.wake("hook")
        await asking.wait()
        world.store.read = read  # type: ignore[method-assign]
        world.hook.open.clear()
        await world.tell(make_alert())
        await world.hook.reached.wait()
        world.stop.set()
        answered.set()
        await world.store.read(owed)
        assert await world.rows() == ["attempting"]
        world.hook.open.set()
        await world.until("sent")


async def test_no_transaction_waits_for_who_has_waited_for_his_turn(tmp_path: Path) -> None:
    async with at_work(tmp_path) as world:
        to = routing("hook", **NOW)
        await world.store.write(Priority.EVALUATE, lambda conn: tell_all(conn, make_alert(), to=to))
        world.hook.open.clear()
        async with world.dispatcher.ahead():
            turn = asyncio.create_task(world.dispatcher.drain_once("hook"))
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await world.tell(make_alert("another"))
            await world.hook.reached.wait()

        assert await world.rows() == ["attempting", "pending"]
        world.hook.open.set()
        await turn
        await world.until("sent", "sent")
