"""The commands ``offhook batch …``, and what they take."""
# ruff: noqa: PLC0415 - the work is imported when a command runs, so that --help answers at once

from typing import Annotated

import typer

from monitor.cli.options import AsJson, ConfigFile

app = typer.Typer(help="Pause, resume or stop a batch at its vendor.", no_args_is_help=True)

_Batch = Annotated[
    str, typer.Argument(metavar="[PROVIDER/]BATCH", help="The batch, by the vendor's id.")
]
_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
_Author = Annotated[str | None, typer.Option(help="Who does it; default: $USER.", metavar="NAME")]


@app.command()
def pause(
    batch: _Batch,
    *,
    config: ConfigFile = None,
    yes: _Yes = False,
    author: _Author = None,
    as_json: AsJson = False,
) -> None:
    """Let nobody else be dialled (1: it was not done, or nobody knows)."""
    from monitor.cli import acting
    from monitor.cli.acting import Sure

    raise typer.Exit(
        acting.act(config, "pause", batch, sure=Sure(yes=yes), author=author, as_json=as_json)
    )


@app.command()
def resume(
    batch: _Batch,
    *,
    config: ConfigFile = None,
    yes: _Yes = False,
    author: _Author = None,
    as_json: AsJson = False,
) -> None:
    """Let dialling go on (1: it was not done, or nobody knows)."""
    from monitor.cli import acting
    from monitor.cli.acting import Sure

    raise typer.Exit(
        acting.act(config, "resume", batch, sure=Sure(yes=yes), author=author, as_json=as_json)
    )


@app.command()
def stop(
    batch: _Batch,
    *,
    config: ConfigFile = None,
    yes: _Yes = False,
    really: Annotated[
        bool, typer.Option("--really", help="With --yes: end it without asking for its name.")
    ] = False,
    author: _Author = None,
    as_json: AsJson = False,
) -> None:
    """End it for good; this cannot be undone (1: it was not done, or nobody knows)."""
    from monitor.cli import acting
    from monitor.cli.acting import Sure

    sure = Sure(yes=yes, really=really)
    raise typer.Exit(acting.act(config, "stop", batch, sure=sure, author=author, as_json=as_json))
