"""Many histories at once, each in a process of its own; by hand: ``-m tests.webhooks.many``."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.webhooks.equivalence import disagreements, meddled

REPORTED_EVERY = 50


def tried(seed: int) -> list[str]:
    """What disagrees over one history."""
    return asyncio.run(disagreements(seed, meddled(seed)))


def over(
    seeds: Iterable[int], processes: int, say: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Every disagreement over these histories."""
    found: list[str] = []
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for done, texts in enumerate(pool.map(tried, seeds), start=1):
            found += texts
            for text in texts:
                say(text)
            if done % REPORTED_EVERY == 0:
                say(f"{done} histories")
    return found


def main(first: int, last: int) -> int:
    """Say what disagrees in the histories from ``first`` to before ``last``; 1 if anything."""

    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    found = over(range(first, last), os.cpu_count() or 1, say)
    say(f"{last - first} histories, {len(found)} disagreements")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
