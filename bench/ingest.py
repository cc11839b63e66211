"""From page bytes in memory to evaluated rules, beside decoding the same bytes and beside a
straightforward implementation."""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from sqlite3 import Connection

from bench import floor, naive, path, reference
from bench.generator import NOW, Where, later, pages
from bench.results import Result, median, ratio, spread
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
    results += _beside_naive(directory, known, first, people, times)
    return results


def _decode(bodies: list[bytes]) -> float:
    began = time.perf_counter()
    reference.decode_all(bodies)
    return time.perf_counter() - began


def _unchanged(known: path.Known, first: list[bytes], times: int) -> list[Result]:
    # Other objects with the same bytes, as a second answer has.
    again = [bytes(bytearray(body)) for body in first]
    ours, theirs = [], []
    for _ in range(times):
        before = _decode(again)
        with path.copy_of(known) as work:
            ours.append(path.run(work, again))
        theirs.append((before + _decode(again)) / 2)
    with path.copy_of(known) as work:
        held = path.contents(work)
        path.run(work, again)
        written = sum(old != new for old, new in zip(held, path.contents(work), strict=True))
    note = f"{spread(ours)} beside {spread(theirs)}"
    tables = "of contacts, calls, changes, pages, by every row of them"
    return [
        Result("unchanged / decoding all", 0.08, ratio(ours, theirs), note=note),
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
        # Half before and half after: the machine's speed wanders meanwhile.
        theirs.append((before + _decode(bodies)) / 2)
        floors.append(floor.measure(bare, first, bodies).total)
    note = f"{spread(ours)} beside {spread(theirs)}; bare loops {spread(floors)}"
    return Result(f"{what} / decoding all", limit, ratio(ours, theirs), note=note)


def _beside_naive(
    directory: Path, known: path.Known, first: list[bytes], people: int, times: int
) -> list[Result]:
    file = directory / "naive.db"
    _fresh(file)
    engine = naive.open_database(file)
    naive.poll(engine, first, NOW)
    with engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    results = []
    for share, limit in ((0.01, 30.0), (0.1, 6.0)):
        bodies = later(first, share, "scattered")
        ours, theirs = [], []
        for _ in range(times):
            with path.copy_of(known) as work:
                ours.append(path.run(work, bodies))
            theirs.append(_naive(file, bodies))
        note = f"{people:,} people; {median(theirs):.2f} s beside {spread(ours)}"
        results.append(
            Result(
                f"{share:.0%} changed, scattered: times faster than naive",
                limit,
                ratio(theirs, ours),
                at_least=True,
                note=note,
            )
        )
    return results


def _naive(file: Path, bodies: Sequence[bytes]) -> float:
    work = file.with_name("naive-work.db")
    _fresh(work)
    shutil.copy(file, work)
    engine = naive.open_database(work)
    try:
        began = time.perf_counter()
        naive.poll(engine, bodies, NOW)
        return time.perf_counter() - began
    finally:
        engine.dispose()
        _fresh(work)


def _fresh(file: Path) -> None:
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()
