"""``run``, ``poll``, ``notify test``: the daemon's own work, from a terminal."""

import os
import sys
from pathlib import Path

import structlog

from monitor import app, log
from monitor.cli.output import FOUND, GOOD, WRONG, complain, print_json, print_lines
from monitor.cli.places import config_path, load_to_run
from monitor.config import Config
from monitor.config.secrets import secrets_of
from monitor.systemd import is_journal


def run(given: Path | None) -> int:
    """The daemon, until it is told to stop."""
    path = config_path(given)
    config = _started(path)
    for warning in config.warnings:
        structlog.get_logger("monitor.config").warning("configuration", text=str(warning))
    return app.run_daemon(config, path)


def poll(given: Path | None, *, dry_run: bool, as_json: bool) -> int:
    """One sweep of everything: what it saw, and what would be sent."""
    report = app.poll_once(_started(given), dry_run=dry_run)
    if as_json:
        print_json(report.data)
    else:
        print_lines(report.lines)
        for message in report.messages:
            print_lines((f"{message.state} {message.severity} {message.rule}: {message.sentence}",))
        if not report.messages:
            print_lines(("nothing would be sent",))
    for failure in report.failures:
        complain(failure)
    return FOUND if report.failures else GOOD


def test_notify(
    given: Path | None, receiver: str | None, rule: str | None, *, as_json: bool
) -> int:
    """One marked message to one receiver, or to each, through the real pipeline."""
    config = _started(given)
    if receiver is not None and receiver not in config.receivers:
        complain(f"there is no receiver {receiver!r}; known: {', '.join(config.receivers)}")
        return WRONG
    names = tuple(instance.name for instance in config.rules)
    if rule is not None and rule not in names:
        complain(f"there is no rule {rule!r}; known: {', '.join(names)}")
        return WRONG
    chosen = (receiver,) if receiver else tuple(config.receivers)
    results = app.send_test(config, chosen, rule)
    if as_json:
        print_json(results)
    else:
        print_lines(str(result) for result in results)
    return GOOD if all(result.ok for result in results) else FOUND


def _started(given: Path | None) -> Config:
    config = load_to_run(given)
    journal = is_journal(os.environ, sys.stderr)
    log.configure(config.monitor.log, journal=journal)
    log.hide(secrets_of(config))
    return config
