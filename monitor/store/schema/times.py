"""Times in columns, and the collection that every table belongs to."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import BigInteger, Dialect, MetaData, TypeDecorator

from monitor.core import instants
from monitor.core.instants import from_micros


def to_micros(at: datetime) -> int:
    """An aware time as the tables keep it; ValueError for a naive one."""
    if at.tzinfo is None:
        msg = f"a time without a zone cannot be stored: {at!r}"
        raise ValueError(msg)
    return instants.to_micros(at)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out, whole microseconds inside."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuse what has no zone."""
        del dialect
        return _kept(value)

    # A row has many times: they are translated without a step between.
    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], int | None]:
        """The same, for every value of a column."""
        del dialect
        return _kept

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[int | None], datetime | None]:
        """Give the zone back."""
        del dialect, coltype
        return _told


def _kept(value: datetime | None) -> int | None:
    return None if value is None else to_micros(value)


def _told(value: int | None) -> datetime | None:
    return None if value is None else from_micros(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
