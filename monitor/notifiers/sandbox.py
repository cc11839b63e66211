"""A language for templates in which nothing can be reached, called or run away.

Jinja's sandbox, and narrower: attributes are keys of mappings, the only call is ``range``,
nothing is assigned, and every loop, filter and output has a bound that is counted in letters
and turns, not in seconds, so that a template fails alike on every machine.

Templates write text, not markup: whatever comes out is escaped as a whole by the notifier
that sends it, the template's own letters too. Escaping here as well would show people
``&amp;amp;``, and letting a template write markup would let a batch's name do so.
"""

import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from jinja2 import StrictUndefined, Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import SandboxedEnvironment

from monitor.notifiers.grammar import FILTERS, TESTS, TemplateFault, check, fault, nearest

MOST_SOURCE = 4_000  # letters of one template
MOST_TURNS = 500  # of all loops of one rendering together
MOST_WORK = 200_000  # letters that go through filters in one rendering
MOST_NUMBER = 10**12
_MOST_ARGUMENT = 1_000

_MULTIPLYING = frozenset({"join", "replace"})
_LOOP = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "depth"}
    | {"previtem", "nextitem"}
)
_NAME = "<template>"
_WORK = "the work"  # no name that a template could write
_COUNTED = "the turns"

# What compiling and running a text that anybody wrote may raise, its own bounds included.
# Jinja's filters assert, and a name that Python does not bind in one branch is a NameError.
_COMPILING = (
    ArithmeticError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    SyntaxWarning,
    TemplateError,
    TypeError,
    ValueError,
)
_RUNNING = (
    *_COMPILING,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    StopIteration,
)


class Text:
    """One compiled template."""

    def __init__(self, source: str, names: Sequence[str]) -> None:
        """TemplateFault when it is none, or names what there is not."""
        if len(source) > MOST_SOURCE:
            raise fault(f"is longer than {MOST_SOURCE} letters", None)
        try:
            tree = _SANDBOX.parse(source)
            check(tree, names)
            _count_turns(tree)
            with warnings.catch_warnings():
                warnings.simplefilter("error", SyntaxWarning)  # of what cannot work: 1[0]
                self._template = _SANDBOX.from_string(tree)
        except TemplateSyntaxError as error:
            raise fault(error.message or "cannot be read", error.lineno) from error
        except _COMPILING as error:
            if isinstance(error, TemplateFault):
                raise
            raise fault(f"cannot be read: {error}"[:200], None) from error

    def render(self, view: Mapping[str, Any], limit: int) -> str:
        """What it writes, cut off a letter after ``limit``; TemplateFault when it fails."""
        pieces: list[str] = []
        room = limit + 1
        try:
            for piece in self._template.generate({**view, _WORK: _Work()}):
                pieces.append(piece[:room])
                room -= len(pieces[-1])
                if room <= 0:
                    break
        except _RUNNING as error:
            line = _line_of(error)
            text = str(error)[:200] or type(error).__name__
            raise TemplateFault(text, line, bare=_bare(error)) from error
        return "".join(pieces)


class _Work:
    """What one rendering may still do."""

    def __init__(self) -> None:
        self._letters = MOST_WORK
        self._turns = MOST_TURNS

    def letters(self, n: int) -> None:
        self._letters -= n
        if self._letters < 0:
            raise SecurityError("it does more than a message can need")

    def turns(self, n: int) -> None:
        self._turns -= n
        if self._turns < 0:
            raise SecurityError(f"its loops turn more than {MOST_TURNS} times")


class _Missing(StrictUndefined):
    """Whatever is done with it fails, and says what there is instead."""

    @property
    def _undefined_message(self) -> str:
        name, known = self._undefined_name, self._undefined_obj
        if not isinstance(known, Mapping):
            return super()._undefined_message
        near = nearest(str(name), map(str, known))
        hint = f"{near} or " if near else ""
        return f"{name!r} is not always there; {hint}write what else: | default('-')"


