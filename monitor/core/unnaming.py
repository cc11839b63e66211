"""Taking somebody out of texts: which words are theirs there, and which only look so.

An id is unique at its vendor at most, and may be no more than "7", or the name of the batch
besides. So it is theirs only among the ids that an alert names as its evidence, and there only
beside its own batch, unless it is so long that nobody else has it. In sentences no other id
than such a one is taken out. A masked number goes from everywhere.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from monitor.core.compose import ID, plain

# What stands in texts where a masked number stood.
NOBODY = "[erased]"
# Ids of fewer letters than this turn up by chance, and so do numbers and words.
_LONG = 8
_EVIDENCE = "evidence"
# Under these keys our own texts name batches and rules, and nobody.
_OURS = frozenset(
    {
        "acts",
        "batch",
        "batch_id",
        "id",
        "key",
        "labels",
        "link",
        "provider",
        "rule",
        "rule_id",
        "runbook_url",
        "severity",
        "state",
        "title",
        "vendor",
        "zone",
    }
)
_pack = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))

Place = tuple[str, str | None]  # a provider, and one of its batches
Evidence = Callable[[list[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Words:
    """What people are known by: masked numbers, and their ids by the place in which they stand.

    Beside each id is what is to stand instead. Of whoever stood in a batch that is ``forgotten``
    no id is known: there all go that stand beside their number.
    """

    masked: frozenset[str] = frozenset()
    ids: Mapping[Place, Mapping[str, str]] = field(default_factory=dict)
    forgotten: frozenset[Place] = frozenset()

    def everything(self) -> frozenset[str]:
        """All of them, also as JSON spells them."""
        plainly = self.masked.union(*(map(_shown, self.ids.values())))
        return plainly | {_pack(word)[1:-1] for word in plainly}


class Unnaming:
    """Takes some words out of texts, and puts others in their place."""

    def __init__(self, words: Words) -> None:
        self._ids = {place: _shown(ids) for place, ids in words.ids.items()}
        self._long = {
            word: name
            for ids in self._ids.values()
            for word, name in ids.items()
            if not _is_weak(word)
        }
        self._forgotten = words.forgotten
        masked = dict.fromkeys(words.masked, NOBODY)
        self.masked = _replacing(masked)
        self.prose = _replacing(masked | self._long)

    def text(self, text: str, about: Place | None, *, named: bool) -> str:
        """What tells of people, in JSON or in a sentence, about a batch or a provider.

        ``named``: it stands beside their number, so that any id is theirs.
        """
        if text[:1] not in {"{", "["}:
            return self.prose(text)
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            return self.prose(text)
        new = self._value(value, self._evidence(about, named=named))
        return text if new == value else _pack(new)

    def ids(self, text: str, about: Place | None, *, named: bool) -> str:
        """A list of evidence by itself."""
        value = json.loads(text)
        new = self._evidence(about, named=named)(value)
        return text if new == value else _pack(new)

    def _evidence(self, about: Place | None, *, named: bool) -> Evidence:
        """What takes their ids out of evidence there."""
        if named and about in self._forgotten:
            return lambda value: [NOBODY for _ in value]
        found = dict(self._long)
        for place, ids in self._ids.items():
            if named or (about is not None and about in {place, (place[0], None)}):
                found |= ids
        found |= {} if about is None else self._ids.get(about, {})
        return lambda value: [found.get(each, each) for each in value]

    def _value(self, value: Any, evidence: Evidence) -> Any:
        if isinstance(value, str):
            return self.prose(value)
        if isinstance(value, list):
            return [self._value(each, evidence) for each in value]
        if isinstance(value, dict):
            return {key: self._under(key, each, evidence) for key, each in value.items()}
        return value

    def _under(self, key: str, value: Any, evidence: Evidence) -> Any:
        if key == _EVIDENCE:
            return evidence(value)
        if key in _OURS:
            return _masked(value, self.masked)
        return self._value(value, evidence)


def _masked(value: Any, masked: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {key: _masked(each, masked) for key, each in value.items()}
    return value


def _shown(ids: Mapping[str, str]) -> dict[str, str]:
    """The ids as they are, and as messages show them where that is another way."""
    return {plain(word, ID): name for word, name in ids.items()} | dict(ids)


def _replacing(names: Mapping[str, str]) -> Callable[[str], str]:
    """What puts others in the place of words, wherever these stand alone."""
    if not names:
        return lambda text: text
    longest = sorted(names, key=len, reverse=True)
    found = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest))})(?![\w-])")
    return lambda text: found.sub(lambda match: names[match.group()], text)


def _is_weak(word: str) -> bool:
    return len(word) < _LONG or word.isdigit() or word.isalpha()
