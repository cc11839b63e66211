"""``offhook report rules``: what each rule was worth in a month, and what to change."""

import dataclasses
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from monitor.cli.output import GOOD, WRONG, complain, print_json, print_lines, print_table
from monitor.cli.places import load_to_read, reading
from monitor.clock import SystemClock
from monitor.core.ledger import Advice, Entry, Proposal, Spent, advise, entries
from monitor.core.wording import moneys, span
from monitor.store.ledger import load_month

_COLUMNS = (
    "rule",
    "fired",
    "sent",
    "acknowledged",
    "acted on",
    "silenced",
    "flapped",
    "usually fires for",
    "spent after it",
)
_NOTES = (
    "A month's episodes with all that came of them. Acted on: somebody paused, resumed or ended",
    "the batch within an hour. Spent after it: by batches after their first alert of the rule.",
)


def rules(given: Path | None, month: str | None, *, as_json: bool) -> int:
    """The ledger of one month, in the configured time zone."""
    config = load_to_read(given)
    zone = ZoneInfo(config.monitor.timezone)
    now = SystemClock().now()
    start = _start(month or now.astimezone(zone).strftime("%Y-%m"), zone)
    if start is None:
        complain(f"{month!r} is not a month; write for example 2026-11")
        return WRONG
    with reading(config) as conn:
        found = load_month(conn, start, _next(start), now)
    made = entries(found.episodes, found.spent, [each.name for each in config.rules])
    advice = {entry.instance: advise(entry) for entry in made}
    if as_json:
        print_json(
            {
                "month": start.strftime("%Y-%m"),
                "timezone": str(zone),
                "rules": [_json(entry, advice[entry.instance]) for entry in made],
            }
        )
        return GOOD
    print_lines((f"{start:%Y-%m} ({zone})",))
    told = [entry for entry in made if entry.episodes]
    print_table(_COLUMNS, map(_row, told), "no rule fired in this month")
    silent = [entry.instance for entry in made if not entry.episodes]
    if silent:
        print_lines((f"did not fire: {', '.join(silent)}",))
    if told:
        print_lines(("", *(_advice(entry, advice[entry.instance]) for entry in told), "", *_NOTES))
    return GOOD


def _start(month: str, zone: ZoneInfo) -> datetime | None:
    """The first moment of a month there."""
    match = re.fullmatch(r"([1-9][0-9]{3})-(0[1-9]|1[0-2])", month)
    if match is None or match[1] == "9999":
        return None
    return datetime(int(match[1]), int(match[2]), 1, tzinfo=zone)


def _next(start: datetime) -> datetime:
    return (start + timedelta(days=32)).replace(day=1)


def _row(entry: Entry) -> tuple[Any, ...]:
    after = "" if entry.acknowledged_after is None else f", after {span(entry.acknowledged_after)}"
    return (
        entry.instance,
        entry.episodes,
        entry.sent,
        f"{entry.acknowledged}{after if entry.acknowledged else ''}",
        entry.acted,
        entry.silenced,
        entry.flapped,
        "" if entry.firing is None else span(entry.firing),
        _spent(entry.spent),
    )


def _spent(spent: Spent) -> str:
    if not spent.micros:
        return "" if spent.whole else "unknown"
    amounts = ", ".join(moneys(spent.micros))
    start = "" if spent.whole else "at least "
    return f"{start}{amounts}{' (estimate)' if spent.estimated else ''}"


def _advice(entry: Entry, advice: Advice) -> str:
    what = "" if advice.proposal is Proposal.NOTHING else f"{advice.proposal}: "
    return f"{entry.instance}: {what}{advice.reason}"


def _json(entry: Entry, advice: Advice) -> dict[str, Any]:
    values = {each.name: getattr(entry, each.name) for each in dataclasses.fields(entry)}
    return {**values, "proposal": advice.proposal, "reason": advice.reason}
