"""The commands ``offhook report …``, and what they take."""
# ruff: noqa: PLC0415 - the work is imported when a command runs, so that --help answers at once

from typing import Annotated

import typer

from monitor.cli.options import AsJson, ConfigFile

app = typer.Typer(help="Look back.", no_args_is_help=True)


@app.callback()
def report() -> None:
    """Look back."""


@app.command()
def rules(
    *,
    config: ConfigFile = None,
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="Default: the running one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what each rule was worth in a month, and propose what to change."""
    from monitor.cli import ledger

    raise typer.Exit(ledger.rules(config, month, as_json=as_json))
