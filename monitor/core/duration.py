"""Durations as people write them: "30s", "5m", "1h30m", "2d"."""

import re
from datetime import timedelta

_WHOLE = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
MOST = timedelta(days=3_650)


def parse_duration(text: str) -> timedelta:
    """Read a duration; ValueError says what is wrong and what would be right."""
    match = _WHOLE.fullmatch(text.strip())
    if not match or not any(match.groups()):
        msg = f'{text!r} is not a duration; write for example "30s", "5m", "1h30m" or "2d"'
        raise ValueError(msg)
    parts = (int(group) if group else 0 for group in match.groups())
    seconds = sum(n * size for n, (_, size) in zip(parts, _UNITS, strict=True))
    if seconds > MOST.total_seconds():
        msg = f"{text!r} is longer than ten years"
        raise ValueError(msg)
    return timedelta(seconds=seconds)


def format_duration(length: timedelta, parts: int = 2) -> str:
    """The same in words for people and configuration, its largest ``parts`` units: "1h30m"."""
    left = round(max(length.total_seconds(), 0))
    words = []
    for unit, size in _UNITS:
        n, left = divmod(left, size)
        if n:
            words.append(f"{n}{unit}")
    return "".join(words[:parts]) or "0s"
