"""What befalls a running daemon. Each story has one of its own; they are told side by side."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.app.blindness import receivers_away, vendor_away
from tests.app.disk import database_locked, disk_full
from tests.app.reloading import reloaded, signalled
from tests.app.site import Place, Site
from tests.app.stopping import stopped

Story = Callable[[Place], None]
STORIES: tuple[Story, ...] = (
    stopped,
    reloaded,
    signalled,
    vendor_away,
    receivers_away,
    database_locked,
    disk_full,
)


@pytest.fixture(scope="module")
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    """The chosen stories under way."""
    names = " ".join(item.name for item in request.session.items)
    chosen = [story for story in STORIES if f"[{story.__name__}]" in names]
    with ThreadPoolExecutor(len(chosen)) as pool:
        yield {
            story.__name__: pool.submit(_tell, story, tmp_path_factory.mktemp(story.__name__))
            for story in chosen
        }


def _tell(story: Story, directory: Path) -> None:
    with Site().up() as site:
        place = Place(site, directory)
        try:
            story(place)
        finally:
            for daemon in place.daemons:
                daemon.stop()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_daemon_comes_through(told: dict[str, Future[None]], story: Story) -> None:
    told[story.__name__].result(120)
