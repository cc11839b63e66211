"""One look at everything, from a terminal: what is seen, and what would be sent."""

import asyncio
import contextlib
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from monitor.app.greeting import greet
from monitor.app.opening import put_to_use
from monitor.app.runtime import Runtime, assemble
from monitor.clock import SystemClock
from monitor.config import Config, hash_key
from monitor.core.message import Message
from monitor.evaluation.watching import open_batches
from monitor.store import batches, providers
from monitor.store.backup import copy
from monitor.store.coding import decode
from monitor.store.engine import open_engine
from monitor.store.lock import sole_owner
from monitor.store.schema import outbox
from monitor.store.writer import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PollReport:
    """What one look saw: lines for people, the messages it owes, failures, and all as data."""

    lines: tuple[str, ...]
    messages: tuple[Message, ...]
    failures: tuple[str, ...]
    data: dict[str, Any] = field(default_factory=dict)


def poll_once(config: Config, *, dry_run: bool) -> PollReport:
    """Look at every provider once, and judge. Sends nothing; a dry run keeps nothing either.

    Without ``dry_run`` what it saw and owes is kept, and a running daemon refuses it.
    """
    # A dry run leaves nothing behind, not even the key of a first start.
    kept = not dry_run or config.monitor.database.exists()
    key = hash_key(config.monitor) if kept else secrets.token_bytes(32)
    with _database(config.monitor.database, dry_run=dry_run) as path:
        return asyncio.run(_poll(config, path, key))


@contextlib.contextmanager
def _database(path: Path, *, dry_run: bool) -> Iterator[Path]:
    if not dry_run:
        with sole_owner(path):
            yield path
        return
    with tempfile.TemporaryDirectory(prefix="offhook-") as directory:
        scratch = Path(directory, path.name)
        if path.exists():
            engine = open_engine(path, read_only=True)
            try:
                copy(engine, scratch)
            finally:
                engine.dispose()
        yield scratch


async def _poll(config: Config, path: Path, key: bytes) -> PollReport:
    clock = SystemClock()
    store = await asyncio.to_thread(Store.open, path)
    try:
        before = await store.read(_newest_owed)
        restored = await put_to_use(store, config.monitor, key, clock.now())
        runtime = await assemble(config, store, clock, clock.now(), key, restored=restored)
        try:
            await asyncio.gather(*(poller.poll() for poller in runtime.pollers))
            await asyncio.gather(*(poller.reader.drained() for poller in runtime.pollers))
            await runtime.judge.everything()
            await greet(runtime)
        finally:
            await runtime.close()
        return await store.read(lambda conn: _report(conn, runtime, before))
    finally:
        await asyncio.to_thread(store.close)


def _newest_owed(conn: Connection) -> int:
    rows = conn.execute(select(outbox.c.id).order_by(outbox.c.id.desc()).limit(1))
    return int(rows.scalar() or 0)


def _report(conn: Connection, runtime: Runtime, before: int) -> PollReport:
    lines: list[str] = []
    failures: list[str] = []
    data: dict[str, Any] = {"providers": {}, "messages": []}
    for name, vendor in runtime.providers.items():
        row = providers.load(conn, name, vendor.vendor)
        watched = [each for each in batches.load_open(conn, name) if not each.ended]
        people = sum(each.tally.get("contacts", 0) for each in watched)
        cannot = ", ".join(vendor.capabilities.blind_to)
        if row.failure is not None:
            failures.append(f"{name} ({vendor.vendor}): {row.failure.text}")
        else:
            lines.append(f"{name} ({vendor.vendor}): {open_batches(len(watched), people)}")
            lines += [f"  {_line(each)}" for each in watched]
        if cannot:
            lines.append(f"  cannot see: {cannot}")
        data["providers"][name] = {
            "vendor": vendor.vendor,
            "failure": row.failure.text if row.failure else None,
            "cannot_see": list(vendor.capabilities.blind_to),
            "batches": [_described(each) for each in watched],
        }
    messages = _owed(conn, before)
    data["messages"] = [
        {"state": each.state, "rule": each.rule, "sentence": each.sentence, "key": each.key}
        for each in messages
    ]
    return PollReport(lines=tuple(lines), messages=messages, failures=tuple(failures), data=data)


def _line(row: batches.BatchRow) -> str:
    counted = ", ".join(
        f"{n} {key.removeprefix('contact.').replace('_', ' ')}"
        for key, n in sorted(row.tally.items())
        if key.startswith("contact.") and n
    )
    return (
        f"{row.look.title} ({row.look.batch_id}): {row.look.status}; {counted or 'no people yet'}"
    )


def _described(row: batches.BatchRow) -> dict[str, Any]:
    return {
        "batch": row.look.batch_id,
        "name": row.look.name,
        "status": str(row.look.status),
        "tally": row.tally,
    }


def _owed(conn: Connection, before: int) -> tuple[Message, ...]:
    """The messages that came into the outbox since, one an alert and state."""
    rows = conn.execute(
        select(outbox.c.message).where(outbox.c.id > before).order_by(outbox.c.id)
    ).scalars()
    found: dict[tuple[str, str], Message] = {}
    for text in rows:
        message = decode(Message, text)
        found.setdefault((message.key, message.state), message)
    return tuple(found.values())
