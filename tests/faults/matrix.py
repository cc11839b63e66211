"""Every fault at every vendor, many times over: another plan and another moment each time.

``python -m tests.faults.matrix --seeds 200`` prints what came of it. What must never happen
is counted, not what is told when: that is tested for each row. With ``--kept FILE`` each seed
that is played is written down there, and is not played again.
"""

import argparse
import asyncio
import gc
import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from monitor.simulator.faults.vendors import SHAPES
from monitor.simulator.ids import Vendor
from monitor.simulator.script import DialStop, End, ErrorBurst, Incident, Mix, Pause, Plan, Resume
from tests.faults.check import harmless, lost, untold
from tests.faults.plays import read_all
from tests.faults.rows import Row, Scene
from tests.faults.table import ROWS, applies
from tests.faults.trial import SOON, Trial, at, trial
from tests.faults.worlds import BEGINS_S, LONG, STUCK, VENDORS, Batches, Story

KINDS = (
    "false completed",
    "false resolved",
    "lost changes",
    "unhandled exceptions",
    "false alarms",
)
_KIND = {
    "false completed": KINDS[0],
    "false resolved": KINDS[1],
    "lost": KINDS[2],
    "unhandled": KINDS[3],
    "false alarm": KINDS[4],
}
# What comes as a whole answer comes as well without sockets: so often it comes over them.
OVER_SOCKETS = 10
# When the whole of a world is over, in seconds.
_OVER_S = 5400.0
_FIRST_LOOK = timedelta(seconds=5)


class Case(NamedTuple):
    """One row at one vendor with one seed."""

    row: str
    vendor: Vendor
    seed: int


class Outcome(NamedTuple):
    """What went wrong in one case, each with its kind first; nothing, as a rule."""

    case: Case
    wrong: tuple[tuple[str, str], ...]


def batches_of(chance: random.Random, vendor: Vendor, row: Row) -> tuple[Batches, float]:
    """A plan that ends some time, and one that stands still until it is let go."""
    let_go = chance.uniform(1800, 2600)
    stuck = (STUCK, (DialStop(after=BEGINS_S + 1, lasts=let_go),))
    if row.lasting:  # the fault is one only while people talk
        return ((replace(LONG, contacts=chance.randint(24, 40)), ()), stuck), let_go
    retries = chance.randint(0, 2) if vendor == "graine" else 0
    plan = Plan(
        name="Ending",
        contacts=chance.randint(4, 12),
        starts_after=BEGINS_S,
        concurrency=chance.randint(1, 3),
        pace=chance.uniform(5.0, 90.0),
        ring=(2.0, 8.0),
        talk=(10.0, chance.uniform(15.0, 120.0)),
        mix=Mix(no_answer=chance.random() * 0.4, busy=0.1, failed=0.1),
        max_retries=retries,
        cooldown=chance.uniform(60.0, 300.0),
        details_after=chance.choice((0.0, 0.0, 90.0)),
    )
    return ((plan, _incidents(chance, vendor)), stuck), let_go


def _incidents(chance: random.Random, vendor: Vendor) -> tuple[Incident, ...]:
    """What befalls the batch: nothing, mostly."""
    after = chance.uniform(30.0, 600.0)
    match chance.randrange(8):
        case 0:
            return (ErrorBurst(after=after, lasts=chance.uniform(60.0, 600.0)),)
        case 1 if vendor in {"graine", "vogent"}:
            return (Pause(after=after), Resume(after=after + chance.uniform(60.0, 900.0)))
        case 2 if vendor == "bland":
            return (End(after=after),)
        case _:
            return ()


async def judged(folder: Path, case: Case) -> Outcome:
    """Play one case and say what went wrong."""
    row = next(each for each in ROWS if each.id == case.row).of(case.vendor)
    chance = random.Random(f"{case.row}/{case.vendor}/{case.seed}")
    batches, let_go = batches_of(chance, case.vendor, row)
    story = Story(case.vendor, row.manners, batches, let_go)
    sockets = row.wire or case.seed % OVER_SOCKETS == 1
    async with trial(folder, story, seed=case.seed, tls=row.tls, sockets=sockets) as one:
        await _befall(one, row, chance)
        await one.run(at(let_go), timedelta(seconds=chance.uniform(100, 300)))
        await one.end(at(_OVER_S - 1200), timedelta(seconds=300))
        await one.end(at(_OVER_S), timedelta(seconds=200))
        moves, known = await one.moves(), await one.snapshot()
        fresh = await read_all(one)
    names = [batch.plan.name for batch in one.account]
    found = [*harmless(one, moves, row, names), *lost(known, fresh), *untold(one, moves)]
    return Outcome(case, tuple((_kind(each), each) for each in found))


