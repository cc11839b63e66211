"""What every test may ask for."""

from pathlib import Path

import pytest

# Each waits for real daemons: it is begun early, and not beside another.
WAITING = (
    "tests/test_killed.py",
    "tests/app/test_stories.py",
    "tests/app/test_daemon.py",
    "tests/app/test_backfill.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--proof", action="store_true", help="run the long proofs in full, not their share"
    )


@pytest.fixture(scope="session")
def proof(request: pytest.FixtureRequest) -> bool:
    """Whether the long proofs run in full."""
    return bool(request.config.getoption("--proof"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files with many tests go first, and those that wait are spread evenly among them."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    waiting = [files.pop(path) for name in WAITING if (path := config.rootpath / name) in files]
    order = sorted(files.values(), key=len, reverse=True)
    apart = len(order) // (len(waiting) + 1)
    for number, some in enumerate(waiting):
        order.insert(number * (apart + 1), some)
    items[:] = [item for some in order for item in some]
