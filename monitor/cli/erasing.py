"""``erase``: somebody is forgotten, beside the running daemon or without it."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError

from monitor.cli.asking import says_yes, user
from monitor.cli.output import (
    FOUND,
    GOOD,
    WRONG,
    complain,
    local,
    print_json,
    print_lines,
    printable,
)
from monitor.cli.places import load_to_read, load_to_run, opened
from monitor.clock import SystemClock
from monitor.config import Config, hash_key
from monitor.config.keys import another_key
from monitor.core.text import masked_phone
from monitor.core.wording import counted
from monitor.ingest.erasing import Traces, Wanted, erase, meant, traces
from monitor.providers.phones import Phones, normalised, spellings
from monitor.store import audit
from monitor.store.audit import Deed
from monitor.store.engine import explained
from monitor.store.hashkey import is_another
from monitor.store.wiping import is_owed, owe, wiped

_SHOWN = 20
_STDIN = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who is to be erased, as it was typed: by number ("-": from the standard input) or contact."""

    number: str | None
    contact: str | None
    dry_run: bool
    yes: bool
    author: str | None


def run(given: Path | None, asked: Asked, *, as_json: bool) -> int:
    """Show what is known of somebody and, once somebody is sure, forget it.

    FOUND when it is forgotten and a trace of it may still lie in the database's journal.
    """
    config = load_to_read(given)
    if config.monitor.hash_key is not None:
        config = load_to_run(given)
    if (asked.number is None) == (asked.contact is None):
        complain("name either a number or a contact: --contact PROVIDER/BATCH/CONTACT")
        return WRONG
    path = config.monitor.database
    engine = opened(path, read_only=asked.dry_run)
    try:
        wanted = _wanted(engine, config, asked)
        return WRONG if wanted is None else _run(engine, config, asked, wanted, as_json=as_json)
    except DatabaseError as error:
        raise explained(error, path) from error
    finally:
        engine.dispose()


def _run(engine: Engine, config: Config, asked: Asked, wanted: Wanted, *, as_json: bool) -> int:
    zone = config.monitor.timezone
    if asked.dry_run:
        _show(_known(engine, wanted), zone, as_json=as_json, erased=False)
        return GOOD
    if not asked.yes and not _is_sure(engine, wanted, asked, zone):
        return WRONG
    now = SystemClock().now()
    with engine.begin() as conn:
        again = is_owed(conn)
        found = erase(conn, wanted, now)
        owe(conn)
        audit.record(conn, _deed(found, asked, now))
    gone = wiped(engine, config.monitor.database, None if again else found.words)
    if gone:
        with engine.begin() as conn:
            owe(conn, owed=False)
    _show(found, zone, as_json=as_json, erased=True)
    if not gone:
        complain(
            "somebody else reads or writes the database just now, so it could not be cleaned and"
            " bytes of what was erased may still lie in its files; run the same command again"
        )
        return FOUND
    return GOOD


def _deed(found: Traces, asked: Asked, now: datetime) -> Deed:
    batches = len({(each.provider, each.batch_id) for each in found.places})
    calls = sum(each.calls for each in found.places)
    return Deed(
        at=now,
        who=asked.author or user(),
        source="cli",
        what="person.erase",
        target="person",
        detail=f"{counted(batches, 'batch', 'batches')}, {counted(calls, 'call')},"
        f" {counted(found.texts, 'text')}",
    )


def _reading(engine: Engine) -> Connection:
    """A look that keeps nobody from writing."""
    return engine.connect().execution_options(read_only=True)


def _wanted(engine: Engine, config: Config, asked: Asked) -> Wanted | None:
    """Who is meant; None, and why, where that cannot be read."""
    if asked.contact is not None:
        return _contact(engine, config, asked.contact)
    text = sys.stdin.readline() if asked.number == _STDIN else asked.number or ""
    number = normalised(text) if text.strip().startswith(("+", "00")) else None
    if number is None:
        complain(
            "that is no whole number: write it with + and its country's code, +14155550123;"
            " with - it is read from the standard input, where no history keeps it"
        )
        return None
    key = hash_key(config.monitor)
    with _reading(engine) as conn:
        if is_another(conn, key):
            raise another_key(config.monitor)
    hashed = Phones(key).hash
    return Wanted(
        numbers=frozenset(map(hashed, spellings(number))), masked=frozenset({masked_phone(number)})
    )


def _contact(engine: Engine, config: Config, text: str) -> Wanted | None:
    """Any of the ids may have slashes of its own: what is known tells where one ends."""
    parts = text.split("/")
    splits = [
        ("/".join(parts[:first]), "/".join(parts[first:second]), "/".join(parts[second:]))
        for second in range(len(parts) - 1, 1, -1)
        for first in range(1, second)
    ]
    with _reading(engine) as conn:
        contact = meant(conn, [each for each in splits if all(each)])
    if contact is not None:
        return Wanted(contact=contact)
    known = ", ".join(sorted(config.providers))
    complain(f"{text!r} is not PROVIDER/BATCH/CONTACT of a known batch; providers are: {known}")
    return None


def _known(engine: Engine, wanted: Wanted) -> Traces:
    with _reading(engine) as conn:
        return traces(conn, wanted)


def _is_sure(engine: Engine, wanted: Wanted, asked: Asked, zone: str) -> bool:
    if not sys.stdin.isatty() or asked.number == _STDIN:
        complain("nobody can be asked here; to do it without asking: --yes")
        return False
    for line in _lines(_known(engine, wanted), zone):  # the standard output is for what was done
        complain(line)
    if says_yes("Shall all of it be erased, for good? [y/N] "):
        return True
    complain("nothing was done")
    return False


def _show(found: Traces, zone: str, *, as_json: bool, erased: bool) -> None:
    if as_json:
        print_json(
            {
                "erased": erased,
                "places": found.places,
                "texts": found.texts,
                "webhooks": found.webhooks,
                "sent": found.sent,
            }
        )
        return
    print_lines(_lines(found, zone))
    if erased:
        print_lines(_done(found))


def _lines(found: Traces, zone: str) -> Iterator[str]:
    if not found:
        yield "nothing is known of this person"
    for each in found.places:
        where = f"{printable(each.title)} ({each.batch_id}) at {each.provider}"
        yield f"{where}: {each.contact_id}, {counted(each.calls, 'call')}"
    if found.texts:
        yield f"named in {counted(found.texts, 'text')}: alerts, messages and remarks"
    if found.webhooks:
        yield f"told of by {counted(found.webhooks, 'webhook')} not taken in yet"
    for sent in found.sent[-_SHOWN:]:
        yield f"named in a message to {sent.receiver}, {local(sent.sent_at, zone)}"
    if len(found.sent) > _SHOWN:
        yield f"and in {counted(len(found.sent) - _SHOWN, 'message')} before these"


def _done(found: Traces) -> Iterator[str]:
    yield "erased; whenever a vendor tells of them again, they are forgotten again"
    yield "the vendor still has them, and so have backups made before now"
    if found.sent:
        yield "messages that were sent cannot be taken back: delete them where they are"
