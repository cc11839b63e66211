"""The nearest valid name for a word that is not one."""

import difflib
from collections.abc import Iterable

MOST_LISTED = 12


class HintedError(ValueError):
    """A value that cannot be used, with what would be right."""

    def __init__(self, text: str, hint: str | None) -> None:
        self.hint = hint
        super().__init__(text)


def hint_for(word: str, known: Iterable[str]) -> str | None:
    """``did you mean "retain"?``; the known words when none is near and they are few."""
    words = sorted(set(known))
    near = difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    if words and len(words) <= MOST_LISTED:
        return f"known: {', '.join(words)}"
    return None
