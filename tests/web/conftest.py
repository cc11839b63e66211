"""One gate for all tests of what comes in from outside; its inbox is empty for each."""

from collections.abc import Iterator

import pytest

from tests.gate import Gate, gate


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with gate(tmp_path_factory.mktemp("gate")) as made:
        yield made


@pytest.fixture
async def site(built: Gate) -> Gate:
    await built.clear()
    return built
