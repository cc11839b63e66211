"""``OFFHOOK_<SECTION>__<KEY>``: the environment's word on ``[monitor]`` and ``[web]``."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource
from pydantic_settings.sources.utils import parse_env_vars

from monitor.config.document import Document
from monitor.config.hints import hint_for
from monitor.config.lines import KeyPath
from monitor.config.model import MonitorSettings, WebSettings
from monitor.config.problems import field_names
from monitor.errors import ConfigError, Problem
from monitor.settings import Strict

PREFIX = "OFFHOOK_"
SEPARATOR = "__"
SECTIONS: dict[str, type[Strict]] = {"monitor": MonitorSettings, "web": WebSettings}


class _Sections(BaseSettings):
    """Which variables there are; the values are checked with those of the file."""

    monitor: dict[str, str] = {}
    web: dict[str, str] = {}


class _Source(EnvSettingsSource):
    """Pydantic's reading of the variables, of the environment that was handed over."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(_Sections, env_prefix=PREFIX, env_nested_delimiter=SEPARATOR)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        ours = {name: text for name, text in self._environ.items() if _is_ours(name)}
        return parse_env_vars(ours)


def with_environment(document: Document, environ: Mapping[str, str]) -> Document:
    """The document with the environment's values over the file's; ConfigError for unknown ones."""
    if problems := tuple(_unknown(environ)):
        raise ConfigError(problems)
    values = dict(document.values)
    origins: dict[KeyPath, str] = {}
    for section, table in _Source(environ)().items():
        written = values.get(section, {})
        if isinstance(written, dict):
            values[section] = written | table
            origins |= {(section, key): variable_for(section, key) for key in table}
    monitor = values.get("monitor", {})
    if isinstance(monitor, dict):
        values["monitor"] = {"data_dir": str(state_directory(environ))} | monitor
    return Document(document.file, values, document.lines, origins)


def variable_for(section: str, key: str) -> str:
    """The variable that says this key."""
    return f"{PREFIX}{section}{SEPARATOR}{key}".upper()


def state_directory(environ: Mapping[str, str]) -> Path:
    """Where a service, or else a user, keeps what must survive."""
    if service := environ.get("STATE_DIRECTORY"):
        return Path(service.split(":")[0])
    home = Path(environ.get("HOME", "~")).expanduser()
    base = environ.get("XDG_STATE_HOME", "")
    return (Path(base) if base.startswith("/") else home / ".local" / "state") / "offhook"


def _unknown(environ: Mapping[str, str]) -> Iterator[Problem]:
    known = [
        variable_for(section, name)
        for section, model in SECTIONS.items()
        for name in field_names(model)
    ]
    for name in sorted(environ):
        if _is_ours(name) and name not in known:
            yield _unknown_variable(name, known)


def _unknown_variable(name: str, known: list[str]) -> Problem:
    near: Any = hint_for(name.lower(), [each.lower() for each in known])
    hint = near.upper().replace("DID YOU MEAN", "did you mean") if near else None
    return Problem(
        file=f"environment {name}",
        line=None,
        key="",
        text="unknown variable; only [monitor] and [web] are read from the environment",
        hint=hint,
    )


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX) and SEPARATOR in name
