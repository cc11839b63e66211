"""``python -m bench``: every promise about speed and memory, measured, in one table.

``--quick`` takes a small share, to see that it runs; its numbers mean little. Names
(traffic, ingest, naive, large, evaluation, backtest, webhooks) choose parts, and
``webhooks.reaction`` or the like a part of that one (intake, reaction, storm, bombs).
"""

import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from bench import backtest, beside, evaluation, ingest, large, traffic, webhooks
from bench.results import Result, show

_QUICKLY = "--quick"
DATA = Path(__file__).resolve().parent.parent / ".bench-data"

FULL_TRAFFIC = traffic.Size(batches=3, dialled=timedelta(minutes=20), closed=timedelta(minutes=40))
QUICK_TRAFFIC = traffic.Size(batches=1, dialled=timedelta(minutes=3), closed=timedelta(minutes=3))
FULL_WEBHOOKS = webhooks.Size(requests=1_200, times=5, samples=16, seconds=60)
QUICK_WEBHOOKS = webhooks.Size(requests=600, times=3, samples=5, seconds=4)

_Part = Callable[[Path], list[Result]]
_FULL: dict[str, _Part] = {
    "traffic": lambda data: traffic.measure(data, FULL_TRAFFIC),
    "ingest": lambda data: ingest.measure(data, people=100_000, times=5),
    "naive": lambda data: beside.measure(data, people=100_000, times=5),
    "large": lambda data: large.measure(data, people=1_000_000, times=5),
    "evaluation": lambda data: evaluation.measure(data, batches=200, people=5_000, times=7),
    "backtest": lambda data: backtest.measure(data, recorded=1_000_000, times=5),
    "webhooks": lambda data: webhooks.measure(data, FULL_WEBHOOKS),
}
_QUICK: dict[str, _Part] = {
    "traffic": lambda data: traffic.measure(data, QUICK_TRAFFIC),
    "ingest": lambda data: ingest.measure(data, people=5_000, times=3),
    "naive": lambda data: beside.measure(data, people=5_000, times=3),
    "large": lambda data: large.measure(data, people=50_000, times=2),
    "evaluation": lambda data: evaluation.measure(data, batches=20, people=1_000, times=3),
    "backtest": lambda data: backtest.measure(data, recorded=50_000, times=2),
    "webhooks": lambda data: webhooks.measure(data, QUICK_WEBHOOKS),
}


def _smaller(size: webhooks.Size) -> dict[str, _Part]:
    """The parts of a part."""
    return {
        f"webhooks.{part}": partial(webhooks.measure, size=size, only=(part,))
        for part in webhooks.PARTS
    }


def main(arguments: Sequence[str]) -> int:
    """0 when every promise is kept, else 1; 2 when there is no such part."""
    quick = _QUICKLY in arguments
    whole = _QUICK if quick else _FULL
    parts = whole | _smaller(QUICK_WEBHOOKS if quick else FULL_WEBHOOKS)
    chosen = [each for each in arguments if each != _QUICKLY] or list(whole)
    if unknown := [each for each in chosen if each not in parts]:
        told = f"no part {unknown[0]}; there are {', '.join(parts)}, and {_QUICKLY}"
        print(told, file=sys.stderr)
        return 2
    DATA.mkdir(exist_ok=True)
    results: list[Result] = []
    began = time.monotonic()
    for name in chosen:
        print(f"{name} …", file=sys.stderr, flush=True)
        results += parts[name](DATA)
    took = time.monotonic() - began
    title = "a small share: these numbers mean little" if quick else "medians of at least 5"
    show(results, f"Offhook, {title} ({took:.0f} s)")
    return 0 if all(each.kept for each in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
