"""What a process settles with its database before it works on it."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from monitor.app.opening import settled
from monitor.config.model import MonitorSettings
from monitor.core.restored import Restored
from monitor.errors import ConfigError
from monitor.store.backup import back_up
from monitor.store.writer import Store
from tests.builders import HOUR, NOON


async def test_the_seed_of_digests_stays_and_a_backup_is_put_to_use_once(tmp_path: Path) -> None:
    monitor = MonitorSettings(data_dir=tmp_path)
    store = Store.open(tmp_path / "offhook.db")
    first = await settled(store, monitor, b"key", NOON)
    back_up(store.engine, tmp_path / "copy.db")
    store.close()
    assert first.restored is None

    store = Store.open(tmp_path / "copy.db")
    with capture_logs() as logged:
        found = [await settled(store, monitor, b"key", NOON + n * HOUR) for n in range(1, 3)]
    store.close()

    assert {each.seed for each in found} == {first.seed}
    assert {each.restored for each in found} == {Restored(until=NOON + HOUR, at=NOON + HOUR)}
    assert [each["event"] for each in logged] == ["database_restored"]


@pytest.mark.parametrize(
    ("configured", "words"),
    [
        pytest.param(None, "bring back hash.key that it was written with", id="of the file"),
        pytest.param(
            SecretStr("a" * 32), "bring back the hash_key that it was written with", id="configured"
        ),
    ],
)
async def test_under_another_key_nothing_begins(
    tmp_path: Path, configured: SecretStr | None, words: str
) -> None:
    monitor = MonitorSettings(data_dir=tmp_path, hash_key=configured)
    store = Store.open(tmp_path / "offhook.db")
    await settled(store, monitor, b"key", NOON)

    with pytest.raises(ConfigError, match=words) as raised:
        await settled(store, monitor, b"another", NOON)

    store.close()
    (problem,) = raised.value.problems
    assert (problem.file, problem.key) == (str(tmp_path / "offhook.db"), "monitor.hash_key")
