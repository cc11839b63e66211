"""What a line of a story does: read once, to be done in the order of time."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, pairwise

from monitor.app.ruletest.lines import Line, Origin, Phrase, When, duration, phrases
from monitor.config.hints import hint_for
from monitor.core.model import BatchStatus, ContactStatus, Outcome

MOST = 100_000  # calls or people of one line


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing at one time. ``what`` says which, ``n`` how many, ``given`` the rest."""

    at: datetime
    line: Line
    where: str  # a batch or a provider; "" where the story has only one
    what: str
    n: int = 1
    word: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    key: int | None = None  # of a call that begins with one deed and ends with another


# How long a call takes where the story does not say; any other ends as it begins.
LASTED = {Outcome.COMPLETED: timedelta(seconds=60), Outcome.VOICEMAIL: timedelta(seconds=20)}
_KEYS = count()
CALL_KEYS = (
    "error",
    "from",
    "lasted",
    "hangup",
    "by",
    "agent",
    "disposition",
    "sentiment",
    "transferred",
    "cost",
    "to",
    "retry",
    "follow_up",
    "again",
    "every",
)
_PERSON_KEYS = ("phone", "zone", "country", "area", "of", "retry")
_COUNTS = ("total", "finished", "succeeded", "failed", "live", "waiting", "requested", "rejected")
_BEGIN = ("begin", "begins")
_END = ("end", "ends")


def deeds_of(line: Line, origin: Origin) -> list[Deed]:
    """All that one line does: ``10:00..10:05 may: 20 calls failed every 6s, batch paused``."""
    time, _, rest = line.text.strip().partition(" ")
    when = origin.when(time, line)
    where = ""
    if match := _WHERE.match(rest):
        where, rest = match[1], rest[match.end() :]
    return [
        deed for phrase in phrases(rest, line) for deed in _Reader(line, when, where, phrase).read()
    ]


_WHERE = re.compile(r"\s*([a-z][a-z0-9_]*)\s*:(?=\s|$)")


