"""Services on loopback answer as fast as they can."""

import socket
from typing import Any

import httpx
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from monitor.simulator.serving import serve


async def test_an_answer_does_not_wait_for_the_acknowledgement_of_its_head() -> None:
    options = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        cycle: Any = getattr(send, "__self__", None)
        connection = cycle.transport.get_extra_info("socket")
        options.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await Response("well")(scope, receive, send)

    async with serve(app) as url, httpx.AsyncClient() as client:
        answer = await client.get(url)

    assert answer.text == "well"
    assert options
    assert all(options)
