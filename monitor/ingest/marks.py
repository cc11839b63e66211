"""Finding what moved in a page without parsing what did not: a digest for each few items.

Parsing a page to find where its items begin costs more than digesting it. So beside the
digests of items a page has marks: the length and the digest of every ten items' bytes, and
the length of each item. What they match at the front and at the back of a new body stands as
it stood, and only what lies between is parsed. They need a bare JSON array without blanks,
which most vendors send; any other page simply has none. They live in memory only, all of a
page's in one array to be small, and are learned with each parsing.

An array of marks is: how many items; the length and the digest of each group; the lengths of
the items, four to a number.
"""

from array import array
from collections.abc import Sequence
from typing import NamedTuple

from xxhash import xxh3_64_intdigest

GROUP = 10
_OPEN, _CLOSE, _COMMA = b"[],"
_PREFIX = 12  # so many bytes, alike in all items, show where one begins
_LONGEST = (1 << 16) - 1  # bytes of an item


class Parts(NamedTuple):
    """What differs: the items' places, and the bytes of all of them as one array.

    ``runs`` are the groups in which they stand: the first, the one after the last, and where
    their bytes begin and end.
    """

    places: Sequence[int]
    body: bytes
    runs: Sequence[tuple[int, int, int, int]]


def learn(body: bytes, lengths: Sequence[int], seed: int) -> "array[int] | None":
    """The marks of a page whose items have these lengths; None where its form is another."""
    bare = sum(lengths) + len(lengths) + 1 == len(body)
    if not lengths or not bare or body[0] != _OPEN or body[-1] != _CLOSE:
        return None
    if max(lengths) > _LONGEST:
        return None
    count, groups = len(lengths), -(-len(lengths) // GROUP)
    marks = array("Q", bytes(8 * (1 + 2 * groups + -(-count // 4))))
    marks[0] = count
    known = _lengths(marks)
    known[:] = memoryview(array("H", lengths))
    _mark(memoryview(body), marks, known, (0, groups, 1, len(body) - 1), seed)
    return marks


def _lengths(marks: "array[int]") -> "memoryview[int]":
    """Those of all items, to be read and written where they are."""
    count = marks[0]
    begin = 4 * (1 + 2 * -(-count // GROUP))
    return memoryview(marks).cast("B").cast("H")[begin : begin + count]


def _mark(
    view: memoryview,
    marks: "array[int]",
    lengths: "memoryview[int]",
    run: tuple[int, int, int, int],
    seed: int,
) -> bool:
    """Mark some groups by their items' lengths; whether these fill their bytes."""
    first, after, start, until = run
    for group in range(first, after):
        some = lengths[group * GROUP : (group + 1) * GROUP]
        length = sum(some) + len(some) - 1
        marks[2 * group + 1] = length
        marks[2 * group + 2] = xxh3_64_intdigest(view[start : start + length], seed)
        start += length + 1
    return start == until + 1


def relearn(
    body: bytes, marks: "array[int]", found: Parts, lengths: Sequence[int], seed: int
) -> "array[int] | None":
    """The marks afterwards, from the lengths of the items parsed; None where they do not fit."""
    if max(lengths) > _LONGEST:
        return None
    fresh = marks[:]
    known = _lengths(fresh)
    for place, length in zip(found.places, lengths, strict=True):
        known[place] = length
    view = memoryview(body)
    for run in found.runs:
        if not _mark(view, fresh, known, run, seed):
            return None
    return fresh


def differing(body: bytes, marks: "array[int]", slices: "array[int]", seed: int) -> Parts | None:
    """Where a body differs from what it was; None where the marks do not fit it at all.

    ``slices`` are the digests of its items as they were.
    """
    if len(body) <= _PREFIX or body[0] != _OPEN or body[-1] != _CLOSE:
        return None
    page = _Body(body, memoryview(body), marks, seed)
    count = marks[0]
    total = -(-count // GROUP)
    first, start = page.forward(0, 1, total)
    last, end = page.backward(total, len(body) - 1, first, start)
    places: list[int] = []
    pieces: list[bytes] = []
    runs: list[tuple[int, int, int, int]] = []
    while first < last:
        after, until = page.resume(first, start, last, end)
        runs.append((first, after, start, until))
        low, high = first * GROUP, min(after * GROUP, count)
        low, high, begin, stop = page.trim(slices, (low, high, start, until))
        places.extend(range(low, high))
        if len(places) * 2 > count:
            return None
        pieces.append(body[begin:stop])
        first, start = page.forward(after, until + 1, last)
    return Parts(places, b"[" + b",".join(pieces) + b"]", runs) if places else None


class _Body(NamedTuple):
    """A body beside the marks of what it was. Ends point at the byte after an item.

    The loops stand in full: they run for every group of every page that differs.
    """

    body: bytes
    view: memoryview
    marks: "array[int]"
    seed: int

    def forward(self, group: int, start: int, last: int) -> tuple[int, int]:
        """Past the groups that stand here as they stood: the first that does not, and where."""
        body, view, marks, seed = self
        most = len(body) - 1
        while group < last:
            end = start + marks[2 * group + 1]
            if end > most or body[end] != _COMMA:
                break
            if xxh3_64_intdigest(view[start:end], seed) != marks[2 * group + 2]:
                break
            group, start = group + 1, end + 1
        return group, start

    def backward(self, after: int, end: int, first: int, start: int) -> tuple[int, int]:
        """The same from the back: behind which group, and where it ends."""
        body, view, marks, seed = self
        while after > first:
            begin = end - marks[2 * after - 1]
            if begin <= start or body[begin - 1] != _COMMA:
                break
            if xxh3_64_intdigest(view[begin:end], seed) != marks[2 * after]:
                break
            after, end = after - 1, begin - 1
        return after, end

    def resume(self, group: int, start: int, last: int, end: int) -> tuple[int, int]:
        """From a group that differs to the next that does not: which, and where before it."""
        body, view, marks, seed = self
        begins = b"," + body[1 : 1 + _PREFIX]
        while group + 1 < last:
            for _ in range(GROUP):
                start = body.find(begins, start + 1, end)
                if start < 0:
                    return last, end
            group += 1
            follows = start + 1
            until = follows + marks[2 * group + 1]
            if xxh3_64_intdigest(view[follows:until], seed) == marks[2 * group + 2]:
                return group, start
        return last, end

    def trim(
        self, slices: "array[int]", run: tuple[int, int, int, int]
    ) -> tuple[int, int, int, int]:
        """Without the items at both ends that stand as they stood; at least one is left."""
        body, view, marks, seed = self
        lengths = _lengths(marks)
        low, high, start, end = run
        while low < high - 1:
            stop = start + lengths[low]
            if stop >= end or body[stop] != _COMMA:
                break
            if xxh3_64_intdigest(view[start:stop], seed) != slices[low]:
                break
            low, start = low + 1, stop + 1
        while high - 1 > low:
            begin = end - lengths[high - 1]
            if begin <= start or body[begin - 1] != _COMMA:
                break
            if xxh3_64_intdigest(view[begin:end], seed) != slices[high - 1]:
                break
            high, end = high - 1, begin - 1
        return low, high, start, end
