"""How the calls of one batch ended over time, for a small chart.

Costs at most so many of the newest calls, however large the batch is.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, func, literal_column, select

from monitor.core.model import FAILED, Outcome
from monitor.store import hot
from monitor.store.schema import batches, calls, to_micros

Slot = tuple[int, int, int, int]  # from (seconds since 1970), completed, other, failed

MOST_SLOTS = 40
LONGEST = timedelta(days=1)
NEWEST = 3_000  # calls
FEWEST = 5  # calls; of fewer there is nothing to see
FEWEST_SLOTS = 6
# Seconds of a slot; the short ones are for a batch that has just begun.
_LENGTHS = (60, 120, 300, 600, 900, 1_800, 3_600)
_SHORT = (60, 30, 20, 10, 5)
_MICROS = 1_000_000

_ended = calls.c.ended_at
_some = (
    select(_ended)
    .select_from(calls.join(batches, batches.c.id == calls.c.batch))
    .where(
        batches.c.provider == bindparam("provider"),
        batches.c.batch_id == bindparam("batch"),
        _ended > bindparam("since"),
        _ended <= bindparam("until"),
    )
    .order_by(_ended.desc())
    .limit(NEWEST)
    .subquery()
)
_reach: list[Any] = [func.min(_some.c.ended_at), func.max(_some.c.ended_at), func.count()]
_REACH = select(*_reach)
_slot = (_ended // bindparam("length", type_=BigInteger)).label("slot")
_COUNTED = (
    select(_slot, calls.c.outcome, func.count())
    .select_from(calls.join(batches, batches.c.id == calls.c.batch))
    .where(
        batches.c.provider == bindparam("provider"),
        batches.c.batch_id == bindparam("batch"),
        _ended >= bindparam("since"),
        _ended <= bindparam("until"),
    )
    .group_by(literal_column("slot"), calls.c.outcome)
)


def load(conn: Connection, provider: str, batch: str, until: datetime) -> tuple[Slot, ...]:
    """The last day's slots until then, oldest first and without a gap; none of too few calls."""
    named = {"provider": provider, "batch": batch, "until": to_micros(until)}
    since = to_micros(until - LONGEST)
    ((first, last, n),) = hot.ask(conn, _REACH, **named, since=since)
    if n < FEWEST:
        return ()
    length = _length(first // _MICROS, last // _MICROS)
    # The first slot would be told in part where not all calls are counted.
    start = first // _MICROS // length + (n == NEWEST)
    counted = hot.ask(
        conn, _COUNTED, **named, since=start * length * _MICROS, length=length * _MICROS
    )
    end = last // _MICROS // length
    # Nothing had ended before, which is part of the picture where all came at once.
    slots = {at: [0, 0, 0] for at in range(min(start, end + 1 - FEWEST_SLOTS), end + 1)}
    for at, outcome, calls_of_it in counted:
        slots[at][_kind(Outcome(outcome))] += calls_of_it
    return tuple((at * length, *_three(each)) for at, each in slots.items())[-MOST_SLOTS:]


def _length(first: int, last: int) -> int:
    """The slot of which neither too few nor too many reach from the first second to the last."""

    def slots(length: int) -> int:
        return last // length - first // length + 1

    if slots(_SHORT[0]) < FEWEST_SLOTS:
        return next((each for each in _SHORT if slots(each) >= FEWEST_SLOTS), _SHORT[-1])
    return next((each for each in _LENGTHS if slots(each) <= MOST_SLOTS), _LENGTHS[-1])


def _kind(outcome: Outcome) -> int:
    if outcome is Outcome.COMPLETED:
        return 0
    return 2 if outcome in FAILED else 1


def _three(counts: list[int]) -> tuple[int, int, int]:
    return counts[0], counts[1], counts[2]
