"""Webhooks: how many are taken a second, beside servers that do less, and how soon Slack knows."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bench import reaction
from bench.bombs import BOMBS
from bench.intake import KINDS, letter, running, rush
from bench.results import Result, median, ratio
from monitor.app.senders import read
from monitor.clock import SystemClock
from monitor.http import HttpClient
from monitor.providers.bland import Bland, BlandSettings

_FREE = 0.5
_GROUPED = 15.0
_BOMB_MS = 50.0
_RATE = 1_000
_SLOWEST = 6  # what takes 4 ms for each is asked so many times less


PARTS = ("intake", "reaction", "storm", "bombs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured: requests in each of so many turns, samples, seconds of a storm."""

    requests: int
    times: int
    samples: int
    seconds: int


def measure(data: Path, size: Size, only: Collection[str] = PARTS) -> list[Result]:
    """What webhooks cost and how soon they are told on, or only some parts of that."""
    directory = Path(tempfile.mkdtemp(dir=data))
    samples = size.samples if "reaction" in only else 0
    seconds = size.seconds if "storm" in only else 0
    found = []
    try:
        if "intake" in only:
            found += _intake(directory, size.requests, size.times)
        if samples or seconds:
            found += reaction.measure(directory, samples=samples, seconds=seconds, rate=_RATE)
        if "bombs" in only:
            found.append(_bombs(size.times))
    finally:
        shutil.rmtree(directory)
    return found


def _intake(directory: Path, requests: int, times: int) -> list[Result]:
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with ExitStack() as stack:
        ports = {kind: stack.enter_context(running(kind, directory)) for kind in KINDS}
        for turn in range(times + 1):
            for kind, port in ports.items():
                count = requests // (_SLOWEST if kind == "single" else 1)
                letters = [letter(f"c-{turn}-{n}") for n in range(count)]
                rate = asyncio.run(rush(port, letters))
                found[kind] += [rate] * (turn > 0)  # the first turn warms up
    rates = {kind: median(each) for kind, each in found.items()}
    return [
        Result(
            "webhooks a second, verified and durable ÷ answered without doing anything",
            _FREE,
            ratio(found["ours"], found["nothing"]),
            at_least=True,
            note=f"{rates['ours']:.0f}/s beside {rates['nothing']:.0f}/s",
        ),
        Result(
            "webhooks a second, disk 4 ms slower ÷ one commit each",
            _GROUPED,
            ratio(found["slow"], found["single"]),
            at_least=True,
            note=f"{rates['slow']:.0f}/s beside {rates['single']:.0f}/s",
        ),
    ]


def _bombs(times: int) -> Result:
    """The most processor time that one hostile body takes to be read."""
    vendor = Bland(
        "surveys",
        BlandSettings(vendor="bland", api_key=SecretStr("sk_bench")),
        HttpClient(SystemClock()),
        b"k" * 32,
    )
    now = SystemClock().now()
    worst, name = 0.0, ""
    for each, body in BOMBS.items():
        taken = []
        for _ in range(times):
            began = time.process_time()
            read(vendor, body, now)
            taken.append((time.process_time() - began) * 1000)
        if median(taken) > worst:
            worst, name = median(taken), each
    return Result("the costliest hostile body", _BOMB_MS, worst, " ms", note=name)
