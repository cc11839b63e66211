"""Making foreign text safe to group, store and print."""

import re

_DIGITS = re.compile(r"\d+")
# Control, zero-width, direction, tag and lone surrogate characters.
_CONTROL = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f"
    "\\ud800-\\udfff\\ufeff\\ufff9-\\ufffb\U000e0000-\U000e007f]+"
)
_SPACES = re.compile(r"\s+")
_ADDRESS = re.compile(r"[^\s@<>\"'(…]+@[^\s@<>\"'),;…]+")
_PHONE = re.compile(r"[+\uff0b] ?\(?\d[\d ()./\u2010-\u2015-]{5,20}\d")
_AT = re.compile(r"[^\s@<>\"'(…]+@(?=[^\s@.]+\.\w)")  # of an address, all before its domain


def masked(text: str, limit: int = 120) -> str:
    """Foreign text on one short line that groups, and leaks no number and no e-mail address.

    Each run of digits is '#', each address '@'.
    """
    return clip(_DIGITS.sub("#", _ADDRESS.sub("@", one_line(text))), limit)


def one_line(text: str) -> str:
    """The text without control and direction characters, spaces folded."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()  # as nearly all are
    return _SPACES.sub(" ", _CONTROL.sub(" ", text)).strip()


def clip(text: str, limit: int) -> str:
    """At most ``limit`` characters, the last an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def titled(text: str, limit: int = 120) -> str:
    """The name that somebody gave a batch, on one line.

    Of a phone number in it, the last digits; of an e-mail address, the domain. A number is one by
    its '+': what else has many digits is a date or an id.
    """
    shown = _AT.sub("••@", one_line(text[: limit * 4]))
    return clip(_PHONE.sub(_phone_within, shown), limit)


def _phone_within(found: re.Match[str]) -> str:
    return masked_phone(found.group())


def masked_phone(number: str) -> str:
    """The last four digits only."""
    digits = re.sub(r"\D", "", number)
    return f"••{digits[-4:]}" if len(digits) > 6 else "••"
