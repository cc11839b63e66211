"""The real daemon, killed again and again in the middle of a story over real HTTP.

Lost: something that happened and was never told. Doubled: told twice where the channel can be
read back (the bot), or told twice without saying so where it cannot (webhook, e-mail).
"""

import asyncio
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from monitor.clock import SystemClock
from monitor.simulator.demo.daemon import Daemon
from monitor.simulator.demo.screen import Screen
from monitor.simulator.demo.stage import Stage, set_up
from monitor.simulator.demo.story import config_text
from monitor.simulator.demo.told import Told
from monitor.simulator.demo.verdict import Expected, Judged

STEP_S = 0.1
STORY_S = 40.0
# An attempt that a kill cut off is looked up in the channel only half a minute later.
DEADLINE_S = 150.0
MARK = "possible repeat"


@dataclass(frozen=True)
class Verdict:
    kills: int
    lost: list[str]
    doubled: list[str]
    unmarked: list[str]
    false: list[str]


async def told_despite(kills: int, seed: int, directory: Path) -> Verdict:
    """Play the demo's story while killing the daemon at random moments."""
    chance = random.Random(seed)
    spacing = STORY_S / (kills + 1)
    moments = [spacing * (i + 1) + chance.uniform(-1.2, 1.2) for i in range(kills)]
    clock = SystemClock()
    async with set_up(Screen(Console(file=io.StringIO(), width=110)), clock) as stage:
        config = directory / "config.toml"
        config.touch(mode=0o600)
        config.write_text(config_text(directory / "data", stage.at, stage.story.world))
        daemon = await Daemon.start(config, directory / "daemon-0.log")
        try:
            while not stage.looked_at:
                assert daemon.status is None, daemon.last_words()
                await clock.sleep(STEP_S)
            # Each new daemon listens somewhere else; polling tells it all.
            stage.begin(None)
            for number, moment in enumerate(moments, start=1):
                while stage.advance() < moment:
                    await clock.sleep(STEP_S)
                daemon._process.kill()
                await daemon._process.wait()
                daemon = await Daemon.start(config, directory / f"daemon-{number}.log")
            await until_told(stage, daemon, clock)
        finally:
            await daemon.stop()
        rows, false = stage.reckoning()
        return judged(kills, rows, stage.told, false)


async def until_told(stage: Stage, daemon: Daemon, clock: SystemClock) -> None:
    quiet_since = None
    while (at := stage.advance()) < DEADLINE_S:
        assert daemon.status is None, daemon.last_words()
        rows, _ = stage.reckoning()
        told = stage.told
        complete = at > STORY_S and stage.settled and not any(unheard(row, told) for row in rows)
        quiet_since = (quiet_since or at) if complete else None
        if quiet_since is not None and at - quiet_since > 5.0:
            return
        await clock.sleep(STEP_S)


def judged(
    kills: int, rows: Sequence[Judged], told: Sequence[Told], false: Sequence[Told]
) -> Verdict:
    lost, doubled, unmarked = [], [], []
    for row in rows:
        what = f"{row.expected.rule} {row.expected.states[0]} {row.expected.batch}"
        lost += [f"{what} to {receiver}" for receiver in unheard(row, told)]
        for receiver in row.doubled:
            if receiver == "ops_bot":
                doubled.append(what)
            elif not repeats_say_so(row, receiver, told):
                unmarked.append(f"{what} to {receiver}")
    wrong = [f"{one.rule} {one.state} {one.batch} to {one.receiver}" for one in false]
    return Verdict(kills, lost, doubled, unmarked, wrong)


def unheard(row: Judged, told: Sequence[Told]) -> list[str]:
    """Who was not told; whoever was told of its end instead, as it was over by then, was."""
    ends = {
        one.receiver
        for one in told
        if one.rule == row.expected.rule
        and one.batch == row.expected.batch
        and one.state == "RESOLVED"
    }
    return [
        receiver
        for receiver in row.missing
        if "FIRING" not in row.expected.states or receiver not in ends
    ]


def repeats_say_so(row: Judged, receiver: str, told: Sequence[Told]) -> bool:
    """Of several copies to a channel that cannot be read, all but the first say what they are."""
    copies = [
        one
        for one in told
        if one.receiver == receiver
        and one.rule == row.expected.rule
        and one.batch == row.expected.batch
        and one.state in row.expected.states
        and one.how in {"message", "mail"}
    ]
    keys = {one.key for one in copies}
    unmarked = [one for one in copies if MARK not in one.text and not one.settling]
    return len(keys) == 1 and len(unmarked) <= 1


def test_a_killed_daemon_loses_nothing_and_doubles_nothing(tmp_path: Path, *, proof: bool) -> None:
    kills = (7, 7, 6) if proof else (2,)
    for story, n in enumerate(kills):
        directory = tmp_path / str(story)
        directory.mkdir()
        verdict = asyncio.run(told_despite(n, seed=story, directory=directory))

        assert verdict == Verdict(n, lost=[], doubled=[], unmarked=[], false=[])


@pytest.mark.parametrize("marked", [pytest.param(True, id="marked"), pytest.param(False, id="not")])
def test_a_second_copy_counts_as_doubled_unless_it_says_so(marked: bool) -> None:
    expected = Expected(
        t=1.0, happened="", batch="b", rule="r", states=("FIRING",), receivers=("ops",)
    )

    def copy(text: str) -> Told:
        return Told(
            t=2.0,
            receiver="ops",
            how="message",
            rule="r",
            state="FIRING",
            batch="b",
            key="k",
            text=text,
        )

    told = [copy("first"), copy(MARK if marked else "second")]

    assert repeats_say_so(Judged(expected), "ops", told) is marked
