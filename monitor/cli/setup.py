"""``init``: a few questions, each answer tried, then the file. Nothing about rules."""

import asyncio
import os
from pathlib import Path

import typer

from monitor.cli.accounts import accounts_of, ask_provider
from monitor.cli.answers import Answers, local_zone
from monitor.cli.draft import Draft, RefusedError, Value, settings_from, write_private
from monitor.cli.hello import say_hello
from monitor.cli.output import FOUND, GOOD, complain, print_lines
from monitor.cli.places import USUAL, VARIABLE
from monitor.config import load
from monitor.config.model import CalendarSettings, MonitorSettings
from monitor.config.reading import variants
from monitor.core.hours import parse_hours
from monitor.notifiers.build import AnyReceiverSettings

CALENDAR = "permitted"


def init(given: Path | None, answers: Answers, *, force: bool) -> int:
    """Ask, try, write; an existing file is replaced only when that was agreed to."""
    target = given or Path(os.environ.get(VARIABLE) or USUAL[0])
    if target.exists() and not force:
        if answers.no_input:
            complain(f"{target} exists already and is left alone; --force replaces it")
            return FOUND
        if not typer.confirm(f"{target} exists already. Replace it?", default=False, err=True):
            return FOUND
    draft = Draft()
    draft.tables["monitor"] = _ask_proxy(answers)
    answers.again(lambda: ask_provider(draft, answers))
    answers.again(lambda: _ask_receiver(draft, answers))
    answers.again(lambda: _ask_times(draft, answers))
    for name, text in draft.secret_files().items():
        write_private(target.parent / name, text)
    write_private(target, draft.text())
    load(target, environ=os.environ, in_service=False)
    print_lines(
        (
            f"{target} is written; every rule is on",
            f"next: offhook check-config --config {target}",
            f"then: offhook run --config {target}",
        )
    )
    return GOOD


def _ask_proxy(answers: Answers) -> dict[str, Value]:
    if answers.proxy is None:
        return {}
    table: dict[str, Value] = {"proxy": answers.proxied}
    settings_from(MonitorSettings, table)
    return table


def _ask_receiver(draft: Draft, answers: Answers) -> None:
    kinds = variants(AnyReceiverSettings, "kind")
    kind = answers.text(_kind(answers), "--slack or --email-to", "Tell by slack or email?", "slack")
    if kind not in kinds:
        raise RefusedError(f"there is no channel {kind!r}; known: {', '.join(kinds)}")
    table = _ask_email(answers) if kind == "email" else _ask_slack(answers)
    settings = settings_from(kinds[kind], table)
    if not answers.offline:
        print_lines((asyncio.run(say_hello("ops", settings, answers.egress)),))
    draft.tables["receivers.ops"] = table


def _kind(answers: Answers) -> str | None:
    if answers.slack:
        return "slack"
    return "email" if answers.email_to else None


def _ask_slack(answers: Answers) -> dict[str, Value]:
    secret = answers.secret(answers.slack, "--slack", "Slack webhook address or bot token")
    if secret.text.startswith("http"):
        return {"kind": "slack", "webhook_url": secret}
    channel = answers.text(answers.slack_channel, "--slack-channel", "Slack channel id")
    return {"kind": "slack", "bot_token": secret, "channel": channel}


def _ask_email(answers: Answers) -> dict[str, Value]:
    to = answers.email_to or (answers.text(None, "--email-to", "E-mail address to tell"),)
    table: dict[str, Value] = {
        "kind": "email",
        "smtp_url": answers.text(
            answers.smtp_url, "--smtp-url", "Mail server (smtps://user@host:465)"
        ),
        "from": answers.text(answers.email_from, "--email-from", "Sender", to[0]),
        "to": to,
    }
    if "@" in str(table["smtp_url"]):
        table["smtp_password"] = answers.secret(
            answers.smtp_password, "--smtp-password", "Mail password"
        )
    return table


def _ask_times(draft: Draft, answers: Answers) -> None:
    zone = answers.text(answers.timezone, "--timezone", "Time zone", local_zone())
    settings_from(MonitorSettings, {"timezone": zone})
    hours = answers.hours
    if hours is None:
        question = 'When may calls be made, such as "mon-fri 09:00-20:00" (-: as the vendor says)'
        text = answers.text(None, "--hours", question, "-")
        hours = () if text in {"-", ""} else (text,)
    for text in hours:
        try:
            parse_hours(text)
        except ValueError as error:
            raise RefusedError(str(error)) from error
    draft.tables["monitor"]["timezone"] = zone
    if hours:
        table: dict[str, Value] = {"timezone": zone, "hours": hours}
        settings_from(CalendarSettings, table)
        draft.tables[f"calendars.{CALENDAR}"] = table
        for provider in accounts_of(draft).values():
            provider["calendar"] = CALENDAR
