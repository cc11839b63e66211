"""A batch that has ended runs again, soon or long after: the real adapters are told of it."""

from datetime import timedelta
from pathlib import Path

import pytest

from monitor.simulator.ids import Vendor
from monitor.simulator.script import Reopen
from tests.faults.check import harmless
from tests.faults.rows import MINUTE, Row, always
from tests.faults.trial import Moved, at, trial
from tests.faults.worlds import ENDING, VENDORS, Story

# It ends after some twelve minutes, and is let go of ten minutes later.
SOON_S, LONG_AFTER_S = 1000.0, 4500.0
MORE = 24


async def watched(folder: Path, vendor: Vendor, again_s: float) -> list[Moved]:
    """What is told of a batch that gets more people when it had ended."""
    more = Reopen(after=again_s, contacts=MORE)
    story = Story(vendor, batches=((ENDING, (more,)),), let_go=0.0)
    async with trial(folder, story) as one:
        await one.run(at(5), timedelta(seconds=5))
        await one.run(at(again_s), 2 * MINUTE)
        await one.run(at(again_s + 4500), 2 * MINUTE)
        moves = await one.moves()
        nothing = Row(id="", fault="", behaviour="", make=always(_never))
        assert harmless(one, moves, nothing, ["Ending"]) == []
        (known,) = (await one.snapshot()).people.values()
        assert len(known) == ENDING.contacts + MORE
    return [each for each in moves if each.reason == "reported"]


async def _never(_: object) -> None:
    raise AssertionError


@pytest.mark.parametrize("again_s", [SOON_S, LONG_AFTER_S], ids=["soon", "long after"])
@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_new_run_is_told_and_its_end_like_the_first(
    folder: Path, vendor: Vendor, again_s: float
) -> None:
    first, again, last = await watched(folder, vendor, again_s)

    assert [each.rule for each in (first, again, last)] == [
        "batch_completed",
        "batch_reopened",
        "batch_completed",
    ]
    assert first.at < at(again_s) < again.at < at(again_s) + timedelta(minutes=35) < last.at
