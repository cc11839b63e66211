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
            self.by.clear()
            self._take(kinds[first:stop], keys, 1)
        else:
            for old, new, sign in ((self.first, first, -1), (self.stop, stop, 1)):
                if old < new:
                    self._take(kinds[old:new], keys, sign)
                elif new < old:
                    self._take(kinds[new:old], keys, -sign)
        self.first, self.stop = first, stop

    def _take(self, kinds: "array[int]", keys: list[Key | None], sign: int) -> None:
        by = self.by
        for kind in kinds:
            key = keys[kind]
            if key is not None:
                n = by.get(key, 0) + sign
                if n:
                    by[key] = n
                else:
                    del by[key]
