"""One pass over a document that goes on after a problem, so that people see all of them."""

import json
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import SecretStr, ValidationError

from monitor.config.document import Document
from monitor.config.hints import hint_for
from monitor.config.lines import KeyPath
from monitor.config.problems import found_by_pydantic
from monitor.errors import Problem
from monitor.settings import NAME, Strict

Table = TypeVar("Table", bound=Strict)
_PROXY: KeyPath = ("monitor", "proxy")


@dataclass(slots=True)
class Reading:
    """The document, what to check it with, and what was found so far."""

    document: Document
    context: Mapping[str, Any]
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    plain_secrets: list[KeyPath] = field(default_factory=list)

    def refuse(self, path: KeyPath, text: str, hint: str | None = None) -> None:
        """Note a problem."""
        self.problems.append(self.document.problem(path, text, hint))

    def warn(self, path: KeyPath, text: str) -> None:
        """Note a warning."""
        self.warnings.append(self.document.problem(path, text))

    def known_name(self, path: KeyPath, kind: str, word: str, names: Iterable[str]) -> bool:
        """Whether a name that refers to something does; a problem if not."""
        known = set(names)
        if word in known:
            return True
        self.refuse(path, f"there is no {kind} {word!r}", hint_for(word, known))
        return False

    def table(self, path: KeyPath, values: Any, model: type[Table]) -> Table | None:
        """One table as its model; None after a problem.

        Read as JSON, where pydantic's strict mode takes exactly what TOML can write: no text
        for a number, no number for a text, and lists for tuples.
        """
        if not isinstance(values, dict):
            self.refuse(path, "must be a table")
            return None
        self._note_secrets(path, values, model)
        try:
            return model.model_validate_json(
                json.dumps(values, default=str), strict=True, context=self.context
            )
        except ValidationError as error:
            self.problems += found_by_pydantic(error, self.document, path, model)
            return None

    def tables(self, section: str) -> Iterator[tuple[KeyPath, str, Any]]:
        """The named tables of a section, with a problem for each bad name."""
        values = self.document.values.get(section, {})
        if not isinstance(values, dict):
            self.refuse((section,), f"must hold tables such as [{section}.a_name]")
            return
        for name, table in values.items():
            path = (section, name)
            if NAME.fullmatch(name):
                yield path, name, table
            else:
                self.refuse(
                    path,
                    "a name has lower-case letters, digits and _, and begins with a letter",
                    _lowered(name),
                )

    def _note_secrets(self, path: KeyPath, values: dict[str, Any], model: type[Strict]) -> None:
        for name, info in model.model_fields.items():
            key = info.alias or name
            if not _is_secret(info.annotation):
                continue
            given = values.get(key)
            if typing.get_origin(info.annotation) is Mapping and isinstance(given, dict):
                for name_of, each in given.items():
                    if isinstance(each, dict):  # a plain text there is none
                        self._note_secret((*path, key, name_of), each)
            elif isinstance(given, list):
                for place, each in enumerate(given):
                    self._note_secret((*path, key, place), each)
            else:
                self._note_secret((*path, key), given)

    def _note_secret(self, path: KeyPath, given: Any) -> None:
        match given:
            case str() if path not in self.document.from_environment:
                if path != _PROXY or "@" in given:  # the address of a proxy has seldom a password
                    self.plain_secrets.append(path)
            case {"credential": str(credential)} if not self.context["credentials"]:
                self.warn(path, f"credential {credential!r} can be read only inside the service")


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(map(_is_secret, typing.get_args(annotation)))


def _lowered(name: str) -> str | None:
    better = "".join(letter if letter.isalnum() else "_" for letter in name.lower())
    return f'did you mean "{better}"?' if NAME.fullmatch(better) else None


def variants(union: Any, tag: str) -> dict[str, type[Strict]]:
    """The classes of a discriminated union by the value of their tag."""
    parts = typing.get_args(union)
    if isinstance(union, type) and issubclass(union, Strict):
        words = typing.get_args(union.model_fields[tag].annotation)
        return dict.fromkeys(words, union)
    found: dict[str, type[Strict]] = {}
    for part in parts:
        if typing.get_args(part) or isinstance(part, type):
            found |= variants(part, tag)
    return found
