"""A span that rolls along counts each place of it once, and no other."""

from collections import Counter
from itertools import combinations_with_replacement, product

from monitor.core.rolling import parts

_SPANS = list(combinations_with_replacement(range(5), 2))


def test_whatever_a_span_moves_to_is_counted_once_and_what_it_leaves_is_not() -> None:
    for old, new in product(_SPANS, _SPANS):
        counted = Counter(range(*old))
        for start, end, sign in parts(*old, *new):
            for place in range(start, end):
                counted[place] += sign

        assert +counted == Counter(range(*new)), (old, new)
        assert min(counted.values(), default=0) >= 0


def test_a_span_that_moves_on_by_little_costs_little() -> None:
    moved = parts(1_000, 9_000, 1_001, 9_002)

    assert sum(end - start for start, end, _ in moved) == 3
