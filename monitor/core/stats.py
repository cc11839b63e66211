"""Shares of counted things, and how far a small sample can be trusted."""

from functools import lru_cache
from math import sqrt
from statistics import NormalDist

_NORMAL = NormalDist()


def share(part: int, whole: int) -> float:
    """``part`` of ``whole`` as a number from 0 to 1; nothing of nothing is 0."""
    return part / whole if whole else 0.0


def wilson_lower(part: int, whole: int, confidence: float) -> float:
    """The lower end of the Wilson score interval of a share, at 0 <= ``confidence`` < 1.

    The interval is two-sided, as tables and other tools print it: 0.95 is 1.96 standard
    deviations. At confidence 0 the bound is the share itself; nothing of nothing gives 0.
    """
    if whole <= 0:
        return 0.0
    seen = part / whole
    z = _deviations(confidence)
    z2 = z * z
    middle = seen + z2 / (2 * whole)
    spread = z * sqrt(seen * (1 - seen) / whole + z2 / (4 * whole * whole))
    return max(0.0, (middle - spread) / (1 + z2 / whole))


@lru_cache(maxsize=64)
def _deviations(confidence: float) -> float:
    return _NORMAL.inv_cdf((1 + confidence) / 2)
