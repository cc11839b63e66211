"""What the newest calls are counted by, as memory holds them: calls alike are one kind."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from monitor.core.calls import Field
from monitor.store.spans import Key


class Kind(NamedTuple):
    """What calls are counted by. ``length`` only of completed ones, and FAR_S at most."""

    outcome: str
    error: str | None
    from_number: str | None
    hangup: str | None
    disposition: str | None
    transferred: int | None
    length: float | None
    currency: str | None  # None: its cost is not known
    estimated: int | None


PLACES: Mapping[Field, int] = {
    Field.OUTCOME: 0,
    Field.ERROR: 1,
    Field.FROM_NUMBER: 2,
    Field.HANGUP: 3,
    Field.DISPOSITION: 4,
    Field.TRANSFERRED: 5,
}


# Kinds that differ only in what stands from there on, which seldom are two alike, are one sort.
SORT = len(PLACES)


def values_of(fields: tuple[Field, ...]) -> Callable[[tuple[Any, ...]], Key]:
    """By the values of these fields, which a sort has."""
    places = [PLACES[each] for each in fields]
    return lambda sort: tuple([sort[place] for place in places])


def priced(kind: Kind) -> Key | None:
    """By what its cost is in, and whether that is an estimate."""
    return None if kind.currency is None else (kind.currency, kind.estimated)


def shorter_than(limit: float) -> Callable[[Kind], Key | None]:
    """By whether it was shorter than so many seconds."""
    return lambda kind: None if kind.length is None else kind.length < limit
