"""Trying every path of the configuration on answers that the user kept as files."""

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from pydantic import BaseModel

from monitor.errors import ProviderError
from monitor.http import MIB
from monitor.providers.answers import read, whole
from monitor.providers.http_json.expressions import Expression
from monitor.providers.http_json.fields import CountFields
from monitor.providers.http_json.settings import HttpJsonSettings
from monitor.providers.http_json.values import Values, key_of
from monitor.providers.phones import normalised

_ANY = msgspec.json.Decoder(Any)
_MOST_BYTES = 16 * MIB
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

Key = tuple[str, ...]


class Miss(NamedTuple):
    """A key whose path finds nothing, or whose words are not listed. ``near``: what is there."""

    key: Key
    text: str
    word: str = ""
    near: tuple[str, ...] = ()


class _Seen(NamedTuple):
    """The rows of one kind that the sample files hold, and which files these are."""

    rows: list[Any]
    names: str
    at: datetime


def check_sample(settings: HttpJsonSettings) -> Iterator[Miss]:
    """Every key of the configuration that does not fit the sample; nothing without one."""
    given = settings.sample
    listed = _answer("list", given.listing)
    one = _answer("batch", given.batch)
    held = _answer("items", given.items)
    for found in (listed, one, held):
        if isinstance(found, Miss):
            yield found
    batches, people = _Seen([], "", _LONG_AGO), _Seen([], "", _LONG_AGO)
    if isinstance(listed, _Answer) and settings.listing is not None:
        yield from _paged("list", settings.listing.paging, listed)
        yield from _empty(("list", "rows"), settings.listing.rows, listed)
        batches = _Seen(_rows(settings.listing.rows, listed), listed.name, listed.at)
    if isinstance(one, _Answer) and settings.batch is not None:
        at = settings.batch.row
        row = at.find(one.data) if at else one.data
        if at is not None and not isinstance(row, dict):
            yield _missing(("batch", "row"), at, [one.data], one.name)
        else:
            batches = _Seen([*batches.rows, row], _both(batches.names, one.name), one.at)
    if isinstance(held, _Answer):
        yield from _paged("items", settings.items.paging, held)
        yield from _empty(("items", "rows"), settings.items.rows, held)
        people = _Seen(_rows(settings.items.rows, held), held.name, held.at)
    yield from _fields(settings, batches, people)


class _Answer(NamedTuple):
    name: str
    data: Any
    at: datetime


def _answer(key: str, path: Path | None) -> _Answer | Miss | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            body = file.read(_MOST_BYTES)
            written = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
        return _Answer(path.name, read(_ANY, body, path.name), written)
    except OSError as error:
        return Miss(("sample", key), f"{path} cannot be read: {error.strerror}")
    except ProviderError as error:
        return Miss(("sample", key), error.text)


def _fields(settings: HttpJsonSettings, batches: _Seen, people: _Seen) -> Iterator[Miss]:
    fields, words = settings.fields, settings.words
    values = Values(settings.units, words)
    if batches.rows:
        yield from _each(("fields", "batch"), fields.batch, batches, values)
        yield from _words("batch", fields.batch.status, words.batch, batches)
    if not people.rows:
        return
    yield from _each(("fields", "contact"), fields.contact, people, values)
    yield from _words("contact", fields.contact.status, words.contact, people)
    calls = people
    if settings.items.calls is not None:
        found = [settings.items.calls.find(row) for row in people.rows]
        inner = [call for each in found if isinstance(each, list) for call in each]
        if not inner:
            yield _missing(("items", "calls"), settings.items.calls, people.rows, people.names)
        calls = _Seen(inner, people.names, people.at)
    if calls.rows:
        yield from _each(("fields", "call"), fields.call, calls, values)
        yield from _words("call", fields.call.status, words.call, calls)


def _rows(at: Expression, answer: _Answer) -> list[Any]:
    rows = at.find(answer.data)
    return rows if isinstance(rows, list) else []


def _empty(key: Key, at: Expression, answer: _Answer) -> Iterator[Miss]:
    rows = at.find(answer.data)
    if not isinstance(rows, list):
        yield _missing(key, at, [answer.data], answer.name)
    elif not rows:
        yield Miss(key, f"finds an empty list in the sample {answer.name}")


def _paged(endpoint: str, paging: BaseModel, answer: _Answer) -> Iterator[Miss]:
    """``next`` may rightly find nothing on a last page, so it is not asked about."""
    for name in ("more", "total"):
        at = getattr(paging, name)
        if at is not None and at.find(answer.data) is None:
            yield _missing((endpoint, "paging", name), at, [answer.data], answer.name)


def _each(key: Key, fields: BaseModel, seen: _Seen, values: Values) -> Iterator[Miss]:
    """Each path of a table, and of the tables in it, that finds nothing to be read in any row."""
    for name in type(fields).model_fields:
        at = getattr(fields, name)
        if isinstance(at, BaseModel):
            yield from _each((*key, name), at, seen, values)
        if not isinstance(at, Expression):
            continue
        there = [found for row in seen.rows if (found := at.find(row)) is not None]
        if not there:
            yield _missing((*key, name), at, seen.rows, seen.names)
        elif (what := _unread(name, there, seen.at, values)) is not None:
            yield Miss((*key, name), f"{at.text!r} finds no {what} in the sample {seen.names}")


Reads = Callable[[Any, Values], bool]

# What each field that is more than a word must be, in people's words, and how that is tried.
_READ: Mapping[str, tuple[str, Reads]] = {
    "id": ("id", lambda found, _: isinstance(found, str | int)),
    "duration": ("length of time", lambda found, values: values.duration(found) is not None),
    "cost": ("amount of money", lambda found, values: values.money(found) is not None),
    "phone": ("phone number", lambda found, _: normalised(found, "1") is not None),
    **dict.fromkeys(
        ("attempts", "follow_ups", "attempt", "concurrency", *CountFields.model_fields),
        ("whole number", lambda found, _: whole(found) is not None),
    ),
    "by_status": ("table", lambda found, _: isinstance(found, dict)),
}


def _unread(name: str, there: list[Any], at: datetime, values: Values) -> str | None:
    """What none of the values found is, though the field asks for it; None where one is."""
    if name.endswith("_at") or name == "version":
        read = any(values.time(found, at) is not None for found in there)
        return None if read else "time, as units.times has them"
    what, reads = _READ.get(name, ("", lambda *_: True))
    return None if any(reads(found, values) for found in there) else what


def _words(
    kind: str, at: Expression | None, listed: Mapping[str, object], seen: _Seen
) -> Iterator[Miss]:
    """Each word of the sample that the configuration does not list."""
    known = {key_of(word) for word in listed}
    said = {key_of(at.find(row)) for row in seen.rows} if at is not None else set()
    for word in sorted(each for each in said if each is not None and each not in known):
        text = f"lists no {word!r}, which the sample {seen.names} has"
        yield Miss(("words", kind), text, word, tuple(sorted(listed)))


def _missing(key: Key, at: Expression, rows: list[Any], names: str) -> Miss:
    """A path that finds nothing, with the name that is missing and those that are there."""
    text = f"{at.text!r} finds nothing in the sample {names}"
    for row in rows:
        here = row
        for name in at.keys or ():
            if not isinstance(here, dict):
                break
            if name not in here:
                return Miss(key, text, name, tuple(sorted(here)))
            here = here[name]
    return Miss(key, text)


def _both(one: str, other: str) -> str:
    return " and ".join(dict.fromkeys(name for name in (one, other) if name))
