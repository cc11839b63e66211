"""From a file to a Config, or to everything that is wrong with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitor.clock import Clock, SystemClock
from monitor.config.calendars import calendar_from
from monitor.config.document import Document, read_document
from monitor.config.environment import with_environment
from monitor.config.expecting import read_expectations
from monitor.config.labels import check_labels
from monitor.config.model import CalendarSettings, Config, MonitorSettings, WebSettings
from monitor.config.plugins import read_providers, read_receivers
from monitor.config.problems import unknown_key
from monitor.config.reading import Reading
from monitor.config.routing import read_inhibitions, read_routes
from monitor.config.rules import read_rules
from monitor.config.templates import read_templates
from monitor.core.calendar import Calendar
from monitor.errors import ConfigError
from monitor.hosts import leads_here

SECTIONS = (
    "monitor",
    "web",
    "calendars",
    "providers",
    "receivers",
    "routes",
    "inhibit",
    "expect",
    "rules",
    "templates",
)
_OTHERS_MAY_READ = 0o077


def load(
    path: Path,
    *,
    environ: Mapping[str, str],
    in_service: bool = True,
    secrets: bool = True,
    clock: Clock | None = None,
) -> Config:
    """Read and check a configuration; ConfigError holds every problem that was found.

    Outside a service (``in_service`` False) a credential only warns. ``secrets`` False looks
    none up, for commands that only read the database. The clock gives the years whose
    holidays are written out.
    """
    document = read_document(path)
    return read(
        document, path, environ=environ, in_service=in_service, secrets=secrets, clock=clock
    )


def read(
    document: Document,
    path: Path,
    *,
    environ: Mapping[str, str],
    in_service: bool = True,
    secrets: bool = True,
    clock: Clock | None = None,
) -> Config:
    """The same of a document that was read from ``path``."""
    document = with_environment(document, environ)
    reading = Reading(
        document,
        {
            "in_service": in_service,
            "secrets": secrets,
            "credentials": in_service or "CREDENTIALS_DIRECTORY" in environ,
            "environ": environ,
            "directory": str(path.absolute().parent),
        },
    )
    year = (clock or SystemClock()).now().year
    config = _read(reading, path, year)
    if config is None or reading.problems:
        raise ConfigError(_in_order(reading, document))
    return config


def _read(reading: Reading, path: Path, year: int) -> Config | None:
    for section in reading.document.values:
        if section not in SECTIONS:
            reading.problems.append(unknown_key(reading.document, (section,), SECTIONS))
    values = reading.document.values
    monitor = reading.table(("monitor",), values.get("monitor", {}), MonitorSettings)
    web = reading.table(("web",), values.get("web", {}), WebSettings)
    _check_web(reading, web)
    calendars = _read_calendars(reading, year)
    providers = read_providers(reading)
    receivers = read_receivers(reading)
    zone = "UTC" if monitor is None else monitor.timezone
    instances = read_rules(reading)
    routes = read_routes(reading, calendars, zone, instances)
    inhibitions = read_inhibitions(reading)
    expectations = read_expectations(reading, zone, year)
    templates = read_templates(reading, instances)
    check_labels(reading)
    _check_plain_secrets(reading, path)
    if monitor is None or web is None or reading.problems:
        return None
    return Config(
        path=path,
        monitor=monitor,
        web=web,
        calendars=calendars,
        providers=providers,
        receivers=receivers,
        routes=routes,
        rules=instances,
        inhibitions=inhibitions,
        expectations=expectations,
        templates=templates,
        warnings=tuple(reading.warnings),
    )


def _check_web(reading: Reading, web: WebSettings | None) -> None:
    if web and not web.listen.loopback and web.api_token is None:
        text = f"is needed, because {web.listen} can be reached from other machines"
        reading.refuse(("web", "api_token"), text, "or listen on 127.0.0.1")
    elif web and web.public_url is not None and web.api_token is None:
        # Behind a proxy everybody seems to ask from this machine.
        text = "only webhooks pass through it: pages, /-/ready and /metrics need an api_token"
        reading.warn(("web", "public_url"), text)
    if web and web.public_url is not None and leads_here(web.public_url):
        text = "leads to this machine: no vendor reaches it, and messages have no links"
        reading.warn(("web", "public_url"), text)


def _read_calendars(reading: Reading, year: int) -> dict[str, Calendar]:
    calendars = {}
    for path, name, values in reading.tables("calendars"):
        settings = reading.table(path, values, CalendarSettings)
        if settings is None:
            continue
        made = calendar_from(settings, reading.document, path, year)
        if isinstance(made, Calendar):
            calendars[name] = made
        else:
            reading.problems += made
    return calendars


def _check_plain_secrets(reading: Reading, path: Path) -> None:
    if not reading.plain_secrets:
        return
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # it was readable a moment ago; what was read is what counts
    if mode & _OTHERS_MAY_READ:
        for key in reading.plain_secrets:
            reading.warn(key, f"others can read this file and the secret in it; chmod 600 {path}")


def _in_order(reading: Reading, document: Document) -> tuple[Any, ...]:
    def place(problem: Any) -> tuple[bool, int]:
        return (problem.file != document.file, problem.line or 0)

    return tuple(sorted(dict.fromkeys(reading.problems), key=place))
