"""What goes together in a written condition: truths and numbers, and what they are measured in."""

from monitor.config.hints import HintedError
from monitor.core.expression import AND, COMPARES, LITERAL, MINUS, NAME, NOT, OR, Node
from monitor.core.names import COUNT, HOUR, MINUTES, MONEY, SHARE, TRUTH, WEEKDAY
from monitor.core.vocabulary import NAMES


def kind_of(node: Node) -> str:
    """``truth`` or ``number``; ValueError where things do not go together."""
    if node.op == LITERAL:
        return TRUTH if isinstance(node.literal, bool) else "number"
    if node.op == NAME:
        return NAMES[node.name].kind
    wanted = TRUTH if node.op in {AND, OR, NOT} else "number"
    kinds = [kind_of(part) for part in node.parts]
    if node.op in {"==", "!="} and kinds == [TRUTH, TRUTH]:
        return TRUTH
    for part, kind in zip(node.parts, kinds, strict=True):
        if kind != wanted:
            raise HintedError(*_mismatch(node.op, part, kind))
    return TRUTH if node.op in COMPARES or wanted == TRUTH else "number"


def _mismatch(op: str, part: Node, kind: str) -> tuple[str, str | None]:
    what = part.name if part.op == NAME else f"what stands beside {op}"
    if kind == TRUTH:
        return f"{what} is yes or no, and {op!r} takes numbers", None
    hint = f"such as {what} > 0" if part.op == NAME else None
    return f"{what} is a number, and {op!r} takes conditions", hint


def _check_share(node: Node) -> None:
    """A share is compared with one: 20 % is 0.2."""
    if node.op not in COMPARES:
        return
    for name, other in (node.parts, node.parts[::-1]):
        if name.op != NAME or other.op != LITERAL or NAMES[name.name].unit != SHARE:
            continue
        if not 0 <= other.literal <= 1:
            msg = f"{name.name} lies between 0 and 1, so {other.literal:g} is beyond it"
            percent = f"{other.literal:g} % is {other.literal / 100:g}"
            raise HintedError(msg, percent if 1 < other.literal <= 100 else None)


_MEASURED = {
    COUNT: "a count",
    SHARE: "a share",
    MINUTES: "a time in minutes",
    MONEY: "an amount of money",
    HOUR: "an hour of the day",
    WEEKDAY: "a day of the week",
}


def check_units(node: Node) -> None:
    """What is compared, added or taken away is measured alike; ValueError where it is not."""
    _check_share(node)
    if node.op not in COMPARES and node.op not in {"+", "-"}:
        return
    (one, unit), (other, another) = map(_measured, node.parts)
    if {unit, another} <= _MEASURED.keys() and unit != another:
        alike = [name for name, each in NAMES.items() if each.unit == unit and name != one]
        such = f", such as {alike[0]}" if alike else ""
        raise HintedError(
            f"{one} is {_MEASURED[unit]} and {other} {_MEASURED[another]}: {node.op!r} takes two"
            " that are measured alike",
            f"a number, or {_MEASURED[unit]}{such}",
        )


def _measured(node: Node) -> tuple[str, str]:
    """The first name and its unit; without one "": a number, or what was multiplied or divided.

    A number may be so much for each, so what it multiplies may be measured in anything.
    """
    if node.op == NAME:
        return node.name, NAMES[node.name].unit
    if node.op not in {"+", "-", MINUS}:
        return "", _ANYTHING
    found = map(_measured, node.parts)
    return next((each for each in found if each[1] != _ANYTHING), ("", _ANYTHING))


_ANYTHING = "anything"
