"""The configuration that ``init`` writes: as little as is needed, with secrets apart."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from monitor.cli.answers import Credential
from monitor.errors import OffhookError
from monitor.settings import Strict

Value = str | int | tuple[str, ...] | Credential
_BARE = re.compile(r"[\w-]+", re.ASCII)


class RefusedError(OffhookError):
    """An answer that the configuration would refuse."""


class WriteError(OffhookError):
    """A file could not be written; the text says which and why."""


@dataclass(slots=True)
class Draft:
    """Tables by their header, in order."""

    tables: dict[str, dict[str, Value]] = field(default_factory=dict)

    def text(self) -> str:
        """TOML, with each secret named and none written."""
        parts = ["# Written by offhook init; config.example.toml shows every key and rule."]
        for header, table in self.tables.items():
            lines = [f"{_key(key)} = {_toml(header, key, value)}" for key, value in table.items()]
            parts.append("\n".join((f"[{header}]", *lines)))
        return "\n\n".join(parts) + "\n"

    def add(self, header: str, table: Mapping[str, Any]) -> None:
        """A table, and those inside it each under a header of its own."""
        inner = {key: value for key, value in table.items() if isinstance(value, Mapping)}
        plain = {key: value for key, value in table.items() if key not in inner}
        if plain or not inner:
            self.tables[header] = plain
        for key, value in inner.items():
            self.add(f"{header}.{_key(key)}", value)

    def secret_files(self) -> Mapping[str, str]:
        """Typed secrets, by the file that each goes into."""
        return {
            secret_file(header, key): value.text
            for header, table in self.tables.items()
            for key, value in table.items()
            if isinstance(value, Credential) and value.variable is None
        }


def settings_from(model: type[Strict], table: Mapping[str, Any]) -> Any:
    """The settings that this table would make; RefusedError says what it would refuse."""
    plain = {
        key: value.text if isinstance(value, Credential) else value for key, value in table.items()
    }
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        text = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}"
            for each in problems
        )
        raise RefusedError(text) from error


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def secret_file(header: str, key: str) -> str:
    """The file of one typed secret, beside the configuration."""
    return f"{header.rpartition('.')[2]}.{key}"


def _toml(header: str, key: str, value: Value) -> str:
    if isinstance(value, Credential):
        if value.variable is not None:
            return f"{{ env = {json.dumps(value.variable)} }}"
        return f"{{ file = {json.dumps(secret_file(header, key))} }}"
    return json.dumps(value, ensure_ascii=False)


def write_private(path: Path, text: str) -> None:
    """A file for its owner alone, whole or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror}") from error
