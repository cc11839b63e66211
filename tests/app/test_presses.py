"""From the configuration to a press that is done, over each of the two ways in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from monitor.app.intake import Intake
from monitor.app.runtime import Runtime, assemble
from monitor.config import load
from monitor.core.compose import compose
from monitor.core.silence import Silence
from monitor.notifiers import Envelope
from monitor.simulator.serving import serve
from monitor.simulator.slack import TOKEN
from monitor.simulator.slack_presses import APP_TOKEN, signed
from monitor.store import alerts, silences
from monitor.store.writer import Priority, Store
from monitor.web.server import application
from tests.builders import NOON
from tests.delivering import MovedClock, make_alert
from tests.workspace import Workspace, note_told, workspace

SECRET = "a-secret-for-signing"
CONFIG = """\
[monitor]
data_dir = "{place}"
[receivers.ops]
kind = "slack"
bot_token = "{token}"
channel = "{channel}"
api_url = "{url}/api"
buttons = true
{way_in}
[providers.renewals]
vendor = "graine"
api_key = "k"
"""
PATIENCE_S = 10.0


class WatchedClock(MovedClock):
    """Says when somebody begins to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asleep.set()
        await super().sleep(seconds)


async def none() -> tuple[str, ...]:
    return ()


@asynccontextmanager
async def daemon(
    place: Path, way_in: str, space: Workspace, clock: MovedClock
) -> AsyncIterator[tuple[Runtime, Intake]]:
    """The parts of the daemon that presses go through, with one alert kept and told."""
    path = place / "config.toml"
    path.touch(mode=0o600)
    channel = space.channel.channel_id
    path.write_text(
        CONFIG.format(place=place, token=TOKEN, channel=channel, url=space.url, way_in=way_in)
    )
    store = Store.open(place / "offhook.db")
    runtime = await assemble(load(path, environ={}), store, clock, NOON, b"k" * 32)
    intake = Intake(store, clock)
    intake.serve(runtime)
    await store.write(Priority.EVALUATE, lambda conn: alerts.save(conn, [make_alert()]))
    message = replace(compose(make_alert(), at=NOON, default_zone="UTC"))
    told = Envelope(key="f" * 24, first_key="f" * 24, part="root", messages=(message,))
    receipt = await runtime.notifiers["ops"].send(told)
    note = partial(note_told, alert=make_alert(), place=receipt.remote_id)
    await store.write(Priority.OUTBOX, note)
    yield runtime, intake
    await runtime.close()
    store.close()


async def kept(runtime: Runtime) -> tuple[Silence, ...]:
    return await runtime.store.read(silences.load)


async def test_a_press_comes_over_the_socket_and_is_done(tmp_path: Path) -> None:
    clock = MovedClock()
    async with (
        workspace(clock) as space,
        daemon(tmp_path, f'app_token = "{APP_TOKEN}"', space, clock) as (runtime, intake),
    ):
        stop = asyncio.Event()
        listening = asyncio.create_task(intake.listen(stop))
        presses = space.api.presses
        async with asyncio.timeout(PATIENCE_S):
            await presses.until(sockets=1)
            pressed = presses.press(space.roots[0], "Acknowledge", base=space.url)
            await presses.until(acked=await presses.send(pressed))
        stop.set()
        await listening

        assert [each.author for each in await kept(runtime)] == ["U0PERSON asha"]
        assert len(presses.whispers) == 1


async def test_a_press_comes_signed_and_is_done(tmp_path: Path) -> None:
    clock = MovedClock()
    async with (
        workspace(clock) as space,
        daemon(tmp_path, f'signing_secret = "{SECRET}"', space, clock) as (runtime, intake),
        serve(application(problems=none, numbers=none, token="t", slack=intake.slack)) as url,  # type: ignore[arg-type]  # numbers are not asked for
    ):
        pressed = space.api.presses.press(space.roots[0], "Silence 1 h", base=space.url)
        headers, body = signed(SECRET, pressed, clock.now())
        address = f"{url}/slack/actions"
        forged = await space.http.request("POST", address, headers=headers, content=body + b"x")
        answer = await space.http.request("POST", address, headers=headers, content=body)
        stop = asyncio.Event()
        stop.set()
        await intake.listen(stop)

        assert (forged.status, answer.status, answer.body) == (401, 200, b"")
        assert [each.author for each in await kept(runtime)] == ["U0PERSON asha"]
        assert space.api.presses.whispers[0].text.startswith("Silenced for 1 h")


async def test_a_socket_that_cannot_be_opened_is_a_trouble_of_the_buttons(tmp_path: Path) -> None:
    clock = WatchedClock()
    async with (
        workspace(clock) as space,
        daemon(tmp_path, 'app_token = "xapp-1-revoked"', space, clock) as (runtime, intake),
    ):
        stop = asyncio.Event()
        listening = asyncio.create_task(intake.listen(stop))
        await asyncio.wait_for(clock.asleep.wait(), PATIENCE_S)
        stop.set()
        await listening

        (trouble,) = runtime.judge._troubles.values()
        assert trouble.rule == "self_delivery_failed"
        assert trouble.summary.startswith("what people press does not arrive (buttons of ops)")
        assert "xapp" not in trouble.summary
