"""A span over things in order that rolls along: what comes in is added, what falls out is taken."""

Part = tuple[int, int, int]  # from one place to before another, in (1) or out (-1)


def parts(first: int, stop: int, then_first: int, then_stop: int) -> tuple[Part, ...]:
    """What to count of a span that moves; costs what the old and the new do not share."""
    if then_first >= stop or then_stop <= first:
        return (first, stop, -1), (then_first, then_stop, 1)
    return _shift(first, then_first, -1), _shift(stop, then_stop, 1)


def _shift(old: int, new: int, sign: int) -> Part:
    return (old, new, sign) if old <= new else (new, old, -sign)
