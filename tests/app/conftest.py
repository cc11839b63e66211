"""A place where the real daemon runs among simulated vendors and receivers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.site import Place, Site


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Everything on loopback, and a directory for a daemon; whatever was started is stopped."""
    with Site().up() as site:
        made = Place(site, tmp_path)
        try:
            yield made
        finally:
            for daemon in made.daemons:
                daemon.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The same for a whole module."""
    with Site().up() as site:
        made = Place(site, tmp_path_factory.mktemp("place"))
        try:
            yield made
        finally:
            for daemon in made.daemons:
                daemon.stop()
