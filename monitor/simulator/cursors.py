"""Lists that are read with a cursor: where the last row stood, in a form nobody can read."""

import base64
import binascii
from collections.abc import Callable, Iterable
from heapq import nsmallest
from typing import TypeVar

import msgspec

from monitor.simulator.answers import BadRequestError, Manners

T = TypeVar("T")
Place = list[float]  # where a row stands in the order of its list


def place(number: int, changed: float, manners: Manners) -> Place:
    """Where the ``number``-th row stands, as the vendor happens to list."""
    match manners.order:
        case "created":
            return [number]
        case "newest":
            return [-number]
        case "changed":
            return [-changed, number]


def behind(
    cursor: str | None, known: Iterable[T], place_of: Callable[[T], Place], limit: int
) -> tuple[list[T], str | None]:
    """The next rows behind the cursor, and the cursor after them; None where the list ends.

    What has come to stand before the cursor meanwhile is passed over, as a list does that is
    read while it moves.
    """
    last = _read(cursor) if cursor else None
    placed = ((place_of(row), row) for row in known)
    rest = (found for found in placed if last is None or found[0] > last)
    part = nsmallest(limit + 1, rest, key=lambda found: found[0])
    more = _write(part[limit - 1][0]) if len(part) > limit else None
    return [row for _, row in part[:limit]], more


def _write(at: Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(at)).decode()


def _read(cursor: str) -> Place:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=Place)
    except (binascii.Error, ValueError) as error:
        raise BadRequestError("cursor", "not a cursor of this list") from error
