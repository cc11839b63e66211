"""Who sits at the terminal, and what they answer there."""

import getpass
import sys


def user() -> str:
    """Who runs the command; nothing where the system has no name for them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def says_yes(question: str) -> bool:
    """Whether they agree; the end of the input is a no."""
    return line(question).casefold() in {"y", "yes"}


def line(question: str) -> str:
    """One answer on the terminal; none at its end. The question goes where data does not."""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()
