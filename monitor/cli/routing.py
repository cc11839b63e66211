"""The command ``offhook route explain``, and what it takes."""
# ruff: noqa: PLC0415 - the work is imported when the command runs, so that --help answers at once

from typing import Annotated

import typer

from monitor.cli.options import AsJson, ConfigFile

app = typer.Typer(help="Routes: who hears of what.", no_args_is_help=True)


@app.callback()
def routes() -> None:
    """Routes: who hears of what."""


@app.command()
def explain(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY | LABEL=VALUE...",
            help="An alert's key, or what one would be: rule=error_spike provider=renewals.",
        ),
    ],
    *,
    config: ConfigFile = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help='"18:00", the next one, or "2026-05-10 18:00", also in the past. Default: now.',
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say who would hear of an alert, when, and why (1: nobody now)."""
    from monitor.cli import explaining

    raise typer.Exit(explaining.explain(config, what, at, as_json=as_json))
