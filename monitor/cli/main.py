"""The command ``offhook``: which commands there are, and what they take.

Each command imports its work when it runs, so that ``offhook --help`` answers at once.
"""
# ruff: noqa: PLC0415 - see above: SQLAlchemy, pydantic and the notifiers take a second to import

import os
import sys
from enum import StrEnum
from types import TracebackType
from typing import Annotated

import typer

from monitor import __version__
from monitor.cli import batch, database, report, routing, rules, silences, webhooks
from monitor.cli.options import AsJson, ConfigFile, init
from monitor.errors import ConfigError, OffhookError

WRONG = 2
CRASHED = 70


class DeliveryState(StrEnum):
    """How a message stands; the dead were given up."""

    PENDING = "pending"
    ATTEMPTING = "attempting"
    SENT = "sent"
    SUPERSEDED = "superseded"
    DEAD = "dead"


app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
config_app = typer.Typer(help="About the configuration.", no_args_is_help=True)
notify_app = typer.Typer(help="About receivers.", no_args_is_help=True)
deliveries_app = typer.Typer(help="Messages: sent, waiting, given up.")
app.add_typer(config_app, name="config")
app.add_typer(notify_app, name="notify")
app.add_typer(deliveries_app, name="deliveries", invoke_without_command=True)
app.add_typer(batch.app, name="batch")
app.add_typer(report.app, name="report")
app.add_typer(routing.app, name="route")
app.add_typer(rules.app, name="rules")
app.add_typer(webhooks.app, name="webhooks", invoke_without_command=True)
app.add_typer(silences.app, name="silence")
app.command()(silences.ack)
app.command()(database.backup)
app.command()(database.restore)
app.command()(database.erase)


def _version(asked: bool) -> None:
    if asked:
        print(f"offhook {__version__}")
        raise typer.Exit


@app.callback()
def offhook(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Watches AI-voice call batches and tells people when one goes wrong or ends.

    Status 0: good. 1: found something. 2: wrong use or configuration.
    """
    del version
    if config is not None:
        os.environ["OFFHOOK_CONFIG"] = str(config)


app.command()(init)


@app.command()
def run(config: ConfigFile = None) -> None:
    """Run the daemon."""
    from monitor.cli import running

    raise typer.Exit(running.run(config))


@app.command()
def poll(
    *,
    config: ConfigFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at everything once, and send nothing."""
    from monitor.cli import running

    raise typer.Exit(running.poll(config, dry_run=dry_run, as_json=as_json))


@app.command()
def backfill(
    *,
    config: ConfigFile = None,
    since: Annotated[str, typer.Option(metavar="TIME", help="How far back.")] = "14d",
    provider: Annotated[str | None, typer.Option(help="Only this provider's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read batches of the past; no alert comes of it (1: not all could be read)."""
    from monitor.cli import backfill as reading_back

    raise typer.Exit(reading_back.read_back(config, since, provider, as_json=as_json))


@app.command()
def demo(
    *,
    config: ConfigFile = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running.")] = False,
) -> None:
    """Show the main job in a simulated world, with a configuration of its own."""
    from monitor.cli import story

    del config  # taken everywhere, so that an alias of the command may have it
    raise typer.Exit(story.demo(keep=keep))


@app.command("check-config")
def check_config(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check the configuration; send nothing."""
    from monitor.cli import checking

    raise typer.Exit(checking.check_config(config, as_json=as_json))


@config_app.command("schema")
def config_schema(*, config: ConfigFile = None) -> None:
    """Print the JSON schema of the configuration, for editors; it is the same for every file."""
    from monitor.cli import checking

    del config  # taken everywhere, so that an alias of the command may have it
    raise typer.Exit(checking.config_schema())


@app.command()
def status(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show how things stand (1: not well)."""
    from monitor.cli import status as glance

    raise typer.Exit(glance.status(config, as_json=as_json))


@app.command()
def batches(
    *,
    config: ConfigFile = None,
    provider: Annotated[str | None, typer.Option(help="Only this provider's.")] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Those that are over, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the batches."""
    from monitor.cli import reading

    raise typer.Exit(reading.batches(config, provider, ended=ended, as_json=as_json))


@app.command()
def alerts(
    key: Annotated[str | None, typer.Argument(help="Show the life of this one.")] = None,
    *,
    config: ConfigFile = None,
    closed: Annotated[bool, typer.Option("--all", help="Closed ones, too.")] = False,
    group: Annotated[
        int | None, typer.Option(metavar="N", help="All that one message stands for.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the alerts (1: one fires)."""
    from monitor.cli import reading

    raise typer.Exit(reading.alerts(config, key, closed=closed, group=group, as_json=as_json))


@deliveries_app.callback()
def deliveries(
    context: typer.Context,
    *,
    config: ConfigFile = None,
    state: Annotated[DeliveryState | None, typer.Option(help="Only these.")] = None,
    receiver: Annotated[str | None, typer.Option(help="Only to this receiver.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the messages (1: one was given up)."""
    if context.invoked_subcommand is not None:
        return
    from monitor.cli import reading

    raise typer.Exit(reading.deliveries(config, None, state, receiver, as_json=as_json))


@deliveries_app.command("show")
def deliveries_show(key: str, *, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show every try of one message."""
    from monitor.cli import reading

    raise typer.Exit(reading.deliveries(config, key, None, None, as_json=as_json))


@deliveries_app.command("replay")
def deliveries_replay(key: str, config: ConfigFile = None) -> None:
    """Send a message again that was given up."""
    from monitor.cli import keeping

    raise typer.Exit(keeping.replay(config, key))


@notify_app.command("test")
def notify_test(
    receiver: Annotated[str | None, typer.Argument(help="Default: every receiver.")] = None,
    rule: Annotated[str | None, typer.Option(help="As this rule would say it.")] = None,
    *,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Send a test message through the real pipeline."""
    from monitor.cli import running

    raise typer.Exit(running.test_notify(config, receiver, rule, as_json=as_json))


@app.command()
def doctor(
    *,
    config: ConfigFile = None,
    online: Annotated[
        bool, typer.Option("--online", help="Also ask every vendor and receiver.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong here."""
    from monitor.cli import doctor as examination

    raise typer.Exit(examination.examine(config, online=online, as_json=as_json))


def main() -> None:
    """Run the command; what people can put right is said in a sentence, not in a traceback."""
    try:
        app()
    except ConfigError as error:
        print(error, file=sys.stderr)  # each line begins with its file and line, for editors
        sys.exit(WRONG)
    except OffhookError as error:
        print(f"offhook: {error}", file=sys.stderr)
        sys.exit(WRONG)
    except BrokenPipeError:
        # the reader of our output has gone, and Python would complain of it once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    finally:
        sys.excepthook = _say_crash  # after typer, which installs one of its own


def _say_crash(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """A bug: logged without secrets and local variables, and never taken for a finding."""
    import structlog

    from monitor import log

    if not structlog.is_configured():
        log.configure("console")
    structlog.get_logger("offhook").error("crashed", exc_info=(kind, error, trace))
    sys.exit(CRASHED)
