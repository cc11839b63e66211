"""``rules lint``: what the configuration says of rules and probably does not mean."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from monitor.app.backtest import Asked
from monitor.app.context import context_to_read
from monitor.app.limits import SINCE, Shown, lint_history, live, to_live
from monitor.app.linting import lint
from monitor.cli.bar import bar
from monitor.cli.output import FOUND, GOOD, WRONG, complain, print_json, print_lines
from monitor.cli.places import load_to_read, reading
from monitor.clock import SystemClock
from monitor.config import Config
from monitor.config.document import Document, read_document
from monitor.errors import Problem, StoreError
from monitor.evaluation.context import Context


def lint_rules(given: Path | None, *, as_json: bool) -> int:
    """Every warning; FOUND when there is one."""
    config = load_to_read(given)
    try:
        found = doubts(config, measure=True)
    except KeyboardInterrupt:
        complain("stopped")
        return WRONG
    if not config.monitor.database.exists():
        complain(f"there is no database at {config.monitor.database}: limits are held against none")
    if as_json:
        print_json({"file": str(config.path), "warnings": found})
    else:
        print_lines(map(str, found) if found else [f"{config.path}: nothing to say of its rules"])
    return FOUND if found else GOOD


def doubts(config: Config, *, measure: bool = False) -> tuple[Problem, ...]:
    """What is doubtful by the file, and by what was told where a database can be read.

    ``measure``: how far batches came beside each limit, too, which takes some seconds.
    """
    now = SystemClock().now()
    document, context = read_document(config.path), context_to_read(config, now)
    found = list(lint(config, document, context))
    if config.monitor.database.exists():
        try:
            shown = _shown(config, document, context, now) if measure else {}
            with reading(config) as conn:
                found += lint_history(conn, document, context, now, shown)
        except StoreError as error:
            complain(f"limits are not held against what has happened: {error}")
    return tuple(sorted(dict.fromkeys(found), key=lambda each: each.line or 0))


def _shown(
    config: Config, document: Document, context: Context, now: datetime
) -> Mapping[str, Shown]:
    with reading(config) as conn:
        some = to_live(conn, document, context, now)
    asked = Asked(
        database=config.monitor.database,
        context=some.context,
        since=now - SINCE,
        until=now,
        every={name: each.poll_every for name, each in config.providers.items()},
    )
    with bar() as progress:
        return live(asked, some, progress)
