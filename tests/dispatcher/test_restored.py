"""What a backup owed is told with doubt: the process that it was taken from went on."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, update

from monitor.core.alert import Alert
from monitor.core.restored import Restored
from monitor.dispatcher import Dispatcher, Timing
from monitor.errors import DeliveryError, Sent
from monitor.evaluation.telling import Routing
from monitor.store import restoring
from monitor.store.backup import back_up
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

    async def write(self, fn: Callable[[Connection], Any]) -> Any:
        return await self.store.write(Priority.OUTBOX, fn)

    async def tell(self, *alerts: Alert, to: Routing = AT_ONCE) -> None:
        await self.write(lambda conn: tell_all(conn, *alerts, to=to, now=self.clock.at))

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
        at = self.clock.at
        restored: Restored | None = await self.write(
            lambda conn: restoring.put_to_use(conn, at, life=Timing().life)
        )
        return restored

    async def rows(self) -> list[tuple[str, str, str]]:
        return await self.store.read(owed)


@asynccontextmanager
async def a_world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path, Store.open(tmp_path / "offhook.db"))
    yield world
    world.store.close()


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
        assert len(world.bot.standing) == len(world.bot.sent) == 1
        assert [each.possible_repeat for each in world.hook.sent] == [False, True]
        assert {state for _, _, state in await world.rows()} == {"sent"}


async def test_what_the_process_did_not_get_to_is_told(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert())
        copy = await world.backed_up()
        world.clock.move(HOUR)

        await world.restore(copy)
        await world.finish()

        assert [each.possible_repeat for each in world.bot.sent] == [False]
        assert [each.possible_repeat for each in world.hook.sent] == [True]
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

        def told(channel: Channel) -> list[tuple[str, int, bool]]:
            return [(each.part, each.total, each.possible_repeat) for each in channel.sent]

        assert told(world.hook) == [("message", 2, False), ("message", 2, True)]
        assert told(world.bot) == [
            ("root", 2, False),
            ("root", 2, False),  # an edit: to do it twice does no harm
            ("thread", 2, False),  # not there, as a look has found
        ]
        assert {state for _, _, state in await world.rows()} == {"sent"}


async def test_what_is_not_yet_due_was_told_by_nobody(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert(), to=LATER)
        copy = await world.backed_up()
        world.clock.move(HOUR)

        await world.restore(copy)
        world.clock.move(2 * HOUR)
        await world.deliver()

        assert [each.possible_repeat for each in world.hook.sent] == [False]


async def test_what_fell_due_after_the_backup_may_have_been_told(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert(), to=LATER)
        copy = await world.backed_up()
        world.clock.move(4 * HOUR)

        await world.restore(copy)
        await world.deliver()

        assert [each.possible_repeat for each in world.hook.sent] == [True]


async def test_what_fell_due_after_the_backup_is_looked_for_as_well(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert(), to=routing("bot", group_wait=HOUR))
        copy = await world.backed_up()
        world.clock.move(2 * HOUR)
        await world.deliver()

        await world.restore(copy)
        await world.finish()

        assert len(world.bot.sent) == len(world.bot.standing) == 1


async def test_what_would_have_gone_as_one_goes_as_one(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        many = [make_alert(subject=make_subject(id=f"btc_{n}")) for n in range(12)]
        for each in many:
            await world.tell(each, to=LATER)
        copy = await world.backed_up()
        world.clock.move(4 * HOUR)

        await world.restore(copy)
        await world.finish()

        assert [(each.total, each.possible_repeat) for each in world.hook.sent] == [(12, True)]


async def test_what_a_backup_owed_days_ago_is_neither_told_nor_lamented(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert())
        copy = await world.backed_up()
        await world.deliver()
        world.clock.move(50 * HOUR)

        await world.restore(copy)
        await world.tell(OTHER)
        await world.finish()

        assert {state for _, _, state in await world.rows()} == {"sent", "superseded"}
        assert [each.total for each in world.hook.sent] == [1, 1]
        assert not world.hook.sent[1].messages[0].marks, "nothing was given up"


async def test_what_was_tried_before_the_backup_is_tried_again_with_doubt(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.hook.plan = [DeliveryError(Sent.NOT_SENT, "unreachable", "nobody there")]
        await world.tell(make_alert(), to=routing("hook", group_wait=timedelta(0)))
        await world.deliver()
        copy = await world.backed_up()
        world.clock.move(HOUR)

        await world.restore(copy)
        await world.deliver()

        assert [each.possible_repeat for each in world.hook.sent] == [False, True]


async def test_a_row_that_cannot_be_read_keeps_nothing_from_its_start(tmp_path: Path) -> None:
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
        assert [each.possible_repeat for each in world.hook.sent] == [False]


async def test_a_database_that_was_never_put_back_is_none(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.tell(make_alert())
        await world.backed_up()
        at = world.clock.at

        assert (
            await world.write(lambda conn: restoring.put_to_use(conn, at, life=Timing().life))
            is None
        )

        await world.deliver()
        assert [each.possible_repeat for each in world.hook.sent] == [False]