class _Sandbox(SandboxedEnvironment):
    """Jinja's own, less everything that a message does not need."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A key of a mapping or one of the few of a loop; never an attribute of an object."""
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A key of a mapping; a place, or a stretch, of a text or a list."""
        if isinstance(obj, Mapping):
            if isinstance(argument, str) and argument in obj:
                return obj[argument]
        elif isinstance(obj, str | tuple | list) and isinstance(argument, int | slice):
            try:
                return obj[argument]
            except (IndexError, TypeError, ValueError):
                return self.undefined(obj=obj, name=str(argument))
        elif isinstance(obj, Undefined):
            return obj
        return self.undefined(obj=obj, name=str(argument))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Sums of numbers; texts are joined by ``~``, and none is multiplied."""
        for each in (left, right):
            if isinstance(each, Undefined):
                str(each)  # fails, and says what is missing
            if isinstance(each, bool) or not isinstance(each, int | float):
                raise SecurityError(f"{operator} takes numbers; texts are joined by ~")
        found = super().call_binop(context, operator, left, right)
        if not -MOST_NUMBER <= found <= MOST_NUMBER:
            raise SecurityError("the number is far too large")
        return found


def _bounded(name: str) -> Any:
    """One of Jinja's filters, whose work is counted."""

    @pass_context
    def run(context: Context, value: Any, *given: Any, **named: Any) -> Any:
        work: _Work = context[_WORK]
        arguments = (*given, *named.values())
        if any(isinstance(each, int) and abs(each) > _MOST_ARGUMENT for each in arguments):
            raise SecurityError(f"{name} takes no number above {_MOST_ARGUMENT}")
        size = _size(value)
        beside = sum(map(_size, arguments))
        work.letters(1 + (size * (1 + beside) if name in _MULTIPLYING else size + beside))
        found = _PLAIN.call_filter(
            name, value, list(given), named, context=context, eval_ctx=context.eval_ctx
        )
        if isinstance(found, Iterator):
            found = tuple(islice(found, MOST_TURNS))
        work.letters(_size(found))
        return found

    return run


@pass_context
def _turns(context: Context, value: Any) -> tuple[Any, ...]:
    """What a loop goes through, once it is known to be little enough."""
    if isinstance(value, Undefined):
        str(value)
    items = tuple(islice(value, MOST_TURNS + 1))
    context[_WORK].turns(len(items))
    return items


def _range(*given: int) -> range:
    found = range(*given)
    if len(found) > MOST_TURNS:
        raise SecurityError(f"range goes no further than {MOST_TURNS}")
    return found


def _size(value: Any) -> int:
    """Letters that it has or would print; an unknown one is counted as one."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(len(str(key)) + _size(each) for key, each in value.items())
    if isinstance(value, tuple | list):
        return sum(map(_size, value))
    return len(value) if isinstance(value, range) else 1


def _written(value: Any) -> Any:
    """What may stand in a text as it is."""
    if isinstance(value, str | int | float | Undefined):
        return value
    raise SecurityError("it writes a whole list; join it, or go through it with for")


def _sandbox() -> _Sandbox:
    made = _Sandbox(
        undefined=_Missing,
        autoescape=False,
        optimized=False,
        finalize=_written,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals = {"range": _range}
    made.filters = {name: _bounded(name) for name in FILTERS} | {_COUNTED: _turns}
    made.tests = {name: made.tests[name] for name in TESTS}
    return made


_PLAIN = _Sandbox(undefined=_Missing, autoescape=False)  # with Jinja's own filters
_SANDBOX = _sandbox()


def _count_turns(tree: nodes.Template) -> None:
    for loop in tree.find_all(nodes.For):
        line = loop.iter.lineno
        loop.iter = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=line)


def _line_of(error: BaseException) -> int | None:
    """The line inside the template, as Jinja writes it into the traceback."""
    known = [each for each in traceback.extract_tb(error.__traceback__) if each.filename == _NAME]
    return known[-1].lineno if known else None


def _bare(error: Exception) -> str:
    """What went wrong in words that hold nothing of the message."""
    match error:
        case UndefinedError():
            return "something that it names is not there"
        case SecurityError():
            return str(error)
        case _:
            return "it does what cannot be done with these values"
