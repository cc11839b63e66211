"""The marks that transactions leave in a batch's row when they write calls that have ended.

A mark is a word of chance and the earliest end that was touched. Whoever remembers calls
keeps the last mark they know of: what came after it is to be read again.
"""

from collections.abc import Iterable
from secrets import token_hex

_MARKS = 12  # a reader that misses more of them reads anew


def marked(marks: str | None, ends: Iterable[int]) -> str | None:
    """The marks of a batch after ended calls were written; ``ends``: theirs, as they are stored.

    Those without a known end lie in no span.
    """
    first = min((end for end in ends if end), default=None)
    if first is None:
        return marks
    return " ".join([*(marks or "").split()[1 - _MARKS :], f"{token_hex(4)}:{first}"])


def stale_from(marks: str, seen: str) -> int | None:
    """The earliest end that was touched after the mark that was seen last; None: nobody knows."""
    found = marks.split()
    if seen not in found:
        return None
    later = found[found.index(seen) + 1 :]
    return min(int(each.partition(":")[2]) for each in later)
