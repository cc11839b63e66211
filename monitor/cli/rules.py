"""The commands ``offhook rules …``, and what they take."""
# ruff: noqa: PLC0415 - the work is imported when the command runs, so that --help answers at once

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.options import AsJson, ConfigFile

app = typer.Typer(
    help="Rules: which run, what they say now, and their tests.", no_args_is_help=True
)


@app.callback()
def rules() -> None:
    """Rules: which run, what they say now, and their tests."""


@app.command("list")
def list_rules(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List what runs, and at which provider it can hold at all."""
    from monitor.cli import rules_list

    raise typer.Exit(rules_list.list_rules(config, as_json=as_json))


@app.command()
def explain(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="A rule, or an instance of yours.")],
    *,
    config: ConfigFile = None,
    batch: Annotated[
        str | None, typer.Option(help="Of this batch, by id or name. Default: all open ones.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a rule says now, and how far it is from firing (1: it holds)."""
    from monitor.cli import rules_explain

    raise typer.Exit(rules_explain.explain(config, rule, batch, as_json=as_json))


@app.command()
def lint(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Warn of what is written of rules and probably not meant (1: something is)."""
    from monitor.cli import rules_lint

    raise typer.Exit(rules_lint.lint_rules(config, as_json=as_json))


@app.command()
def backtest(
    *,
    since: Annotated[str, typer.Option(metavar="LENGTH", help="How far back.")] = "14d",
    config: ConfigFile = None,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Also propose limits, from how far batches came.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Replay what has happened through the rules of a file (1: they tell otherwise)."""
    from monitor.cli import rules_backtest

    raise typer.Exit(rules_backtest.run(config, since, suggest=suggest, as_json=as_json))


@app.command("test")
def run_tests(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Tests, in TOML.")],
    *,
    config: ConfigFile = None,
    only: Annotated[
        str | None, typer.Option("--only", metavar="TEXT", help="Tests with this in their name.")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Also show what happened where all is well.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Play stories through the real rules and routes (1: something is not as expected)."""
    from monitor.cli import rules_test

    raise typer.Exit(rules_test.run(files, config, only, verbose=verbose, as_json=as_json))
