"""The HTTP server: the one module that knows its libraries.

``/-/healthy`` answers while the process lives, and webhooks prove themselves; everything else
needs the token unless the server listens on loopback only.
"""

import asyncio
import contextlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from monitor.errors import OffhookError, StoreError
from monitor.web.connections import Door, Patience, guarded_protocol
from monitor.web.metrics import CONTENT_TYPE, Numbers, render

LONGEST_HEAD = 16 * 1024

Problems = Callable[[], Awaitable[tuple[str, ...]]]
Counted = Callable[[], Awaitable[Numbers]]


def application(
    *, problems: Problems, numbers: Counted, token: str | None, receiver: ASGIApp | None = None
) -> Starlette:
    """What is answered. ``token`` None: whoever reaches the server may read."""

    def guarded(
        answer: Callable[[Request], Awaitable[Response]],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def checked(request: Request) -> Response:
            if token is not None and not _has_token(request, token):
                return PlainTextResponse("a token is needed\n", 401, {"www-authenticate": "Bearer"})
            return await answer(request)

        return checked

    async def healthy(request: Request) -> Response:
        del request
        return PlainTextResponse("alive\n")

    async def ready(request: Request) -> Response:
        del request
        late = await problems()
        body = json.dumps({"ready": not late, "problems": late}) + "\n"
        return Response(body, 503 if late else 200, media_type="application/json")

    async def metrics(request: Request) -> Response:
        del request
        try:
            return Response(render(await numbers()), media_type=CONTENT_TYPE)
        except StoreError as error:
            return PlainTextResponse(f"{error}\n", 503)

    routes = [
        Route("/-/healthy", healthy),
        Route("/-/ready", guarded(ready)),
        Route("/metrics", guarded(metrics)),
    ]
    if receiver is not None:
        paths = ("/webhooks/{provider}", "/webhooks/{provider}/{secret}")
        routes += [Route(path, receiver) for path in paths]
    return Starlette(routes=routes)


def _has_token(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode())


class _Server(uvicorn.Server):
    """Leaves the process's signals to the daemon."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp, host: str, port: int, patience: Patience | None = None
) -> AsyncIterator[int]:
    """Serve while the context lasts; the port that was taken. OffhookError if it is not free."""
    listener = _bound(host, port)
    config = uvicorn.Config(
        app,
        http=guarded_protocol(Door(patience or Patience())),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        await task
        listener.close()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, because asyncio turns the delay of small answers off only where it sees this.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)  # whoever comes before the server is ready waits a moment
    except OSError as error:
        listener.close()
        raise OffhookError(
            f"cannot listen on {host}:{port}: {error.strerror}; set listen in [web]"
        ) from error
    return listener
