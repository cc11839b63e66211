"""``rules explain``: what a rule says now, each number beside its limit, and how far it is off."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

import rules
from monitor.app.context import context_to_read
from monitor.cli.output import FOUND, GOOD, WRONG, ago, complain, print_json, print_lines
from monitor.cli.places import load_to_read, reading
from monitor.clock import SystemClock
from monitor.config import Config
from monitor.config.document import read_document
from monitor.config.hints import hint_for
from monitor.core.alert import AlertState
from monitor.core.duration import format_duration
from monitor.core.instance import RuleInstance, Settings
from monitor.core.rule import Clear, Finding, Holds, SubjectKind, Unknown
from monitor.core.wording import counted
from monitor.evaluation.accounts import PeopleMemo
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.judging import Opinion
from monitor.evaluation.reach import reach
from monitor.evaluation.saying import batch_opinions, expectation_opinions, provider_opinions
from monitor.store import alerts, batches, firings, providers
from monitor.store.batches import BatchRow
from monitor.store.firings import Firings

_OTHERWISE = {
    SubjectKind.SYSTEM: "about Offhook itself; what it has to say is in: offhook alerts",
    SubjectKind.DAY: "said once a day, at its time",
    SubjectKind.EXPECTATION: "nothing is expected: no [[expect]] is written",
}
_EVERYBODY = 1_000_000  # of the largest batch
_WORDS = {Holds: "holds", Clear: "clear", Unknown: "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one rule makes of one batch or provider now."""

    rule: str
    subject: str
    title: str
    verdict: str  # holds, clear, unknown
    why: str  # it cannot be said
    finding: Finding | None
    away: str  # from firing, for people
    alert: str  # pending, firing; "" without an open one
    since: datetime | None
    limits: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One rule instance."""

    rule: str
    limits: dict[str, Any]
    last_fired: datetime | None
    fired: int
    cannot: tuple[str, ...]
    said: tuple[Said, ...]
    otherwise: str  # where there is nothing of which it says anything


def explain(given: Path | None, name: str, batch: str | None, *, as_json: bool) -> int:
    """FOUND when it holds of anything now."""
    config = load_to_read(given)
    now = SystemClock().now()
    # This process asks once, and so about everybody.
    context = replace(context_to_read(config, now), people=PeopleMemo(piece=_EVERYBODY))
    chosen = [each for each in context.instances if name in {each.name, each.settings.rule.id}]
    if not chosen:
        complain(_why_not(config, name, [each.name for each in context.instances]))
        return WRONG
    with reading(config) as conn:
        rows = _rows(conn, context, batch)
        if batch is not None and not rows:
            complain(f"there is no batch {batch!r}; see: offhook batches --ended")
            return WRONG
        fired = firings.load(conn)
        found = [_explained(conn, each, rows, context, fired, now) for each in chosen]
    if as_json:
        print_json(found)
    else:
        for each in found:
            print_lines(_lines(each, now))
    holds = any(said.verdict == "holds" for each in found for said in each.said)
    return FOUND if holds else GOOD


def _why_not(config: Config, name: str, running: Sequence[str]) -> str:
    """Why nothing of this name can be explained."""
    if name in read_document(config.path).values.get("rules", {}):
        return f"{name} is turned off: [rules.{name}] says enabled = false"
    if name in rules.catalogue():
        return f"{name} runs only where the configuration has a table [rules.{name}]"
    hint = hint_for(name, (*running, *rules.catalogue()))
    return f"there is no rule {name!r}; {hint or 'see: offhook rules list'}"


def _rows(conn: Connection, context: Context, batch: str | None) -> list[BatchRow]:
    """The batches asked about: one by its id or name, else all that are open."""
    if batch is None:
        return [row for name in context.providers for row in batches.load_open(conn, name)]
    rows = batches.called(conn, batch)
    if rows:
        return rows
    every = (row for name in context.providers for row in batches.load_open(conn, name))
    return [row for row in every if row.look.title == batch]


def _explained(
    conn: Connection,
    instance: RuleInstance,
    rows: Sequence[BatchRow],
    context: Context,
    fired: Mapping[str, Firings],
    now: datetime,
) -> Explained:
    one = replace(context, instances=(instance,))
    history = fired.get(instance.name)
    views = list(context.providers.values())
    said = tuple(_said(conn, one, rows, now))
    subject = instance.settings.rule.subject
    return Explained(
        rule=instance.name,
        limits=_limits(instance.settings),
        last_fired=history.last_at if history else None,
        fired=history.episodes if history else 0,
        cannot=tuple(
            f"{each.provider}: {each.why}" for each in reach(instance, views, now) if not each.can
        ),
        said=said,
        otherwise="" if said else _OTHERWISE.get(subject, "no open batch is its business"),
    )


def _said(
    conn: Connection, context: Context, rows: Sequence[BatchRow], now: datetime
) -> Iterator[Said]:
    (instance,) = context.instances
    match instance.settings.rule.subject:
        case SubjectKind.BATCH:
            for row in rows:
                found = batch_opinions(conn, row.id, context, now)
                for opinion in found.opinions if found else ():
                    look = row.look
                    where = (SubjectKind.BATCH, look.provider, look.batch_id, look.title)
                    yield _of(conn, opinion, where, now)
        case SubjectKind.PROVIDER:
            for view in context.providers.values():
                known = replace(context, started_at=_known_since(conn, view, now))
                for opinion in provider_opinions(conn, view, known, now):
                    where = (SubjectKind.PROVIDER, view.name, view.name, view.name)
                    yield _of(conn, opinion, where, now)
        case SubjectKind.EXPECTATION:
            for name, opinion in expectation_opinions(conn, context, now):
                titles = {each.name: each.title for each in context.expectations}
                providers = {each.name: each.provider for each in context.expectations}
                where = (SubjectKind.EXPECTATION, providers[name], name, titles[name])
                yield _of(conn, opinion, where, now)
        case _:
            return


def _known_since(conn: Connection, view: ProviderView, now: datetime) -> datetime:
    """Since when a provider is asked, of which no silence before counts: not since just now."""
    row = providers.load(conn, view.name, view.vendor)
    times = (row.baseline_at, row.failing_since, row.fresh_at)
    return min((each for each in times if each is not None), default=now)


def _of(
    conn: Connection, opinion: Opinion, where: tuple[SubjectKind, str, str, str], now: datetime
) -> Said:
    kind, provider, subject, title = where
    verdict = opinion.verdict
    open_ = [
        each
        for each in alerts.load_open(conn, provider, kind, subject)
        if each.instance == opinion.instance.name
    ]
    held = open_[0] if open_ else None
    return Said(
        rule=opinion.instance.name,
        subject=subject,
        title=title,
        verdict=_WORDS[type(verdict)],
        why=verdict.reason if isinstance(verdict, Unknown) else "",
        finding=verdict.finding,
        away=_away(opinion, now, held.since if held else None),
        alert="" if held is None else str(held.state),
        since=None if held is None else (held.fired_at or held.since),
        limits=_limits(opinion.settings),
    )


def _away(opinion: Opinion, now: datetime, since: datetime | None) -> str:
    """How far it is from firing, where its number says it."""
    verdict, finding = opinion.verdict, opinion.verdict.finding
    pending = opinion.settings.timing.pending_for
    if isinstance(verdict, Holds) and opinion.settings.rule.one_shot:
        return "it is told once"
    if isinstance(verdict, Holds):
        left = pending - (now - since) if since else pending
        return f"fires in {format_duration(left)}" if left > timedelta(0) else "it holds"
    if finding is None or finding.value is None or finding.threshold is None:
        return ""
    gap = finding.threshold - finding.value
    unit = f" {finding.unit}" if finding.unit else ""
    # Between two shares lie points: 5 % below 25 % might be a twentieth less.
    apart = " points" if finding.unit == "%" else unit
    if not gap:
        return "at its limit, and something else is missing"
    side = "below" if gap > 0 else "above"
    away = f"{abs(gap):.6g}{apart} {side} its limit of {finding.threshold:.6g}{unit}"
    if (gap > 0) is finding.falls:
        return f"{away}, and something else is missing"
    return f"{away}, below which it fires" if finding.falls else away


def _limits(settings: Settings) -> dict[str, Any]:
    """The parameters by which it judges, with ``for`` and ``keep_firing_for``."""
    rule, timing = settings.rule, settings.timing
    found = {each.name: getattr(rule, each.name) for each in dataclasses.fields(rule)}
    times = {"for": timing.pending_for, "keep_firing_for": timing.keep_firing_for}
    return found | {name: length for name, length in times.items() if length}


# For people


def _lines(explained: Explained, now: datetime) -> Iterator[str]:
    fired = (
        f"last fired {ago(explained.last_fired, now)}, {counted(explained.fired, 'time')} in all"
    )
    yield f"{explained.rule}: {fired if explained.fired else 'never fired'}"
    yield f"  limits: {_shown(explained.limits)}"
    for each in explained.cannot:
        yield f"  cannot hold at {each}"
    if not explained.said:
        yield f"  {explained.otherwise}"
    for said in explained.said:
        yield from _one(said, explained.limits)


def _one(said: Said, usual: dict[str, Any]) -> Iterator[str]:
    name = said.title if said.title == said.subject else f"{said.title} ({said.subject})"
    state = {AlertState.PENDING: "waits to fire", AlertState.FIRING: "fires"}
    alert = f", {state[AlertState(said.alert)]}" if said.alert else ""
    yield f"  {name}: {said.verdict}{alert}" + (f": {said.why}" if said.why else "")
    if said.limits != usual:
        yield f"    limits here: {_shown(said.limits)}"
    finding = said.finding
    if finding is None:
        return
    yield f"    it sees: {finding.summary}"
    if numbers := _numbers(finding):
        yield f"    {numbers}"
    if said.away:
        yield f"    {said.away}"
    for label, text in finding.details:
        yield f"    {label}: {text}"


def _numbers(finding: Finding) -> str:
    unit = f" {finding.unit}" if finding.unit else ""
    parts = []
    if finding.value is not None:
        limit = "" if finding.threshold is None else f" (limit {finding.threshold:.6g}{unit})"
        parts.append(f"value {finding.value:.6g}{unit}{limit}")
    counts = ((name, getattr(finding, name)) for name in ("n", "affected", "total", "waiting"))
    parts += [f"{name} {n:,}" for name, n in counts if n is not None]
    return ", ".join(parts)


def _shown(limits: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_value(each)}" for name, each in limits.items()) or "it has none"


def _value(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, set | frozenset | tuple):
        return " + ".join(sorted(map(str, value))) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {each}" for name, each in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
