"""Socket Mode: acknowledged before it is done, done once, and always connected again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from monitor.app.socket import MOST_WAIT_S, SocketMode
from monitor.egress import DIRECT, Egress
from monitor.http import HttpClient
from monitor.notifiers.slack.api import SlackApi
from monitor.simulator.slack import TOKEN
from monitor.simulator.slack_presses import APP_TOKEN
from monitor.simulator.wire import Fault
from monitor.web.slack import BusyError
from tests.delivering import LeapingClock
from tests.loopback import StillClock
from tests.proxying import Proxy, proxying
from tests.workspace import NO_TLS, Workspace, workspace

PATIENCE_S = 10.0
PRESSED = {"type": "block_actions"}


@dataclass
class Line:
    """A socket at work, what came through it, and what it complained of."""

    space: Workspace
    clock: LeapingClock = field(default_factory=LeapingClock)
    taken: list[Any] = field(default_factory=list)
    said: dict[str, Any] | None = None
    busy: int = 0
    troubles: list[str | None] = field(default_factory=list)
    quiet: asyncio.Event = field(default_factory=asyncio.Event)
    troubled: asyncio.Event = field(default_factory=asyncio.Event)
    token: str = APP_TOKEN
    egress: Egress = DIRECT

    def take(self, payload: Any) -> dict[str, Any] | None:
        if self.busy:
            self.busy -= 1
            raise BusyError
        self.taken.append(payload)
        return self.said

    async def on_trouble(self, text: str | None) -> None:
        self.troubles.append(text)
        (self.quiet if text is None else self.troubled).set()

    def start(self, stop: asyncio.Event) -> "asyncio.Task[None]":
        api = SlackApi(SecretStr(self.token), f"{self.space.url}/api", self.space.http)
        mode = SocketMode(
            api,
            self.take,
            self.clock,
            on_trouble=self.on_trouble,
            egress=self.egress,
            chance=lambda: 0.5,
        )
        return asyncio.create_task(mode.run(stop))

    async def pressed(self, payload: Any = PRESSED, **more: Any) -> str:
        """A press that was acknowledged."""
        presses = self.space.api.presses
        name = await presses.send(payload, **more)
        await presses.until(acked=name)
        return name

    async def opened(self, sockets: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.space.api.presses.until(sockets=sockets)


@pytest_asyncio.fixture
async def line() -> AsyncIterator[Line]:
    async with workspace() as space:
        made, stop = Line(space), asyncio.Event()
        task = made.start(stop)
        await made.opened(1)
        yield made
        stop.set()
        await asyncio.wait_for(task, PATIENCE_S)


async def test_a_press_is_acknowledged_and_taken(line: Line) -> None:
    name = await line.pressed()

    assert line.taken == [PRESSED]
    assert line.space.api.presses.acks == {name: None}
    assert line.troubles == [None]


async def test_what_is_to_be_said_at_once_is_in_the_acknowledgement(line: Line) -> None:
    line.said = {"response_action": "errors"}

    assert line.space.api.presses.acks == {await line.pressed(): line.said}


async def test_what_is_not_heard_is_not_acknowledged_and_may_come_again(line: Line) -> None:
    line.busy = 1
    name = await line.space.api.presses.send(PRESSED)
    await line.pressed({"other": 1})
    assert name not in line.space.api.presses.acks
    await line.pressed(envelope=name)

    assert line.taken == [{"other": 1}, PRESSED]


async def test_an_envelope_that_comes_again_is_acknowledged_and_not_taken(line: Line) -> None:
    name = await line.pressed()
    line.space.api.presses.acks.clear()
    await line.pressed(envelope=name)
    await line.pressed({"other": 1})

    assert line.taken == [PRESSED, {"other": 1}]


@pytest.mark.parametrize("reason", ["refresh_requested", "warning"])
async def test_before_slack_closes_one_the_next_is_open(line: Line, reason: str) -> None:
    presses = line.space.api.presses
    await presses.say_goodbye(reason)
    await line.opened(2)
    await line.pressed({"by": "the old one"}, to=0)
    await line.pressed({"by": "the new one"}, to=1)
    await presses.hang_up()
    await line.pressed({"by": "the one left"})

    assert [each["by"] for each in line.taken] == ["the old one", "the new one", "the one left"]
    assert set(line.troubles) == {None}


async def test_a_connection_that_breaks_is_replaced(line: Line) -> None:
    for n in range(2, 5):
        await line.space.api.presses.hang_up()
        await line.opened(n)
    await line.pressed()

    assert line.taken == [PRESSED]
    assert line.clock.slept[:3] == [1.0, 2.0, 4.0]


async def test_a_frame_that_cannot_be_read_harms_nothing(line: Line) -> None:
    socket = line.space.api.presses._sockets[0]
    deep = '{"payload": ' + "[" * 9_000 + "]" * 9_000 + "}"
    for text in (deep, "{", "[]", '"x"', '{"type": 7}', '{"envelope_id": ""}', "{}"):
        await socket.send_text(text)
    await line.pressed()

    assert line.taken == [PRESSED]


async def test_what_is_no_press_is_acknowledged_and_left_alone(line: Line) -> None:
    await line.space.api.presses._sockets[0].send_json(
        {"type": "events_api", "envelope_id": "e99", "payload": PRESSED}
    )
    await line.space.api.presses.until(acked="e99")

    assert line.taken == []


@pytest_asyncio.fixture
async def space() -> AsyncIterator[Workspace]:
    async with workspace() as made:
        yield made


async def until_quiet(line: Line) -> None:
    stop = asyncio.Event()
    task = line.start(stop)
    await asyncio.wait_for(line.quiet.wait(), PATIENCE_S)
    stop.set()
    await asyncio.wait_for(task, PATIENCE_S)


async def test_slack_is_asked_ever_more_slowly_and_as_it_asks(space: Workspace) -> None:
    line = Line(space)
    path = "/api/apps.connections.open"
    space.wire.fail(path, Fault(status=500), times=10)
    space.wire.fail(path, Fault(status=429, headers={"retry-after": "600"}), times=1)
    await until_quiet(line)

    assert line.clock.slept[0] == 600.0
    assert line.clock.slept[1:6] == [2.0, 4.0, 8.0, 16.0, 32.0]
    assert max(line.clock.slept[1:]) == MOST_WAIT_S
    # Told after the fourth failure, and taken back once it is over.
    assert [text is None for text in line.troubles] == [False] * 8 + [True]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        pytest.param('{"ok": false, "error": "invalid_auth"}', "the token", id="a bad token"),
        pytest.param('{"ok": true, "url": "ws://evil.example/"}', "not Slack's", id="elsewhere"),
        pytest.param('{"ok": true}', "not Slack's", id="nowhere"),
    ],
)
async def test_what_will_not_mend_itself_is_told_at_once(
    space: Workspace, answer: str, told: str
) -> None:
    line = Line(space)
    fault = Fault(status=200, body=answer.encode())
    space.wire.fail("/api/apps.connections.open", fault, times=1)
    await until_quiet(line)

    assert told in str(line.troubles[0])
    assert line.troubles[1] is None


async def test_a_bots_token_opens_no_socket(space: Workspace) -> None:
    line, stop = Line(space, token=TOKEN), asyncio.Event()
    task = line.start(stop)
    await asyncio.wait_for(line.troubled.wait(), PATIENCE_S)
    stop.set()
    await task

    assert "app_token with xapp-" in str(line.troubles[0])
    assert TOKEN not in str(line.troubles)


async def test_socket_mode_that_is_switched_off_is_told(line: Line) -> None:
    await line.space.api.presses.say_goodbye("link_disabled")
    await line.opened(2)

    assert "switched off" in str(line.troubles[1])


async def test_a_ticket_that_is_used_up_is_asked_for_anew(space: Workspace) -> None:
    line = Line(space)
    used = {"ok": True, "url": f"{space.url.replace('http', 'ws')}/link/used"}
    body = str(used).replace("'", '"').replace("True", "true").encode()
    space.wire.fail("/api/apps.connections.open", Fault(status=200, body=body), times=2)
    await until_quiet(line)

    assert space.api.presses.opened >= 1
    assert line.troubles == [None]


async def test_where_there_is_a_proxy_presses_come_through_it() -> None:
    async with (
        workspace() as here,
        proxying(Proxy({"slack.example": int(here.url.rpartition(":")[2])})) as proxy,
    ):
        egress = Egress(proxy.url)
        http = HttpClient(StillClock(), egress=egress, tls=NO_TLS)
        space = replace(here, url="http://slack.example", http=http)
        made, stop = Line(space, egress=egress), asyncio.Event()
        task = made.start(stop)
        await made.opened(1)
        await made.pressed()
        stop.set()
        await asyncio.wait_for(task, PATIENCE_S)
        await http.aclose()

    assert made.taken == [PRESSED]
    assert proxy.asked[-1] == "CONNECT slack.example:80 HTTP/1.1"
