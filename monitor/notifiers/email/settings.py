"""The settings of an e-mail receiver."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, model_validator

from monitor.settings import ReceiverSettings, Secret

_LOOPBACK = re.compile(r"localhost|127\.\d+\.\d+\.\d+|::1")
_PORTS = {"smtps": 465, "smtp": 587, "smtp+plain": 25}


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed over, and how: "smtps", "smtp" (STARTTLS), "smtp+plain"."""

    scheme: str
    host: str
    port: int
    user: str | None


def parse_server(url: str) -> Server:
    """Read an SMTP address; ValueError says what is wrong and never quotes it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the port is not a number from 1 to 65535") from None
    if parts.scheme not in _PORTS:
        raise ValueError("starts with smtps://, with smtp:// (STARTTLS), or with smtp+plain://")
    if not parts.hostname or not re.fullmatch(r"[A-Za-z0-9.:_-]+", parts.hostname):
        raise ValueError("names no host, as in smtps://user@mail.example.com:465")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("has something behind the host; a user is written in front of it")
    if parts.password is not None:
        raise ValueError("holds a password; put that into smtp_password")
    if parts.scheme == "smtp+plain" and not _LOOPBACK.fullmatch(parts.hostname):
        raise ValueError("smtp+plain:// is only for this machine; use smtp:// or smtps://")
    user = unquote(parts.username) if parts.username else None
    return Server(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], user)


def _server(value: str) -> str:
    parse_server(value)
    return value


def _address(value: str) -> str:
    # Stricter than the standard: nothing here may add a header or a second recipient.
    if not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}", value):
        raise ValueError("is not an address such as oncall@example.com")
    return value


Address = Annotated[str, AfterValidator(_address)]


class EmailSettings(ReceiverSettings):
    """A mail server, who writes, and to whom."""

    kind: Literal["email"]
    smtp_url: Annotated[str, AfterValidator(_server)]
    smtp_password: Secret | None = None
    sender: Address = Field(alias="from")
    to: Annotated[tuple[Address, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _login(self) -> Self:
        if (parse_server(self.smtp_url).user is None) != (self.smtp_password is None):
            raise ValueError(
                "a login takes both: the user in smtp_url (smtps://user@host) and smtp_password"
            )
        return self
