"""Conditions that people write, read with the rule-engine library and checked at once.

Only comparisons, ``and``, ``or``, ``not`` and the four ways to count are let through to the
library: no regular expression, attribute, function or power, so that whatever a text says is
read and judged in no time. The library is slow to import, so only a written condition does.
"""

import difflib
import importlib
import math
import re
import string
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from monitor.config.hints import HintedError, hint_for
from monitor.config.measures import check_units, kind_of
from monitor.core.expression import (
    AND,
    LITERAL,
    MINUS,
    NAME,
    NOT,
    OR,
    Condition,
    Node,
    Says,
)
from monitor.core.names import TRUTH
from monitor.core.vocabulary import NAMES

MOST_LETTERS = 500
MOST_STEPS = 100
_WORDS = frozenset({"and", "or", "not", "true", "false"})
_PIECES = re.compile(
    r"\s+|(?P<number>\d+(?:\.\d+)?(?![\w.]))|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign><=|>=|==|!=|[<>()+/-]|\*(?!\*))"
)
_SIGNS = {
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "eq": "==",
    "ne": "!=",
    "add": "+",
    "sub": "-",
    "mul": "*",
    "tdiv": "/",
    "and": AND,
    "or": OR,
    "not": NOT,
    "uminus": MINUS,
}
_LETTERS_SAID = 300


def read_condition(value: Any) -> Condition:
    """The condition that a text is; ValueError says what is wrong with it, and where."""
    if isinstance(value, Condition):
        return value
    if not isinstance(value, str):
        msg = 'a condition is a text such as "failed_share > 0.2 and finished >= 50"'
        raise ValueError(msg)  # noqa: TRY004 - pydantic reads ValueError
    if len(value) > MOST_LETTERS:
        msg = f"is longer than {MOST_LETTERS} letters; make two rules of it"
        raise ValueError(msg)
    names = _names_in(value)
    tree = _tree(_parsed(value), MOST_STEPS)
    if _steps(tree) > MOST_STEPS:
        msg = f"has more than {MOST_STEPS} steps; make two rules of it"
        raise ValueError(msg)
    if kind_of(tree) != TRUTH:
        msg = "is a number and no condition; compare it with something"
        raise ValueError(msg)
    if not names:
        msg = "names nothing, so it is always the same"
        raise ValueError(msg)
    return Condition(" ".join(value.split()), tree, names)


def read_says(value: Any) -> Says:
    """The sentence that a text is, with names in braces; ValueError says what is wrong."""
    if isinstance(value, Says):
        return value
    if not isinstance(value, str):
        msg = 'must be a text such as "{failed} of {finished} calls failed"'
        raise ValueError(msg)  # noqa: TRY004 - pydantic reads ValueError
    if not value.strip() or len(value) > _LETTERS_SAID or not value.isprintable():
        msg = f"must be one line of at most {_LETTERS_SAID} letters"
        raise ValueError(msg)
    try:
        pieces = list(string.Formatter().parse(value))
    except ValueError as error:
        msg = "has a brace too many or too few; a brace itself is written {{ or }}"
        raise ValueError(msg) from error
    if any(spec or conversion for _, _, spec, conversion in pieces):
        msg = "takes plain names in braces, such as {finished}"
        raise ValueError(msg)
    for _, name, _, _ in pieces:
        if name is not None and name not in NAMES:
            raise _unknown(name)
    return Says(value, tuple((text, name or "") for text, name, _, _ in pieces))


def _names_in(text: str) -> tuple[str, ...]:
    """The names that occur, in order; ValueError for what no condition holds."""
    names: dict[str, None] = {}
    at = 0
    while at < len(text):
        found = _PIECES.match(text, at)
        if found is None:
            raise _unreadable(text, at)
        word = found["word"]
        if word and word not in _WORDS:
            if word not in NAMES:
                raise _unknown(word)
            names[word] = None
        at = found.end()
    return tuple(names)


_INSTEAD = {
    "=": "== compares",
    "&": "write and",
    "|": "write or",
    "!": "write not",
    "%": "a share of 20 % is 0.2",
}


def _unreadable(text: str, at: int) -> ValueError:
    piece = re.match(r"\S{1,20}", text[at:])
    shown = piece.group() if piece else text[at]
    instead = _INSTEAD.get(text[at])
    if length := re.match(r"(\d+(?:\.\d+)?)(s|m|h|d)\b", text[at:]):
        minutes = float(length[1]) * _IN_MINUTES[length[2]]
        instead = f"a time is a number of minutes: {minutes:g}"
    return HintedError(
        f"{shown!r} at letter {at + 1} is not understood; a condition compares names and numbers, "
        "joined by and, or, not",
        instead,
    )


_IN_MINUTES = {"s": 1 / 60, "m": 1, "h": 60, "d": 1440}


def _unknown(word: str) -> ValueError:
    if word.lower() in _WORDS:
        return HintedError(f"{word[:60]!r} is not understood", f"write {word.lower()}")
    near = difflib.get_close_matches(word.lower(), NAMES, n=3, cutoff=0.5)
    hint = hint_for(word, NAMES) or (f"such as: {', '.join(near)}" if near else None)
    return HintedError(f"there is no {word[:60]!r} to speak of", hint)


@cache
def _library() -> Any:
    return importlib.import_module("rule_engine")


def _parsed(text: str) -> Any:
    """The library's own tree."""
    library = _library()
    try:
        return library.Rule(text).statement.expression
    except library.RuleSyntaxError as error:
        token = error.token
        if token is None:
            msg = "ends too early: something is missing, or a bracket is open"
        else:
            msg = f"cannot be read from {str(token.value)[:20]!r} (letter {token.lexpos + 1}) on"
        raise ValueError(msg) from error
    except library.EngineError as error:
        msg = "has numbers in it that cannot be reckoned with, or that do not go together"
        raise ValueError(msg) from error
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error


_TOO_DEEP = "is nested too deeply; make two rules of it"


def _tree(found: Any, depth: int) -> Node:
    if not depth:
        raise ValueError(_TOO_DEEP)
    kind = type(found).__name__
    if kind == "SymbolExpression":
        return Node(NAME, name=found.name)
    if kind == "BooleanExpression":
        return Node(LITERAL, literal=bool(found.value))
    if kind == "FloatExpression":
        return Node(LITERAL, literal=_number(float(found.value)))
    sign = _SIGNS.get(getattr(found, "type", ""))
    if sign is None:
        msg = "holds something else than comparisons, joined by and, or, not"
        raise ValueError(msg)
    sides = (found.right,) if kind == "UnaryExpression" else (found.left, found.right)
    node = Node(sign, tuple(_tree(side, depth - 1) for side in sides))
    check_units(node)
    return node


def _number(value: float) -> float:
    if not math.isfinite(value):
        msg = "holds a number that is far too large"
        raise ValueError(msg)
    return value


def _steps(node: Node) -> int:
    return 1 + sum(map(_steps, node.parts))


ConditionText = Annotated[
    Condition,
    BeforeValidator(read_condition),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MOST_LETTERS}),
]
SaysText = Annotated[
    Says,
    BeforeValidator(read_says),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _LETTERS_SAID}),
]
