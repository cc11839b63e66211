"""``rules list``: what runs, how heavy it is, and at which provider it can hold at all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import rules
from monitor.app.context import context_to_read
from monitor.cli.output import GOOD, ago, complain, print_json, print_lines, print_table
from monitor.cli.places import load_to_read, reading
from monitor.clock import SystemClock
from monitor.config import Config
from monitor.config.document import read_document
from monitor.core.instance import RuleInstance
from monitor.core.rule import told_as
from monitor.errors import StoreError
from monitor.evaluation.context import Context
from monitor.evaluation.reach import Reach, reach
from monitor.store import firings
from monitor.store.firings import Firings


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One rule as this configuration runs it, or does not (``state`` "off", "not written")."""

    name: str
    rule: str
    state: str  # runs, off, not written
    written: bool
    severity: str
    about: str
    match: tuple[str, ...]
    needs: tuple[str, ...]
    where: tuple[Reach, ...]
    last_fired: datetime | None
    fired: int


def list_rules(given: Path | None, *, as_json: bool) -> int:
    """Every rule; the database is looked at where there is one."""
    config = load_to_read(given)
    now = SystemClock().now()
    context = context_to_read(config, now)
    found = [*_running(config, context, _fired(config), now), *_idle(config)]
    if as_json:
        print_json(found)
        return GOOD
    _print(found, now)
    return GOOD


def _fired(config: Config) -> Mapping[str, Firings]:
    """What each has done, as far as a database tells."""
    if not config.monitor.database.exists():
        return {}
    try:
        with reading(config) as conn:
            return firings.load(conn)
    except StoreError as error:
        complain(f"when they last fired is not known: {error}")
        return {}


def _written(config: Config) -> frozenset[str]:
    """The rules that have a table in the file."""
    tables = read_document(config.path).values.get("rules", {})
    return frozenset(tables)


def _running(
    config: Config, context: Context, known: Mapping[str, Firings], now: datetime
) -> Iterator[Listed]:
    written, views = _written(config), list(context.providers.values())
    for each in context.instances:
        rule = each.settings.rule
        fired = known.get(each.name)
        yield Listed(
            name=each.name,
            rule=rule.id,
            state="runs",
            written=each.name in written,
            severity=_severity(each),
            about=str(rule.subject),
            match=tuple(f"{m.label}{m.operator}{m.value}" for m in each.match),
            needs=tuple(sorted(rule.needs)),
            where=tuple(reach(each, views, now)),
            last_fired=fired.last_at if fired else None,
            fired=fired.episodes if fired else 0,
        )


def _severity(instance: RuleInstance) -> str:
    return "by status" if instance.settings.rule.weighed_by else str(instance.settings.severity)


def _idle(config: Config) -> Iterator[Listed]:
    """Rules that no instance runs: turned off, or that say nothing without a table."""
    run = {each.settings.rule.id for each in config.rules}
    written = _written(config)
    for name, rule in rules.catalogue().items():
        if name not in run:
            yield Listed(
                name=name,
                rule=name,
                state="off" if name in written else "not written",
                written=name in written,
                severity=str(rule.severity),
                about=str(rule.subject),
                match=(),
                needs=tuple(sorted(rule.needs)),
                where=(),
                last_fired=None,
                fired=0,
            )


def _print(found: list[Listed], now: datetime) -> None:
    print_table(
        ("rule", "severity", "needs to see", "in the file", "can hold at", "last fired"),
        (
            (
                each.name if each.name == each.rule else f"{each.name} ({each.rule})",
                each.severity,
                ", ".join(map(told_as, each.needs)),
                "yes" if each.written else "",
                _where(each.where),
                ago(each.last_fired, now) if each.state == "runs" else each.state,
            )
            for each in found
        ),
        "no rules",
    )
    reasons: dict[tuple[str, str], list[str]] = {}
    for each in found:
        for why in dict.fromkeys(place.why for place in each.where if not place.can):
            there = ", ".join(place.provider for place in each.where if place.why == why)
            reasons.setdefault((there, why), []).append(each.name)
    print_lines(f"{there}: {why}: {', '.join(those)}" for (there, why), those in reasons.items())


def _where(places: Sequence[Reach]) -> str:
    """The providers at which it can hold, by the shorter list; "" where it is about none."""
    can = [place.provider for place in places if place.can]
    cannot = [place.provider for place in places if not place.can]
    if not cannot:
        return "everywhere" if can else ""
    if not can:
        return "nowhere"
    return ", ".join(can) if len(can) <= len(cannot) else f"all but {', '.join(cannot)}"
