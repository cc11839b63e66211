"""A condition that people wrote, as a tree, and what it is of values some of which are unknown.

The text is read and checked when the configuration is loaded (monitor/config/expressions.py);
here nothing can be misspelt any more. Values are three-valued: of two things of which one is
unknown, ``and`` is false when the other is false, and ``or`` is true when the other is true;
whatever else an unknown value enters is unknown. A condition as a whole is stricter: it is
true as soon as that is certain, and false only when every value in it is known, so that a
window that empties never looks like an end.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Value = float | bool | None  # None: unknown


@dataclass(frozen=True, slots=True)
class Node:
    """One step: ``op`` with its operands, ``name`` of a value, or a ``literal``."""

    op: str
    parts: tuple["Node", ...] = ()
    literal: float | bool = 0.0
    name: str = ""


NAME, LITERAL, NOT, MINUS, AND, OR = "name", "literal", "not", "minus", "and", "or"

COMPARES: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
COUNTS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """What was written, as a tree, with the names that occur in it, in their order."""

    text: str
    tree: Node
    names: tuple[str, ...]

    def __str__(self) -> str:
        return self.text

    def of(self, values: Mapping[str, Value]) -> bool | None:
        """Whether it is so; None when it cannot be said. See the module."""
        found = _value(self.tree, values)
        if found:
            return True
        unknown = any(values.get(name) is None for name in self.names)
        return None if found is None or unknown else False

    def limit(self) -> tuple[str, float, bool] | None:
        """The first name beside a plain number, that number, and whether it holds below it."""
        return _limit(self.tree)

    def lone_limit(self) -> float | None:
        """Its limit, where that is the only number in it."""
        found = _limit(self.tree)
        return found[1] if found is not None and len(_NUMBER.findall(self.text)) == 1 else None

    def with_lone_limit(self, limit: float) -> str:
        """The text with another number in the place of its only one."""
        number = f"{limit:.3g}" if 0.001 < abs(limit) < 1000 else f"{limit:.0f}"
        return _NUMBER.sub(number, self.text)


_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")


def _value(node: Node, values: Mapping[str, Value]) -> Value:
    if node.op == LITERAL:
        return node.literal
    if node.op == NAME:
        return values.get(node.name)
    found = [_value(part, values) for part in node.parts]
    if node.op == AND:
        return _joined(found, decisive=False)
    if node.op == OR:
        return _joined(found, decisive=True)
    known = [each for each in found if each is not None]
    return None if len(known) < len(found) else _worked(node.op, known)


def _joined(found: list[Value], *, decisive: bool) -> Value:
    if decisive in found:
        return decisive
    return None if None in found else not decisive


def _worked(op: str, known: list[float | bool]) -> Value:
    if op == NOT:
        return not known[0]
    if op == MINUS:
        return -known[0]
    if op in COMPARES:
        return COMPARES[op](*known)
    if op == "/" and not known[1]:
        return None  # so many for each of none is not known
    return COUNTS[op](*known)


def _limit(node: Node, *, denied: bool = False) -> tuple[str, float, bool] | None:
    if node.op in COMPARES:
        left, right = node.parts
        compare = COMPARES[node.op]
        below, above = compare(0, 1), compare(1, 0)
        if left.op == LITERAL:
            left, right, below, above = right, left, above, below
        plain = (left.op, right.op) == (NAME, LITERAL) and not isinstance(right.literal, bool)
        falls = above and not below if denied else below and not above
        return (left.name, right.literal, falls) if plain else None
    found = (_limit(part, denied=denied is not (node.op == NOT)) for part in node.parts)
    return next((each for each in found if each is not None), None)


@dataclass(frozen=True, slots=True)
class Says:
    """A sentence of the user's own: texts, with the name whose value follows each, if any."""

    text: str
    parts: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return self.text

    def with_values(self, shown: Mapping[str, str]) -> str:
        """The sentence with every value in its place."""
        return "".join(text + shown.get(name, "") for text, name in self.parts)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in it."""
        return tuple(name for _, name in self.parts if name)
