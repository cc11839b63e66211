"""Text that Slack is to show as it stands, where it would read markup in it."""

import re

from monitor.core.text import clip

# Slack has no way to write these so that they stay what they are: others look like them.
_LOOKALIKES = str.maketrans(
    {
        "*": "\N{ASTERISK OPERATOR}",
        "~": "\N{TILDE OPERATOR}",
        "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
    }
)
_LOW_LINE = "\N{MODIFIER LETTER LOW MACRON}"
_AT_AN_EDGE = re.compile(r"(?<!\w)_+|_+(?!\w)")  # within a word it is no markup
_QUOTE = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
_QUOTES = re.compile(r"^[^\S\n]*(?:&gt;)+", re.MULTILINE)
# Of ":fire:" and of the few names without a letter, and not of "10:41:07".
_EMOJI = re.compile(r":(?=(?:[\w+'-]*[^\W\d][\w+'-]*|[+-]1|100|1234):)")


def escaped(text: str) -> str:
    """The text with the three characters that Slack reads as markup made harmless."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escaped_within(text: str, limit: int) -> str:
    """As much of the text as fits once it is escaped, no escape cut in two."""
    text = clip(text, limit)
    while len(escaped(text)) > limit:
        text = clip(text, len(text) * 3 // 4)
    return escaped(text)


def unmarked(text: str) -> str:
    """An escaped text without bold, quotation, code or emoji; no longer than it was.

    A message that is changed to text alone is always read for these.
    """
    text = _AT_AN_EDGE.sub(lambda found: _LOW_LINE * len(found[0]), text.translate(_LOOKALIKES))
    return _EMOJI.sub("\N{RATIO}", _QUOTES.sub(_QUOTE, text))
