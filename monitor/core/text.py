"""Making foreign text safe to group, store and print."""

import re

_DIGITS = re.compile(r"\d+")
# Control, zero-width, direction, tag and lone surrogate characters.
_CONTROL = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f"
    "\\ud800-\\udfff\\ufeff\\ufff9-\\ufffb\U000e0000-\U000e007f]+"
)
_SPACES = re.compile(r"\s+")


def masked(text: str, limit: int = 120) -> str:
    """Foreign text on one short line, each run of digits as '#': it groups and leaks no number."""
    return clip(_DIGITS.sub("#", one_line(text)), limit)


def one_line(text: str) -> str:
    """The text without control and direction characters, spaces folded."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()  # as nearly all are
    return _SPACES.sub(" ", _CONTROL.sub(" ", text)).strip()


def clip(text: str, limit: int) -> str:
    """At most ``limit`` characters, the last an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def masked_phone(number: str) -> str:
    """The last four digits only."""
    digits = re.sub(r"\D", "", number)
    return f"••{digits[-4:]}" if len(digits) > 6 else "••"
