"""Many histories at once, each process with a database of its own."""

import atexit
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import cache
from multiprocessing import get_context

from monitor.app.ruletest.run import Runner, runner
from tests.histories.judging import Verdict, judged

REPORTED_EVERY = 25

_OPEN = ExitStack()


atexit.register(_OPEN.close)


@cache
def _own() -> Runner:
    return _OPEN.enter_context(runner())


def tried(seed: int) -> Verdict:
    """One history."""
    return judged(seed, _own())


def over(
    seeds: Iterable[int], processes: int, say: Callable[[str], None] = lambda _: None
) -> list[Verdict]:
    """All of these histories."""
    found: list[Verdict] = []
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for done, each in enumerate(pool.map(tried, seeds), start=1):
            found.append(each)
            if done % REPORTED_EVERY == 0:
                say(f"{done} histories")
            for text in each.missed:
                say(f"{each.seed} MISSED {text}")
            for text in each.false:
                say(f"{each.seed} ({each.planted or 'quiet'}) FALSE {text}")
    return found


def main(arguments: Sequence[int]) -> int:
    """Say what is wrong in the histories from ``first`` to before ``last``; 1 if anything."""
    first, last, *processes = arguments

    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    found = over(range(first, last), processes[0] if processes else 2, say)
    planted = Counter(each.planted for each in found)
    missed = sum(bool(each.missed) for each in found)
    false = sum(bool(each.false) for each in found)
    quiet = planted.pop("", 0)
    say(
        f"{len(found)} histories: {planted.total()} incidents of {len(planted)} rules,"
        f" {missed} missed; {quiet} without any; false alarms in {false}"
    )
    return int(bool(missed or false))
