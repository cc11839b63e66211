"""What a valid configuration is: the sections of Offhook's own, and the whole of it.

The tables of providers, receivers and rules have their settings beside each plug-in.
"""

import ipaddress
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from monitor.config.hints import HintedError, hint_for
from monitor.config.telling import DigestText, Repeat, RepeatText
from monitor.core.calendar import Calendar
from monitor.core.expectation import Expectation
from monitor.core.inhibit import Inhibition
from monitor.core.instance import RuleInstance
from monitor.core.route import CAUSE, Route
from monitor.egress import Egress, check_direct, check_proxy
from monitor.errors import Problem
from monitor.notifiers.addresses import check_address
from monitor.notifiers.build import AnyReceiverSettings
from monitor.notifiers.templates import Template
from monitor.providers.build import AnyProviderSettings
from monitor.settings import (
    UNREADABLE_CREDENTIAL,
    BaseUrl,
    Duration,
    LongSecret,
    MatcherText,
    PositiveDuration,
    Secret,
    Strict,
)

DATABASE_FILE = "offhook.db"


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the HTTP server listens; ``port`` 0 takes any free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Nobody but this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f'{value!r} is not a time zone; write for example "Europe/Berlin"'
        raise HintedError(msg, hint_for(value, _by_lower_name())) from error
    return value


def _by_lower_name() -> set[str]:
    return zoneinfo.available_timezones()


def _listen(value: Any) -> Listen:
    match = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):(\d{1,5})", str(value))
    if not isinstance(value, str) or not match or int(match.group(2)) > 65_535:
        msg = 'must be a host and a port, such as "127.0.0.1:8420"'
        raise ValueError(msg)
    return Listen(match.group(1).strip("[]"), int(match.group(2)))


def _holidays(value: Any) -> str | tuple[date, ...]:
    """A country's name, or days; as JSON both are texts."""
    if isinstance(value, str):
        return value
    try:
        return tuple(date.fromisoformat(day) for day in value)
    except (TypeError, ValueError) as error:
        msg = 'must be a country such as "IN" or "US-CA", or a list of dates such as 2026-12-25'
        raise ValueError(msg) from error


def _from_here(value: Path, info: ValidationInfo) -> Path:
    """Relative paths start at the file that names them, wherever the command was run."""
    if value == Path() or "\0" in str(value):
        msg = "must name a directory"
        raise ValueError(msg)
    return Path((info.context or {}).get("directory", ""), value.expanduser())


Zone = Annotated[str, AfterValidator(_zone)]
ListenText = Annotated[
    Listen,
    BeforeValidator(_listen),
    WithJsonSchema({"type": "string", "pattern": r"^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$"}),
]


def _readable(value: Secret | None) -> str | None:
    """The text of a secret; None where there is none, or none that can be read from here."""
    text = None if value is None else value.get_secret_value()
    return None if text == UNREADABLE_CREDENTIAL else text


class MonitorSettings(Strict):
    """``[monitor]``: where Offhook keeps its things, and how it speaks."""

    data_dir: Annotated[Path, AfterValidator(_from_here)] = Path("offhook-data")
    database_url: Literal["sqlite"] = "sqlite"
    timezone: Zone = "UTC"
    retain: PositiveDuration = timedelta(days=30)
    hash_key: Secret | None = None
    log: Literal["auto", "json", "console"] = "auto"
    full_sweep_every: PositiveDuration = timedelta(hours=6)
    heartbeat_url: Secret | None = None
    heartbeat_fail_url: Secret | None = None
    proxy: Secret | None = None
    no_proxy: tuple[Annotated[str, AfterValidator(check_direct)], ...] = ()

    @field_validator("proxy")
    @classmethod
    def _is_a_proxy(cls, value: Secret | None) -> Secret | None:
        if (text := _readable(value)) is not None:
            check_proxy(text)
        return value

    @field_validator("heartbeat_url", "heartbeat_fail_url")
    @classmethod
    def _is_an_address(cls, value: Secret | None) -> Secret | None:
        if (text := _readable(value)) is not None:
            check_address(text)
        return value

    @property
    def egress(self) -> Egress:
        """How requests leave this network."""
        return Egress(_readable(self.proxy), self.no_proxy)

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data_dir / DATABASE_FILE


class WebSettings(Strict):
    """``[web]``: webhooks, health, readiness, metrics.

    ``public_url`` is where the server is reached from outside, without a slash at its end.
    """

    listen: ListenText = Listen("127.0.0.1", 8420)
    public_url: BaseUrl | None = None
    api_token: LongSecret | None = None


HolidaysOf = Annotated[
    str | tuple[date, ...],
    BeforeValidator(_holidays),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array"}]}),
]


class CalendarSettings(Strict):
    """``[calendars.x]``: when calls may be made."""

    timezone: Zone
    hours: tuple[str, ...] = Field(min_length=1)
    holidays: HolidaysOf = ()


class RouteSettings(Strict):
    """One of ``[[routes]]``: who hears of what matches, when, and who else if nobody reacts."""

    match: tuple[MatcherText, ...] = ()
    receivers: tuple[str, ...] = Field(min_length=1)
    goes_on: bool = Field(default=False, alias="continue")
    group_by: tuple[str, ...] = ("provider", "batch", CAUSE)
    group_wait: Duration = timedelta(seconds=10)
    group_interval: PositiveDuration = timedelta(minutes=5)
    repeat_interval: RepeatText = Repeat()
    repeat_most: PositiveDuration = timedelta(hours=24)
    mute: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    digest: DigestText | None = None
    fallback: tuple[str, ...] = ()
    escalate_after: PositiveDuration | None = None
    escalate_to: tuple[str, ...] = ()


class InhibitSettings(Strict):
    """One of ``[[inhibit]]``: while the source fires, the target is not told."""

    source: tuple[MatcherText, ...] = Field(min_length=1)
    target: tuple[MatcherText, ...] = Field(min_length=1)
    equal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A configuration that can be run. ``warnings`` are for people, and stop nothing."""

    path: Path
    monitor: MonitorSettings
    web: WebSettings
    calendars: Mapping[str, Calendar]
    providers: Mapping[str, AnyProviderSettings]
    receivers: Mapping[str, AnyReceiverSettings]
    routes: tuple[Route, ...]
    rules: tuple[RuleInstance, ...]
    inhibitions: tuple[Inhibition, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    templates: tuple[Template, ...] = ()
    warnings: tuple[Problem, ...] = ()
