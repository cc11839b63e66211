"""The commands ``offhook silence …`` and ``offhook ack``, and what they take."""
# ruff: noqa: PLC0415 - the work is imported when a command runs, so that --help answers at once

from typing import Annotated

import typer

from monitor.cli.options import AsJson, ConfigFile

app = typer.Typer(help="Silences: what nobody is to hear for a while.", no_args_is_help=True)

_Author = Annotated[str | None, typer.Option(help="Who asks. Default: $USER.", show_default=False)]


@app.command()
def add(
    matchers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MATCHER...", help='Such as "rule=error_spike" "batch_name=~VIP.*".'
        ),
    ] = None,
    *,
    config: ConfigFile = None,
    lasts: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help='Such as "2h"; at most "7d".')
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help='"18:00", or "2026-05-10 18:00".')
    ] = None,
    until_batch_ends: Annotated[
        str | None, typer.Option(metavar="BATCH", help="Only what is of this batch, by its id.")
    ] = None,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Default: now.")
    ] = None,
    comment: Annotated[str, typer.Option(help="Why.")] = "",
    author: _Author = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what it would hold back now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a silence; at most 10 s later it holds."""
    from monitor.cli import silencing

    asked = silencing.Asked(
        matchers=tuple(matchers or ()),
        lasts=lasts,
        until=until,
        begin=begin,
        batch=until_batch_ends,
        comment=comment,
        author=author,
    )
    raise typer.Exit(silencing.add(config, asked, dry_run=dry_run, as_json=as_json))


@app.command("list")
def show(
    *,
    config: ConfigFile = None,
    ended: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List silences and acknowledgements."""
    from monitor.cli import silencing

    raise typer.Exit(silencing.show(config, ended=ended, as_json=as_json))


@app.command()
def expire(
    silence: Annotated[str, typer.Argument(metavar="ID", help="Its id, or how only it begins.")],
    *,
    config: ConfigFile = None,
    author: _Author = None,
    as_json: AsJson = False,
) -> None:
    """End one now (1: it has ended already)."""
    from monitor.cli import silencing

    raise typer.Exit(silencing.expire(config, silence, author, as_json=as_json))


def ack(
    key: Annotated[str, typer.Argument(help="The alert's key, or how only it begins.")],
    *,
    config: ConfigFile = None,
    comment: Annotated[str, typer.Option(help="What is being done about it.")] = "",
    author: _Author = None,
    as_json: AsJson = False,
) -> None:
    """Acknowledge an alert: no repeats until it closes (1: it is closed already)."""
    from monitor.cli import silencing

    raise typer.Exit(silencing.acknowledge(config, key, comment, author, as_json=as_json))
