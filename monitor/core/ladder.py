"""Who waits too long for another call, counted without looking at each of them."""

from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime, timedelta

from monitor.core.calls import Field
from monitor.core.facts import COUNTED_MOST, BatchFacts, LateRetries

_LATELY = timedelta(minutes=30)  # a span that other rules ask about, too
_STEP = timedelta(microseconds=1)


def waited(
    facts: BatchFacts,
    ask: Callable[[datetime, int], LateRetries],
    until: datetime,
    limit: timedelta,
    most: int,
) -> LateRetries:
    """Of those whom ``ask`` finds late at ``until``, who have waited ``limit`` of permitted time.

    Who waits since later has waited less: so one moment parts those who have waited long
    enough from the others, and the calendar is asked only where anybody has.
    """
    oldest = ask(until, 1).oldest
    if not oldest or facts.permitted_since(oldest[0].since) < limit:
        return LateRetries(n=0)
    first = oldest[0].since
    steps = range((until - first) // _STEP + 1)
    enough = bisect_right(steps, -limit, key=lambda n: -facts.permitted_since(first + n * _STEP))
    return ask(first + (enough - 1) * _STEP, most)


def caught_up(facts: BatchFacts, late: LateRetries, limit: timedelta) -> bool:
    """Whether no fewer retries were made lately than are late, and none by twice the limit."""
    if not late.oldest or facts.permitted_since(late.oldest[0].since) >= 2 * limit:
        return False
    ended = facts.calls.grouped(facts.now - _LATELY, facts.now, Field.ATTEMPT)
    return sum(n for (attempt,), n in ended.items() if attempt) >= late.n


def at_least(n: int) -> str:
    """A number of people that were counted no further than COUNTED_MOST."""
    return f"{n:,} or more" if n >= COUNTED_MOST else f"{n:,}"
