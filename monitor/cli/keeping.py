"""``backup`` and ``deliveries replay``."""

from pathlib import Path

from monitor.cli.output import FOUND, GOOD, WRONG, complain, print_json, print_lines
from monitor.cli.places import load_to_read, opened, writing
from monitor.clock import SystemClock
from monitor.store import deadletters, views
from monitor.store.backup import back_up


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
