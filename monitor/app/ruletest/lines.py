"""Lines of a story and of what is expected of it: a time, and what is said of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn
from zoneinfo import ZoneInfo

from monitor.config.hints import hint_for
from monitor.core.duration import parse_duration
from monitor.errors import ConfigError, Problem


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it stands in a file."""

    file: str
    number: int | None
    text: str

    def refuse(self, text: str, hint: str | None = None) -> NoReturn:
        """It cannot be meant so."""
        raise ConfigError((Problem(self.file, self.number, self.text.strip(), text, hint),))


@dataclass(frozen=True, slots=True)
class When:
    """An instant, or the time from one to another, both included."""

    start: datetime
    end: datetime | None = None

    @property
    def last(self) -> datetime:
        """The instant, or the end."""
        return self.start if self.end is None else self.end


@dataclass(frozen=True, slots=True)
class Origin:
    """From where the times of a story are counted."""

    start: datetime
    zone: ZoneInfo

    def when(self, text: str, line: Line) -> When:
        """Read "10:00", "+90m", "2026-06-11T09:00", or two of them with ".." between."""
        first, dots, last = text.partition("..")
        start = self.instant(first, line)
        if not dots:
            return When(start)
        end = self.instant(last, line)
        if end < start:
            line.refuse(
                f"{text} ends before it begins; a later day is written +26h or with its date"
            )
        return When(start, end)

    def instant(self, text: str, line: Line) -> datetime:
        """One of them. A time of day is the first of its kind from the start on."""
        if text.startswith("+"):
            return self.start + duration(text[1:], line)
        if match := _CLOCK.fullmatch(text):
            local = self.start.astimezone(self.zone)
            hour, minute, second = (int(part or 0) for part in match.groups())
            if hour > 23 or minute > 59 or second > 59:
                line.refuse(f"{text} is no time of day")
            at = local.replace(hour=hour, minute=minute, second=second, microsecond=0)
            at = at if at >= local else at + timedelta(days=1)
            return at.astimezone(self.start.tzinfo)
        return moment(text, self.zone, line).astimezone(self.start.tzinfo)


_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{1,2}:\d{2}(:\d{2})?")


def moment(text: str, zone: ZoneInfo, line: Line) -> datetime:
    """A date and a time on the wall of the zone."""
    if _MOMENT.fullmatch(text):
        date, _, clock = text.replace(" ", "T").partition("T")
        try:
            return datetime.fromisoformat(f"{date}T{clock:0>5}").replace(tzinfo=zone)
        except ValueError:
            pass
    return line.refuse(f"{text!r} is no time; write 10:00, 10:00:30, +90m or 2026-06-11T09:00")


def duration(text: str, line: Line) -> timedelta:
    """A length of time."""
    try:
        return parse_duration(text)
    except ValueError as error:
        line.refuse(str(error))


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in order, and what is given by name: ``call failed error='SIP 403'``."""

    words: tuple[str, ...]
    given: dict[str, str]

    def only(self, line: Line, *known: str) -> None:
        """Refuse what has no meaning here."""
        for name in self.given:
            if name not in known:
                near = hint_for(name, known)
                line.refuse(f"{name}= has no meaning here", near or _known(known))


def _known(words: tuple[str, ...]) -> str | None:
    return f"known: {', '.join(words)}" if words else None


def lines_of(text: str, file: str, first: int | None) -> Iterator[Line]:
    """The lines that say something; ``first`` is the number of the text's first line."""
    for place, each in enumerate(text.split("\n")):
        if _without_remark(each).strip():
            yield Line(file, None if first is None else first + place, _without_remark(each))


def phrases(text: str, line: Line) -> list[Phrase]:
    """What stands between the commas."""
    found: list[Phrase] = []
    words: list[str] = []
    given: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            line.refuse(f"cannot be read from {text[place : place + 20]!r} on; is a quote open?")
        place = match.end()
        if match["comma"]:
            found.append(Phrase(tuple(words), given))
            words, given = [], {}
        elif match["name"]:
            given[match["name"]] = _plain(match["value"])
        elif match["word"]:
            words.append(_plain(match["word"]))
    found.append(Phrase(tuple(words), given))
    if any(not each.words and not each.given for each in found):
        line.refuse("says nothing between two commas, or after the time")
    return found


_QUOTED = r"'[^']*'|\"[^\"]*\""
_TOKEN = re.compile(
    rf"\s+|(?P<comma>,)|(?P<name>[a-z_]+)=(?P<value>{_QUOTED}|[^\s,'\"]+)"
    rf"|(?P<word>{_QUOTED}|[^\s,'\"=]+)"
)
_REMARK = re.compile(rf"((?:{_QUOTED}|[^#'\"])*)(#.*)?", re.DOTALL)


def _plain(text: str) -> str:
    return text[1:-1] if text[:1] in {"'", '"'} else text


def _without_remark(text: str) -> str:
    match = _REMARK.fullmatch(text)
    return match[1] if match else text