@dataclass(frozen=True, slots=True)
class _Reader:
    """One phrase of a line."""

    line: Line
    when: When
    where: str
    phrase: Phrase

    def read(self) -> Iterator[Deed]:
        spoken = pairwise(("", *self.phrase.words))
        words = tuple(b for a, b in spoken if a == "person" or b not in {"a", "an"})
        match words:
            case ("nothing",):
                self.phrase.only(self.line)
                yield self._deed("nothing", at=self.when.last)
            case ("batch", word):
                yield self._batch(word)
            case ("vendor", "blind" | "back" as word) | ("vendor", "blind" as word, _):
                text = words[2] if len(words) == 3 else "no answer within 30 s"
                self.phrase.only(self.line)
                yield self._deed("vendor", word=word, given={"text": text})
            case ("counts", *rest):
                if rest not in ([], ["true"]):
                    self.line.refuse('write "counts total=100 live=3", or "counts true"')
                self.phrase.only(self.line, *_COUNTS)
                yield self._deed("counts", given=self.phrase.given)
            case ("balance", amount, currency):
                self.phrase.only(self.line)
                yield self._deed("balance", word=currency, given={"amount": amount})
            case ("cap", name, limit):
                self.phrase.only(self.line, "used")
                yield self._deed("cap", word=name, n=self._number(limit), given=self.phrase.given)
            case ("person", name):
                self.phrase.only(self.line, *_PERSON_KEYS)
                yield self._deed("people", given={**self.phrase.given, "name": name})
            case _:
                yield from self._counted(words)

    def _counted(self, words: tuple[str, ...]) -> Iterator[Deed]:
        alone = words[:1] in {("call",), ("calls",)}
        n, rest = (1, words) if alone else (self._number(words[:1]), words[1:])
        match rest:
            case ("people",) | ("people", _):
                self.phrase.only(self.line, *_PERSON_KEYS)
                word = rest[1] if len(rest) == 2 else ""
                self._known(word or "pending", ContactStatus)
                yield self._deed("moved" if word else "people", n=n, word=word)
            case ("line" | "lines",):
                self.phrase.only(self.line)
                yield self._deed("lines", n=n)
            case ("rejected",):
                self.phrase.only(self.line)
                yield self._deed("rejected", n=n)
            case ("call" | "calls", *how):
                yield from self._calls(n, how)
            case _:
                text = "is nothing that can happen"
                self.line.refuse(f"{' '.join(self.phrase.words)!r} {text}", _EXAMPLES)

    def _batch(self, word: str) -> Deed:
        if word in {"gone", "back"}:
            self.phrase.only(self.line)
            return self._deed("gone", word=word)
        self._known(word, BatchStatus)
        self.phrase.only(self.line, "reason")
        return self._deed("status", word=word)

    # Calls

    def _calls(self, n: int, how: list[str]) -> Iterator[Deed]:
        given = dict(self.phrase.given)
        how = list(how)
        for word in ("every", "again", "follow_up"):
            if word in how:
                place = how.index(word)
                given[word] = "yes" if word != "every" else (how[place + 1 :] or [""])[0]
                del how[place : place + (2 if word == "every" else 1)]
        self.phrase.only(self.line, *CALL_KEYS)
        every = duration(given.pop("every"), self.line) if "every" in given else None
        counted = self.phrase.words[0] not in {"a", "an", "call", "calls"}
        times = self._times(n if counted else None, every)
        what, outcomes = self._outcomes(how, len(times))
        # Of a share only those are called again whom it did not reach.
        reached = given.copy()
        if any(map(_SHARE.fullmatch, how)):
            reached.pop("retry", None)
        for at, word in zip(times, outcomes, strict=True):
            more = reached if word == Outcome.COMPLETED else given
            if what == "call" and (lasted := self._lasted(word, more)):
                key = next(_KEYS)
                yield self._deed("begin", at=at - lasted, word=word, given=more, key=key)
                yield self._deed("end", at=at, word=word, given=more, key=key)
            else:
                yield self._deed(what, at=at, word=word, given=more)

    def _lasted(self, word: str, given: Mapping[str, str]) -> timedelta:
        """How long a call holds a line before it ends."""
        text = given.get("lasted")
        return (
            LASTED.get(Outcome(word), timedelta(0)) if text is None else duration(text, self.line)
        )

    def _times(self, n: int | None, every: timedelta | None) -> list[datetime]:
        start, end = self.when.start, self.when.end
        if every is not None and every <= timedelta(0):
            self.line.refuse("every 0s would never end")
        if end is None:
            return [start + i * (every or timedelta(0)) for i in range(n or 1)]
        if every is not None:
            if n is not None:
                self.line.refuse("give two of: how many, until when, how often; not all three")
            most = (end - start) // every + 1
            self._bounded(most)
            return [start + i * every for i in range(most)]
        n = n or 1
        return [start + (end - start) * i / max(n - 1, 1) for i in range(n)]

    def _outcomes(self, how: list[str], n: int) -> tuple[str, list[str]]:
        """What each call is: ``failed``, ``25% failed`` (the rest completed), begun, ended."""
        if how and how[0] in _BEGIN:
            return "begin", [""] * n
        what = "call"
        if how and how[0] in _END:
            what, how = "end", how[1:]
        if len(how) == 2 and (match := _SHARE.fullmatch(how[0])):
            self._known(how[1], Outcome)
            part = round(float(match[1]) * n / 100)
            # Spread as evenly as whole calls allow.
            chosen = [(i + 1) * part // n > i * part // n for i in range(n)]
            return what, [how[1] if each else Outcome.COMPLETED.value for each in chosen]
        if len(how) != 1:
            self.line.refuse('say how calls end: "calls failed", "calls 25% busy"', _OUTCOMES)
        self._known(how[0], Outcome)
        return what, [how[0]] * n

    # Words and numbers

    def _deed(
        self,
        what: str,
        *,
        at: datetime | None = None,
        n: int = 1,
        word: str = "",
        given: Mapping[str, str] | None = None,
        key: int | None = None,
    ) -> Deed:
        return Deed(
            at=self.when.start if at is None else at,
            line=self.line,
            where=self.where,
            what=what,
            n=n,
            word=word,
            given=self.phrase.given if given is None else given,
            key=key,
        )

    def _known(
        self, word: str, words: type[BatchStatus] | type[ContactStatus] | type[Outcome]
    ) -> None:
        known = [each.value for each in words if each.value != "unknown"]
        if word not in known:
            self.line.refuse(f"{word!r} is not known here", hint_for(word, known) or _all(known))

    def _number(self, words: str | tuple[str, ...]) -> int:
        text = words if isinstance(words, str) else "".join(words)
        if not text.isdecimal():
            said = " ".join(self.phrase.words)
            self.line.refuse(f"{said!r} is nothing that can happen", _EXAMPLES)
        return self._bounded(int(text))

    def _bounded(self, n: int) -> int:
        if n > MOST:
            self.line.refuse(f"{n:,} are more than {MOST:,}")
        return n


def _all(known: list[str]) -> str:
    return f"known: {', '.join(known)}"


_SHARE = re.compile(r"(\d+(?:\.\d+)?)%")
_OUTCOMES = _all([each.value for each in Outcome])
_EXAMPLES = (
    'such as "100 people", "5 lines", "20 calls failed every 3s", "batch paused", "vendor blind"'
)
