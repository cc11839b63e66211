"""What a backup owed is told with doubt: the process that it was taken from went on."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, update

from monitor.core.alert import Alert
from monitor.core.compose import UNTOLD
from monitor.core.restored import DOUBTFUL, Restored
from monitor.dispatcher import Dispatcher, Timing, look_back
from monitor.errors import DeliveryError, Sent
from monitor.evaluation.telling import Routing
from monitor.store import restoring
from monitor.store.backup import back_up
from monitor.store.outbox import hasten
from monitor.store.schema import outbox
from monitor.store.writer import Priority, Store
from tests.builders import HOUR, MINUTE, NOON
from tests.delivering import (
    BOT,
    WEBHOOK,
    Channel,
    LeapingClock,
    make_alert,
    make_subject,
    owed,
    resolved,
    routing,
    tell_all,
)

AWAY = DeliveryError(Sent.NOT_SENT, "unreachable", "nobody there")
AT_ONCE = routing("hook", "bot", group_by=("rule",), group_wait=timedelta(0))
LATER = routing("hook", group_by=("rule",), group_wait=3 * HOUR)
OTHER = make_alert(subject=make_subject(id="btc_2", title="Renewals June"))


@dataclass
class World:
    """Two channels, and a process that tells them what one database owes."""

    directory: Path
    store: Store
    clock: LeapingClock = field(default_factory=LeapingClock)
    hook: Channel = field(default_factory=lambda: Channel(WEBHOOK))
    bot: Channel = field(default_factory=lambda: Channel(BOT))
    restored: Restored | None = None

    async def write(self, fn: Callable[[Connection], Any]) -> Any:
        return await self.store.write(Priority.OUTBOX, fn)

    async def tell(self, *alerts: Alert, to: Routing = AT_ONCE, **more: Any) -> None:
        now = self.clock.at
        await self.write(lambda conn: tell_all(conn, *alerts, to=to, now=now, **more))

    async def deliver(self) -> None:
        async def trouble(*_: Any) -> None:
            return None

        dispatcher = Dispatcher(
            self.store,
            {"hook": self.hook, "bot": self.bot},
            self.clock,
            timing=Timing(pace={}),
            on_trouble=trouble,
            chance=lambda: 0.5,
        )
        await look_back(self.store, (self.hook, self.bot), self.restored, self.clock)
        for name in ("hook", "bot"):
            while await dispatcher.drain_once(name):
                pass

    async def finish(self) -> None:
        """To the last look for a second copy."""
        await self.deliver()
        self.clock.move(HOUR)
        await self.deliver()

    async def backed_up(self) -> Path:
        copy = self.directory / "copy.db"
        back_up(self.store.engine, copy, self.clock.at)
        return copy

    async def restore(self, copy: Path) -> Restored | None:
        """Another process goes on with the backup, at the same channels."""
        self.store.close()
        self.store = Store.open(copy)
        return await self.put_to_use()

    async def put_to_use(self) -> Restored | None:
        at = self.clock.at
        self.restored = await self.write(lambda conn: restoring.put_to_use(conn, at, "UTC"))
        return self.restored

    async def rows(self) -> list[tuple[str, str, str]]:
        return await self.store.read(owed)


@asynccontextmanager
async def a_world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path, Store.open(tmp_path / "offhook.db"))
    yield world
    world.store.close()


def told(channel: Channel) -> list[tuple[str, int, bool]]:
    """Part, how many alerts, and whether it says that it may be a repeat."""
    found = []
    for each in channel.sent:
        marked = any("possible repeat" in mark for mark in each.messages[0].marks)
        found.append((each.part, each.total, marked or each.possible_repeat))
    return found


async def test_what_was_told_meanwhile_is_found_where_the_channel_can_be_read(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert())
        copy = await world.backed_up()
        await world.deliver()
        world.clock.move(HOUR)

        restored = await world.restore(copy)
        await world.deliver()

        assert restored == Restored(made_at=NOON, at=NOON + HOUR, episodes=1001)
        assert told(world.bot) == [("root", 1, False)]
        assert told(world.hook) == [("message", 1, False), ("message", 1, True)]
        assert {state for _, _, state in await world.rows()} == {"sent"}


async def test_a_root_that_was_found_gets_its_replies(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert())
        copy = await world.backed_up()
        await world.deliver()

        await world.restore(copy)
        await world.deliver()
        world.clock.move(MINUTE)
        await world.tell(resolved(make_alert()))
        await world.deliver()

        (root,) = world.bot.roots
        assert root.message.state == "RESOLVED"
        assert [each.thread_of for each in world.bot.replies] == [root.remote_id]


async def test_replies_that_were_told_are_found_in_their_thread(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert())
        await world.deliver()
        world.clock.move(MINUTE)
        await world.tell(resolved(make_alert()))
        copy = await world.backed_up()
        await world.deliver()
        replies = len(world.bot.replies)

        await world.restore(copy)
        await world.deliver()

        assert len(world.bot.replies) == replies == 1
        assert world.bot.looks[-1][1] == world.bot.roots[0].remote_id


async def test_what_the_process_did_not_get_to_is_told_and_says_so(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert())
        copy = await world.backed_up()
        world.clock.move(50 * HOUR)

        await world.restore(copy)
        await world.finish()

        assert told(world.bot) == [("root", 1, True)]
        assert told(world.hook) == [("message", 1, True)]
        assert {state for _, _, state in await world.rows()} == {"sent"}


async def test_all_that_one_conversation_owed_is_doubted(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert())
        await world.tell(OTHER)
        await world.deliver()
        world.clock.move(MINUTE)
        await world.tell(resolved(make_alert()))
        await world.tell(resolved(OTHER))
        copy = await world.backed_up()
        world.clock.move(HOUR)

        await world.restore(copy)
        await world.finish()

        assert told(world.hook)[1:] == [("message", 2, True)]
        assert told(world.bot)[1:] == [("root", 2, True), ("thread", 2, True)]
        assert {state for _, _, state in await world.rows()} == {"sent"}


async def test_what_would_have_gone_as_one_goes_as_one(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.hook.plan = [AWAY]
        for n in range(12):
            await world.tell(make_alert(subject=make_subject(id=f"btc_{n}")), to=LATER)
        world.clock.move(3 * HOUR)
        await world.deliver()
        copy = await world.backed_up()
        world.clock.move(HOUR)

        await world.restore(copy)
        await world.deliver()

        assert told(world.hook)[1:] == [("message", 12, True)]


async def test_who_was_held_back_while_others_were_told_is_told_after_all(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert(), OTHER)
        copy = await world.backed_up()
        await world.tell(make_alert(), OTHER, inhibited={OTHER.key: "another"})
        await world.deliver()
        assert [each.total for each in world.bot.sent] == [1]
        world.clock.move(HOUR)

        await world.restore(copy)
        await world.deliver()

        assert len(world.bot.roots) == 1
        (reply,) = world.bot.replies  # an edit of the root would be read by nobody
        assert [message.key for message in reply.envelope.messages] == [OTHER.key]


async def test_what_waits_for_its_next_try_may_have_been_sent_sooner(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.hook.plan, world.bot.plan = [AWAY], [AWAY]
        await world.tell(make_alert())
        await world.deliver()
        copy = await world.backed_up()
        now = world.clock.at
        await world.write(lambda conn: hasten(conn, receiver="hook", now=now))
        await world.write(lambda conn: hasten(conn, receiver="bot", now=now))
        await world.deliver()

        await world.restore(copy)
        world.clock.move(MINUTE)
        await world.deliver()

        assert len(world.bot.standing) == 1
        assert told(world.hook)[-1] == ("message", 1, True)


async def test_a_channel_that_cannot_be_read_now_is_told_at_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert())
        copy = await world.backed_up()
        world.bot.blind = AWAY

        await world.restore(copy)
        await world.deliver()

        assert told(world.bot) == [("root", 1, True)]


async def test_what_is_held_back_stays_so(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert())
        copy = await world.backed_up()
        world.clock.move(HOUR)

        await world.restore(copy)
        await world.tell(make_alert(), inhibited={make_alert().key: "another"})
        await world.deliver()

        assert told(world.hook) == told(world.bot) == []


async def test_what_may_be_out_is_not_over_before_it_was_told(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert())
        copy = await world.backed_up()
        await world.deliver()
        world.clock.move(MINUTE)

        await world.restore(copy)
        await world.tell(resolved(make_alert()))
        await world.deliver()

        assert UNTOLD not in world.hook.sent[-1].messages[0].marks
        (root,) = world.bot.roots
        assert root.message.state == "RESOLVED"


async def test_one_thread_that_is_gone_keeps_no_other_from_being_read(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        alone = routing("bot", group_by=("batch",), group_wait=timedelta(0))
        for each in (make_alert(), OTHER):
            await world.tell(each, to=alone)
        await world.deliver()
        world.clock.move(MINUTE)
        for each in (make_alert(), OTHER):
            await world.tell(resolved(each), to=alone)
        copy = await world.backed_up()
        await world.deliver()
        world.bot.unreadable = {world.bot.roots[0].remote_id}

        await world.restore(copy)
        await world.deliver()

        second = world.bot.roots[1].remote_id
        assert sum(each.thread_of == second for each in world.bot.replies) == 1


async def test_a_row_that_cannot_be_read_keeps_no_process_from_its_start(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert())
        await world.write(lambda conn: conn.execute(update(outbox).values(message="{torn")))
        copy = await world.backed_up()
        world.clock.move(HOUR)

        assert await world.restore(copy) is not None


async def test_a_copy_is_put_to_use_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        copy = await world.backed_up()
        world.clock.move(HOUR)
        first = await world.restore(copy)
        await world.tell(make_alert())
        world.clock.move(MINUTE)

        again = await world.restore(copy)
        await world.deliver()

        assert again == first
        assert told(world.hook) == [("message", 1, False)]


async def test_later_there_is_nothing_to_look_for(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert())
        copy = await world.backed_up()
        await world.restore(copy)
        world.clock.move(DOUBTFUL)

        await world.deliver()

        assert world.bot.looks == []


async def test_a_database_that_was_never_put_back_is_none(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert())
        await world.backed_up()

        assert await world.put_to_use() is None

        await world.deliver()
        assert told(world.hook) == [("message", 1, False)]
