"""One gate for all tests of what comes in from outside; its inbox is empty for each."""

from collections.abc import Iterator

import pytest

from tests.desks import Front, fill, front
from tests.gate import Gate, gate


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with gate(tmp_path_factory.mktemp("gate")) as made:
        yield made


@pytest.fixture
async def site(built: Gate) -> Gate:
    await built.clear()
    return built


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with front(tmp_path_factory.mktemp("front")) as made:
        yield made


@pytest.fixture
async def desk(opened: Front) -> Front:
    """A desk with a little of everything, as it was at first."""
    await opened.write(fill)
    opened.begin_anew()
    return opened
