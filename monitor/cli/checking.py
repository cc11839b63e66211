"""``check-config`` and ``config schema``."""

import os
from pathlib import Path
from typing import Any

from monitor.cli.expected import expected_data, expected_lines
from monitor.cli.output import GOOD, complain, print_json, print_lines
from monitor.cli.places import config_path
from monitor.cli.rules_lint import doubts
from monitor.cli.samples import render_all
from monitor.clock import SystemClock
from monitor.config import json_schema, load
from monitor.errors import ConfigError, Problem


def check_config(given: Path | None, *, as_json: bool) -> int:
    """Every problem, or what would run; each message is rendered and none is sent."""
    try:
        config = load(config_path(given), environ=os.environ, in_service=_in_service())
        rendered = render_all(config)
        warnings = (*config.warnings, *doubts(config))
    except ConfigError as error:
        if as_json:
            print_json({"ok": False, "problems": [_problem(each) for each in error.problems]})
        raise
    now = SystemClock().now()
    if as_json:
        print_json(
            {
                "ok": True,
                "file": str(config.path),
                "warnings": [_problem(each) for each in warnings],
                "providers": list(config.providers),
                "receivers": list(config.receivers),
                "rules": [each.name for each in config.rules],
                "expected": expected_data(config.expectations, now),
                "rendered": rendered,
            }
        )
        return GOOD
    for warning in warnings:
        complain(f"warning: {warning}")
    print_lines(
        (
            f"{config.path}: good",
            f"providers: {', '.join(config.providers)}",
            f"receivers: {', '.join(config.receivers)}",
            f"rules: {', '.join(each.name for each in config.rules) or 'none'}",
            *expected_lines(config.expectations, now),
            f"{rendered} messages rendered, none sent",
        )
    )
    return GOOD


def _in_service() -> bool:
    return "CREDENTIALS_DIRECTORY" in os.environ


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "key": problem.key,
        "text": problem.text,
        "hint": problem.hint,
    }


def config_schema() -> int:
    """For editors: write it to a file and name that in the first line of the configuration."""
    print_json(json_schema())
    return GOOD
