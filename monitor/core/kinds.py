"""One kind of call, by the words that a vendor or Offhook has for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from monitor.core.baseline import Counted
from monitor.core.calls import CallLog, EndedCall, Field, Value
from monitor.core.facts import BatchFacts
from monitor.core.failures import Case, untold
from monitor.core.model import FAILED, Outcome, Sentiment
from monitor.core.rule import Unknown, cannot_see

_CLOSED = {
    Field.OUTCOME: frozenset(str(each) for each in Outcome),
    Field.SENTIMENT: frozenset(str(each) for each in Sentiment),
}
# Where one word of the vendor's stands for failures and for these, none is ever counted.
_UNREACHED = {Outcome.NO_ANSWER, Outcome.BUSY}
_SAID = {
    Field.OUTCOME: "ended as",
    Field.HANGUP: "hung up with",
    Field.DISPOSITION: "had disposition",
    Field.ERROR: "had the error",
    Field.SENTIMENT: "were",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """The calls of which one field matches one of the patterns, among those of some outcomes."""

    field: Field
    patterns: tuple[str, ...]
    among: frozenset[Outcome]

    @classmethod
    def of(
        cls, words: Mapping[Field, frozenset[str] | None], among: frozenset[Outcome]
    ) -> "Kind | None":
        """The one that is written; None where none is. ValueError for people where two are."""
        written = [(field, told) for field, told in words.items() if told]
        if not written:
            return None
        field, told = written[0]
        if len(written) > 1:
            raise ValueError(f"{written[1][0]} and {field} are both written; one rule takes one")
        known = _CLOSED.get(field)
        for word in sorted(told):
            if known is not None and not any(map(_matching((word,)), known)):
                raise ValueError(f"{field} has no {word!r}; there are {', '.join(sorted(known))}")
        return cls(field, tuple(sorted(told)), among)

    @property
    def text(self) -> str:
        """For a sentence: "ended as voicemail or busy"."""
        return f"{_SAID[self.field]} {' or '.join(self.patterns)}"

    def unseen(self, facts: BatchFacts) -> Unknown | None:
        """Why the vendor cannot tell such calls from others; None where it can."""
        ends = self._ends()
        if ends and ends <= _UNREACHED:
            return untold(facts, FAILED)
        needs = frozenset({"sentiment"} if self.field is Field.SENTIMENT else ())
        needs |= {"voicemail"} if ends == {Outcome.VOICEMAIL} else set()
        why = cannot_see(needs, facts.capabilities, facts.vendor)
        return Unknown(why) if why else None

    def _ends(self) -> set[Outcome]:
        """The outcomes that it means; none where it goes by something else."""
        matches = _matching(self.patterns)
        return {each for each in Outcome if self.field is Field.OUTCOME and matches(each)}

    def count(self, log: CallLog, start: datetime, end: datetime) -> Counted:
        """How many of the calls that tell it are of the kind."""
        matches = _matching(self.patterns)
        part = whole = 0
        for (outcome, value), n in log.grouped(start, end, Field.OUTCOME, self.field).items():
            if value is not None and Outcome(str(outcome)) in self.among:
                whole += n
                part += n * matches(value)
        return Counted(part, whole)

    @property
    def case(self) -> Case:
        """The case against them."""
        matches = _matching(self.patterns)

        def told(call: EndedCall) -> bool:
            return call.outcome in self.among and call.value(self.field) is not None

        return Case(
            wrong=lambda call: matches(call.value(self.field)),
            count=self.count,
            bad="such calls",
            verb="were such",
            todo="Look at the calls named here.",
            skip=frozenset({self.field}),
            among=told,
        )


def _matching(patterns: tuple[str, ...]) -> Callable[[Value], bool]:
    folded = [pattern.casefold() for pattern in patterns]
    return lambda value: any(fnmatchcase(str(value).casefold(), each) for each in folded)
