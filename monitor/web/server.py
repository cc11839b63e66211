"""The HTTP server: the one module that knows its libraries.

Whatever is not open by nature is guarded before it is looked for, see ``access``.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.clock import Clock, SystemClock
from monitor.errors import OffhookError, StoreError
from monitor.web.access import Keeper, Refusal, is_open
from monitor.web.api import ENDPOINTS
from monitor.web.connections import Door, guarded_protocol
from monitor.web.desk import Desk
from monitor.web.endpoints import BASE, failed, routes_of
from monitor.web.metrics import CONTENT_TYPE, Numbers, render
from monitor.web.page import Pages

Problems = Callable[[], Awaitable[tuple[str, ...]]]
Counted = Callable[[], Awaitable[Numbers]]


def application(
    *,
    problems: Problems,
    numbers: Counted,
    token: str | None,
    receiver: ASGIApp | None = None,
    desk: Desk | None = None,
    slack: ASGIApp | None = None,
    public_url: str | None = None,
    clock: Clock | None = None,
) -> Starlette:
    """What is answered. ``token`` None: who asks this machine by its own name may.

    ``desk`` is behind the API and the status page, ``slack`` takes the presses of buttons
    there, which prove themselves.
    """
    keeper = Keeper(clock=clock or SystemClock(), token=token, public_url=public_url)
    pages = None if desk is None else Pages(desk, keeper)
    routes = _state_routes(problems, numbers)
    if desk is not None and pages is not None:
        routes += [*routes_of(ENDPOINTS, desk), *pages.routes()]
    if slack is not None:
        routes.append(Route("/slack/actions", slack))
    if receiver is not None:
        paths = ("/webhooks/{provider}", "/webhooks/{provider}/{secret}")
        routes += [Route(path, receiver) for path in paths]
    site = _Site(receiver, routes, keeper, pages)
    # It would send people on to whatever host they claim to have asked.
    site.router.redirect_slashes = False
    return site


def _state_routes(problems: Problems, numbers: Counted) -> list[Route]:
    """Is it alive, is it working, and its numbers."""

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

    return [
        Route("/-/healthy", healthy),
        Route("/-/ready", ready),
        Route("/metrics", metrics),
    ]


class _Site(Starlette):
    """Webhooks go straight to their receiver, which is much of what one of them costs."""

    def __init__(
        self,
        receiver: ASGIApp | None,
        routes: Sequence[Route],
        keeper: Keeper,
        pages: Pages | None,
    ) -> None:
        super().__init__(routes=routes, exception_handlers={HTTPException: _not_here})
        self._receiver = receiver
        self._keeper = keeper
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first, _, rest = scope.get("path", "").removeprefix("/").partition("/")
        provider, *secret = rest.split("/")
        if self._receiver is None or first != "webhooks" or not provider or len(secret) > 1:
            await self._guarded(scope, receive, send)
            return
        scope["path_params"] = dict(zip(("provider", "secret"), (provider, *secret), strict=False))
        await self._receiver(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_open(scope.get("path", "")):
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, receive)
        refusal = self._keeper.refusal(request)
        if refusal is None:
            await super().__call__(scope, receive, send)
            return
        if refusal.status == 401 and self._pages is not None and self._pages.has(request):
            answer = self._pages.entrance(request)
        else:
            answer = _refused(request, refusal)
        await answer(scope, receive, send)


def _refused(request: Request, refusal: Refusal) -> Response:
    """As whoever asked reads it."""
    if request.url.path.startswith(f"{BASE}/"):
        answer = failed(refusal)
    else:
        answer = PlainTextResponse(f"{refusal.text}\n", refusal.status)
    if refusal.status == 401:
        answer.headers["www-authenticate"] = "Bearer"
    answer.headers["connection"] = "close"  # the rest of a body is not waited for
    return answer


async def _not_here(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    text = "there is nothing here" if status == 404 else "that cannot be done here"
    answer = _refused(request, Refusal(status, text, f"see {BASE}/openapi.json"))
    if isinstance(error, HTTPException) and error.headers:
        answer.headers.update(error.headers)
    return answer


class _Server(uvicorn.Server):
    """Leaves the process's signals to the daemon."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp, host: str, port: int, door: Door | None = None
) -> AsyncIterator[int]:
    """Serve while the context lasts; the port that was taken. OffhookError if it is not free."""
    listener = _bound(host, port)
    config = uvicorn.Config(
        app,
        http=guarded_protocol(door or Door()),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",  # an upgrade would leave the deadlines behind
        proxy_headers=False,  # nobody here believes what a header says of the sender
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
