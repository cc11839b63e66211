"""Where trials keep their files, and which are run when not all are."""

from pathlib import Path

import pytest

from tests.faults.table import share
from tests.faults.worlds import VENDORS


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ``--proof`` each row is tried at one vendor, in turn."""
    if config.getoption("--proof"):
        return
    chosen = {f"{row.id}-{vendor}" for vendor in VENDORS for row in share(vendor)}
    trials = "test_a_fault_is_told_as_it_is_and_harms_nothing["
    left = [
        each
        for each in items
        if each.name.startswith(trials) and each.name.removeprefix(trials)[:-1] not in chosen
    ]
    gone = set(left)
    config.hook.pytest_deselected(items=left)
    items[:] = [each for each in items if each not in gone]
