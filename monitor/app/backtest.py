"""Candidate rules over stored history, in several processes: one batch at a time each.

Every process reads the database for itself, read-only, so that a daemon beside it goes on
writing; a process holds one batch at a time. What a batch told is small and comes back.
"""

import gc
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from monitor.core.backtest import Differences, Entry, Fired, compare, entries
from monitor.core.pastwatch import Watched
from monitor.core.rule import Rule, SubjectKind
from monitor.core.suggesting import Peak, Suggestion, suggest
from monitor.evaluation.backtest import Lived, replay_one, replay_others, to_replay, told_since
from monitor.evaluation.context import Context
from monitor.evaluation.past import why_not
from monitor.evaluation.pastproviders import to_watch
from monitor.evaluation.pastsiblings import Siblings
from monitor.evaluation.replay import EVERY
from monitor.store.engine import open_engine

# With fewer batches a second process takes longer to start than they take.
ALONE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtested:
    """What candidate rules would have told, beside what was told.

    ``untold`` are the rules that history cannot tell, with the reason. ``partly`` are those
    that were not asked of the ``by_calls`` batches that nobody watched.
    """

    since: datetime
    until: datetime
    entries: tuple[Entry, ...]
    differences: Differences
    suggestions: tuple[Suggestion, ...] = ()
    untold: Mapping[str, str] = field(default_factory=dict)
    batches: int = 0
    by_calls: int = 0
    unread: int = 0
    changes: int = 0
    calls: int = 0
    untimed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is replayed, and how closely batches were looked at, by provider."""

    database: Path
    context: Context
    since: datetime
    until: datetime
    every: Mapping[str, timedelta] = field(default_factory=dict)
    suggest: bool = False
    watch: Mapping[str, bool] = field(default_factory=dict)  # see evaluation/backtest.py


Progress = Callable[[int, int], None]  # so many of so many batches are done


def backtest(asked: Asked, progress: Progress, workers: int | None = None) -> Backtested:
    """Replay what happened since then; reads only."""
    with _reading(asked) as conn:
        tasks = to_replay(conn, asked.context, asked.since)
        asked = replace(asked, watch=to_watch(conn, asked.context))
    found: list[Lived] = []
    batches_of: dict[str, list[Watched]] = {name: [] for name in asked.watch}
    for provider, life in lives(asked, tasks, progress, workers):
        found.append(life)
        batches_of.get(provider, []).extend(life.watched)
    with _reading(asked) as conn:
        batches = [each for life in found for each in life.fired]
        others = replay_others(conn, asked.context, asked.since, asked.until, batches, batches_of)
        told = told_since(
            conn,
            asked.context,
            asked.since,
            asked.until,
            [each.batch for each in found if not each.unread],
        )
    return _summed(asked, found, others, told)


def lives(
    asked: Asked, tasks: Sequence[tuple[str, int]], progress: Progress, workers: int | None = None
) -> Iterator[tuple[str, Lived]]:
    """These batches of these providers, lived once more, each with its provider.

    No connection of this process to the database may be open meanwhile.
    """
    with _lived(asked, tasks, workers or os.cpu_count() or 1) as found:
        progress(0, len(tasks))
        for done, ((provider, _), life) in enumerate(zip(tasks, found, strict=True), start=1):
            if life is not None:
                yield provider, life
            progress(done, len(tasks))


def _summed(
    asked: Asked, found: Sequence[Lived], others: Sequence[Fired], told: Iterable[Fired]
) -> Backtested:
    instances = asked.context.instances
    untold = {each.name: why for each in instances if (why := why_not(each))}
    names = [each.name for each in instances if each.name not in untold]
    # What was told by rules that cannot be replayed is no difference.
    comparable = (each for each in told if each.instance not in untold)
    replayed = (*others, *(each for life in found for each in life.fired))
    differences = compare(comparable, replayed)
    peaks: dict[str, list[Peak]] = defaultdict(list)
    for life in found:
        for name, peak in life.peaks.items():
            peaks[name].append(peak)
    suggestions = (
        suggest(each.name, each.settings.rule, peaks.get(each.name, []))
        for each in instances
        if asked.suggest and each.name in names and _has_a_limit(each.settings.rule)
    )
    read = [each for each in found if not each.unread]
    return Backtested(
        since=asked.since,
        until=asked.until,
        entries=entries(differences, names, asked.until),
        differences=differences,
        suggestions=tuple(suggestions),
        untold=untold,
        batches=len(read),
        by_calls=sum(not each.whole for each in read),
        unread=len(found) - len(read),
        changes=sum(each.changes for each in read),
        calls=sum(each.calls for each in read),
        untimed=sum(each.untimed for each in read),
    )


def _has_a_limit(rule: Rule) -> bool:
    """Whether its number was taken down, batch by batch."""
    return rule.subject is SubjectKind.BATCH and not rule.one_shot


# The processes


@dataclass(slots=True)
class _Worker:
    """What one process keeps: its own connection, and what it remembers of earlier batches."""

    asked: Asked
    engine: Engine
    context: Context
    siblings: Siblings = field(default_factory=Siblings)


_worker: list[_Worker] = []  # of this process


def _begin(asked: Asked) -> None:
    gc.set_threshold(100_000, 50, 50)  # what a life makes is let go of without being looked for
    _worker[:] = [_Worker(asked, open_engine(asked.database, read_only=True), asked.context)]


def _replay(task: tuple[str, int]) -> Lived | None:
    (worker,) = _worker
    provider, batch = task
    asked = worker.asked
    with worker.engine.connect() as conn:
        return replay_one(
            conn,
            batch,
            worker.context,
            asked.since,
            asked.until,
            asked.every.get(provider, EVERY),
            peaks=asked.suggest,
            watch=asked.watch,
            siblings=worker.siblings,
        )


@contextmanager
def _lived(
    asked: Asked, tasks: Sequence[tuple[str, int]], workers: int
) -> Iterator[Iterator[Lived | None]]:
    """What becomes of each task, in their order."""
    asked = replace(asked, context=_bare(asked.context))
    if len(tasks) < ALONE or workers == 1:
        with _here(asked):
            yield map(_replay, tasks)
        return
    # A copy of this process begins at once; where copies are not safe, anew.
    way = get_context("fork" if sys.platform == "linux" else "spawn")
    number = min(workers, len(tasks))
    with ProcessPoolExecutor(number, way, initializer=_begin, initargs=(asked,)) as pool:
        left = [pool.submit(_replay, task) for task in tasks]
        try:
            yield (each.result() for each in left)
        finally:
            for each in left:
                each.cancel()


def _bare(context: Context) -> Context:
    """The same with nothing remembered: what a process remembers is its own."""
    memories = (each for each in fields(context) if not each.compare)
    empty: dict[str, Any] = {
        each.name: each.default_factory()
        for each in memories
        if each.init and each.default_factory is not MISSING
    }
    return replace(context, **empty)


@contextmanager
def _here(asked: Asked) -> Iterator[None]:
    usual = gc.get_threshold()
    _begin(asked)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        _worker.pop().engine.dispose()


@contextmanager
def _reading(asked: Asked) -> Iterator[Connection]:
    """The database, closed again: no copy of a process may find it open."""
    engine = open_engine(asked.database, read_only=True)
    try:
        with engine.connect() as conn:
            yield conn
    finally:
        engine.dispose()
