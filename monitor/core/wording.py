"""Numbers, times and money in words for people."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from math import floor
from zoneinfo import ZoneInfo

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def counted(n: int, one: str, many: str | None = None) -> str:
    """A number and what it counts: "1 call", "1,204 calls"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def people_text(n: int) -> str:
    """A number of people: "1 person", "404 people"."""
    return counted(n, "person", "people")


def percent(part: float) -> str:
    """A share from 0 to 1: "45 %"; never "0 %" of something nor "100 %" of less than all."""
    hundredths = part * 100
    if 0 < hundredths < 0.5:
        return f"{hundredths:.1g} %"
    if 99.5 <= hundredths < 100:
        return f"{floor(hundredths * 10) / 10} %"
    return f"{round(hundredths)} %"


def span(length: timedelta) -> str:
    """A length of time, its two largest units: "45 s", "10 min", "1 h 50 min"."""
    left = round(max(length.total_seconds(), 0))
    for place, (unit, size) in enumerate(_UNITS):
        n, rest = divmod(left, size)
        if n:
            words = [f"{n} {unit}"]
            if place + 1 < len(_UNITS):
                next_unit, next_size = _UNITS[place + 1]
                if rest // next_size:
                    words.append(f"{rest // next_size} {next_unit}")
            return " ".join(words)
    return "0 s"


def money(micros: int, currency: str) -> str:
    """An amount in millionths of a unit: "12.34 USD"; fractions of a cent are not hidden."""
    amount = micros / 1_000_000
    return f"{amount:,.4f} {currency}" if 0 < abs(amount) < 0.01 else f"{amount:,.2f} {currency}"


def moneys(micros: Mapping[str, int]) -> Iterator[str]:
    """The amounts of each currency, as ``money`` says them."""
    return (money(n, currency) for currency, n in sorted(micros.items()))


def zone_named(*names: str | None) -> tzinfo:
    """The first of these IANA zones that exists, else UTC: vendors write what they like."""
    for name in names:
        if name:
            try:
                return ZoneInfo(name)
            except (LookupError, ValueError, OSError):
                continue
    return UTC


def clock(at: datetime, zone: tzinfo, now: datetime) -> str:
    """A time on the wall of the zone: "14:06", with the day when that is not today's."""
    local = at.astimezone(zone)
    days = (now.astimezone(zone).date() - local.date()).days
    if days == 0:
        return f"{local:%H:%M}"
    return f"{local:%a %H:%M}" if abs(days) < 7 else f"{local:%Y-%m-%d %H:%M}"
