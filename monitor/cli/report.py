"""The commands ``offhook report …``, and what they take."""
# ruff: noqa: PLC0415 - the work is imported when a command runs, so that --help answers at once

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from monitor.cli.options import AsJson, ConfigFile


class _BatchOrCommand(TyperGroup):
    """``offhook report BATCH`` is short for ``offhook report batch BATCH``."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # click's own context has no name that typer exports
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["batch", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    help="Look back: at one batch (offhook report BATCH), or at what the rules were worth.",
    no_args_is_help=True,
    cls=_BatchOrCommand,
)


@app.callback()
def report() -> None:
    """Look back: at one batch (offhook report BATCH), or at what the rules were worth."""


@app.command()
def batch(
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="Its id, or its name.")],
    *,
    config: ConfigFile = None,
    provider: Annotated[str | None, typer.Option(help="Whose it is.")] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page that needs nothing else.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how a batch went, or goes: result, ladder, pace, cost, causes, alerts."""
    from monitor.cli import lookback

    raise typer.Exit(lookback.show(config, batch, provider, html, as_json=as_json))


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
