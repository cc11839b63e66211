"""Where people may be: the IANA zones of a number's country and area.

The number itself is never kept, so its zones come from what is kept of it. Where an area is
not told, or tells nothing (a mobile phone travels), they are all zones of the country.
"""

from functools import lru_cache
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo


@lru_cache(maxsize=16_384)
def zones_of(timezone: str | None, country: str | None, area: str | None) -> tuple[str, ...]:
    """The zone that the vendor tells, else every one the number may be in; none if nothing tells.

    ``timezone`` is a vendor's text; what is no IANA zone counts as not told.
    """
    if timezone is not None and _exists(timezone):
        return (timezone,)
    if country is None:
        return ()
    # Their tables are large, and most commands never need them.
    numbers: Any = import_module("phonenumbers")
    zones: Any = import_module("phonenumbers.timezone")
    code = numbers.country_code_for_region(country)
    return _zones(zones.TIMEZONE_DATA, f"{code}{area or ''}") if code else ()


def _exists(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (LookupError, ValueError, OSError):
        return False
    return True


def _zones(table: Any, digits: str) -> tuple[str, ...]:
    """Those of the longest beginning that the table knows."""
    for length in range(len(digits), 0, -1):
        found = table.get(digits[:length])
        if found is not None:
            return tuple(zone for zone in found if _exists(zone))
    return ()
