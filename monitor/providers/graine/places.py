"""Which stretches of a list to ask for, so that they hold all the places that are wanted."""

from collections.abc import Iterator, Sequence

# So many rows between two wanted ones are cheaper to read than another request.
_GAP = 25


def near(positions: Sequence[int]) -> list[tuple[int, int]]:
    """Half-open ranges that hold all positions, neighbours together."""
    ranges: list[tuple[int, int]] = []
    for position in positions:
        if ranges and position - ranges[-1][1] <= _GAP:
            ranges[-1] = (ranges[-1][0], position + 1)
        else:
            ranges.append((position, position + 1))
    return ranges


def stretches(positions: Sequence[int], longest: int) -> list[tuple[int, int]]:
    """The fewest half-open ranges of such a length at most that hold all positions.

    ``positions`` ascend. A range begins with the first position that none before it holds, so
    no choice of others needs fewer.
    """
    ranges: list[tuple[int, int]] = []
    for position in positions:
        if ranges and position < ranges[-1][0] + longest:
            ranges[-1] = (ranges[-1][0], position + 1)
        else:
            ranges.append((position, position + 1))
    return ranges


def cut(start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    """The same range in pieces that each lie on one page of so many rows."""
    while start < end:
        stop = min(end, (start // size + 1) * size)
        yield start, stop
        start = stop
