"""Finding what moved in a page without parsing what did not: a digest for each few items.

Parsing a page to find where its items begin costs more than digesting it. So beside the
digests of items a page has marks: the length and the digest of every ten items' bytes, and
the length of each item. What they match in a new body stands as it stood, and only what lies
between is parsed. They need a bare JSON array without blanks, which most vendors send; any
other page simply has none. They live in memory only, all of a page's in one array to be small,
and are learned with each parsing.

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
    """What seems to differ: the items' places, and the bytes of all of them as one array.

    ``lengths`` are those of the items' bytes as they were cut: only where parsing finds just
    these is the page what it is taken for. ``groups`` are those in which they stand, each with
    where its bytes begin and end.
    """

    places: Sequence[int]
    body: bytes
    lengths: Sequence[int]
    groups: Sequence[tuple[int, int, int]]


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
    _lengths(marks)[:] = memoryview(array("H", lengths))
    view, start = memoryview(body), 1
    for group in range(groups):
        some = lengths[group * GROUP : (group + 1) * GROUP]
        end = start + sum(some) + len(some) - 1
        _mark(view, marks, (group, start, end), seed)
        start = end + 1
    return marks


def _lengths(marks: "array[int]") -> "memoryview[int]":
    """Those of all items, to be read and written where they are."""
    count = marks[0]
    begin = 4 * (1 + 2 * -(-count // GROUP))
    return memoryview(marks).cast("B").cast("H")[begin : begin + count]


def _mark(view: memoryview, marks: "array[int]", place: tuple[int, int, int], seed: int) -> None:
    """Mark one group, by where its bytes begin and end."""
    group, start, end = place
    marks[2 * group + 1] = end - start
    marks[2 * group + 2] = xxh3_64_intdigest(view[start:end], seed)


def relearn(
    body: bytes, marks: "array[int]", found: Parts, lengths: Sequence[int], seed: int
) -> "array[int] | None":
    """The marks afterwards, from the lengths of the items parsed; None where these do not fit."""
    if max(lengths) > _LONGEST:
        return None
    fresh, view = marks[:], memoryview(body)
    known = _lengths(fresh)
    for place, length in zip(found.places, lengths, strict=True):
        known[place] = length
    for group in found.groups:
        _mark(view, fresh, group, seed)
    return fresh


def differing(body: bytes, marks: "array[int]", slices: "array[int]", seed: int) -> Parts | None:
    """Where a body differs from what it was; None where the marks do not fit it at all.

    ``slices`` are the digests of its items as they were. The loops stand in full: they run for
    every few items of every page that differs.
    """
    if len(body) <= _PREFIX or body[0] != _OPEN or body[-1] != _CLOSE:
        return None
    view, most, count = memoryview(body), len(body) - 1, marks[0]
    places: list[int] = []
    pieces: list[bytes] = []
    groups: list[tuple[int, int, int]] = []
    start = 1
    for group in range(-(-count // GROUP)):
        end = start + marks[2 * group + 1]
        if (
            end > most
            or xxh3_64_intdigest(view[start:end], seed) != marks[2 * group + 2]
            or (body[end] != _COMMA and end != most)
        ):
            begin, low = start, group * GROUP
            known = zip(_lengths(marks)[low : low + GROUP], slices[low : low + GROUP], strict=True)
            for place, (length, piece) in enumerate(known, low):
                end = start + length
                if (
                    end > most
                    or xxh3_64_intdigest(view[start:end], seed) != piece
                    or (body[end] != _COMMA and end != most)
                ):
                    end = _end(body, start)
                    places.append(place)
                    pieces.append(body[start:end])
                start = end + 1
            if end > most or len(places) * 3 > count:
                return None
            groups.append((group, begin, end))
        start = end + 1
    if end != most or not places:
        return None
    return Parts(places, b"[" + b",".join(pieces) + b"]", list(map(len, pieces)), groups)


def _end(body: bytes, start: int) -> int:
    """Where an item ends that is not as it was: before the next that begins as the first does."""
    found = body.find(b"," + body[1 : 1 + _PREFIX], start)
    return found if found >= 0 else max(start, len(body) - 1)
