"""Where a vendor's answers have their ids, statuses, counts and times.

A path names keys from the answer's root, joined by dots; ``*`` stands for every element of a
list, a number for one of them, and ``""`` for the answer itself.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from monitor.simulator.faults.exchange import query_of
from monitor.simulator.wire import Asked


class Kind(StrEnum):
    """What an answer is about."""

    BATCHES = "batches"  # a list of batches
    BATCH = "batch"  # how one batch stands
    COUNTS = "counts"  # numbers about one batch, and nothing else
    ITEMS = "items"  # people or calls of one batch
    DETAIL = "detail"  # one call, or one person
    ELSE = "else"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """How a list is asked for page by page: by an offset and a size, or by a cursor.

    ``cursor`` is the parameter, ``next`` the path of the next one in an answer, and ``more``
    that of a flag which says whether there is one.
    """

    offset: str | None = None
    size: str | None = None
    cursor: str | None = None
    next: str | None = None
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One kind of answer, and what else it tells. Field paths are from the answer's root.

    ``batch`` is the parameter that names the batch, where the path has no group ``batch``;
    ``only`` is a pattern that must be found in the query. ``totals`` and ``finished`` are
    counts that must agree with the lists, ``optional`` what may be missing.
    """

    kind: Kind
    path: str
    also: frozenset[Kind] = frozenset()
    only: str = ""
    batch: str | None = None
    rows: str | None = None
    ids: tuple[str, ...] = ()
    batch_status: tuple[str, ...] = ()
    contact_status: tuple[str, ...] = ()
    call_status: tuple[str, ...] = ()
    totals: tuple[str, ...] = ()
    finished: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    paging: Paging | None = None

    def fits(self, asked: Asked) -> bool:
        """Whether an answer to this question is of this kind."""
        return bool(re.fullmatch(self.path, asked.path) and re.search(self.only, asked.query))

    def whose(self, asked: Asked) -> str | None:
        """The batch that was asked about; None for none in particular."""
        if self.batch is not None:
            return query_of(asked).get(self.batch)
        found = re.fullmatch(self.path, asked.path)
        return found.groupdict().get("batch") if found else None


End = Callable[[Asked, Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """All of a vendor's answers. ``ended`` makes an answer tell that its batch has completed.

    ``lacks`` says of which rows of the fault table there can be none at this vendor, and why.
    """

    vendor: str
    parts: tuple[Part, ...]
    ended: End
    lacks: dict[str, str] = field(default_factory=dict)

    def part(self, asked: Asked) -> Part | None:
        """What an answer to this question holds."""
        return next((part for part in self.parts if part.fits(asked)), None)

    def kinds(self, asked: Asked) -> frozenset[Kind]:
        """What an answer to this question is about."""
        part = self.part(asked)
        return part.also | {part.kind} if part else frozenset({Kind.ELSE})


def of_kind(shape: Shape, *kinds: Kind) -> Callable[[Asked], bool]:
    """Questions whose answers are of these kinds."""

    def to(asked: Asked) -> bool:
        return not shape.kinds(asked).isdisjoint(kinds)

    return to


def about(shape: Shape, batch_id: str) -> Callable[[Asked], bool]:
    """Questions about one batch."""

    def to(asked: Asked) -> bool:
        part = shape.part(asked)
        return part is not None and part.whose(asked) == batch_id

    return to


def spots(value: Any, path: str) -> Iterator[tuple[Any, Any]]:
    """Where a path leads: containers and keys, also a key that an object does not have yet."""
    *way, last = path.split(".")
    reached = [value]
    for step in way:
        reached = [inner for each in reached for inner in _inner(each, step)]
    for each in reached:
        if last == "*" and isinstance(each, list):
            yield from ((each, n) for n in range(len(each)))
        elif isinstance(each, dict):
            yield each, last
        elif isinstance(each, list) and last.isdecimal() and int(last) < len(each):
            yield each, int(last)


def _inner(value: Any, step: str) -> list[Any]:
    if step == "*":
        return value if isinstance(value, list) else []
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return [value[int(step)]]
    return [value[step]] if isinstance(value, dict) and step in value else []


def rows_of(value: Any, part: Part) -> list[Any]:
    """The rows of a list's answer."""
    if part.rows is None:
        return []
    if part.rows == "":
        return value if isinstance(value, list) else []
    for holder, key in spots(value, part.rows):
        if key in holder and isinstance(holder[key], list):
            found: list[Any] = holder[key]
            return found
    return []
