"""What ``init`` needs to know: from options, else from the person at the terminal."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer

from monitor.egress import DIRECT, Egress
from monitor.errors import OffhookError


class MissingAnswerError(OffhookError):
    """Nobody may be asked, and an option was not given."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret, and where it was found; typed ones go into a file of their own."""

    text: str
    variable: str | None = None

    def __repr__(self) -> str:
        return "Credential(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The options as given. Secrets are only ever named: ``$NAME``."""

    vendor: str | None = None
    name: str | None = None
    api_key: str | None = None
    base_url: str | None = None
    batches: tuple[str, ...] = ()
    slack: str | None = None
    slack_channel: str | None = None
    smtp_url: str | None = None
    smtp_password: str | None = None
    email_from: str | None = None
    email_to: tuple[str, ...] = ()
    timezone: str | None = None
    hours: tuple[str, ...] | None = None
    proxy: str | None = None
    no_input: bool = False
    offline: bool = False

    def text(
        self, given: str | None, option: str, question: str, default: str | None = None
    ) -> str:
        """An answer in one line."""
        if given is not None:
            return given
        if self.no_input:
            if default is not None:
                return default
            raise MissingAnswerError(f"{option} is needed, because --no-input asks nothing")
        answer: str = typer.prompt(question, default=default, err=True)
        return answer.strip()

    def secret(self, given: str | None, option: str, question: str) -> Credential:
        """A secret: the name of a variable, or typed unseen."""
        if given is not None:
            if not given.startswith("$"):
                raise MissingAnswerError(
                    f"{option} takes the name of a variable, such as '$TOKEN': others can read"
                    " what stands on a command line"
                )
            return from_text(given)
        if self.no_input:
            raise MissingAnswerError(f"{option} is needed, because --no-input asks nothing")
        while True:
            typed: str = typer.prompt(f"{question} (unseen, or $NAME)", hide_input=True, err=True)
            try:
                return from_text(typed.strip())
            except MissingAnswerError as error:
                typer.echo(str(error), err=True)

    @property
    def proxied(self) -> Credential | str:
        """The proxy; MissingAnswerError where its password would stand on the command line."""
        given = self.proxy or ""
        return self.secret(given, "--proxy", "") if {"$", "@"} & set(given) else given

    @property
    def egress(self) -> Egress:
        """How to try the answers out."""
        if self.proxy is None:
            return DIRECT
        proxy = self.proxied
        return Egress(proxy.text if isinstance(proxy, Credential) else proxy)

    def again(self, attempt: Callable[[], None]) -> None:
        """Repeat an attempt until it works or the person gives up."""
        while True:
            try:
                return attempt()
            except OffhookError as error:
                if self.no_input:
                    raise
                typer.echo(f"that did not work: {error}", err=True)
                typer.confirm("Answer again?", default=True, abort=True, err=True)


def from_text(text: str) -> Credential:
    """``$NAME`` read from the environment, else the secret itself."""
    if not text.startswith("$"):
        return Credential(text)
    name = text[1:]
    value = os.environ.get(name, "").strip()
    if not value:
        raise MissingAnswerError(f"the environment has no {name}")
    return Credential(value, name)


def local_zone() -> str:
    """The zone of this machine where it can be told, else UTC."""
    target = os.path.realpath("/etc/localtime")
    _, found, zone = target.partition("zoneinfo/")
    return zone if found and Path(target).exists() else "UTC"
