"""A vendor's values in Offhook's units: times, lengths of time, money, words."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from monitor.core.instants import EPOCH
from monitor.core.text import clip, one_line
from monitor.core.words import AnsweredBy, BatchStatus, CallStatus, ContactStatus, Sentiment
from monitor.providers.answers import HORIZON, micros, number, parse_time, seconds, whole, word
from monitor.providers.http_json.fields import Units, Words

W = TypeVar("W", bound=StrEnum)


class Values:
    """Reads values as the configuration says they are written."""

    def __init__(self, units: Units, words: Words) -> None:
        self._units = units
        self._zone = ZoneInfo(units.zone) if units.zone else None
        self.batch: Mapping[str, BatchStatus] = _folded(words.batch)
        self.contact: Mapping[str, ContactStatus] = _folded(words.contact)
        self.call: Mapping[str, CallStatus] = _folded(words.call)
        self.answered_by: Mapping[str, AnsweredBy] = _folded(words.answered_by)
        self.sentiment: Mapping[str, Sentiment] = _folded(words.sentiment)

    def time(self, value: Any, seen_at: datetime) -> datetime | None:
        """A time as aware UTC; None when absent, unreadable, without a zone or absurd."""
        if value is None:
            return None
        if self._units.times == "iso":
            return self._iso(value, seen_at)
        try:
            at = self._at(value)
        except (ValueError, OverflowError):
            return None
        return at if at is not None and -HORIZON < at - seen_at < HORIZON else None

    def _iso(self, value: Any, seen_at: datetime) -> datetime | None:
        if not isinstance(value, str):
            return None
        if self._zone is None:
            return parse_time(value, seen_at)
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return None
        zoned = at.replace(tzinfo=self._zone) if at.tzinfo is None else at
        return parse_time(zoned.isoformat(), seen_at)

    def _at(self, value: Any) -> datetime | None:
        times = self._units.times
        if times in {"epoch_s", "epoch_ms"}:
            told = number(value)
            scale = 1000 if times == "epoch_ms" else 1
            return None if told is None else EPOCH + timedelta(seconds=told / scale)
        if not isinstance(value, str):
            return None
        at = datetime.strptime(value.strip(), times)  # noqa: DTZ007 - the zone is set below
        return (at.replace(tzinfo=self._zone) if at.tzinfo is None else at).astimezone(UTC)

    def written(self, at: datetime) -> str:
        """A time as the vendor writes it."""
        match self._units.times:
            case "iso":
                return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            case "epoch_s":
                return str(int(at.timestamp()))
            case "epoch_ms":
                return str(int(at.timestamp() * 1000))
            case form:
                return at.astimezone(self._zone or UTC).strftime(form)

    def duration(self, value: Any) -> float | None:
        """Seconds."""
        if self._units.duration == "s":
            return seconds(value)
        told = number(value)
        if told is None:
            return None
        factor = 60.0 if self._units.duration == "min" else 0.001
        return seconds(round(told * factor, 3))

    def money(self, value: Any) -> int | None:
        """Millionths of the currency's unit."""
        if self._units.money == "micros":
            return whole(value)
        told = micros(value)
        if told is None or self._units.money == "units":
            return told
        return round(told / 100)


def key_of(value: Any) -> str | None:
    """A vendor's word as the tables have it: true, false and numbers count as words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return word(value)


def told(table: Mapping[str, W], value: Any) -> W | None:
    """What a word means; None where it is not listed."""
    return table.get(key_of(value) or "")


def label(value: Any, limit: int = 120) -> str | None:
    """A name that may be shown, on one line."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return clip(one_line(value[:400]), limit) or None if isinstance(value, str) else None


def _folded(table: Mapping[str, W]) -> dict[str, W]:
    return {key_of(name) or "": meaning for name, meaning in table.items()}
