"""What is wrong inside a vendor's JSON: fields, statuses, times and counts."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from monitor.simulator.faults.exchange import Answer, Exchange
from monitor.simulator.faults.server import Reply
from monitor.simulator.faults.shapes import Part, Shape, rows_of, spots
from monitor.simulator.wire import Asked

Edit = Callable[[Asked, Part, Any], Any]
Pick = Callable[[Part], tuple[str, ...]]
_APART = timedelta(hours=3)


def edited(shape: Shape, edit: Edit, only: str | None = None) -> Reply:
    """True answers with something in their JSON changed; ``only`` in what concerns one batch."""

    async def reply(exchange: Exchange) -> None:
        asked = exchange.asked
        answer = await exchange.true()
        part = shape.part(asked)
        if part is None or answer.status != 200 or not _concerns(part, asked, only):
            await exchange.send(answer)
            return
        value = json.loads(answer.body)
        if only is not None and part.whose(asked) is None:
            value = _in_the_row(part, asked, value, edit, only)
        else:
            value = edit(asked, part, value)
        await exchange.send(Answer(answer.status, json.dumps(value).encode(), answer.headers))

    return reply


def _concerns(part: Part, asked: Asked, only: str | None) -> bool:
    whose = part.whose(asked)
    return only is None or whose == only or (whose is None and part.rows is not None)


def _in_the_row(part: Part, asked: Asked, value: Any, edit: Edit, only: str) -> Any:
    """Edit nothing of a list but the row of one batch."""
    rows = rows_of(value, part)
    for n, row in enumerate(rows):
        if isinstance(row, dict) and only in row.values():
            alone = _alone(part, row)
            edit(asked, part, alone)
            rows[n] = rows_of(alone, part)[0]
    return value


def _alone(part: Part, row: Any) -> Any:
    value: Any = [row]
    for key in reversed((part.rows or "").split(".") if part.rows else ()):
        value = {key: value}
    return value


def putting(pick: Pick, change: Callable[[Any], Any], *, anew: bool = False) -> Edit:
    """Change the fields that ``pick`` names; ``anew`` also where there is none."""

    def edit(asked: Asked, part: Part, value: Any) -> Any:
        del asked
        for path in pick(part):
            for holder, key in spots(value, path):
                if isinstance(holder, list) or key in holder:
                    holder[key] = change(holder[key])
                elif anew:
                    holder[key] = change(None)
        return value

    return edit


def leaving_out(pick: Pick) -> Edit:
    """Take out the fields that ``pick`` names."""

    def edit(asked: Asked, part: Part, value: Any) -> Any:
        del asked
        for path in pick(part):
            for holder, key in list(spots(value, path)):
                if isinstance(holder, dict):
                    holder.pop(key, None)
        return value

    return edit


def adding(asked: Asked, part: Part, value: Any) -> Any:
    """Fields that nobody has heard of, in every object."""
    del asked, part
    return _more(value)


def _more(value: Any) -> Any:
    if isinstance(value, list):
        return [_more(each) for each in value]
    if isinstance(value, dict):
        more = {key: _more(each) for key, each in value.items()}
        return {"x_beta": {"nested": [1, None, {"deep": True}]}, **more, "x_new": "1"}
    return value


def naive(value: Any) -> Any:
    """A time without its zone."""
    at = _time(value)
    return value if at is None else at.replace(tzinfo=None).isoformat()


def milliseconds(value: Any) -> Any:
    """A time as milliseconds since 1970."""
    if type(value) is int:
        return value * 1000
    at = _time(value)
    return value if at is None else round(at.timestamp() * 1000)


def zero(value: Any) -> Any:
    """The first moment that there is, as the vendor writes times."""
    return 0 if type(value) is int else "1970-01-01T00:00:00Z"


def far(value: Any) -> Any:
    """The last moment that there is, as the vendor writes times."""
    return 253_402_300_799 if type(value) is int else "9999-12-31T23:59:59Z"


def _time(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def disordered(asked: Asked, part: Part, value: Any) -> Any:
    """What begins comes later and what ends comes earlier, by turns of the fields."""
    del asked
    for n, path in enumerate(part.times):
        by = _APART if n % 2 else -_APART
        for holder, key in spots(value, path):
            if key in holder:
                holder[key] = _shifted(holder[key], by)
    return value


def _shifted(value: Any, by: timedelta) -> Any:
    if type(value) is int:
        return value + round(by.total_seconds())
    at = _time(value)
    return value if at is None else (at + by).isoformat()


def more_by(n: int) -> Callable[[Any], Any]:
    """A count that is too large; below zero, too small."""

    def change(value: Any) -> Any:
        return max(value + n, 0) if type(value) is int else value

    return change
