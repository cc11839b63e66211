"""The parts of one configuration, built on a database of their own; nobody is asked anything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from monitor.app.runtime import Runtime, assemble
from monitor.config import load
from monitor.store.writer import Store
from tests.delivering import MovedClock

CONFIG = """\
[monitor]
data_dir = "data"
[providers.renewals]
vendor = "graine"
api_key = "gat_simulated"
base_url = "http://127.0.0.1:9/api/v1"
[receivers.hook]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/T/B/x"
"""


@asynccontextmanager
async def at_work(directory: Path, clock: MovedClock, text: str = CONFIG) -> AsyncIterator[Runtime]:
    path = directory / "config.toml"
    path.touch(mode=0o600)
    path.write_text(text)
    config = load(path, environ={})
    store = Store.open(config.monitor.database)
    runtime = await assemble(config, store, clock, clock.now(), b"key")
    try:
        yield runtime
    finally:
        await runtime.close()
        store.close()
