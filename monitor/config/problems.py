"""What pydantic found, as problems that name file, line and key, in words for people."""

import re
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from monitor.config import later
from monitor.config.document import Document
from monitor.config.hints import HintedError, hint_for
from monitor.config.lines import KeyPath
from monitor.errors import Problem

_TEXTS = {
    "missing": "is missing",
    "string_type": "must be a text in quotes",
    "bool_type": "must be true or false, without quotes",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number, without quotes",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "frozen_set_type": "must be a list",
    "set_type": "must be a list",
    "dict_type": "must be a table",
    "mapping_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "path_type": "must be a text in quotes",
    "too_short": "must not be empty",
    "date_type": "must be a date such as 2026-12-25",
    "date_parsing": "must be a date such as 2026-12-25",
    "date_from_datetime_parsing": "must be a date such as 2026-12-25",
}


def found_by_pydantic(
    error: ValidationError, document: Document, path: KeyPath, model: type[BaseModel]
) -> Iterator[Problem]:
    """One problem for each key that pydantic refused."""
    seen: set[KeyPath] = set()
    for details in error.errors(include_url=False, include_input=False):
        where = _written(details, path, document)
        if where not in seen:
            seen.add(where)
            yield _problem(details, document, where, field_names(model, where[len(path) : -1]))


def _problem(
    details: ErrorDetails, document: Document, path: KeyPath, known: Iterable[str]
) -> Problem:
    value = value_at(document.values, path)
    kind = details["type"]
    if kind == "extra_forbidden":
        return unknown_key(document, path, known)
    if later.is_later_value(path, value):  # it may be an address with a password in it
        return document.problem(path, f"this kind of value {later.TEXT}")
    context = details.get("ctx", {})
    if kind == "value_error":
        cause = context["error"]
        hint = cause.hint if isinstance(cause, HintedError) else None
        return document.problem(path, str(cause), hint)
    if kind in {"literal_error", "enum"}:
        word = path[-1] if "[key]" in details["loc"] else value
        return _not_among(document, path, word, re.findall(r"'([^']*)'", context["expected"]))
    return document.problem(path, _TEXTS.get(kind) or _must(details["msg"]))


def _not_among(document: Document, path: KeyPath, word: Any, words: list[str]) -> Problem:
    if isinstance(word, str) and "://" not in word:
        return document.problem(path, f"{_shown(word)} is not known here", hint_for(word, words))
    return document.problem(path, f"must be one of: {', '.join(words)}")


def unknown_key(document: Document, path: KeyPath, known: Iterable[str]) -> Problem:
    """A key that nothing reads."""
    if later.is_later_key(path):
        return document.problem(path, later.TEXT)
    return document.problem(path, "unknown key", hint_for(str(path[-1]), known))


def _must(message: str) -> str:
    return message.replace("Input should be", "must be").replace("Input should have", "must have")


def _shown(value: Any) -> str:
    text = str(value)
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


def _written(details: ErrorDetails, path: KeyPath, document: Document) -> KeyPath:
    """The key as the file has it: pydantic adds parts of its own to where it looked."""
    where, value = path, value_at(document.values, path)
    for part in details["loc"]:
        if not _holds(value, part):
            return (*where, part) if details["type"] == "missing" else where
        where, value = (*where, part), value[part]
    return where


def _holds(value: Any, part: str | int) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def value_at(values: Any, path: KeyPath) -> Any:
    """What the file says there; None where it says nothing."""
    for part in path:
        if not _holds(values, part):
            return None
        values = values[part]
    return values


def field_names(model: type[BaseModel], inner: KeyPath = ()) -> tuple[str, ...]:
    """The keys that a table takes, or a table inside it."""
    for part in inner:
        if isinstance(part, str):
            fields = {field.alias or name: field for name, field in model.model_fields.items()}
            nested = _model_in(fields[part].annotation) if part in fields else None
            if nested is None:
                return ()
            model = nested
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds, itself or in a tuple."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    found = (_model_in(part) for part in typing.get_args(annotation))
    return next((model for model in found if model), None)
