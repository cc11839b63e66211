"""How often and when routes tell, as people write it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from monitor.config.hints import HintedError, hint_for
from monitor.core.duration import parse_duration
from monitor.core.route import Digest
from monitor.core.rule import Severity

_LEAST = timedelta(minutes=1)
_MOST = timedelta(days=7)
_DURATION = {"type": "string", "pattern": r"^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$", "minLength": 2}


@dataclass(frozen=True, slots=True)
class Repeat:
    """How long the first repeat waits: for all, and by severity instead."""

    interval: timedelta = timedelta(hours=4)
    by: Mapping[str, timedelta] = field(default_factory=dict)


def _repeat(value: Any) -> Repeat:
    if isinstance(value, Repeat):
        return value
    if not isinstance(value, dict):
        return Repeat(_interval(value))
    known = [str(each) for each in Severity]
    for name in value:
        if name not in known:
            raise HintedError(f"there is no severity {name!r}", hint_for(name, known))
    if not value:
        raise ValueError("names no severity")
    return Repeat(by={name: _interval(each) for name, each in value.items()})


def _interval(value: Any) -> timedelta:
    if not isinstance(value, str):
        msg = 'is a duration such as "4h", or one for each severity: { critical = "1h" }'
        raise ValueError(msg)  # noqa: TRY004 - pydantic reads ValueError
    length = parse_duration(value)
    if length <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return length


def _digest(value: Any) -> Digest:
    if isinstance(value, Digest):
        return value
    if not isinstance(value, str):
        raise ValueError(_HOW)  # noqa: TRY004 - pydantic reads ValueError
    text = value.strip().lower()
    if text == "hourly":
        return Digest()
    if text.startswith("daily"):
        return Digest(at=_wall(text))
    try:
        every = parse_duration(text)
    except ValueError as error:
        raise ValueError(f"{value[:40]!r} {_HOW}") from error
    if not _LEAST <= every <= _MOST:
        msg = f"{value!r} is not between a minute and a week"
        raise ValueError(msg)
    return Digest(every=every)


def _wall(text: str) -> time:
    match = re.fullmatch(r"daily\s+([0-9]{1,2}):([0-9]{2})", text)
    hour, minute = (int(match[1]), int(match[2])) if match else (24, 0)
    if hour > 23 or minute > 59:
        msg = f'{text[:40]!r} is no time of day; write for example "daily 09:00"'
        raise ValueError(msg)
    return time(hour, minute)


_HOW = 'is no digest; write "hourly", a duration such as "6h", or "daily 09:00"'

RepeatText = Annotated[
    Repeat,
    BeforeValidator(_repeat),
    WithJsonSchema(
        {
            "anyOf": [
                _DURATION,
                {
                    "type": "object",
                    "properties": {str(each): _DURATION for each in Severity},
                    "additionalProperties": False,
                    "minProperties": 1,
                },
            ]
        }
    ),
]
DigestText = Annotated[
    Digest,
    BeforeValidator(_digest),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(hourly|daily \d{1,2}:\d{2}|(\d+d)?(\d+h)?(\d+m)?(\d+s)?)$",
        }
    ),
]
