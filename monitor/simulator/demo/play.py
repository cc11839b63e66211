"""Playing the demo: the daemon starts, the story runs, and at the end comes the reckoning."""

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from monitor.clock import Clock, SystemClock
from monitor.simulator.demo.daemon import Daemon
from monitor.simulator.demo.screen import Screen
from monitor.simulator.demo.stage import Stage, set_up
from monitor.simulator.demo.story import DEADLINE_S, QUIET_S, STORY_S, TELLS, config_text
from monitor.simulator.mail import MailServerError

STEP_S = 0.2
READY_WITHIN_S = 60.0
WIDTH = 124
GOOD, BAD, CANNOT = 0, 1, 2


def main(*, keep: bool = False) -> int:
    """Play the story; 0 when everything was told once and nothing else was, 1 otherwise.

    ``keep`` leaves everything running after the story, until Ctrl-C.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    try:
        return asyncio.run(_play(Screen(console), SystemClock(), keep=keep))
    except MailServerError as error:
        console.print(str(error), markup=False)
        return CANNOT


async def _play(screen: Screen, clock: Clock, *, keep: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="offhook-demo-") as directory:
        async with set_up(screen, clock) as stage:
            config = _write_config(stage, Path(directory))
            screen.say("Simulated: four vendors, Slack, mail. Real: the daemon, which starts now.")
            daemon = await Daemon.start(config, Path(directory, "daemon.log"))
            with _interruptible(stage):
                try:
                    await _perform(stage, daemon)
                    good = _reckon(stage)
                    if keep and daemon.status is None:
                        await _stay(stage, daemon, config)
                finally:
                    status = await daemon.stop()
            return _farewell(stage, daemon, status, good=good)


def _write_config(stage: Stage, directory: Path) -> Path:
    config = directory / "config.toml"
    config.touch(mode=0o600)
    config.write_text(config_text(directory / "data", stage.at, stage.story.world))
    return config


@contextlib.contextmanager
def _interruptible(stage: Stage) -> Iterator[None]:
    """Ctrl-C ends the demo in order, the daemon included."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stage.interrupted.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _perform(stage: Stage, daemon: Daemon) -> None:
    """The story from its beginning until all is told and no double came, or until it is late."""
    waited = 0.0
    while not stage.looked_at and waited < READY_WITHIN_S and _goes_on(stage, daemon):
        await stage.clock.sleep(STEP_S)
        waited += STEP_S
    if not stage.looked_at or not _goes_on(stage, daemon):
        return
    stage.begin(daemon.port)
    stage.screen.say(f"The daemon knows {len(stage.story.scenes)} batches. Dialling begins.")
    done_at: float | None = None
    while _goes_on(stage, daemon):
        at = stage.advance()
        await stage.deliver()
        rows, _ = stage.reckoning()
        if at < STORY_S or not stage.settled or any(not row.good for row in rows):
            done_at = None
        else:
            done_at = at if done_at is None else done_at
        if at > DEADLINE_S or (done_at is not None and at > done_at + QUIET_S):
            return
        await stage.clock.sleep(STEP_S)


def _goes_on(stage: Stage, daemon: Daemon) -> bool:
    return daemon.status is None and not stage.interrupted.is_set()


def _reckon(stage: Stage) -> bool:
    """Print what happened beside what was told; whether all of it is right."""
    if stage.story.began is None:
        return False
    rows, false = stage.reckoning()
    names = {scene.batch.batch_id: scene.batch.plan.name for scene in stage.story.scenes}
    stage.screen.summary(rows, names, false)
    told = stage.courier
    taken = told is not None and told.taken > 0 and not told.lost
    if told is not None:
        stage.screen.say(
            f"Webhooks from {TELLS}: {told.taken} taken by the daemon, {told.lost} not."
        )
    return bool(rows) and all(row.good for row in rows) and not false and taken


async def _stay(stage: Stage, daemon: Daemon, config: Path) -> None:
    stage.screen.say("Everything goes on until Ctrl-C.")
    for name, address in (
        *stage.at.vendors.items(),
        ("Slack", f"{stage.at.slack}/api"),
        ("SMTP", f"127.0.0.1:{stage.at.smtp_port}"),
        ("status page", f"http://127.0.0.1:{daemon.port}/"),
        ("configuration", str(config)),
        ("the daemon's log", str(daemon.log)),
    ):
        stage.screen.say(f"  {name}: {address}")
    while _goes_on(stage, daemon):
        stage.advance()
        await stage.deliver()
        await stage.clock.sleep(STEP_S)


def _farewell(stage: Stage, daemon: Daemon, status: int, *, good: bool) -> int:
    """The last lines; the demo's own status."""
    say = stage.screen.say
    if stage.story.began is None:
        say("The daemon never looked at all the batches, so there is nothing to show.")
    if not good or status != 0:
        say(f"The end of the daemon's log:\n{daemon.last_words()}")
    say(f"The daemon stopped with status {status}.")
    if not good or status != 0:
        say("Something was missing, doubled, false or wrong.")
        return BAD
    say("Every message was told once, and nothing else was told.")
    return GOOD
