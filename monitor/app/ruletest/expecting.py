"""What a test expects of a story, line by line."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.app.ruletest.lines import Line, Origin, Phrase, When, phrases
from monitor.config.hints import hint_for
from monitor.core.alert import AlertState, Reason
from monitor.core.rule import Severity

_NUMBERS = ("value", "threshold", "n", "affected", "total", "waiting", "episode")
_GIVEN = ("on", "severity", "reason", *_NUMBERS)
STATES = {
    "fires": AlertState.FIRING,
    "pends": AlertState.PENDING,
    "resolves": AlertState.RESOLVED,
    "reports": AlertState.INFO,
}
VERBS = (*STATES, "quiet", "tells", "says", "unknown")
LOUD = {"fires", "resolves", "reports", "tells", "says"}
_WORDS = {"and", "to"}  # that may stand between receivers, for people


@dataclass(frozen=True, slots=True)
class Expected:
    """One line: of one rule, or of all of them (rule "")."""

    line: Line
    when: When
    rule: str
    phrases: tuple[Phrase, ...]


def expected_of(
    line: Line, origin: Origin, rules: Sequence[str], receivers: Sequence[str]
) -> Expected:
    """``10:03 error_spike fires severity=critical, tells ops, says 'of 42 calls'``."""
    time, _, rest = line.text.strip().partition(" ")
    when = origin.when(time, line)
    first, *others = phrases(rest, line)
    if first.words == ("nothing",):
        first.only(line)
        if others:
            line.refuse("nothing stands alone")
        return Expected(line, when, "", ())
    rule, words = (first.words or ("",))[0], first.words[1:]
    if rule not in rules:
        line.refuse(f"no rule {rule!r} runs here", hint_for(rule, rules))
    said = (Phrase(words, first.given), *others)
    for each in said:
        _check(each, line, receivers)
    return Expected(line, when, rule, said)


def _check(phrase: Phrase, line: Line, receivers: Sequence[str]) -> None:
    verb = phrase.words[:1]
    if not verb or verb[0] not in VERBS:
        said = " ".join(phrase.words)
        line.refuse(f"{said!r} is nothing that can be expected", f"known: {', '.join(VERBS)}")
    phrase.only(line, *_GIVEN)
    match verb[0]:
        case "tells":
            for name in named(phrase):
                if name not in receivers:
                    line.refuse(f"there is no receiver {name!r}", hint_for(name, receivers))
        case "says" | "unknown" if len(phrase.words) != 2:
            line.refuse(f"write {verb[0]} 'a part of the text'")
        case word if word in {*STATES, "quiet"} and len(phrase.words) != 1:
            line.refuse(f"{' '.join(phrase.words[1:])!r} has no meaning after {word}")
    numbers(phrase, line)


def named(phrase: Phrase) -> frozenset[str]:
    """The receivers of a phrase that tells."""
    names = frozenset(phrase.words[1:]) - _WORDS
    return frozenset() if names == {"nobody"} else names


def numbers(phrase: Phrase, line: Line) -> dict[str, float]:
    """The numbers that a phrase gives."""
    found = {}
    for name in _NUMBERS:
        if name in phrase.given:
            try:
                found[name] = float(phrase.given[name].rstrip("%"))
            except ValueError:
                line.refuse(f"{name}={phrase.given[name]} is no number")
    if (text := phrase.given.get("severity")) and text not in set(Severity):
        line.refuse(f"there is no severity {text!r}", hint_for(text, list(Severity)))
    if (text := phrase.given.get("reason")) and text not in set(Reason):
        line.refuse(f"there is no reason {text!r}", hint_for(text, list(Reason)))
    return found
