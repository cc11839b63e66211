"""Limits held against what has happened in the last 30 days: what never fires, what always does.

A limit is measured as ``rules backtest --suggest`` measures it: batches that ended are lived
once more, by the rules that are asked about alone, and each says how far it came at its worst.
The newest are taken, and no more than can be lived in a few seconds.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import Connection

from monitor.app.backtest import Asked, Progress, lives
from monitor.app.linting import MATCH, at_rule, tables
from monitor.config.document import Document
from monitor.config.rules import parameters_of
from monitor.core.completion import ended_calls
from monitor.core.compose import amount
from monitor.core.instance import RuleInstance
from monitor.core.route import all_match
from monitor.core.rule import Rule, SubjectKind
from monitor.core.suggesting import ENOUGH, Measured, Peak, measured, written
from monitor.errors import Problem
from monitor.evaluation.batches import labels_of
from monitor.evaluation.context import Context
from monitor.evaluation.past import why_not
from monitor.store import batches, firings, history
from monitor.store.batches import BatchRow

SINCE = timedelta(days=30)
MOST_BATCHES = 40  # lived for one rule
MOST_CALLS = 30_000  # in all of them, unless a rule would have too few batches then
_ALWAYS = 0.8  # of the batches with an alert: the limit lies below what is usual
_NEAR = 4  # times as far as the worst batch came: it was never near


@dataclass(frozen=True, slots=True, kw_only=True)
class ToLive:
    """What is lived once more: with which rules, which batches, and how many of them are each's."""

    context: Context
    tasks: tuple[tuple[str, int], ...]
    batches: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the batches that were lived once more showed of one rule."""

    batches: int
    fired: int  # in so many of them
    measured: Measured | None  # None where its limit is not one number


def to_live(conn: Connection, document: Document, context: Context, now: datetime) -> ToLive:
    """The rules that are measured, and the newest batches that are their business."""
    named = tables(document)
    asked = replace(
        context, instances=tuple(i for i in context.instances if i.name in named and _speaks(i))
    )
    taken: Counter[str] = Counter()
    found: list[tuple[str, int]] = []
    calls = 0
    known = (each for each in _ended(conn, context, now) if each.listed_at and not each.pruned)
    for row in sorted(known, key=_end, reverse=True):
        view = context.providers[row.look.provider]
        labels = labels_of(row.look, view)
        if not all_match(view.match, labels):
            continue
        mine = [each.name for each in asked.instances if all_match(each.match, labels)]
        room = calls + ended_calls(row.tally) <= MOST_CALLS
        if any(taken[name] < (MOST_BATCHES if room else ENOUGH) for name in mine):
            calls += ended_calls(row.tally)
            taken.update(mine)
            found.append((row.look.provider, row.id))
    return ToLive(context=asked, tasks=tuple(found), batches=taken)


def _speaks(instance: RuleInstance) -> bool:
    """Whether it matters how near its limit was: not of what is never to happen at all."""
    rule = instance.settings.rule
    lasting = rule.subject is SubjectKind.BATCH and not rule.one_shot
    return lasting and not rule.compliance and not why_not(instance)


def _ended(conn: Connection, context: Context, now: datetime) -> list[BatchRow]:
    return [
        batches.load(conn, each)
        for name in context.providers
        for each in history.ended_since(conn, name, now - SINCE)
    ]


def _end(row: BatchRow) -> datetime:
    return row.terminal_at or row.first_seen_at


def live(asked: Asked, some: ToLive, progress: Progress) -> Mapping[str, Shown]:
    """What these batches showed of each rule that enough of them are the business of."""
    peaks: dict[str, list[Peak]] = {}
    fired: Counter[str] = Counter()
    asked = replace(asked, context=some.context, suggest=True)
    if not any(n >= ENOUGH for n in some.batches.values()):
        return {}
    for _, life in lives(asked, some.tasks, progress):
        for name, peak in life.peaks.items():
            peaks.setdefault(name, []).append(peak)
        fired.update({each.instance for each in life.fired})
    return {
        each.name: _shown(each, some.batches[each.name], fired[each.name], peaks.get(each.name, []))
        for each in some.context.instances
        if some.batches[each.name] >= ENOUGH
    }


def _shown(instance: RuleInstance, n: int, fired: int, peaks: Sequence[Peak]) -> Shown:
    found = measured(instance.settings.rule, peaks)
    return Shown(batches=n, fired=fired, measured=found if isinstance(found, Measured) else None)


def lint_history(
    conn: Connection,
    document: Document,
    context: Context,
    now: datetime,
    shown: Mapping[str, Shown],
) -> Iterator[Problem]:
    """What has happened says of the rules, where enough has.

    A rule in ``shown`` is judged by its limits as they are now; any other by what was told,
    whatever limits it had then.
    """
    rows = _ended(conn, context, now)
    if len(rows) < ENOUGH:
        return
    told = firings.load(conn, now - SINCE)
    labels = [labels_of(row.look, context.providers[row.look.provider]) for row in rows]
    for instance in context.instances:
        rule = instance.settings.rule
        if rule.subject is not SubjectKind.BATCH:
            continue
        n = sum(all_match(instance.match, each) for each in labels)
        if not n:
            yield from _matched_nothing(document, instance, len(rows))
        elif known := shown.get(instance.name):
            yield from _lived(document, instance, known)
        elif instance.name in told and not rule.one_shot and n >= ENOUGH:
            yield from _always_told(document, instance, told[instance.name].subjects, n)


def _matched_nothing(document: Document, instance: RuleInstance, n: int) -> Iterator[Problem]:
    """No batch of late was its business."""
    if instance.match:
        text = f"none of the {n} batches that ended in the last 30 days is matched"
        yield at_rule(document, instance, text, MATCH, "match")


def _always_told(
    document: Document, instance: RuleInstance, fired: int, n: int
) -> Iterator[Problem]:
    """It fires so often that nobody reads it any more."""
    if fired >= _ALWAYS * n:
        text = f"fired in {min(fired, n)} of {n} batches in the last 30 days"
        keys = ("threshold",) if "threshold" in parameters_of(type(instance.settings.rule)) else ()
        yield at_rule(document, instance, text, _PASSED, *keys)


_PASSED = "a limit that is always passed says nothing; raise it"


def _lived(document: Document, instance: RuleInstance, shown: Shown) -> Iterator[Problem]:
    found = shown.measured
    limit = amount(found.limit, found.unit) if found else ""
    if shown.fired >= _ALWAYS * shown.batches:
        which = f"the newest {shown.batches} batches of the last 30 days"
        with_limit = f": the limit is {limit}" if found else ""
        text = f"would have fired in {shown.fired} of {which}{with_limit}"
        keys = (found.parameter,) if found else ()
        yield at_rule(document, instance, text, f"{_PASSED}, or see: {_SUGGEST}", *keys)
    elif found and _is_never_near(found):
        way = "below" if found.falls else "above"
        which = f"the newest {len(found.values)} batches of the last 30 days"
        worst = amount(found.worst, found.unit)
        text = (
            f"history never came near it: of {which} none came {way} {worst},"
            f" and the limit is {limit}"
        )
        todo = f"try {_nearer(instance.settings.rule, found)}, or see: {_SUGGEST}"
        yield at_rule(document, instance, text, todo, found.parameter)


_SUGGEST = "offhook rules backtest --suggest"


def _is_never_near(found: Measured) -> bool:
    """Of what never happened at all no limit would be nearer, so nothing is said of it."""
    if found.falls:
        return found.worst > _NEAR * found.limit
    return 0 < found.worst < found.limit / _NEAR


def _nearer(rule: Rule, found: Measured) -> str:
    """A limit that the worst batch is well off, and that a bad one would reach."""
    limit = found.worst / 2 if found.falls else 2 * found.worst
    rounded = ceil(limit) if found.unit == "%" else limit
    text = written(getattr(rule, found.parameter), rounded, found.unit)
    return text or amount(limit, found.unit)
