"""A chart below a new root: after the alert, and never at its cost."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from monitor.notifiers import Envelope
from monitor.notifiers.chart import chart
from monitor.notifiers.slack import SlackBot
from monitor.notifiers.slack.files import Charts
from monitor.simulator.slack import ALL_SCOPES
from monitor.simulator.wire import Fault
from tests.notifiers.test_slack_render import envelope, message
from tests.workspace import Workspace, workspace

SERIES = tuple((1_781_092_800 + 300 * n, 9, 1, n) for n in range(12))


@pytest_asyncio.fixture
async def space() -> AsyncIterator[Workspace]:
    async with workspace() as made:
        yield made


def told(**changes: Any) -> Envelope:
    return envelope(message(series=SERIES, zone="Europe/Berlin"), **changes)


async def sent(bot: SlackBot, *envelopes: Envelope) -> str:
    """Everything that these cause has come to its end; where the first one stands."""
    places = [(await bot.send(each)).remote_id for each in envelopes]
    await bot.close()
    assert places[0] is not None
    return places[0]


async def test_a_new_root_gets_its_chart_in_the_thread(space: Workspace) -> None:
    place = await sent(space.bot(charts=True), told())

    (file,) = space.api.files.shared()
    assert f"{file.channel}:{file.thread_ts}" == place
    assert file.content == chart(SERIES, "Europe/Berlin")
    assert (file.name, file.title) == ("outcomes.png", "Outcomes over time")


async def test_changes_and_replies_get_none(space: Workspace) -> None:
    bot = space.bot(charts=True)
    place = await sent(bot, told())
    await sent(bot, told(root=place), told(root=place, part="thread", key="e" * 24))

    assert len(space.api.files.shared()) == 1


async def test_without_numbers_or_wish_there_is_none(space: Workspace) -> None:
    await sent(space.bot(charts=True), envelope(message()))
    await sent(space.bot(), told())

    assert space.asked("files.getUploadURLExternal") == 0


async def test_a_token_that_may_not_is_asked_once() -> None:
    scopes = tuple(scope for scope in ALL_SCOPES if scope != "files:write")
    async with workspace(scopes=scopes) as space:
        bot = space.bot(charts=True)
        await sent(bot, told())
        await sent(bot, told(key="e" * 24))

        assert len(space.roots) == 2
        assert space.asked("files.getUploadURLExternal") == 1
        assert "without the scope files:write there are no charts" in await bot.check()


WAYS = ["/api/files.getUploadURLExternal", "/upload/v1/.*", "/api/files.completeUploadExternal"]
FAULTS = [
    pytest.param(Fault(status=500), id="an error"),
    pytest.param(Fault(status=200, body=b"<html>"), id="a page"),
    pytest.param(Fault(status=200, body=b'{"ok": true}'), id="too little"),
    pytest.param(Fault(reset=True), id="a break"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_chart_that_fails_costs_the_alert_nothing(
    space: Workspace, way: str, fault: Fault
) -> None:
    space.wire.fail(way, fault)
    await sent(space.bot(charts=True), told())

    assert len(space.roots) == 1
    assert space.asked("chat.postMessage") == 1


async def test_a_chart_that_cannot_be_drawn_is_a_line_in_the_log(space: Workspace) -> None:
    charts = Charts(space.bot().api, "ops")
    with capture_logs() as logs:
        charts.attach(envelope(message(series=((0, 1),))), "C0", "1.000001")
        await charts.close()

    assert [(each["event"], each["error"]) for each in logs] == [("chart_failed", "IndexError")]


async def test_an_upload_address_elsewhere_gets_no_bytes(space: Workspace) -> None:
    async with workspace() as elsewhere:
        body = f'{{"ok": true, "upload_url": "{elsewhere.url}/upload/v1/x", "file_id": "F1"}}'
        space.wire.fail(WAYS[0], Fault(status=200, body=body.encode()))
        await sent(space.bot(charts=True), told())

        assert elsewhere.wire.seen == []


async def test_the_alert_does_not_wait_for_the_chart(space: Workspace) -> None:
    hold = asyncio.Event()
    space.wire.fail(WAYS[0], Fault(hold=hold))
    bot = space.bot(charts=True)
    for n in range(5):
        await bot.send(told(key=f"{n:024x}"))

    assert len(space.roots) == 5
    assert space.api.files.shared() == []
    hold.set()
    await bot.close()
    assert 0 < len(space.api.files.shared()) < 5, "of many at once some go without"
