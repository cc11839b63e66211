"""A place where the real daemon runs among simulated vendors and receivers."""

from collections.abc import Iterator

import pytest

from tests.app.site import Place, Site


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Everything on loopback, and a directory for a daemon; whatever was started is stopped."""
    with Site().up() as site:
        made = Place(site, tmp_path_factory.mktemp("place"))
        try:
            yield made
        finally:
            for daemon in made.daemons:
                daemon.stop()
