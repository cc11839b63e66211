"""From page bytes in memory to evaluated rules, beside a straightforward implementation, which
takes most of the time of this."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from bench import naive, path
from bench.generator import NOW, later, pages
from bench.results import Result, median, ratio, spread, took
from monitor.app.settling import settle


def measure(directory: Path, people: int, times: int) -> list[Result]:
    """All of it."""
    first = pages(people)
    known = path.prepare(directory / "offhook.db", people, first)
    file = directory / "naive.db"
    _fill(file, first)
    settle()
    results = []
    for share, limit in ((0.01, 30.0), (0.1, 6.0)):
        bodies = later(first, share, "scattered")
        ours, theirs = [], []
        for _ in range(times):
            with path.copy_of(known) as work:
                ours.append(path.run(work, bodies).seconds)
            theirs.append(_poll(file, bodies))
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


def _fill(file: Path, first: Sequence[bytes]) -> None:
    _fresh(file)
    engine = naive.open_database(file)
    naive.fill(engine, first)
    with engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()


def _poll(file: Path, bodies: Sequence[bytes]) -> float:
    work = file.with_name("naive-work.db")
    _fresh(work)
    shutil.copy(file, work)
    engine = naive.open_database(work)
    try:
        return took(lambda: naive.poll(engine, bodies, NOW)).seconds
    finally:
        engine.dispose()
        _fresh(work)


def _fresh(file: Path) -> None:
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()
