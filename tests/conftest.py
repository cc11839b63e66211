"""What every test may ask for, and what makes them quick."""

import gc
import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Connection
from structlog.dev import ConsoleRenderer, plain_traceback

import monitor.http
from tests.stories import hurried

# Each waits for real daemons: it is begun early, and not beside another.
WAITING = (
    "tests/test_killed.py",
    "tests/app/test_stories.py",
    "tests/app/test_daemon.py",
    "tests/app/test_backfill.py",
)
# Few tests that take long: begun last, they would leave the other processors idle.
LONG = (
    "tests/webhooks/test_equivalence.py",
    "tests/test_crashing.py",
    "tests/simulator/test_reports.py",
)
# A busy machine may take its time over an example.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
# No test pulls the plug, so files may live in memory where there is plenty of it.
MEMORY, ENOUGH = Path("/dev/shm"), 2 << 30


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--proof", action="store_true", help="run the long proofs in full, not their share"
    )


def pytest_configure() -> None:
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
        os.environ.setdefault("TMPDIR", str(MEMORY))
    # Painting a traceback takes longer than most tests.
    ConsoleRenderer.get_active().exception_formatter = plain_traceback


def pytest_collection_finish() -> None:
    """Thousands of tests and modules that stay need not be looked through again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(scope="session")
def proof(request: pytest.FixtureRequest) -> bool:
    """Whether the long proofs run in full."""
    return bool(request.config.getoption("--proof"))


@pytest.fixture(scope="session", autouse=True)
def _read_once() -> Iterator[None]:
    """The machine's certificates are read for the first client, not for each of hundreds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monitor.http, "_trust", cache(monitor.http._trust))
        yield


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files and those with many tests go first, those that wait are spread among them."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    waiting = [files.pop(path) for name in WAITING if (path := config.rootpath / name) in files]
    long = [files.pop(path) for name in LONG if (path := config.rootpath / name) in files]
    order = long + sorted(files.values(), key=len, reverse=True)
    apart = len(order) // (len(waiting) + 1)
    for number, some in enumerate(waiting):
        order.insert(number * (apart + 1), some)
    items[:] = [item for some in order for item in some]


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    """A transaction on a new database."""
    engine = hurried(tmp_path / "offhook.db")
    with engine.begin() as connection:
        yield connection
    engine.dispose()
