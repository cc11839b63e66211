"""Calls, as memory holds them, counted over spans that roll along."""

from array import array
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

from monitor.core.rolling import parts

Key = Hashable  # what calls are counted under; None: not at all


class SpanCount(NamedTuple):
    """The calls of a span by something, and when the last of them ended."""

    by: Mapping[Any, int]
    last: int | None
    sums: Mapping[Any, int]  # of what they cost, where that is the question


class Span:
    """Calls from one place to before another, counted."""

    __slots__ = ("by", "first", "stop")

    def __init__(self) -> None:
        self.by: dict[Key, int] = {}
        self.first = self.stop = 0

    def move(self, kinds: "array[int]", keys: list[Key | None], first: int, stop: int) -> None:
        """Count these places instead."""
        for start, end, sign in parts(self.first, self.stop, first, stop):
            if start < end:
                self._take(kinds, keys, start, end, sign)
        self.first, self.stop = first, stop

    def _take(
        self, kinds: "array[int]", keys: list[Key | None], first: int, stop: int, sign: int
    ) -> None:
        by = self.by
        for kind in kinds[first:stop]:
            key = keys[kind]
            if key is not None:
                n = by.get(key, 0) + sign
                if n:
                    by[key] = n
                else:
                    del by[key]


class Total(Span):
    """The same with an amount of each call, added up."""

    __slots__ = ("amounts", "sums")

    def __init__(self, amounts: "array[int]") -> None:
        """``amounts``: of each place, as it stands when the place is counted."""
        super().__init__()
        self.amounts = amounts
        self.sums: dict[Key, int] = {}  # also of keys under which nothing is counted any more

    def _take(
        self, kinds: "array[int]", keys: list[Key | None], first: int, stop: int, sign: int
    ) -> None:
        by, sums = self.by, self.sums
        for kind, amount in zip(kinds[first:stop], self.amounts[first:stop], strict=True):
            key = keys[kind]
            if key is not None:
                n = by[key] = by.get(key, 0) + sign
                sums[key] = sums.get(key, 0) + sign * amount
                if not n:
                    del by[key]
