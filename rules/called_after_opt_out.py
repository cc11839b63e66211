"""Somebody who asked not to be called is called again.

Fires when the batch calls a person of whom an earlier call, in whichever batch and at
whichever provider, matched one of ``opt_out``: matchers over the call's ``disposition``,
``hangup``, ``outcome``, ``provider`` and ``batch_name``. The defaults are the words that vendors
document for it and their usual spellings. It goes on while such calls were made within
``recent``. Opt-outs outlive the details of their batches. Says nothing where the vendor shows
no single calls.

What to do: pause the batch, take these people off its list, and off the list that it was made
from.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from monitor.core.accusing import accused, charge, first_named, no_more, pause_words
from monitor.core.facts import BatchFacts
from monitor.core.limits import OptOuts, refusals
from monitor.core.rule import BatchRule, Holds, Replays, Severity, Verdict
from monitor.core.wording import counted

# "no_opt_out" and "not on the DNC list" are none.
_NEGATED = r"(?!(.*[ _-])?(no|not|non|never|without)[ _-]((on|in|an?|the)[ _-])*(dnc|do|opt|unsub))"
_WORDS = (
    rf"(?i){_NEGATED}(.*[ _-])?"
    r"(dnc|do.?not.?(call|contact)|opt(ed)?.?out|unsubscribed?)([ _-].*)?"
)


@dataclass(frozen=True, kw_only=True)
class CalledAfterOptOut(BatchRule):
    """See the module."""

    id: ClassVar[str] = "called_after_opt_out"
    severity: ClassVar[Severity] = Severity.CRITICAL
    cause: ClassVar[str | None] = "people"
    compliance: ClassVar[bool] = True
    reads_list: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"calls"})
    persons: ClassVar[bool] = True
    replays: ClassVar[Replays] = Replays.MOVES

    opt_out: tuple[str, ...] = (f"disposition=~{_WORDS}", f"hangup=~{_WORDS}")
    recent: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        try:
            refusals(self.opt_out)
        except ValueError as error:
            raise ValueError(f"opt_out: {error}") from error
        if not self.opt_out:
            raise ValueError("opt_out is empty, so nobody could ever have asked")
        if self.recent <= timedelta(0):
            raise ValueError("recent is empty, so it could never hold")

    @property
    def looks_back(self) -> timedelta:
        """See Rule."""
        return self.recent

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        found = accused(facts, OptOuts(self.opt_out))
        calm = no_more(facts, found, self.recent, "was called after an opt-out")
        if calm is not None:
            return calm
        who = counted(found.n, "person was", "people were")
        said = f"{who} called who had asked not to be; {first_named(found)}"
        todo = f"{pause_words(found)} and take these people off the list."
        return Holds(charge(facts, found, said, todo))
