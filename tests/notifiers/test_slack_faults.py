"""Whatever Slack answers, the alert is told once: the dispatcher, the bot and a workspace."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from monitor.core.alert import Alert
from monitor.core.rule import Severity
from monitor.dispatcher import Dispatcher, Failing, Timing
from monitor.notifiers.slack import SlackWebhook
from monitor.simulator.slack import HOOK_PATH
from monitor.simulator.wire import Fault
from monitor.store.writer import Priority, Store
from tests.builders import HOUR, MINUTE, SECOND
from tests.delivering import LeapingClock, make_alert, owed, resolved, routing, tell_all
from tests.workspace import Workspace, workspace

POST, UPDATE = "/api/chat.postMessage", "/api/chat.update"
SENT, OPEN = "sent", "pending"


def word(name: str, status: int = 200, **headers: str) -> Fault:
    """Slack says no with one of its words."""
    body = f'{{"ok": false, "error": "{name}"}}'.encode()
    return Fault(status=status, body=body, headers=headers)


@dataclass
class World:
    """One alert on its way to one channel."""

    store: Store
    space: Workspace
    clock: LeapingClock
    troubles: list[Failing | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        async def trouble(receiver: str, failing: Failing | None) -> None:
            assert receiver in {"bot", "hook"}
            self.troubles.append(failing)

        hook = SlackWebhook("hook", SecretStr(self.space.url + HOOK_PATH), self.space.http)
        self.dispatcher = Dispatcher(
            self.store,
            {"bot": self.space.bot("bot"), "hook": hook},
            self.clock,
            timing=Timing(pace={}),
            on_trouble=trouble,
            chance=lambda: 0.5,
        )

    async def tell(self, *alerts: Alert, to: str = "bot") -> None:
        to_one = routing(to, group_wait=timedelta(0))
        await self.store.write(
            Priority.OUTBOX,
            lambda conn: tell_all(conn, *alerts, to=to_one, now=self.clock.now()),
        )

    async def drain(self, after: timedelta = timedelta(0), to: str = "bot") -> None:
        self.clock.move(after)
        await self.dispatcher.drain_once(to)

    async def states(self, to: str = "bot") -> list[tuple[str, str]]:
        rows = await self.store.read(lambda conn: owed(conn, receiver=to))
        return [(part, state) for _, part, state in rows]


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = LeapingClock()
    store = Store.open(tmp_path / "offhook.db")
    async with workspace(clock) as space:
        yield World(store, space, clock)
    store.close()


async def test_slack_that_asks_for_patience_gets_it(world: World) -> None:
    world.space.wire.fail(POST, word("ratelimited", 429, **{"retry-after": "90"}), times=1)
    await world.tell(make_alert())
    await world.drain()
    await world.drain(after=80 * SECOND)
    assert world.space.asked("chat.postMessage") == 1

    await world.drain(after=11 * SECOND)
    assert len(world.space.roots) == 1
    assert await world.states() == [("root", SENT)]


async def test_while_slack_asks_for_patience_news_become_one_message(world: World) -> None:
    world.space.wire.fail(POST, word("ratelimited", 429, **{"retry-after": "60"}), times=1)
    await world.tell(make_alert())
    await world.drain()
    await world.tell(resolved(make_alert()))
    await world.drain(after=61 * SECOND)

    (root,) = world.space.roots
    assert root.text.startswith("✅ RESOLVED (recovered)")
    assert world.space.replies == []


FOR_GOOD = [
    "is_archived",
    "token_revoked",
    "account_inactive",
    "invalid_auth",
    "missing_scope",
    "not_in_channel",
    "channel_not_found",
    "restricted_action",
    "ekm_access_denied",
]


@pytest.mark.parametrize("name", FOR_GOOD)
async def test_what_somebody_has_to_mend_is_told_and_probed_until_it_is(
    world: World, name: str
) -> None:
    world.space.wire.fail(POST, word(name))
    await world.tell(make_alert())
    await world.drain()
    await world.drain(after=5 * MINUTE)
    assert world.space.asked("chat.postMessage") == 1, "nothing is won by asking again soon"
    assert world.troubles[-1] is not None
    assert world.troubles[-1].critical

    world.space.wire.mend()
    await world.drain(after=2 * HOUR)
    assert len(world.space.roots) == 1
    assert world.troubles[-1] is None


async def test_a_channel_that_was_archived_takes_it_once_it_is_open_again(world: World) -> None:
    world.space.channel.archived = True
    await world.tell(make_alert())
    await world.drain()
    assert world.troubles[-1] is not None
    assert "archived" in world.troubles[-1].text

    world.space.channel.archived = False
    await world.drain(after=2 * HOUR)
    assert len(world.space.roots) == 1


UNCLEAR = [
    pytest.param(
        Fault(status=200, body=b"<html>Welcome to the hotel</html>"), id="a page with 200"
    ),
    pytest.param(word("fatal_error"), id="fatal_error"),
    pytest.param(word("internal_error"), id="internal_error"),
    pytest.param(Fault(status=503), id="503"),
    pytest.param(Fault(reset=True), id="a broken connection"),
]


@pytest.mark.parametrize("done", [False, True], ids=["lost", "posted all the same"])
@pytest.mark.parametrize("fault", UNCLEAR)
async def test_an_answer_that_says_nothing_makes_neither_none_nor_two(
    world: World, fault: Fault, *, done: bool
) -> None:
    world.space.wire.fail(POST, replace(fault, acts=done), times=1)
    await world.tell(make_alert())
    await world.drain()
    for _ in range(4):
        await world.drain(after=MINUTE)

    assert len(world.space.roots) == 1
    assert await world.states() == [("root", SENT)]


async def test_a_word_that_nobody_knows_is_tried_again_and_then_taken_for_a_refusal(
    world: World,
) -> None:
    world.space.wire.fail(POST, word("word_of_the_future"))
    await world.tell(make_alert())
    for _ in range(30):
        await world.drain(after=10 * MINUTE)
    asked = world.space.asked("chat.postMessage")
    assert 10 <= asked < 20

    world.space.wire.mend()
    await world.drain(after=2 * HOUR)
    assert len(world.space.roots) == 1


@pytest.mark.parametrize("name", ["invalid_blocks", "msg_blocks_too_long", "msg_too_long"])
async def test_what_is_refused_as_too_much_is_told_in_plain_words_at_once(
    world: World, name: str
) -> None:
    world.space.wire.fail(POST, word(name), times=1)
    await world.tell(make_alert())
    for _ in range(3):
        await world.drain()

    (root,) = world.space.roots
    assert root.blocks == []
    assert root.text.startswith("🔴 FIRING critical: Renewals May: 19 of 42 calls failed")
    assert f"key {make_alert().key}" in root.text


async def test_a_message_that_somebody_deleted_is_posted_anew_and_says_so(world: World) -> None:
    alert = make_alert(severity=Severity.WARNING)
    await world.tell(alert)
    await world.drain()
    world.space.slack.delete(world.space.roots[0])
    await world.tell(replace(alert, severity=Severity.CRITICAL))
    for _ in range(4):
        await world.drain()

    (root,) = world.space.roots
    assert root.blocks[0]["elements"][0]["text"] == "replaces a deleted message"
    assert f"key {alert.key}" in root.text
    await world.tell(resolved(replace(alert, severity=Severity.CRITICAL)))
    await world.drain()
    assert "replaces" not in world.space.roots[0].text
    assert [state for _, state in await world.states()].count(OPEN) == 0


async def test_only_what_becomes_graver_is_shown_in_the_channel_too(world: World) -> None:
    alert = make_alert(severity=Severity.WARNING)
    await world.tell(alert)
    await world.drain()
    graver = replace(alert, severity=Severity.CRITICAL)
    for told, after in ((graver, MINUTE), (graver, 5 * HOUR), (resolved(graver), MINUTE)):
        world.clock.move(after)
        await world.tell(told)
        await world.drain()
        await world.drain()

    assert [reply.broadcast for reply in world.space.replies] == [True, False, False]
    assert len(world.space.roots) == 1
    assert world.space.roots[0].text.startswith("✅")


HOOKED = [
    pytest.param(Fault(status=429, headers={"retry-after": "30"}), 1, id="429"),
    pytest.param(Fault(status=200, body=b"<html>"), 1, id="a page with 200"),
    pytest.param(Fault(status=200, body=b'{"ok":false}'), 1, id="no with 200"),
    pytest.param(Fault(status=500, body=b"rollup_error", acts=True), 2, id="posted all the same"),
    pytest.param(Fault(status=400, body=b"invalid_blocks"), 1, id="blocks"),
    pytest.param(Fault(status=410, body=b"channel_is_archived"), 1, id="archived"),
    pytest.param(Fault(status=404, body=b"no_service"), 1, id="revoked"),
]


@pytest.mark.parametrize(("fault", "posts"), HOOKED)
async def test_a_webhook_tells_at_least_once_and_marks_what_may_be_twice(
    world: World, fault: Fault, posts: int
) -> None:
    world.space.wire.fail(HOOK_PATH, fault, times=1)
    await world.tell(make_alert(), to="hook")
    for _ in range(4):
        await world.drain(after=HOUR, to="hook")

    roots = world.space.roots
    assert len(roots) == posts
    assert [f"key {make_alert().key}" in root.text for root in roots] == [True] * posts
    ambiguous = fault.status in {200, 500}
    assert roots[-1].text.startswith("possible repeat") == ambiguous
    assert await world.states("hook") == [("message", SENT)]
