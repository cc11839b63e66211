"""One small world, a clock for it, and a client for services without a socket."""

from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from monitor.simulator.world import World
from tests.simulator.hand import START, Ask, HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def world() -> World:
    return World(7, START)


@pytest.fixture
def ask() -> Ask:
    """Ask an application something, in process."""

    async def asked(app: ASGIApp, url: str, method: str = "GET", **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://simulated") as client:
            return await client.request(method, url, **more)

    return asked
