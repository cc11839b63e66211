"""What came of a story against what was expected of it, in words for people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from monitor.app.ruletest.expecting import LOUD, STATES, Expected, named, numbers
from monitor.app.ruletest.lines import Phrase
from monitor.app.ruletest.play import Played
from monitor.core.alert import Alert, AlertState, Transition
from monitor.core.compose import compose
from monitor.core.rule import Clear, Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """One expectation that was not met; ``line`` is None for what no line expects."""

    line: int | None
    expected: str
    got: str


def misses(expected: Sequence[Expected], played: Played, zone: ZoneInfo) -> Iterator[Miss]:
    """All that is not as it should be: what was expected and is not, and what nobody expected."""
    for each in expected:
        yield from _Judge(each, played, zone).misses()
    yield from _unexpected(expected, played, zone)


@dataclass(frozen=True, slots=True)
class _Judge:
    """One line against what came of the story."""

    expected: Expected
    played: Played
    zone: ZoneInfo

    def misses(self) -> Iterator[Miss]:
        if not self.expected.rule:
            loud = [self._words(each) for each in self._loud()]
            if loud:
                yield self._miss("nothing", "; ".join(loud))
            return
        subject = ""
        for phrase in self.expected.phrases:
            subject = phrase.given.get("on", subject)
            got = self._wrong(phrase, subject)
            if got is not None:
                said = " ".join([*phrase.words, *(f"{k}={v}" for k, v in phrase.given.items())])
                yield self._miss(f"{self.expected.rule} {said}", got)

    def _miss(self, expected: str, got: str) -> Miss:
        return Miss(line=self.expected.line.number, expected=expected, got=got)

    # What there was

    def _loud(self) -> list[Alert]:
        """What fires then, or began to fire or was reported in the time."""
        when = self.expected.when
        if when.end is None:
            known = self.played.at(when.start).alerts.values()
            return [each for each in known if each.state is AlertState.FIRING]
        return [
            each.alert
            for each in self._moves()
            if each.after in {AlertState.FIRING, AlertState.INFO} and each.before is not each.after
        ]

    def _moves(self) -> list[Transition]:
        when = self.expected.when
        return [each for each in self.played.transitions if when.start <= each.at <= when.last]

    def _mine(self, alert: Alert, subject: str) -> bool:
        of = alert.subject
        return alert.instance == self.expected.rule and subject in {
            "",
            of.id,
            of.title,
            of.provider,
        }

    def _alerts(self, subject: str) -> list[Alert]:
        """The alerts of the rule as they stand then; the newest episode last."""
        known = self.played.at(self.expected.when.last).alerts.values()
        found = [each for each in known if self._mine(each, subject)]
        return sorted(found, key=lambda each: (each.since, each.episode))

    # What is wrong

    def _wrong(self, phrase: Phrase, subject: str) -> str | None:
        verb = phrase.words[0]
        match verb:
            case "quiet":
                return self._not_quiet(subject)
            case "tells":
                return self._told_others(phrase, subject)
            case "says":
                return self._says_else(phrase, subject)
            case "unknown":
                return self._known_after_all(phrase, subject)
            case _:
                return self._not_so(STATES[verb], phrase, subject)

    def _not_quiet(self, subject: str) -> str | None:
        when = self.expected.when
        if when.end is None:
            firing = [a for a in self._alerts(subject) if a.state is AlertState.FIRING]
        else:
            began = self.played.at(when.start).alerts.values()
            firing = [a for a in began if a.state is AlertState.FIRING and self._mine(a, subject)]
            firing += [
                each.alert
                for each in self._moves()
                if each.after in {AlertState.FIRING, AlertState.INFO}
                and self._mine(each.alert, subject)
            ]
        return "; ".join(self._words(each) for each in firing) or None

    def _not_so(self, state: AlertState, phrase: Phrase, subject: str) -> str | None:
        if self.expected.when.end is None:
            found = self._alerts(subject)
            right = [each for each in found if each.state is state]
        else:
            moves = [each for each in self._moves() if self._mine(each.alert, subject)]
            found = [each.alert for each in moves]
            right = [each.alert for each in moves if each.after is state is not each.before]
        if not right:
            return self._why_not(found, subject)
        differ = [self._differs(each, phrase) for each in right]
        return None if None in differ else differ[-1]

    def _differs(self, alert: Alert, phrase: Phrase) -> str | None:
        """What is other than given; None where all is alike."""
        finding = alert.finding
        for name, wanted in numbers(phrase, self.expected.line).items():
            actual = alert.episode if name == "episode" else getattr(finding, name)
            if actual is None or abs(actual - wanted) > 0.051:
                return f"{name} is {'not told' if actual is None else f'{actual:g}'}"
        for name in ("severity", "reason"):
            text = phrase.given.get(name)
            if text is not None and text != str(getattr(alert, name)):
                return f"{name} is {getattr(alert, name)}"
        return None

    def _why_not(self, found: Sequence[Alert], subject: str) -> str:
        if found:
            return "; ".join(self._words(each) for each in found)
        known = [each for each in self._alerts(subject) if each.fired_at is not None]
        if known:
            return f"{self._words(known[-1])} since {self._clock(known[-1].since)}"
        said = list(self._said(subject))
        return "; ".join(said) if said else "it was never asked: no such subject then"

    def _said(self, subject: str) -> Iterator[str]:
        """What the rule makes of each subject at the end of the time."""
        moment = self.played.at(self.expected.when.last)
        for names, opinion in moment.opinions:
            if opinion.instance.name != self.expected.rule or subject not in {"", *names}:
                continue
            verdict = opinion.verdict
            match verdict:
                case Unknown(reason=reason):
                    finding = verdict.finding
                    seen = f" ({finding.summary})" if finding else ""
                    yield f"it cannot tell: {reason}{seen}"
                case Clear():
                    yield f"it is clear: {verdict.finding.summary}"
                case _:
                    yield f"it holds, and has not fired: {verdict.finding.summary}"

    def _told_others(self, phrase: Phrase, subject: str) -> str | None:
        when = self.expected.when
        first = None if when.end is None else when.start
        names = {
            each.receiver
            for each in self.played.heard
            if each.at <= when.last
            and (first is None or each.at >= first)
            and each.message.rule == self.expected.rule
            and subject in {"", each.message.batch, each.message.title, each.message.provider}
        }
        wanted = named(phrase)
        return None if names == wanted else f"told: {', '.join(sorted(names)) or 'nobody'}"

    def _says_else(self, phrase: Phrase, subject: str) -> str | None:
        if self.expected.when.end is None:
            found = self._alerts(subject)
        else:
            found = [each.alert for each in self._moves() if self._mine(each.alert, subject)]
        texts = [self._text(each) for each in found]
        if any(phrase.words[1] in text for text in texts):
            return None
        return texts[-1] if texts else self._why_not([], subject)

    def _text(self, alert: Alert) -> str:
        at = self.expected.when.last
        made = compose(alert, at=at, default_zone=self.zone.key)
        lines = (f"{label}: {text}" for label, text in made.lines)
        return " | ".join([made.sentence, *lines, *filter(None, [made.todo])])

    def _known_after_all(self, phrase: Phrase, subject: str) -> str | None:
        said = list(self._said(subject))
        wanted = f"it cannot tell: {phrase.words[1]}"
        return None if any(wanted in each for each in said) else "; ".join(said)

    def _clock(self, at: datetime) -> str:
        return f"{at.astimezone(self.zone):%H:%M:%S}"

    def _words(self, alert: Alert) -> str:
        return (
            f"{alert.instance} {alert.state} on {alert.subject.title} ({alert.reason.words}):"
            f" {alert.finding.summary}"
        )


def _unexpected(expected: Sequence[Expected], played: Played, zone: ZoneInfo) -> Iterator[Miss]:
    """Alerts that fired or were reported, of rules of which no line expects anything."""
    known = {
        each.rule for each in expected if any(phrase.words[0] in LOUD for phrase in each.phrases)
    }
    seen = set()
    for each in played.transitions:
        alert = each.alert
        loud = each.after in {AlertState.FIRING, AlertState.INFO}
        if loud and alert.instance not in known and alert.key not in seen:
            seen.add(alert.key)
            verb = "fired" if each.after is AlertState.FIRING else "reported"
            yield Miss(
                line=None,
                expected=f"no line expects anything of {alert.instance}",
                got=f"it {verb} at {each.at.astimezone(zone):%H:%M:%S} on {alert.subject.title}:"
                f" {alert.finding.summary}",
            )
