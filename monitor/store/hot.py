"""Statements that run hundreds of thousands of times: compiled once from Core, run with tuples.

Core decides the SQL for the dialect; the driver gets it with positional values, which is
several times faster than Core's own executemany with dictionaries.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Delete,
    Insert,
    Select,
    Subquery,
    Table,
    Update,
    bindparam,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

# Lists of keys are filled up to one of these lengths, so that few statements are compiled.
IN_SIZES = (8, 64, 512)

_AT_ONCE = 256
_ROWS_AT_ONCE = (64, 32, 16, 8, 4, 2, 1)  # how many rows one statement writes

Row = tuple[Any, ...]
_Binding = tuple[Callable[[Any], Any] | None, ...]


def upsert(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert whole rows, in the order of the table's columns; a known key gets the new values.

    No key may be there twice.
    """
    cursor = _cursor(conn)
    for some in _together(rows):
        sql = _upsert_sql(table, len(some), conn.dialect.name)
        cursor.execute(sql, list(chain.from_iterable(some)))


def insert(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert whole new rows, in the order of the table's columns."""
    if rows:
        _cursor(conn).executemany(_insert_sql(table, conn.dialect.name), rows)


def insert_once(
    conn: Connection, columns: Sequence[Column[Any]], unique: Column[Any], rows: Sequence[Row]
) -> set[Any]:
    """Insert rows into some columns, each unless its unique value is there; the new values.

    Many rows are one statement: a thread that lets go of the interpreter for each row waits
    its turn for each row.
    """
    new: set[Any] = set()
    cursor = _cursor(conn)
    for some in _together(rows):
        sql = _insert_once_sql(tuple(columns), unique, len(some), conn.dialect.name)
        found = cursor.execute(sql, list(chain.from_iterable(some))).fetchall()
        new.update(value for (value,) in found)
    return new


def _together(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """The rows in pieces, as few as statements for so many rows allow."""
    start = 0
    while left := len(rows) - start:
        size = next(size for size in _ROWS_AT_ONCE if size <= left)
        yield rows[start : start + size]
        start += size


def update(conn: Connection, table: Table, key: int, values: Mapping[str, Any]) -> None:
    """Write some columns of the row with this ``id``."""
    sql, types = _update_sql(table, tuple(values), conn.dialect.name)
    bound = [v if of is None else of(v) for v, of in zip(values.values(), types, strict=True)]
    _cursor(conn).execute(sql, (*bound, key))


def add(conn: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Insert one new row with some of its columns; its ``id``."""
    sql, types = _add_sql(table, tuple(values), conn.dialect.name)
    bound = [v if of is None else of(v) for v, of in zip(values.values(), types, strict=True)]
    ((key,),) = _cursor(conn).execute(sql, bound).fetchall()
    return int(key)


def change(conn: Connection, statement: Insert | Update | Delete, *rows: Mapping[str, Any]) -> int:
    """Run a change that lives as long as the process, once a row; times are given as numbers.

    How many rows of the table that changed.
    """
    sql, names, given = _asked(statement, conn.dialect.name)
    bound = [[row[name] if name in row else given[name] for name in names] for row in rows]
    cursor = _cursor(conn)
    cursor.executemany(sql, bound)
    return int(cursor.rowcount)


def delete(conn: Connection, table: Table, keys: Sequence[Row]) -> None:
    """Take out the rows with these primary keys."""
    if keys:
        _cursor(conn).executemany(_delete_sql(table, conn.dialect.name), keys)


def ask(conn: Connection, statement: Select[Any], **values: Any) -> list[Row]:
    """The raw rows of a statement that lives as long as the process; times stay numbers.

    Compiled once: Core's own way through its cache takes longer than a short query itself.
    """
    sql, names, given = _asked(statement, conn.dialect.name)
    bound = [values[name] if name in values else given[name] for name in names]
    rows: list[Row] = _cursor(conn).execute(sql, bound).fetchall()
    return rows


def read(conn: Connection, statement: Select[Any], **values: Any) -> list[SimpleNamespace]:
    """The same with the columns' names and their own types."""
    names, typed = _typed(statement, conn.dialect.name)
    found = []
    for row in ask(conn, statement, **values):
        cells = list(row)
        for i, of in typed:
            cells[i] = of(cells[i])
        found.append(SimpleNamespace(**dict(zip(names, cells, strict=True))))
    return found


@cache
def _typed(
    statement: Select[Any], name: str
) -> tuple[tuple[str, ...], tuple[tuple[int, Callable[[Any], Any]], ...]]:
    columns = list(statement.selected_columns)
    found = (column.type.result_processor(_dialect(name), None) for column in columns)
    typed = tuple((i, of) for i, of in enumerate(found) if of is not None)
    return tuple(column.name for column in columns), typed


@cache
def _asked(
    statement: Select[Any] | Insert | Update | Delete, name: str
) -> tuple[str, tuple[str, ...], Mapping[str, Any]]:
    compiled = statement.compile(dialect=_dialect(name))
    return str(compiled), tuple(compiled.positiontup or ()), dict(compiled.params)


def by_keys(
    conn: Connection, table: Subquery, names: tuple[str, ...], batch: int, values: Sequence[str]
) -> Iterable[Row]:
    """These columns of one batch's rows whose first column is among the values."""
    cursor = _cursor(conn)
    most = IN_SIZES[-1]
    for start in range(0, len(values), most):
        some = tuple(values[start : start + most])
        size = next(size for size in IN_SIZES if size >= len(some))
        sql = _select_sql(table, names, size, conn.dialect.name)
        filled = some + some[-1:] * (size - len(some))
        yield from cursor.execute(sql, (batch, *filled)).fetchall()


def of_batch(
    conn: Connection, table: Table | Subquery, batch: int, *order: ColumnElement[Any]
) -> Iterable[Row]:
    """The raw rows of one batch, a few at a time: they may be many."""
    found = _cursor(conn).execute(_of_batch_sql(conn.dialect.name, table, *order), (batch,))
    while rows := found.fetchmany(_AT_ONCE):
        yield from rows


@contextmanager
def in_passing(conn: Connection) -> Iterator[None]:
    """Read much, once: what is read does not stay in the connection's page cache."""
    if conn.dialect.name != "sqlite":
        yield
        return
    cursor = _cursor(conn)
    ((size,),) = cursor.execute("PRAGMA cache_size").fetchall()
    cursor.execute("PRAGMA cache_size=-1024")
    try:
        yield
    finally:
        cursor.execute(f"PRAGMA cache_size={size}")


def _cursor(conn: Connection) -> Any:
    """The driver's own cursor, inside the connection's transaction."""
    return conn.connection.cursor()


def _dialect(name: str) -> Dialect:
    made: Dialect = (
        sqlite.dialect(paramstyle="qmark")
        if name == "sqlite"
        else postgresql.dialect(paramstyle="format")  # type: ignore[no-untyped-call]  # the same
    )
    return made


def _compiled(statement: Any, name: str) -> str:
    return str(statement.compile(dialect=_dialect(name)))


@cache
def _upsert_sql(table: Table, size: int, name: str) -> str:
    module = sqlite if name == "sqlite" else postgresql
    statement = module.insert(table).values(_rows(table.columns, size))
    others = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if not column.primary_key
    }
    keys = [column.name for column in table.primary_key]
    return _compiled(statement.on_conflict_do_update(index_elements=keys, set_=others), name)


@cache
def _insert_once_sql(
    columns: tuple[Column[Any], ...], unique: Column[Any], size: int, name: str
) -> str:
    module = sqlite if name == "sqlite" else postgresql
    statement = module.insert(unique.table).values(_rows(columns, size))
    once = statement.on_conflict_do_nothing(index_elements=[unique])
    return _compiled(once.returning(unique), name)


def _rows(columns: Iterable[Column[Any]], size: int) -> list[dict[str, Any]]:
    return [
        {column.name: bindparam(f"{column.name}_{n}") for column in columns} for n in range(size)
    ]


@cache
def _update_sql(table: Table, names: tuple[str, ...], name: str) -> tuple[str, _Binding]:
    columns = [table.c[each] for each in names]
    statement = (
        table.update()
        .where(table.c.id == bindparam("key"))
        .ordered_values(*((column, bindparam(f"v_{column.name}")) for column in columns))
    )
    return _compiled(statement, name), _binding(columns, name)


@cache
def _add_sql(table: Table, names: tuple[str, ...], name: str) -> tuple[str, _Binding]:
    columns = [table.c[each] for each in names]
    values: dict[str, Any] = {column.name: bindparam(f"v_{column.name}") for column in columns}
    statement = table.insert().values(values).returning(table.c.id)
    return _compiled(statement, name), _binding(columns, name)


def _binding(columns: Iterable[Column[Any]], name: str) -> _Binding:
    return tuple(column.type.bind_processor(_dialect(name)) for column in columns)


@cache
def _delete_sql(table: Table, name: str) -> str:
    keys = [column == bindparam(f"k_{column.name}") for column in table.primary_key]
    return _compiled(table.delete().where(*keys), name)


@cache
def _insert_sql(table: Table, name: str) -> str:
    return _compiled(table.insert(), name)


@cache
def _of_batch_sql(name: str, table: Table | Subquery, *order: ColumnElement[Any]) -> str:
    statement = select(table).where(table.c.batch == bindparam("batch")).order_by(*order)
    return _compiled(statement, name)


@cache
def _select_sql(table: Subquery, names: tuple[str, ...], n: int, name: str) -> str:
    columns = [table.c[each] for each in names]
    wanted = columns[0].in_([bindparam(f"v{i}") for i in range(n)])
    statement = select(*columns).where(table.c.batch == bindparam("batch"), wanted)
    return _compiled(statement, name)
