"""The file as values and lines, before anything is known of what they mean."""

import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Any

from monitor.config.lines import KeyPath, key_lines, nearest_line
from monitor.errors import ConfigError, Problem

MOST_BYTES = 1_048_576
MOST_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Document:
    """What the file says; ``from_environment`` names the variable behind a key that has one."""

    file: str
    values: dict[str, Any]
    lines: dict[KeyPath, int]
    from_environment: dict[KeyPath, str] = field(default_factory=dict)

    def problem(self, path: KeyPath, text: str, hint: str | None = None) -> Problem:
        """Something is wrong at this key."""
        key = dotted(path)
        if variable := self.from_environment.get(path):
            return Problem(file=f"environment {variable}", line=None, key=key, text=text, hint=hint)
        return Problem(
            file=self.file, line=nearest_line(self.lines, path), key=key, text=text, hint=hint
        )


def dotted(path: KeyPath) -> str:
    """``("routes", 0, "match")`` as people write of it: ``routes[1].match``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            shown = part if re.fullmatch(r"[\w-]{1,80}", part) else repr(part[:80])
            text += f".{shown}" if text else shown
    return text


def read_document(path: Path) -> Document:
    """The values and lines of a TOML file; ConfigError for whatever cannot be read as one."""
    data = _read(path)
    file = str(path)
    try:
        values = tomllib.loads(data.decode().replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _refusal(file, "is not UTF-8 text; save it as UTF-8", line) from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = int(found.group(1)) if found else data.count(b"\n", 0, -1) + 1
        raise _refusal(file, f"is not TOML: {error}", line) from error
    except (ValueError, RecursionError) as error:
        raise _refusal(file, "holds a number or a nesting that is far too large") from error
    if _depth(values) > MOST_DEPTH:
        raise _refusal(file, "holds a number or a nesting that is far too large")
    document = Document(file, values, key_lines(data))
    if problems := tuple(_odd_values(document, (), values)):
        raise ConfigError(problems)
    return document


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        text = "does not exist; run: offhook init"
        raise _refusal(str(path), text) from error
    except IsADirectoryError as error:
        raise _refusal(str(path), "is a directory; name the file in it") from error
    except PermissionError as error:
        text = f"cannot be read by this user; run as {_owner(path)}"
        raise _refusal(str(path), text) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not a file name"
        raise _refusal(str(path), f"cannot be read: {reason}") from error
    if len(data) > MOST_BYTES:
        raise _refusal(str(path), "is larger than 1 MiB: that is no configuration")
    return data


def _owner(path: Path) -> str:
    for place in (path, *path.absolute().parents):
        try:
            return place.owner()
        except (OSError, KeyError):
            continue
    return "its owner"


def _refusal(file: str, text: str, line: int | None = None) -> ConfigError:
    return ConfigError((Problem(file=file, line=line, key="", text=text),))


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level and deepest <= MOST_DEPTH:
        deepest += 1
        level = [inner for outer in level for inner in _inner(outer)]
    return deepest


def _inner(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _odd_values(document: Document, path: KeyPath, value: Any) -> Iterator[Problem]:
    """What TOML can write and no key of ours takes; dates are for holidays only."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _odd_values(document, (*path, key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _odd_values(document, (*path, index), inner)
    elif isinstance(value, float) and not math.isfinite(value):
        yield document.problem(path, "must be a finite number")
    elif isinstance(value, int) and abs(value) > 2**53:
        yield document.problem(path, "is far too large a number")
    elif isinstance(value, date | time) and "holidays" not in path:
        yield document.problem(path, "must not be a date or a time; write a text in quotes")