async def _befall(one: Trial, row: Row, chance: random.Random) -> None:
    """Some time of health, the fault, and its end."""
    begins = chance.uniform(60.0, 900.0)
    await one.step(_FIRST_LOOK)  # what had ended before it would be history
    await one.run(at(begins), timedelta(seconds=chance.uniform(40, 150)))
    ids = {batch.plan.name: batch.batch_id for batch in one.account}
    await one.begin(row.make(Scene(SHAPES[one.story.vendor], one.server.given, ids)))
    await one.step(SOON)
    lasts = chance.uniform(20.0, 900.0)
    await one.run(at(begins + lasts), timedelta(seconds=chance.uniform(60, 200)))
    await one.mend()


def _kind(text: str) -> str:
    return next((kind for mark, kind in _KIND.items() if text.startswith(mark)), KINDS[3])


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="offhook-matrix-"))


def judge(case: Case) -> Outcome:
    """Play one case in this process; whatever is raised is an unhandled exception."""
    try:
        return asyncio.run(judged(_folder(), case))
    except Exception as error:  # noqa: BLE001 - the proof counts what is raised
        return Outcome(case, ((KINDS[3], f"unhandled: {type(error).__name__}: {error}"),))


def cases(
    seeds: Iterable[int],
    rows: Sequence[str] = (),
    vendors: Sequence[Vendor] = VENDORS,
) -> list[Case]:
    """All rows at all vendors, or some of them, with each seed."""
    return [
        Case(row.id, vendor, seed)
        for seed in seeds
        for row in ROWS
        for vendor in vendors
        if applies(row, vendor) and (not rows or row.id in rows)
    ]


def run(todo: Sequence[Case], workers: int = 1) -> Iterator[Outcome]:
    """Play the cases, in so many processes."""
    if workers == 1:
        yield from map(judge, todo)
        return
    with ProcessPoolExecutor(workers, initializer=_settled) as pool:
        yield from pool.map(judge, todo, chunksize=8)


def _settled() -> None:
    """What is loaded stays: it need not be looked through again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def report(outcomes: Sequence[Outcome]) -> str:
    """A table: what went wrong, by vendor."""
    of: dict[str, list[Outcome]] = {}
    for each in outcomes:
        of.setdefault(each.case.vendor, []).append(each)
    lines = [f"{'vendor':12}{'cases':>8}" + "".join(f"{kind:>22}" for kind in KINDS)]
    for name, some in [*of.items(), ("all", list(outcomes))]:
        wrong = Counter(kind for each in some for kind, _ in each.wrong)
        counts = "".join(f"{wrong[kind]:>22}" for kind in KINDS)
        lines.append(f"{name:12}{len(some):>8}{counts}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Run the matrix from the command line; status 1 when anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--kept", type=Path, default=None)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rows", nargs="*", default=[])
    parser.add_argument("--vendors", nargs="*", default=list(VENDORS))
    asked = parser.parse_args(arguments)
    seeds = range(asked.first, asked.first + asked.seeds)
    _settled()
    outcomes = list(kept_or_run(asked.kept, cases(seeds, asked.rows, asked.vendors), asked.workers))
    for outcome in outcomes:
        for _, text in outcome.wrong:
            print(*outcome.case, text)  # noqa: T201 - this is a command
    print(report(outcomes))  # noqa: T201 - the same
    return int(any(outcome.wrong for outcome in outcomes))


def kept_or_run(file: Path | None, todo: Sequence[Case], workers: int) -> Iterator[Outcome]:
    """What came of the cases; whole seeds are written down, and those that are not played."""
    if file is None:
        yield from run(todo, workers)
        return
    known = file.read_text().splitlines() if file.exists() else []
    before = {outcome.case: outcome for line in known for outcome in _read(line)}
    yield from (before[case] for case in todo if case in before)
    outcomes = run([case for case in todo if case not in before], workers)
    for _, some in groupby(outcomes, lambda outcome: outcome.case.seed):
        seed = list(some)
        with file.open("a") as lines:
            lines.write(json.dumps(seed) + "\n")
        yield from seed


def _read(line: str) -> list[Outcome]:
    return [
        Outcome(Case(*case), tuple((kind, text) for kind, text in wrong))
        for case, wrong in json.loads(line)
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
