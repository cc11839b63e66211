"""The commands about the whole of the database: ``backup``, ``restore`` and ``erase``."""
# ruff: noqa: PLC0415 - the work is imported when the command runs, so that --help answers at once

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.options import AsJson, ConfigFile


def backup(
    target: Annotated[Path, typer.Argument(help="A file that does not exist yet.")],
    *,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy the database, also while the daemon runs."""
    from monitor.cli import keeping

    raise typer.Exit(keeping.backup(config, target, as_json=as_json))


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What backup wrote.")],
    *,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the database's place, while no daemon runs; what was there is kept."""
    from monitor.cli import keeping

    raise typer.Exit(keeping.restore(config, source, as_json=as_json))


def erase(
    number: Annotated[
        str | None,
        typer.Argument(
            metavar="[NUMBER]", help="With + and its country's code; - reads it from the input."
        ),
    ] = None,
    *,
    contact: Annotated[
        str | None,
        typer.Option(metavar="PROVIDER/BATCH/CONTACT", help="Somebody without a number."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what is known.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    author: Annotated[str | None, typer.Option(help="Who does it. Default: you.")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Forget a person, here and whenever a vendor tells of them again."""
    from monitor.cli import erasing

    asked = erasing.Asked(number=number, contact=contact, dry_run=dry_run, yes=yes, author=author)
    raise typer.Exit(erasing.run(config, asked, as_json=as_json))
