"""What watching cost beside fetching everything, and how late calls became known: arithmetic."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bench.results import Result

LIMIT = 0.1
HOUR = timedelta(hours=1)
# A day as most have it: so long calls are made, and the rest of it none are.
DIALLED = timedelta(hours=8)
CLOSED = timedelta(hours=16)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What some batches cost in some time."""

    requests: float = 0.0
    size: float = 0.0

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(self.requests + other.requests, self.size + other.size)

    def __mul__(self, times: float) -> "Traffic":
        return Traffic(self.requests * times, self.size * times)


@dataclass(frozen=True, slots=True)
class Phase:
    """Some time of watching: what it cost, and what fetching everything each time would have."""

    span: timedelta
    ours: Traffic
    naive: Traffic

    def lasting(self, span: timedelta) -> "Phase":
        """The same for a longer or shorter time."""
        times = span / self.span
        return Phase(span, self.ours * times, self.naive * times)

    def __add__(self, other: "Phase") -> "Phase":
        return Phase(self.span + other.span, self.ours + other.ours, self.naive + other.naive)

    def results(self, name: str, batches: int) -> list[Result]:
        """Its bytes and its requests as shares; beside them what each batch costs in an hour."""
        hour = self.lasting(HOUR)
        ours, naive = hour.ours * (1 / batches), hour.naive * (1 / batches)
        note = (
            f"a batch and hour: {ours.requests:.1f} requests, {ours.size / 1e6:.2f} MB"
            f" beside {naive.requests:.0f}, {naive.size / 1e6:.1f} MB"
        )
        return [
            Result(f"{name}: bytes / all", LIMIT, ours.size / naive.size, note=note),
            Result(f"{name}: requests / all", LIMIT, ours.requests / naive.requests),
        ]


def phase(span: timedelta, ours: Traffic, fetched: Sequence[Traffic], every: timedelta) -> Phase:
    """``fetched``: everything, once at the beginning and once at the end."""
    first, last = fetched
    return Phase(span, ours, (first + last) * (span / every / 2))


def day(dialled: Phase, closed: Phase) -> Phase:
    """A whole day, of which the two phases are samples."""
    return dialled.lasting(DIALLED) + closed.lasting(CLOSED)


def late(name: str, seconds: Sequence[float], every: float) -> Result:
    """How long it took from the ends of calls to verdicts; infinite where one never came."""
    known = [each for each in seconds if math.isfinite(each)]
    note = (
        f"p50 {at(seconds, 0.5):.0f} s, p99 {at(seconds, 0.99):.0f} s,"
        f" {len(seconds)} calls, {len(seconds) - len(known)} not known by the end;"
        " answers take no time"
    )
    return Result(
        f"{name}: end of a call to verdict / poll_every", 1.0, at(seconds, 0.5) / every, note=note
    )


def at(values: Sequence[float], share: float) -> float:
    """The value below which so large a share of them lies; not a number where there are none."""
    ranked = sorted(values)
    return ranked[min(int(len(ranked) * share), len(ranked) - 1)] if ranked else math.nan
