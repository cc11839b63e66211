"""``silence add|list|expire`` and ``ack``: written beside the running daemon."""

import getpass
import os
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from monitor.cli.output import (
    FOUND,
    GOOD,
    WRONG,
    complain,
    local,
    print_json,
    print_lines,
    print_table,
)
from monitor.cli.places import load_to_read, reading, writing
from monitor.clock import SystemClock
from monitor.config import Config
from monitor.core.duration import parse_duration
from monitor.core.silence import Source
from monitor.core.wish import OverError, SilenceError, Wish, known_labels, read_matchers, read_time
from monitor.store import runs, silences
from monitor.store.silence_views import SilenceView, held_view, load_views, view


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A silence as it was typed."""

    matchers: tuple[str, ...]
    lasts: str | None
    until: str | None
    begin: str | None
    batch: str | None
    comment: str
    author: str | None


def add(given: Path | None, asked: Asked, *, dry_run: bool, as_json: bool) -> int:
    """Make a silence, or only show it."""
    config = load_to_read(given)
    now = SystemClock().now()
    labels = known_labels(config.rules)
    try:
        if dry_run:
            with reading(config) as conn:
                held = silences.preview(conn, _wish(conn, asked, config), now, labels)
        else:
            with writing(config) as conn:
                held = silences.add(conn, _wish(conn, asked, config), now, labels)
    except ValueError as error:
        return _refused(error)
    made = view(held.silence, now)
    if as_json:
        print_json(held_view(held, now, made=not dry_run))
        return GOOD
    begun = "would be silenced" if dry_run else f"silenced, id {made.id}"
    what = " ".join(made.matchers)
    zone = config.monitor.timezone
    starts = "" if held.silence.stands(now) else f" from {local(made.starts_at, zone)}"
    print_lines((f"{begun}: {what}{starts} until {ending(made, zone)}", held.text))
    return GOOD


def show(given: Path | None, *, ended: bool, as_json: bool) -> int:
    """Those that stand or are to begin, and with ``ended`` the others."""
    config = load_to_read(given)
    now = SystemClock().now()
    with reading(config) as conn:
        found = load_views(conn, now, ended=ended)
    if as_json:
        print_json(found)
        return GOOD
    zone = config.monitor.timezone
    print_table(
        ("id", "state", "what", "from", "until", "by", "why"),
        (
            (
                each.id,
                each.state,
                " ".join(each.matchers) or f"alert {(each.alert or '')[:12]} acknowledged",
                local(each.starts_at, zone),
                ending(each, zone),
                f"{each.author} ({each.source})",
                each.comment,
            )
            for each in found
        ),
        "no silences"
        if ended
        else "no silences stand; those that ended: offhook silence list --all",
    )
    return GOOD


def expire(given: Path | None, id_: str, author: str | None, *, as_json: bool) -> int:
    """End one now; FOUND when it has ended already."""
    config = load_to_read(given)
    now = SystemClock().now()
    try:
        with writing(config) as conn:
            ended = silences.end(conn, id_, by=_who(author), source=Source.CLI, now=now)
    except SilenceError as error:
        return _refused(error)
    if as_json:
        print_json(view(ended, now))
    else:
        print_lines((f"{ended.id} has ended",))
    return GOOD


def acknowledge(
    given: Path | None, key: str, comment: str, author: str | None, *, as_json: bool
) -> int:
    """Acknowledge an alert; FOUND when it is closed already."""
    config = load_to_read(given)
    now = SystemClock().now()
    who = _who(author)
    try:
        with writing(config) as conn:
            held = silences.acknowledge(
                conn, key, by=who, source=Source.CLI, now=now, comment=comment
            )
    except SilenceError as error:
        return _refused(error)
    if as_json:
        print_json(held_view(held, now, made=True))
        return GOOD
    alert, by = held.alerts[0], held.silence.author
    begun = f"acknowledged by {by}" if held.new else f"{by} has acknowledged it already"
    name = f"{alert.subject.title} ({alert.instance})"
    print_lines((f"{begun}: {name}; no repeats until it closes",))
    return GOOD


def _refused(error: ValueError) -> int:
    hint = error.hint if isinstance(error, SilenceError) else ""
    complain(f"{error}; {hint}" if hint else str(error))
    return FOUND if isinstance(error, OverError) else WRONG


def _wish(conn: Connection, asked: Asked, config: Config) -> Wish:
    """What was typed as values; ValueError says what cannot be read."""
    now = SystemClock().now()
    zone = ZoneInfo(config.monitor.timezone)
    return Wish(
        author=_who(asked.author),
        source=Source.CLI,
        comment=asked.comment,
        matchers=read_matchers(asked.matchers),
        starts_at=None if asked.begin is None else read_time(asked.begin, zone, now),
        lasts=None if asked.lasts is None else parse_duration(asked.lasts),
        ends_at=None if asked.until is None else read_time(asked.until, zone, now),
        until_end_of=None if asked.batch is None else runs.find_run(conn, asked.batch),
    )


def _who(author: str | None) -> str:
    if author is not None:
        return author
    try:
        return os.environ.get("USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return ""


def ending(found: SilenceView, zone: str) -> str:
    """When it is over, in the zone, or with what it is."""
    ends = [local(found.ended_at or found.ends_at, zone)]
    if found.until_end_of is not None and found.ended_at is None:
        ends.append(f"batch {found.until_end_of.batch} ends")
    if found.alert is not None and found.ended_at is None:
        ends.append("it closes")
    return " or ".join(filter(None, ends))
