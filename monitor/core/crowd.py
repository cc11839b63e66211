"""Alerts of one conversation that are too many to stand one by one where alerts are kept."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """They stand there as one.

    ``key`` is theirs alone, ``group`` their conversation. ``firing`` says how many of them
    fire now, by severity, whether that was told already or not.
    """

    key: str
    group: int
    firing: Mapping[str, int]
