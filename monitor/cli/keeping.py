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
from monitor.store.lock import sole_backfill, sole_owner


def backup(given: Path | None, target: Path, *, as_json: bool) -> int:
    """A consistent copy of the database, beside a running daemon."""
    engine = opened(load_to_read(given).monitor.database, read_only=True)
    try:
        size = back_up(engine, target, SystemClock().now())
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
    if wrong := _wrong_user(monitor):
        complain(wrong)
        return WRONG
    with sole_owner(database), sole_backfill(database):
        key = kept_key(monitor)
        done = put_back(source, database, key, SystemClock().now())
    lacking = monitor.hash_key is None and key is None
    if as_json:
        before = None if done.before is None else str(done.before)
        told = {"file": str(database), "bytes": done.size, "made_at": done.made_at}
        print_json({**told, "before": before, "hash_key_missing": lacking})
    else:
        print_lines(_restored(done, monitor, lacking=lacking))
    return GOOD


def _wrong_user(monitor: MonitorSettings) -> str:
    """Why this user is not the one: what root makes there, the daemon could not open."""
    place = monitor.database if monitor.database.exists() else monitor.data_dir
    if not place.exists():
        text = f"there is no {place} yet: start the daemon once, which makes it, and stop it"
        return text if os.geteuid() == 0 else ""
    if place.stat().st_uid != os.geteuid():
        return f"{place} belongs to {owner_of(place)}; run the command as that user"
    return ""


def _restored(done: PutBack, monitor: MonitorSettings, *, lacking: bool) -> Iterator[str]:
    yield f"{monitor.database} is the backup of {local(done.made_at, monitor.timezone)} now"
    if done.before is not None:
        yield f"the database of before is kept until you delete it: {done.before}"
    if lacking:
        yield f"the hash.key that was kept with it belongs beside it: {monitor.data_dir / KEY_FILE}"
    minutes = DOUBTFUL // timedelta(minutes=1)
    yield f"what the daemon tells in its first {minutes} minutes is marked as a possible repeat"


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
