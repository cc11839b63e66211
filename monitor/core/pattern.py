"""Patterns that anybody may hand in while the daemon runs: bounded in length and in effort.

Python's engine tries a repetition within a repetition in exponentially many ways, and with it
one silence could hold up every evaluation. So only patterns are taken whose cost on a label
of the longest kind stays within milliseconds.
"""

import re
from math import factorial

LONGEST = 200
_LABEL = 300  # characters of the longest label
_MOST_TRIES = 300_000  # some milliseconds

_PARTS = re.compile(
    r"\\."  # something escaped
    r"|\[\^?\]?(?:\\.|[^\]\\])*\]"  # one of several letters
    r"|\(\?i\)|\(\?:|\(\?P<\w+>|\(\?"  # whatever begins with a bracket
    r"|\{[0-9,]+\}|.",
    re.DOTALL,
)
_REFUSED = re.compile(r"\\[1-9]|\(\?")
_OPENING = re.compile(r"\((?:\?:|\?P<\w+>)?")
_REPEAT = re.compile(r"[*+]|\{[0-9,]+\}")


def pattern_problem(pattern: str) -> str | None:
    """What is wrong with a pattern, for people; None when it may be used."""
    if len(pattern) > LONGEST:
        return f"the pattern is longer than {LONGEST} characters"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"the pattern cannot be read: {error}"
    parts = _PARTS.findall(pattern)
    if any(_REFUSED.fullmatch(part) for part in parts):
        return "the pattern looks ahead, back or at what it found; leave that out"
    if _repeats_within(parts):
        return "the pattern repeats what itself repeats or chooses; write it without"
    if _tries(parts) > _MOST_TRIES:
        return "the pattern can match in too many ways; write it with fewer of * + ? {} |"
    return None


def _tries(parts: list[str]) -> int:
    """In how many ways it may be tried on one label, at most."""
    repeats = sum(_REPEAT.fullmatch(part) is not None for part in parts)
    choices = parts.count("?")
    tries: int = (_LABEL**repeats // factorial(repeats)) << choices
    alternatives = [1]
    for part in parts:
        if _OPENING.fullmatch(part):
            alternatives.append(1)
        elif part == "|":
            alternatives[-1] += 1
        elif part == ")":
            tries *= alternatives.pop()
    return tries * alternatives[0]


def _repeats_within(parts: list[str]) -> bool:
    """Whether a group is repeated that repeats or chooses within."""
    heavy = [False]  # of each open group, the outermost first
    closed = False  # whether the part before closed a heavy one
    for part in parts:
        repeat = _REPEAT.fullmatch(part) is not None
        if repeat and closed:
            return True
        if repeat or part in {"?", "|"}:
            heavy[-1] = True
        if _OPENING.fullmatch(part):
            heavy.append(False)
        closed = part == ")" and heavy.pop()
        heavy[-1] |= closed
    return False
