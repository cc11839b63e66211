"""Who hears instead of a receiver that does not take its messages."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from monitor.core.alert import Alert, Reason
from monitor.core.restored import Restored
from monitor.core.route import Route
from monitor.core.rule import Severity
from monitor.core.silence import Source
from monitor.dispatcher import Dispatcher, Timing
from monitor.errors import DeliveryError, Sent
from monitor.evaluation.cases import STORM_SIZE
from monitor.evaluation.fallback import fall_back
from monitor.evaluation.routing import Routing
from monitor.store import silences
from monitor.store.overdue import load_overdue, untold
from monitor.store.writer import Priority, Store
from tests.builders import HOUR, MINUTE, SECOND
from tests.delivering import (
    ALL,
    Channel,
    LeapingClock,
    make_alert,
    make_report,
    make_subject,
    resolved,
    settled,
    tell_all,
)

AWAY = DeliveryError(Sent.NOT_SENT, "unreachable", "nobody there")
REFUSED = DeliveryError(Sent.REFUSED, "channel_not_found", "no such channel")
UNREADABLE = DeliveryError(Sent.REFUSED, "invalid_blocks", "too much", simpler=True)
CRITICAL = make_alert()
WARNING = make_alert("slow", severity=Severity.WARNING)
COPY = "fallback copy: hook has not taken it"


def to_hook(**changes: Any) -> Routing:
    values: dict[str, Any] = {
        "name": "1",
        "receivers": ("hook",),
        "fallback": ("mail", "bot"),
        "group_wait": timedelta(0),
    }
    return Routing(routes=(Route(**values | changes),), receivers=ALL)


class World:
    """A hook that fails, and two who hear instead."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = LeapingClock()
        self.channels = {name: Channel(ALL[name]) for name in ALL}
        self.hook = self.channels["hook"]
        self.to = to_hook()
        self.since = self.clock.now() - HOUR
        self.dispatcher = Dispatcher(
            store, self.channels, self.clock, timing=Timing(pace={}), chance=lambda: 0.5
        )

    async def tell(self, *alerts: Alert) -> None:
        await self.store.write(
            Priority.EVALUATE,
            lambda conn: tell_all(conn, *alerts, to=self.to, now=self.clock.now()),
        )

    async def pass_for(self, time: timedelta = timedelta(0)) -> int:
        """Let time pass, fall back, and have everybody paid; how many copies were owed."""
        self.clock.move(time)
        now = self.clock.now()

        def watch(conn: Any) -> int:
            found = load_overdue(conn, now, since=self.since)
            return fall_back(conn, found, self.to, "UTC", now).parts

        owed = await self.store.write(Priority.OUTBOX, watch)
        for name in self.channels:
            await self.dispatcher.drain_once(name)
        return owed

    def heard(self, receiver: str) -> list[tuple[str, bool]]:
        """What it was sent: the state, and whether it is a copy."""
        sent = self.channels[receiver].sent
        return [(one.messages[0].state, COPY in one.messages[0].marks) for one in sent]

    async def untold(self) -> int:
        return await self.store.read(
            lambda conn: untold(conn, list(ALL), self.clock.now(), since=self.since)
        )


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = Store.open(tmp_path / "offhook.db")
    yield World(store)
    store.close()


@pytest.mark.parametrize(
    ("alert", "patience"),
    [
        pytest.param(CRITICAL, 2 * MINUTE, id="critical"),
        pytest.param(WARNING, 15 * MINUTE, id="warning"),
        pytest.param(make_report(), 15 * MINUTE, id="report"),
    ],
)
async def test_others_hear_what_was_not_taken_in_time(
    world: World, alert: Alert, patience: timedelta
) -> None:
    world.hook.plan = [AWAY] * 99
    await world.tell(alert)
    await world.pass_for()

    assert await world.pass_for(patience - SECOND) == 0
    assert await world.untold() == 0
    assert await world.pass_for(SECOND) == 2
    assert await world.pass_for(HOUR) == 0, "once"
    state = "INFO" if alert.severity is Severity.INFO else "FIRING"
    assert world.heard("mail") == world.heard("bot") == [(state, True)]
    assert world.channels["mail"].sent[0].messages[0].key == alert.key


async def test_a_copy_that_may_be_a_repeat_says_so(world: World) -> None:
    now = world.clock.now()
    world.to = replace(to_hook(), restored=Restored(made_at=now - HOUR, at=now))
    world.hook.plan = [AWAY] * 99
    await world.tell(CRITICAL)
    await world.pass_for()

    await world.pass_for(15 * MINUTE)

    (copy,) = world.channels["mail"].sent
    assert [mark.partition(":")[0] for mark in copy.messages[0].marks] == [
        "fallback copy",
        "possible repeat",
    ]


@pytest.mark.parametrize("error", [REFUSED, UNREADABLE], ids=["refused", "dead"])
async def test_others_hear_at_once_what_was_refused_for_good(
    world: World, error: DeliveryError
) -> None:
    world.hook.plan = [error] * 9
    await world.tell(WARNING)
    await world.pass_for()
    await world.pass_for()

    assert world.heard("mail") == [("FIRING", True)]


