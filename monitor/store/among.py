"""Rows with one of many values: few statements, each of a size that is prepared once."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any

from sqlalchemy import BindParameter, Column, Connection, Select, bindparam, select

from monitor.store import hot
from monitor.store.hot import IN_SIZES, Row


def listed(size: int) -> list[BindParameter[Any]]:
    """So many values for ``in_`` of a statement that lives as long as the process."""
    return [bindparam(f"v{i}") for i in range(size)]


def filled(values: Sequence[str | int | bytes], size: int) -> dict[str, str | int | bytes]:
    """The same, bound: one value or more, of which the last stands in for those that lack."""
    some = [*values, *[values[-1]] * (size - len(values))]
    return {f"v{i}": each for i, each in enumerate(some)}


def rows(
    conn: Connection, columns: tuple[Column[Any], ...], values: Sequence[bytes]
) -> Iterator[Row]:
    """These columns of the rows whose first column is among the values."""
    return asked(conn, partial(_rows, columns), values)


def asked(
    conn: Connection, statement: Callable[[int], Select[Any]], values: Sequence[str | int | bytes]
) -> Iterator[Row]:
    """What a statement for so many values, the same one each time, finds for all of these."""
    most = IN_SIZES[-1]
    for start in range(0, len(values), most):
        some = values[start : start + most]
        size = next(size for size in IN_SIZES if size >= len(some))
        yield from hot.ask(conn, statement(size), **filled(some, size))


@cache
def _rows(columns: tuple[Column[Any], ...], size: int) -> Select[Any]:
    return select(*columns).where(columns[0].in_(listed(size)))
