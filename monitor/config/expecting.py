"""``[[expect]]``: batches that are to come, when, and of what size."""

from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, WithJsonSchema

from monitor.config.calendars import holidays_of
from monitor.config.lines import KeyPath
from monitor.config.model import HolidaysOf, Zone
from monitor.config.reading import Reading
from monitor.core.expectation import Expectation
from monitor.core.schedule import Schedule, Times, parse_times
from monitor.errors import Problem
from monitor.settings import NAME, Duration, MatcherText, PositiveDuration, Strict


def _times(value: Any) -> tuple[Times, ...]:
    """One time at which something is due, or several."""
    texts = value if isinstance(value, list | tuple) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        msg = 'is written "mon-fri 09:00", or as a list of such texts'
        raise ValueError(msg)
    return tuple(parse_times(text) for text in texts)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value) or len(value) > _LONGEST:
        msg = "a name is a text of lower-case letters, digits and _, and begins with a letter"
        raise ValueError(msg)
    return value


_LONGEST = 60


class ExpectSettings(Strict):
    """One of ``[[expect]]``. ``at`` is in ``timezone``, by default that of ``[monitor]``."""

    name: Annotated[str, BeforeValidator(_name)]
    at: Annotated[
        tuple[Times, ...],
        BeforeValidator(_times),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "string"},
                    {"type": "array", "items": {"type": "string"}, "minItems": 1},
                ]
            }
        ),
    ]
    timezone: Zone | None = None
    holidays: HolidaysOf = ()
    match: tuple[MatcherText, ...] = ()
    providers: tuple[str, ...] = ()
    within: PositiveDuration = timedelta(minutes=30)
    early: Duration = timedelta(hours=1)
    people: Annotated[int, Field(ge=1)] | None = None
    overlap_days: Annotated[int, Field(ge=0, le=90)] = 3
    max_overlap: Annotated[float, Field(ge=0, le=1)] = 0.2


def read_expectations(reading: Reading, zone: str, year: int) -> tuple[Expectation, ...]:
    """What is expected, in order; ``zone`` is that of times without one of their own."""
    written = reading.document.values.get("expect", [])
    if not isinstance(written, list):
        reading.refuse(("expect",), "must be written [[expect]], one for each batch")
        return ()
    providers = reading.document.values.get("providers", {})
    known = tuple(providers) if isinstance(providers, dict) else ()
    found: dict[str, Expectation] = {}
    for place, values in enumerate(written):
        path: KeyPath = ("expect", place)
        settings = reading.table(path, values, ExpectSettings)
        if settings is None:
            continue
        if settings.name in found:
            reading.refuse((*path, "name"), f"another [[expect]] is called {settings.name}, too")
        for index, name in enumerate(settings.providers):
            reading.known_name((*path, "providers", index), "provider", name, known)
        found[settings.name] = _expectation(reading, path, settings, zone, year)
    return tuple(found.values())


def _expectation(
    reading: Reading, path: KeyPath, settings: ExpectSettings, zone: str, year: int
) -> Expectation:
    problems: list[Problem] = []
    holidays = holidays_of(settings.holidays, reading.document, path, year, problems)
    reading.problems += problems
    return Expectation(
        name=settings.name,
        schedule=Schedule(settings.at, ZoneInfo(settings.timezone or zone), holidays),
        match=settings.match,
        providers=tuple(dict.fromkeys(settings.providers)),
        within=settings.within,
        early=settings.early,
        people=settings.people,
        overlap_days=settings.overlap_days,
        max_overlap=settings.max_overlap,
    )
