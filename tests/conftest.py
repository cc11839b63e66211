"""What every test may ask for."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--proof", action="store_true", help="run the long proofs in full, not their share"
    )


# These mostly wait for real daemons: begun first, they wait beside tests that reckon.
WAITING = ("test_killed", "test_stories", "test_daemon", "test_backfill", "test_webhooks")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker ends alone."""
    items.sort(key=lambda item: item.path.stem not in WAITING)


@pytest.fixture(scope="session")
def proof(request: pytest.FixtureRequest) -> bool:
    """Whether the long proofs run in full."""
    return bool(request.config.getoption("--proof"))