async def test_they_hear_the_end_as_well_and_the_first_hears_only_how_things_are(
    world: World,
) -> None:
    world.hook.plan = [AWAY] * 6
    await world.tell(CRITICAL)
    for _ in range(5):
        await world.pass_for(MINUTE)
    await world.tell(resolved(CRITICAL))
    await world.pass_for(HOUR)
    world.hook.plan.clear()
    await world.pass_for(HOUR)

    assert world.heard("mail") == [("FIRING", True), ("RESOLVED", False)]
    assert [message.state for message in [one.message for one in world.hook.standing]] == [
        "RESOLVED"
    ]
    assert len(world.channels["bot"].roots) == 1


async def test_what_is_over_before_anybody_heard_is_told_once_to_others(world: World) -> None:
    world.hook.plan = [AWAY] * 99
    await world.tell(CRITICAL)
    await world.pass_for()
    await world.tell(resolved(CRITICAL, Reason.BATCH_ENDED))
    await world.pass_for(2 * MINUTE)
    await world.pass_for(HOUR)

    assert world.heard("mail") == [("RESOLVED", True)]


async def test_an_end_that_is_not_taken_is_not_told_to_who_never_heard(world: World) -> None:
    await world.tell(CRITICAL)
    await world.pass_for()
    world.hook.plan = [AWAY] * 99
    await world.tell(resolved(CRITICAL))
    await world.pass_for(HOUR)

    assert world.heard("mail") == []


async def test_they_hear_when_it_gets_worse(world: World) -> None:
    world.hook.plan = [AWAY] * 99
    await world.tell(WARNING)
    await world.pass_for(15 * MINUTE)
    await world.tell(replace(WARNING, severity=Severity.CRITICAL))
    await world.pass_for(2 * MINUTE)

    severities = [one.messages[0].severity for one in world.channels["mail"].sent]
    assert severities == ["warning", "critical"]
    assert len(world.channels["bot"].roots) == 1


async def test_who_was_told_anyway_gets_no_copy(world: World) -> None:
    world.to = to_hook(receivers=("hook", "mail"))
    world.hook.plan = [AWAY] * 99
    await world.tell(CRITICAL)
    await world.pass_for()
    await world.pass_for(HOUR)

    assert world.heard("mail") == [("FIRING", False)]
    assert world.heard("bot") == [("FIRING", True)]


async def test_without_others_nobody_is_told_and_it_is_seen(world: World) -> None:
    world.to = to_hook(fallback=())
    world.hook.plan = [AWAY] * 99
    await world.tell(CRITICAL)

    assert await world.pass_for(2 * MINUTE) == 0
    assert await world.untold() == 1


async def test_what_others_took_is_told(world: World) -> None:
    world.hook.plan = [AWAY] * 99
    await world.tell(CRITICAL)
    await world.pass_for(2 * MINUTE)

    assert await world.untold() == 0


async def test_a_storm_falls_back_as_one_message(world: World) -> None:
    world.hook.plan = [AWAY] * 99
    await world.tell(*(make_alert(f"rule_{n}") for n in range(60)))
    await world.pass_for(2 * MINUTE)

    (one,) = world.channels["mail"].sent
    assert one.total == 60


async def test_after_a_night_off_everybody_gets_a_chance_first(world: World) -> None:
    await world.tell(CRITICAL)
    world.clock.move(8 * HOUR)
    world.since = world.clock.now()

    assert await world.pass_for() == 0
    assert world.heard("hook") == [("FIRING", False)]


async def test_what_somebody_has_in_hand_is_not_told_to_others(world: World) -> None:
    world.hook.plan = [AWAY] * 99
    await world.tell(CRITICAL)
    now = world.clock.now()
    await world.store.write(
        Priority.OUTBOX,
        lambda conn: silences.acknowledge(conn, CRITICAL.key, by="Ana", source=Source.CLI, now=now),
    )

    assert await world.pass_for(HOUR) == 0


@pytest.mark.parametrize("after", [5 * MINUTE, 20 * MINUTE], ids=["before", "after"])
async def test_a_report_that_settles_untaken_is_told_to_others_once(
    world: World, after: timedelta
) -> None:
    world.hook.plan = [AWAY] * 99
    await world.tell(make_report())
    await world.pass_for(after)
    await world.tell(settled(make_report()))
    await world.pass_for(HOUR)
    await world.pass_for(HOUR)

    assert world.heard("bot")[0] == ("INFO", True)
    assert len(world.channels["bot"].roots) == 1
    assert world.heard("mail")[0] == ("INFO", True)


async def test_a_report_that_was_taken_is_not_told_to_others_for_its_settled_numbers(
    world: World,
) -> None:
    await world.tell(make_report())
    await world.pass_for()
    world.hook.plan = [AWAY] * 99
    await world.tell(settled(make_report(), cost="44.00 USD"))

    assert await world.pass_for(HOUR) == 0


async def test_copies_that_trickle_in_are_a_storm_as_well(world: World) -> None:
    world.hook.plan = [AWAY] * 999
    for n in range(60):
        await world.tell(make_alert(f"rule_{n}", subject=make_subject(id=f"btc_{n}")))
        world.clock.move(SECOND)
    await world.pass_for(2 * MINUTE - 60 * SECOND)
    for _ in range(6):
        await world.pass_for(10 * SECOND)

    sent = world.channels["mail"].sent
    assert max(one.total for one in sent) > 1
    assert len(sent) <= STORM_SIZE + 6
