"""What the simulated vendors need to answer a request: JSON, times, numbers, lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from monitor.simulator.batch import Batch

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a vendor lists things, where its documentation leaves that open.

    ``max_limit`` caps a page whatever was asked for. ``order``: as created, the newest first,
    or the last changed first, which makes pages shift while things move.
    Times are seconds.
    """

    max_limit: int | None = None
    order: Literal["created", "newest", "changed"] = "created"
    ends_early: bool = False  # Vogent, ElevenLabs: complete though some still talk
    listed_after: float = 0.0  # Vogent: how long after its end a dial stands on no list
    flat_status: bool = False  # Vogent: whatever took place says completed
    linked: bool = False  # Vogent: a dial names the row of the queue that it came from
    counts_lag: float = 0.0  # Svalync: the statistics are as old as this, the status is not


class BadRequestError(Exception):
    """The caller asked for something that cannot be read; ``field`` says where."""

    def __init__(self, field: str, text: str) -> None:
        self.field, self.text = field, text
        super().__init__(f"{field}: {text}")


def json(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def zulu(t: float | None, *, digits: int = 0) -> str | None:
    """Seconds since 1970 as Graine and most of Bland write times; None stays None."""
    if t is None:
        return None
    spec = "milliseconds" if digits else "seconds"
    return datetime.fromtimestamp(t, UTC).isoformat(timespec=spec).replace("+00:00", "Z")


def offset(t: float) -> str:
    """Seconds since 1970 as Bland's call records write times."""
    return datetime.fromtimestamp(t, UTC).isoformat(timespec="microseconds")


def whole(request: Request, name: str, default: int) -> int:
    """A query parameter that is a number from 0."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise BadRequestError(name, "Input should be a valid integer")
    return int(text)


def flag(request: Request, name: str, *, default: bool) -> bool:
    """A query parameter that is true or false."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if text.lower() not in {"true", "false", "1", "0"}:
        raise BadRequestError(name, "Input should be a valid boolean")
    return text.lower() in {"true", "1"}


def page(rows: Sequence[T], skip: int, limit: int, manners: Manners) -> Sequence[T]:
    """The asked part of a list, no more of it than the vendor gives at once."""
    if manners.max_limit is not None:
        limit = min(limit, manners.max_limit)
    return rows[skip : skip + limit]


def ordered(batches: Sequence[T], manners: Manners) -> list[T]:
    """Batches as the vendor happens to list them."""
    rows = list(batches)
    match manners.order:
        case "created":
            return rows
        case "newest":
            return rows[::-1]
        case "changed":
            return sorted(rows, key=_changed, reverse=True)


def _changed(row: Any) -> float:
    return row.updated if isinstance(row, Batch) else 0.0


def ordered_people(batch: Batch, people: Sequence[int], manners: Manners) -> Sequence[int]:
    """People of a batch as the vendor happens to list them."""
    match manners.order:
        case "created":
            return people
        case "newest":
            return people[::-1]
        case "changed":
            return sorted(people, key=batch.people.changed.__getitem__, reverse=True)
