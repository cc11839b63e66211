"""Options that several commands take, and the many of ``offhook init`` (its work: setup.py)."""
# ruff: noqa: PLC0415 - the work is imported when the command runs, so that --help answers at once

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Default: $OFFHOOK_CONFIG, ./config.toml, /etc/offhook/config.toml.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_VARIABLE = "The variable that holds it: others can read a command's arguments."

_Address = Annotated[
    str | None,
    typer.Option(help="Default: the vendor's own. Svalync: address or file of the result."),
]
_Batches = Annotated[
    list[str] | None, typer.Option(help="An id to watch, where none are found; may be repeated.")
]
_Hours = Annotated[
    list[str] | None,
    typer.Option(help='Permitted hours, "mon-fri 09:00-20:00"; may be repeated.'),
]

_Proxy = Annotated[
    str | None,
    typer.Option(help="http://host:port, where others are reached by one; $NAME with a password."),
]


def init(
    *,
    target: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Default: ./config.toml.")
    ] = None,
    vendor: Annotated[str | None, typer.Option(help="Whom the calls are made by.")] = None,
    name: Annotated[str | None, typer.Option(help="Your name for the account.")] = None,
    api_key: Annotated[str | None, typer.Option(metavar="$NAME", help=_VARIABLE)] = None,
    base_url: _Address = None,
    batch: _Batches = None,
    slack: Annotated[
        str | None,
        typer.Option(metavar="$NAME", help=f"Webhook address or bot token. {_VARIABLE}"),
    ] = None,
    slack_channel: Annotated[str | None, typer.Option(help="For a bot token.")] = None,
    smtp_url: Annotated[str | None, typer.Option(help="smtps://user@host:465, smtp://…")] = None,
    smtp_password: Annotated[str | None, typer.Option(metavar="$NAME", help=_VARIABLE)] = None,
    email_from: Annotated[str | None, typer.Option(help="Sender.")] = None,
    email_to: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Such as Europe/Berlin.")] = None,
    hours: _Hours = None,
    proxy: _Proxy = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Ask nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Try nothing out.")] = False,
) -> None:
    """Ask, try it out, and write the configuration."""
    from monitor.cli import setup
    from monitor.cli.answers import Answers

    given = Answers(
        vendor=vendor,
        name=name,
        api_key=api_key,
        base_url=base_url,
        batches=tuple(batch or ()),
        slack=slack,
        slack_channel=slack_channel,
        smtp_url=smtp_url,
        smtp_password=smtp_password,
        email_from=email_from,
        email_to=tuple(email_to or ()),
        timezone=timezone,
        hours=tuple(hours or ()) or None,
        proxy=proxy,
        no_input=no_input,
        offline=offline,
    )
    raise typer.Exit(setup.init(target, given, force=force))
