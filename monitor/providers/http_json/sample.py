"""Trying every path of the configuration on answers that the user kept as files."""

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from pydantic import BaseModel

from monitor.bodies import MIB
from monitor.core.words import BatchStatus
from monitor.errors import ProviderError
from monitor.providers.answers import read, whole
from monitor.providers.http_json.expressions import Expression
from monitor.providers.http_json.fields import CountFields
from monitor.providers.http_json.ids import Ids, bare_phone, spelt
from monitor.providers.http_json.settings import HttpJsonSettings, Paging
from monitor.providers.http_json.values import Values, key_of
from monitor.providers.http_json.walking import readable
from monitor.providers.phones import Phones, normalised

_ANY = msgspec.json.Decoder(Any)
_MOST_BYTES = 16 * MIB
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

Key = tuple[str, ...]


class Miss(NamedTuple):
    """A key whose path finds nothing, or whose words are not listed. ``near``: what is there.

    ``doubt``: it may be meant so, and people are only warned of it.
    """

    key: Key
    text: str
    word: str = ""
    near: tuple[str, ...] = ()
    doubt: bool = False


class _Seen(NamedTuple):
    """The rows of one kind that the sample files hold, and which files these are."""

    rows: list[Any]
    names: str
    at: datetime


def check_sample(settings: HttpJsonSettings) -> Iterator[Miss]:
    """Every key of the configuration that does not fit the sample; without one, what cannot be."""
    yield from _endless(settings)
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
    yield from _numbers("contact", settings, people)
    calls = people
    if settings.items.calls is not None:
        found = [settings.items.calls.find(row) for row in people.rows]
        inner = [call for each in found if isinstance(each, list) for call in each]
        if not inner:
            yield _missing(("items", "calls"), settings.items.calls, people.rows, people.names)
        calls = _Seen(inner, people.names, people.at)
    if calls.rows:
        yield from _each(("fields", "call"), fields.call, calls, values)
        yield from _numbers("call", settings, calls)
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


def _endless(settings: HttpJsonSettings) -> Iterator[Miss]:
    if BatchStatus.COMPLETED not in settings.words.batch.values():
        text = 'no word means "completed", so no batch can ever complete'
        yield Miss(("words", "batch"), text, doubt=True)


def _paged(endpoint: str, paging: Paging, answer: _Answer) -> Iterator[Miss]:
    """``next`` rightly finds nothing on a last page, but its key must be there."""
    for name, at in (("more", paging.more), ("total", paging.total)):
        if at is not None and at.find(answer.data) is None:
            yield _missing((endpoint, "paging", name), at, [answer.data], answer.name)
    key, at = (endpoint, "paging", "next"), paging.next
    found = None if at is None else at.find(answer.data)
    if at is None or found is False or found == "":
        return
    if found is None and not at.stands_in(answer.data):
        yield _missing(key, at, [answer.data], answer.name)
    elif found is not None and not readable(found):
        yield Miss(key, f"{at.text!r} finds no cursor or address in the sample {answer.name}")


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
    "phone": ("phone number", lambda found, _: normalised(spelt(found), "1") is not None),
    **dict.fromkeys(
        ("attempts", "follow_ups", "attempt", "concurrency", *CountFields.model_fields),
        ("whole number", lambda found, _: found is False or whole(found) is not None),
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


def _numbers(
    kind: Literal["contact", "call"], settings: HttpJsonSettings, seen: _Seen
) -> Iterator[Miss]:
    """Ids that may be phone numbers, and that nothing tells to be some."""
    at = getattr(settings.fields, kind).id
    if at is None:
        return
    ids = Ids(settings.fields, Phones(b""))
    read = ids.person if kind == "contact" else ids.call
    said = [found for row in seen.rows if isinstance(found := spelt(at.find(row)), str) and found]
    if any(bare_phone(each) and read(each, None) == each for each in said):
        text = (
            f"{at.text!r} finds what may be a phone number in the sample {seen.names}; it is kept"
            " as it is, so choose another id if it is one"
        )
        yield Miss(("fields", kind, "id"), text, doubt=True)


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
