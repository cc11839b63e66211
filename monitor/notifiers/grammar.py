"""What may be written in a template, and what is wrong with what may not."""

import difflib
from collections.abc import Iterable

from jinja2 import meta, nodes

# fmt: off
FILTERS = (
    "abs", "capitalize", "count", "d", "default", "first", "float", "int", "items", "join",
    "last", "length", "list", "lower", "replace", "reverse", "round", "sort", "string", "title",
    "trim", "truncate", "unique", "upper",
)
TESTS = (
    "defined", "undefined", "none", "string", "number", "mapping", "sequence", "iterable", "even",
    "odd", "divisibleby", "in", "eq", "equalto", "==", "ne", "!=", "lt", "lessthan", "<", "le",
    "<=", "gt", "greaterthan", ">", "ge", ">=", "true", "false",
)
# fmt: on
_GRAMMAR = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.Filter,
    nodes.Test,
    nodes.If,
    nodes.For,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Pos,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Concat,
    nodes.Tuple,
    nodes.List,
    nodes.Keyword,
    nodes.Call,
)


class TemplateFault(ValueError):  # noqa: N818 - an error of a template is a fault everywhere here
    """What is wrong with a template, with its line inside it; ``bare`` names no value."""

    def __init__(self, text: str, line: int | None, *, bare: str, hint: str | None = None) -> None:
        self.text = text
        self.line = line
        self.bare = bare
        self.hint = hint
        super().__init__(text if line is None else f"{text} (line {line} of the template)")


def check(tree: nodes.Template, names: Iterable[str]) -> None:
    """Refuse what the language does not have, and names that nobody gives."""
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _GRAMMAR) or getattr(node, "recursive", False):
            word = type(node).__name__.lower()
            raise fault(f"uses {word!r}; a template has texts, values, if, for and filters", node)
        if isinstance(node, nodes.Call) and not _is_range(node.node):
            raise fault("calls something; write a filter instead, such as | upper", node)
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            hint = nearest(node.name, FILTERS)
            raise fault(f"there is no filter {node.name!r}", node, hint)
        if isinstance(node, nodes.Name) and node.name == "self":
            raise fault("there is no 'self'", node)
    for name in sorted(meta.find_undeclared_variables(tree) - {*names, "range"}):
        line = min(each.lineno for each in tree.find_all(nodes.Name) if each.name == name)
        raise fault(f"there is no {name!r}", line, nearest(name, names))


def _is_range(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "range"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """``did you mean "sentence"?``, or nothing."""
    near = difflib.get_close_matches(word, sorted(known), n=1)
    return f'did you mean "{near[0]}"?' if near else None


def fault(text: str, at: nodes.Node | int | None, hint: str | None = None) -> TemplateFault:
    """What is wrong with the text of a template, and where in it."""
    line = at.lineno if isinstance(at, nodes.Node) else at
    return TemplateFault(text, line, bare="it cannot be read", hint=hint)
