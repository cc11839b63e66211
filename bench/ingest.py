"""From page bytes in memory to evaluated rules, beside decoding the same bytes."""

from collections.abc import Sequence
from pathlib import Path
from sqlite3 import Connection

from bench import floor, path, reference
from bench.generator import Where, later, pages
from bench.results import Result, Took, ratio, spread, took
from monitor.app.settling import settle

_CASES: tuple[tuple[str, float, Where, float], ...] = (
    ("1 % changed, clustered", 0.01, "clustered", 0.5),
    ("1 % changed, scattered", 0.01, "scattered", 0.9),
)


def measure(directory: Path, people: int, times: int) -> list[Result]:
    """All of it."""
    first = pages(people)
    known = path.prepare(directory / "offhook.db", people, first)
    settle()
    often = 2 * times + 1  # what takes a moment is measured more often
    results = _unchanged(known, first, often)
    bare = floor.prepare(directory / "floor.db", first)
    for what, share, where, limit in _CASES:
        results.append(_changed(known, bare, first, later(first, share, where), limit, what, often))
    bare.close()
    return results


def _decode(bodies: list[bytes]) -> Took:
    return took(lambda: reference.decode_all(bodies))


def _mean(before: Took, after: Took) -> Took:
    """Half before and half after: the machine's speed wanders meanwhile."""
    return Took(*((one + other) / 2 for one, other in zip(before, after, strict=True)))


def _result(
    what: str, limit: float, ours: Sequence[Took], theirs: Sequence[Took], more: str = ""
) -> Result:
    """By the clock on the wall; how much of it the processor took stands beside it."""
    mine, reading = [each.seconds for each in ours], [each.seconds for each in theirs]
    busy = ratio([each.processor for each in ours], [each.processor for each in theirs])
    note = f"{spread(mine)} beside {spread(reading)}{more}; {busy:.3g} of its processor time"
    return Result(what, limit, ratio(mine, reading), note=note)


def _unchanged(known: path.Known, first: list[bytes], times: int) -> list[Result]:
    # Other objects with the same bytes, as a second answer has.
    again = [bytes(bytearray(body)) for body in first]
    ours, theirs = [], []
    for _ in range(times):
        before = _decode(again)
        with path.copy_of(known) as work:
            ours.append(path.run(work, again))
        theirs.append(_mean(before, _decode(again)))
    with path.copy_of(known) as work:
        held = path.contents(work)
        path.run(work, again)
        written = sum(old != new for old, new in zip(held, path.contents(work), strict=True))
    tables = "of contacts, calls, changes, pages, by every row of them"
    return [
        _result("unchanged / decoding all", 0.08, ours, theirs),
        Result("tables written for unchanged pages", 0, written, note=tables),
    ]


def _changed(
    known: path.Known,
    bare: Connection,
    first: list[bytes],
    bodies: list[bytes],
    limit: float,
    what: str,
    times: int,
) -> Result:
    ours, theirs, floors = [], [], []
    for _ in range(times):
        before = _decode(bodies)
        with path.copy_of(known) as work:
            ours.append(path.run(work, bodies))
        theirs.append(_mean(before, _decode(bodies)))
        floors.append(floor.measure(bare, first, bodies).total)
    more = f"; bare loops {spread(floors)}"
    return _result(f"{what} / decoding all", limit, ours, theirs, more)
