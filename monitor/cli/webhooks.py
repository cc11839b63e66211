"""The commands ``offhook webhooks …``, and what they take."""
# ruff: noqa: PLC0415 - the work is imported when a command runs, so that --help answers at once

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.options import AsJson, ConfigFile

app = typer.Typer(help="Webhooks: where to register them, and whether they come.")


@app.callback(invoke_without_command=True)
def webhooks(
    context: typer.Context,
    *,
    config: ConfigFile = None,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Also the addresses that are a secret.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show where each provider's webhooks are to be registered."""
    if context.invoked_subcommand is not None:
        return
    from monitor.cli import registering

    raise typer.Exit(registering.show(config, as_json=as_json, show_secrets=show_secrets))


@app.command()
def register(
    provider: str,
    *,
    config: ConfigFile = None,
    secret_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A new file for the secret that the vendor makes."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else it is only shown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Register at a vendor that has an API for it (1: it must be done by hand)."""
    from monitor.cli import registering

    raise typer.Exit(
        registering.register(config, provider, secret_file=secret_file, do_it=yes, as_json=as_json)
    )


@app.command("test")
def send_test(
    provider: str,
    *,
    config: ConfigFile = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Instead of public_url, such as http://127.0.0.1:8420."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send a signed sample and follow it to the outbox; nobody is alerted."""
    from monitor.cli import rehearsing

    raise typer.Exit(rehearsing.test(config, provider, url=url, as_json=as_json))
