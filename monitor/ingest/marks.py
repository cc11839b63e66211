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


class Middle(NamedTuple):
    """What differs: the items of the groups from ``first`` up to ``after``, and their bytes."""

    first: int
    after: int
    body: bytes  # an array of its own


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


def middle(body: bytes, marks: "array[int]", seed: int) -> Middle | None:
    """Where a body differs from the marks; None where they do not fit it at all."""
    if len(body) < 2 or body[0] != _OPEN or body[-1] != _CLOSE:
        return None
    view = memoryview(body)
    groups = len(marks) // 2
    first, start = 0, 1
    while first < groups:
        end = start + marks[2 * first]
        if end >= len(body) or xxh3_64_intdigest(view[start:end], seed) != marks[2 * first + 1]:
            break
        if body[end] != _COMMA:
            break
        first, start = first + 1, end + 1
    after, end = groups, len(body) - 1
    while after > first:
        begin = end - marks[2 * after - 2]
        if begin <= start or body[begin - 1] != _COMMA:
            break
        if xxh3_64_intdigest(view[begin:end], seed) != marks[2 * after - 1]:
            break
        after, end = after - 1, begin - 1
    if first == after or (first == 0 and after == groups):
        return None
    return Middle(first, after, b"[" + body[start:end] + b"]")


def relearn(
    marks: "array[int]", found: Middle, lengths: Sequence[int], seed: int
) -> "array[int] | None":
    """The marks afterwards, from the lengths of the items between; None when they shifted."""
    last = found.after * 2 == len(marks)
    groups = -(-len(lengths) // GROUP)
    if groups != found.after - found.first or (not last and len(lengths) % GROUP):
        return None
    fresh = learn(found.body, lengths, seed)
    return None if fresh is None else marks[: found.first * 2] + fresh + marks[found.after * 2 :]
