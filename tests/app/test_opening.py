"""What a process settles with its database before it works on it."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from monitor.app.opening import check_key, digest_seed, put_to_use
from monitor.config.model import MonitorSettings
from monitor.core.restored import Restored
from monitor.errors import ConfigError
from monitor.store.backup import back_up
from monitor.store.writer import Priority, Store
from tests.builders import HOUR, NOON


async def test_a_backup_is_put_to_use_once(tmp_path: Path) -> None:
    monitor = MonitorSettings(data_dir=tmp_path)
    store = Store.open(tmp_path / "offhook.db")
    assert await put_to_use(store, monitor, b"key", NOON) is None
    back_up(store.engine, tmp_path / "copy.db", NOON)
    store.close()

    store = Store.open(tmp_path / "copy.db")
    with capture_logs() as logged:
        found = [await put_to_use(store, monitor, b"key", NOON + n * HOUR) for n in range(1, 3)]
    store.close()

    assert set(found) == {Restored(made_at=NOON, at=NOON + HOUR, episodes=1000)}
    assert [each["event"] for each in logged] == ["database_restored"]


@pytest.mark.parametrize("begin", [put_to_use, check_key])
@pytest.mark.parametrize(
    ("configured", "words"),
    [
        pytest.param(None, "bring back hash.key that it was written with", id="of the file"),
        pytest.param(
            SecretStr("a" * 32),
            "bring back the hash_key that it was written with",
            id="configured",
        ),
    ],
)
async def test_under_another_key_nothing_begins(
    tmp_path: Path, begin: Any, configured: SecretStr | None, words: str
) -> None:
    monitor = MonitorSettings(data_dir=tmp_path, hash_key=configured)
    store = Store.open(tmp_path / "offhook.db")
    await check_key(store, monitor, b"key")
    more = [NOON] if begin is put_to_use else []

    with pytest.raises(ConfigError, match=words) as raised:
        await begin(store, monitor, b"another", *more)

    store.close()
    (problem,) = raised.value.problems
    assert (problem.file, problem.key) == (str(tmp_path / "offhook.db"), "monitor.hash_key")


async def test_the_seed_of_digests_stays(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "offhook.db")

    seeds = {await store.write(Priority.INGEST, digest_seed) for _ in range(2)}

    store.close()
    assert len(seeds) == 1
