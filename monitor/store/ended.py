"""Ended calls as their rows: the statements that windows ask, and one row as a value."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    select,
)

from monitor.core.calls import EndedCall, Field, Window
from monitor.core.model import Outcome
from monitor.store import among, hot
from monitor.store.schema import calls, from_micros

_batch = bindparam("batch", type_=Integer)
_ended = calls.c.ended_at
_within = and_(calls.c.batch == _batch, _ended > bindparam("start"), _ended <= bindparam("until"))
WINDOW = (
    select(calls.c.outcome, func.count(), func.max(_ended)).where(_within).group_by(calls.c.outcome)
)


def windows(most: int) -> Select[Any]:
    """The same of up to so many batches at once: each with its own counts."""
    within = and_(_ended > bindparam("start"), _ended <= bindparam("until"))
    return (
        select(calls.c.batch, calls.c.outcome, func.count(), func.max(_ended))
        .where(calls.c.batch.in_(among.listed(most)), within)
        .group_by(calls.c.batch, calls.c.outcome)
    )


def window_of(rows: Sequence[hot.Row], start: datetime, end: datetime) -> Window:
    """The calls of a span from how many ended in each way, and when the last of them did."""
    last = max((at for _, _, at in rows), default=None)
    return Window(
        start=start,
        end=end,
        outcomes={Outcome(outcome): n for outcome, n, _ in rows},
        last_ended_at=None if last is None else from_micros(last),
    )


# A call of windows, column by column in the order of EndedCall.
ENDED = (
    calls.c.call_id,
    calls.c.ended_at,
    calls.c.outcome,
    calls.c.contact_id,
    calls.c.error_class,
    calls.c.from_number,
    calls.c.duration_s,
    calls.c.hangup,
    calls.c.disposition,
    calls.c.agent_version,
    calls.c.attempt,
    calls.c.country,
    calls.c.area,
    calls.c.sentiment,
    calls.c.transferred,
    calls.c.cost_micros,
    calls.c.currency,
    calls.c.cost_estimated,
)
BETWEEN = select(*ENDED).where(_within).order_by(_ended.desc()).limit(bindparam("most"))
LAST = (
    select(*ENDED)
    .where(calls.c.batch == _batch, _ended > literal_column("0"))
    .order_by(_ended.desc())
    .limit(bindparam("most"))
)
LAST_ENDS = (
    select(_ended, calls.c.outcome)
    .where(calls.c.batch == _batch, _ended > literal_column("0"))
    .order_by(_ended.desc())
    .limit(bindparam("most"))
)
_completed = calls.c.outcome == literal_column(f"'{Outcome.COMPLETED.value}'")
# Completed calls as long as that are all the same to whoever counts short ones.
FAR_S = 120.0
_far = literal_column(str(FAR_S), Float)
_priced = calls.c.cost_micros.is_not(None)
_length = case((~_completed, None), (calls.c.duration_s > _far, _far), else_=calls.c.duration_s)
# What store/recent.py holds of a call.
RECENT = (
    select(
        _ended,
        calls.c.outcome,
        calls.c.error_class,
        calls.c.from_number,
        calls.c.hangup,
        calls.c.disposition,
        calls.c.transferred,
        _length,
        case((_priced, func.coalesce(calls.c.currency, literal_column("'USD'")))),
        case((_priced, calls.c.cost_estimated)),
        func.coalesce(calls.c.cost_micros, literal_column("0")),
    )
    .where(calls.c.batch == _batch, _ended >= bindparam("start"))
    .order_by(_ended)
)
SHORTER = select(
    func.coalesce(func.sum(case((calls.c.duration_s < bindparam("than"), 1), else_=0)), 0),
    func.count(),
).where(_within, _completed, calls.c.duration_s.is_not(None))
TRANSFERS = select(
    func.count(), func.coalesce(func.sum(calls.c.transferred), literal_column("0"))
).where(_within, calls.c.transferred.is_not(None))
SPENT = (
    select(
        calls.c.currency,
        func.sum(calls.c.cost_micros),
        func.count(),
        func.sum(calls.c.cost_estimated),
    )
    .where(_within, _priced)
    .group_by(calls.c.currency)
)
_HOUR_US = 3_600_000_000
_COLUMNS: dict[Field, ColumnElement[Any]] = {
    Field.OUTCOME: calls.c.outcome,
    Field.HANGUP: calls.c.hangup,
    Field.DISPOSITION: calls.c.disposition,
    Field.ERROR: calls.c.error_class,
    Field.FROM_NUMBER: calls.c.from_number,
    Field.AGENT_VERSION: calls.c.agent_version,
    Field.ATTEMPT: calls.c.attempt,
    Field.COUNTRY: calls.c.country,
    Field.AREA: calls.c.area,
    Field.SENTIMENT: calls.c.sentiment,
    Field.TRANSFERRED: calls.c.transferred,
    Field.HOUR: _ended
    // literal_column(str(_HOUR_US), BigInteger)
    % literal_column("24", BigInteger),
}


@cache
def counting(fields: tuple[Field, ...]) -> Select[Any]:
    """How many calls of a span have which values of these fields."""
    columns = [_COLUMNS[field].label(f"f_{field.value}") for field in fields]
    labels: list[Any] = [literal_column(f"f_{field.value}") for field in fields]
    return select(*columns, func.count()).where(_within).group_by(*labels)


@cache
def having(field: Field) -> Select[Any]:
    """How many calls of a span have one value of a field."""
    return select(func.count()).where(_within, _COLUMNS[field] == bindparam("value"))


def ended_call(row: hot.Row) -> EndedCall:
    """A call from a row of the columns ``ENDED``."""
    return EndedCall.of(row)
