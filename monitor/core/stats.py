"""Shares of counted things, and how far a small sample can be trusted.

Intervals are Wilson's for one share and Newcombe's hybrid of two of them for a difference:
both are honest for few calls and for shares of nothing or all, where the schoolbook's are not.
"""

from functools import lru_cache
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

_NORMAL = NormalDist()


class Interval(NamedTuple):
    """From where to where a number lies, as far as the sample says."""

    low: float
    high: float


def share(part: int, whole: int) -> float:
    """``part`` of ``whole`` as a number from 0 to 1; nothing of nothing is 0."""
    return part / whole if whole else 0.0


def wilson(part: int, whole: int, confidence: float) -> Interval:
    """The Wilson score interval of a share, two-sided, at 0 <= ``confidence`` < 1.

    0.95 is 1.96 standard deviations. At confidence 0 both ends are the share itself; nothing
    of nothing may be anything.
    """
    if whole <= 0:
        return Interval(0.0, 1.0)
    seen = part / whole
    z = _deviations(confidence)
    z2 = z * z
    middle = seen + z2 / (2 * whole)
    spread = z * sqrt(seen * (1 - seen) / whole + z2 / (4 * whole * whole))
    size = 1 + z2 / whole
    # A share of nothing or of all is an end of its interval, whatever the rounding.
    low = 0.0 if part <= 0 else max(0.0, (middle - spread) / size)
    high = 1.0 if part >= whole else min(1.0, (middle + spread) / size)
    return Interval(low, high)


def wilson_lower(part: int, whole: int, confidence: float) -> float:
    """The lower end of the Wilson score interval; nothing of nothing gives 0."""
    return wilson(part, whole, confidence).low


def difference(
    part: int, whole: int, other_part: int, other_whole: int, confidence: float
) -> Interval:
    """How much higher the first share is than the other: Newcombe's hybrid score interval.

    A share of nothing on either side needs no special case.
    """
    seen, other = share(part, whole), share(other_part, other_whole)
    low, high = wilson(part, whole, confidence)
    other_low, other_high = wilson(other_part, other_whole, confidence)
    apart = seen - other
    return Interval(
        max(-1.0, apart - sqrt((seen - low) ** 2 + (other_high - other) ** 2)),
        min(1.0, apart + sqrt((high - seen) ** 2 + (other - other_low) ** 2)),
    )


@lru_cache(maxsize=64)
def _deviations(confidence: float) -> float:
    return _NORMAL.inv_cdf((1 + confidence) / 2)
