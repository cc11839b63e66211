"""Finding what moved in a page without parsing what did not: a digest for each few items.

Parsing a page to find where its items begin costs more than digesting it. So beside the
digests of items a page has marks: the length and the digest of every ten items' bytes. What
they match at the front and at the back of a new body stands as it stood, and only what lies
between is parsed. They need a bare JSON array without blanks, which most vendors send; any
other page simply has none. They live in memory only and are learned with each parsing.
"""

from array import array
from collections.abc import Sequence
from typing import NamedTuple

from xxhash import xxh3_64_intdigest

GROUP = 10
_OPEN, _CLOSE, _COMMA = b"[],"


_PREFIX = 12  # so many bytes, alike in all items, show where one begins


class Parts(NamedTuple):
    """What differs: the groups, and the bytes of all their items as one array."""

    groups: tuple[int, ...]
    body: bytes


def learn(body: bytes, lengths: Sequence[int], seed: int) -> "array[int] | None":
    """The marks of a page whose items have these lengths; None where its form is another."""
    bare = sum(lengths) + len(lengths) + 1 == len(body)
    if not lengths or not bare or body[0] != _OPEN or body[-1] != _CLOSE:
        return None
    return _marks(memoryview(body), 1, lengths, seed)


def _marks(view: memoryview, start: int, lengths: Sequence[int], seed: int) -> "array[int]":
    marks = array("Q")
    for first in range(0, len(lengths), GROUP):
        some = lengths[first : first + GROUP]
        length = sum(some) + len(some) - 1
        marks.append(length)
        marks.append(xxh3_64_intdigest(view[start : start + length], seed))
        start += length + 1
    return marks


def differing(body: bytes, marks: "array[int]", seed: int) -> Parts | None:
    """Where a body differs from the marks; None where they do not fit it at all."""
    if len(body) <= _PREFIX or body[0] != _OPEN or body[-1] != _CLOSE:
        return None
    page = _Body(body, marks, seed)
    total = len(marks) // 2
    first, start = page.forward(0, 1, total)
    last, end = page.backward(total, len(body) - 1, first, start)
    if first == last:
        return None
    groups: list[int] = []
    pieces: list[bytes] = []
    while first < last:
        after, until = page.resume(first, start, last, end)
        groups.extend(range(first, after))
        pieces.append(body[start:until])
        first, start = page.forward(after, until + 1, last)
    if len(groups) == total:
        return None
    return Parts(tuple(groups), b"[" + b",".join(pieces) + b"]")


class _Body(NamedTuple):
    """A body beside the marks of what it was. Ends point at the byte after an item."""

    body: bytes
    marks: "array[int]"
    seed: int

    def matches(self, group: int, start: int, end: int) -> bool:
        """Whether these bytes are those of a group."""
        view = memoryview(self.body)[start:end]
        return xxh3_64_intdigest(view, self.seed) == self.marks[2 * group + 1]

    def forward(self, group: int, start: int, last: int) -> tuple[int, int]:
        """Past the groups that stand here as they stood: the first that does not, and where."""
        while group < last:
            end = start + self.marks[2 * group]
            if end >= len(self.body) or self.body[end] != _COMMA:
                break
            if not self.matches(group, start, end):
                break
            group, start = group + 1, end + 1
        return group, start

    def backward(self, after: int, end: int, first: int, start: int) -> tuple[int, int]:
        """The same from the back: behind which group, and where it ends."""
        while after > first:
            begin = end - self.marks[2 * after - 2]
            if begin <= start or self.body[begin - 1] != _COMMA:
                break
            if not self.matches(after - 1, begin, end):
                break
            after, end = after - 1, begin - 1
        return after, end

    def resume(self, group: int, start: int, last: int, end: int) -> tuple[int, int]:
        """From a group that differs to the next that does not: which, and where before it."""
        begins = b"," + self.body[1 : 1 + _PREFIX]
        while group + 1 < last:
            for _ in range(GROUP):
                start = self.body.find(begins, start + 1, end)
                if start < 0:
                    return last, end
            group += 1
            follows = start + 1
            if self.matches(group, follows, follows + self.marks[2 * group]):
                return group, start
        return last, end


def relearn(
    marks: "array[int]", found: Parts, lengths: Sequence[int], seed: int
) -> "array[int] | None":
    """The marks afterwards, from the lengths of the items parsed; None when they shifted."""
    fresh = learn(found.body, lengths, seed)
    if fresh is None or len(fresh) != 2 * len(found.groups):
        return None
    changed = marks[:]
    for n, group in enumerate(found.groups):
        changed[2 * group : 2 * group + 2] = fresh[2 * n : 2 * n + 2]
    return changed
