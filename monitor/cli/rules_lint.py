"""``rules lint``: what the configuration says of rules and probably does not mean."""

from pathlib import Path

from monitor.app.context import context_to_read
from monitor.app.linting import lint, lint_history
from monitor.cli.output import FOUND, GOOD, complain, print_json, print_lines
from monitor.cli.places import load_to_read, reading
from monitor.clock import SystemClock
from monitor.config import Config
from monitor.config.document import read_document
from monitor.errors import Problem, StoreError


def lint_rules(given: Path | None, *, as_json: bool) -> int:
    """Every warning; FOUND when there is one."""
    config = load_to_read(given)
    found = doubts(config)
    if not config.monitor.database.exists():
        complain(f"there is no database at {config.monitor.database}: limits are held against none")
    if as_json:
        print_json({"file": str(config.path), "warnings": found})
    else:
        print_lines(map(str, found) if found else [f"{config.path}: nothing to say of its rules"])
    return FOUND if found else GOOD


def doubts(config: Config) -> tuple[Problem, ...]:
    """What is doubtful by the file, and by what has happened where a database can be read."""
    now = SystemClock().now()
    document, context = read_document(config.path), context_to_read(config, now)
    found = list(lint(config, document, context))
    if config.monitor.database.exists():
        try:
            with reading(config) as conn:
                found += lint_history(conn, document, context, now)
        except StoreError as error:
            complain(f"limits are not held against what has happened: {error}")
    return tuple(sorted(dict.fromkeys(found), key=lambda each: each.line or 0))
