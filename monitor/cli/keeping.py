"""``backup``, ``restore`` and ``deliveries replay``."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from monitor.cli.output import (
    FOUND,
    GOOD,
    WRONG,
    complain,
    local,
    owner_of,
    print_json,
    print_lines,
)
from monitor.cli.places import load_to_read, opened, writing
from monitor.clock import SystemClock
from monitor.config.keys import KEY_FILE, kept_key
from monitor.config.model import MonitorSettings
from monitor.core.restored import DOUBTFUL
from monitor.store import deadletters, views
from monitor.store.backup import PutBack, back_up, put_back
from monitor.store.lock import sole_owner


def backup(given: Path | None, target: Path, *, as_json: bool) -> int:
    """A consistent copy of the database, beside a running daemon."""
    engine = opened(load_to_read(given).monitor.database, read_only=True)
    try:
        size = back_up(engine, target)
    finally:
        engine.dispose()
    if as_json:
        print_json({"file": str(target.absolute()), "bytes": size})
    else:
        print_lines((f"{target}: {size} bytes", "keep hash.key beside it: the copy needs both"))
    return GOOD


def restore(given: Path | None, source: Path, *, as_json: bool) -> int:
    """A backup in the place of the database; what was there is kept beside it."""
    monitor = load_to_read(given).monitor
    database = monitor.database
    if monitor.data_dir.exists() and monitor.data_dir.stat().st_uid != os.geteuid():
        # What root made there, the daemon could not open.
        complain(f"{monitor.data_dir} is {owner_of(monitor.data_dir)}'s; run this as that user")
        return WRONG
    with sole_owner(database):
        done = put_back(source, database, kept_key(monitor), SystemClock().now())
    if as_json:
        print_json(
            {
                "file": str(database),
                "bytes": done.size,
                "until": done.until,
                "before": None if done.before is None else str(done.before),
            }
        )
        return GOOD
    print_lines(_restored(done, database, monitor))
    return GOOD


def _restored(done: PutBack, database: Path, monitor: MonitorSettings) -> Iterator[str]:
    known = local(done.until, monitor.timezone)
    yield f"{database} is the backup now" + (known and f"; it knows what happened until {known}")
    if done.before is not None:
        yield f"the database of before is kept: {done.before}"
    key = monitor.data_dir / KEY_FILE
    if monitor.hash_key is None and not key.exists():
        yield f"the hash.key that was kept with the backup belongs beside it: {key}"
    minutes = DOUBTFUL // timedelta(minutes=1)
    yield f"what it tells in its first {minutes} minutes is marked as a possible repeat"


def replay(given: Path | None, key: str) -> int:
    """Owe a message that was given up once more."""
    config = load_to_read(given)
    with writing(config) as conn:
        delivery = views.find_delivery(conn, key)
        if delivery is None:
            complain(f"there is no delivery {key!r}, or several begin so; see: offhook deliveries")
            return WRONG
        if not deadletters.replay(conn, delivery.delivery_key, now=SystemClock().now()):
            complain(f"{delivery.delivery_key} is {delivery.state}; only the dead are replayed")
            return FOUND
    print_lines((f"{delivery.delivery_key} is owed to {delivery.receiver} again",))
    return GOOD
