"""Where something stands in an answer: JMESPath, compiled when the configuration is read."""

import re
from collections.abc import Callable
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

    def find(self, data: Any) -> Any:
        """What stands there; None for nothing, and where the expression does not fit."""
        if self.keys is None:
            try:
                return self.search(data)
            except (JMESPathError, ValueError, TypeError):
                return None
        for key in self.keys:
            if type(data) is not dict:
                return None
            data = data.get(key)
        return data


def compiled(text: str) -> Expression:
    """An expression from its text; ValueError where it is none."""
    if text.strip() == "@":
        return Expression("@", (), lambda data: data)
    try:
        parsed = jmespath.compile(text)
    except JMESPathError as error:
        why = str(error).partition("\n")[0][:120]
        raise ValueError(f"is not a JMESPath expression: {why}") from error
    keys = tuple(text.split(".")) if _NAMES.fullmatch(text) else None
    return Expression(text, keys, parsed.search)


def _read(value: Any) -> Expression:
    if isinstance(value, Expression):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ValueError('is a JMESPath expression in quotes, such as "data.items"')
    return compiled(value)


Path = Annotated[
    Expression, BeforeValidator(_read), WithJsonSchema({"type": "string", "minLength": 1})
]
