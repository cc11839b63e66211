"""Where something stands in an answer: JMESPath, compiled when the configuration is read."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import BeforeValidator, WithJsonSchema

_NAMES = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Expression:
    """One JMESPath expression. ``keys``: the names to walk through, where it is nothing more."""

    text: str
    keys: tuple[str, ...] | None
    search: Callable[[Any], Any] = field(repr=False, compare=False)
    tree: Mapping[str, Any] = field(repr=False, compare=False)

    def find(self, data: Any) -> Any:
        """What stands there; None for nothing, and where the expression does not fit."""
        if self.keys is None:
            try:
                return self.search(data)
            except (JMESPathError, ValueError, TypeError, ArithmeticError, RecursionError):
                return None
        for key in self.keys:
            if type(data) is not dict:
                return None
            data = data.get(key)
        return data

    def stands_in(self, data: Any) -> bool:
        """Whether what it asks for is there, were it null: the keys, not the value, are looked for.

        Only names, ``&&`` and ``||`` are followed; of anything else nobody can say so.
        """
        return _stands(self.tree, data)


def _stands(node: Mapping[str, Any], data: Any) -> bool:
    parts = node["children"]
    match node["type"]:
        case "and_expression":
            return all(_stands(each, data) for each in parts)
        case "or_expression":
            return any(_stands(each, data) for each in parts)
        case "field":
            return type(data) is dict and node["value"] in data
        case "subexpression":
            outer, inner = parts
            if not _stands(outer, data):
                return False
            found = _walked(outer, data)
            return found is None or _stands(inner, found)
        case _:
            return False


def _walked(node: Mapping[str, Any], data: Any) -> Any:
    """What stands at a chain of names, all of which are there."""
    if node["type"] == "field":
        return data[node["value"]]
    outer, inner = node["children"]
    found = _walked(outer, data)
    return None if found is None else _walked(inner, found)


def compiled(text: str) -> Expression:
    """An expression from its text; ValueError where it is none."""
    if text.strip() == "@":
        return Expression("@", (), lambda data: data, {"type": "current", "children": []})
    try:
        parsed = jmespath.compile(text)
    except JMESPathError as error:
        why = str(error).partition("\n")[0][:120]
        raise ValueError(f"is not a JMESPath expression: {why}") from error
    keys = tuple(text.split(".")) if _NAMES.fullmatch(text) else None
    return Expression(text, keys, parsed.search, parsed.parsed)


def _read(value: Any) -> Expression:
    if isinstance(value, Expression):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ValueError('is a JMESPath expression in quotes, such as "data.items"')
    return compiled(value)


Path = Annotated[
    Expression, BeforeValidator(_read), WithJsonSchema({"type": "string", "minLength": 1})
]
