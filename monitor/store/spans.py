"""Calls counted over a span that rolls along: what comes in is added, what falls out is taken."""

from array import array
from collections.abc import Hashable

Key = Hashable  # what calls are counted under; None: not at all


class Span:
    """Calls from one place to before another, counted."""

    __slots__ = ("by", "first", "stop")

    def __init__(self) -> None:
        self.by: dict[Key, int] = {}
        self.first = self.stop = 0

    def move(self, kinds: "array[int]", keys: list[Key | None], first: int, stop: int) -> None:
        """Count these places; costs what they and the ones before do not share."""
        if first >= self.stop or stop <= self.first:
            self.clear()
            self._take(kinds, keys, first, stop, 1)
        else:
            for old, new, sign in ((self.first, first, -1), (self.stop, stop, 1)):
                if old < new:
                    self._take(kinds, keys, old, new, sign)
                elif new < old:
                    self._take(kinds, keys, new, old, -sign)
        self.first, self.stop = first, stop

    def clear(self) -> None:
        """Count nothing."""
        self.by.clear()

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

    def clear(self) -> None:
        """See Span."""
        super().clear()
        self.sums.clear()

    def _take(
        self, kinds: "array[int]", keys: list[Key | None], first: int, stop: int, sign: int
    ) -> None:
        super()._take(kinds, keys, first, stop, sign)
        sums = self.sums
        for kind, amount in zip(kinds[first:stop], self.amounts[first:stop], strict=True):
            key = keys[kind]
            if key is not None:
                sums[key] = sums.get(key, 0) + sign * amount
