"""``[calendars.x]`` made into permitted time."""

import importlib
import re
import warnings
from datetime import date
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from monitor.config.document import Document
from monitor.config.lines import KeyPath
from monitor.config.model import CalendarSettings
from monitor.core.calendar import Calendar
from monitor.core.hours import parse_closed, parse_hours
from monitor.errors import Problem

# Holidays are written out for these years around the start of the process.
YEARS_BEFORE = 1
YEARS_AFTER = 10


def calendar_from(
    settings: CalendarSettings, document: Document, path: KeyPath, year: int
) -> Calendar | tuple[Problem, ...]:
    """The calendar, or what is wrong with its hours and holidays."""
    problems: list[Problem] = []
    days = holidays_of(settings.holidays, document, path, year, problems)
    spans, closed = [], set(days)
    for index, text in enumerate(settings.hours):
        try:
            if shut := parse_closed(text):
                closed |= shut
            else:
                spans.append(parse_hours(text))
        except ValueError as error:
            problems.append(document.problem((*path, "hours", index), str(error)))
    if not spans and not problems:
        problems.append(document.problem((*path, "hours"), "open at no time"))
    if problems:
        return tuple(problems)
    return Calendar(ZoneInfo(settings.timezone), tuple(spans), frozenset(closed))


def holidays_of(
    holidays: str | tuple[date, ...],
    document: Document,
    path: KeyPath,
    year: int,
    problems: list[Problem],
) -> frozenset[date]:
    """The days that ``holidays`` below this path means; what is wrong is added to the problems."""
    if not isinstance(holidays, str):
        return frozenset(holidays)
    country, _, region = holidays.partition("-")
    # 0.15 s to import, and most installations name no country
    library: Any = importlib.import_module("holidays")
    known = library.list_supported_countries()
    where = (*path, "holidays")
    if not re.fullmatch(r"[A-Z]{2}", country) or country not in known:
        near = country.upper()
        text = f'{holidays!r} is not a country; write for example "IN", "US-CA" or dates'
        hint = f'did you mean "{near}"?' if near in known else None
        problems.append(document.problem(where, text, hint))
        return frozenset()
    if "-" in holidays and region not in known[country]:
        text = f"{country} has no part {region!r}"
        problems.append(document.problem(where, text, f"known: {', '.join(known[country])}"))
        return frozenset()
    return _days_of(country, region or None, year)


@cache
def _days_of(country: str, region: str | None, year: int) -> frozenset[date]:
    library: Any = importlib.import_module("holidays")
    with warnings.catch_warnings():
        # it warns of years that it cannot know yet; those have fewer holidays, and no more
        warnings.simplefilter("ignore")
        years = range(year - YEARS_BEFORE, year + YEARS_AFTER)
        return frozenset(library.country_holidays(country, subdiv=region, years=years))
