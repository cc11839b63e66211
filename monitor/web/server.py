"""The HTTP server: the one module that knows its libraries.

``/-/healthy`` answers while the process lives, and webhooks prove themselves; everything else
needs the token unless only this machine reaches the server. Then it needs a name of this
machine instead: a page from elsewhere, whose name was made to point here, has another.
"""

import asyncio
import contextlib
import hmac
import ipaddress
import json
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.errors import OffhookError, StoreError
from monitor.web.connections import Door, guarded_protocol
from monitor.web.metrics import CONTENT_TYPE, Numbers, render

Problems = Callable[[], Awaitable[tuple[str, ...]]]
Counted = Callable[[], Awaitable[Numbers]]


def application(
    *, problems: Problems, numbers: Counted, token: str | None, receiver: ASGIApp | None = None
) -> Starlette:
    """What is answered. ``token`` None: who asks this machine by its own name may read."""

    def guarded(
        answer: Callable[[Request], Awaitable[Response]],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def checked(request: Request) -> Response:
            return _refusal(request, token) or await answer(request)

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
    site = _Site(receiver, routes)
    # It would send people on to whatever host they claim to have asked.
    site.router.redirect_slashes = False
    return site


class _Site(Starlette):
    """Webhooks go straight to their receiver, which is much of what one of them costs."""

    def __init__(self, receiver: ASGIApp | None, routes: Sequence[Route]) -> None:
        super().__init__(routes=routes)
        self._receiver = receiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first, _, rest = scope.get("path", "").removeprefix("/").partition("/")
        provider, *secret = rest.split("/")
        if self._receiver is None or first != "webhooks" or not provider or len(secret) > 1:
            await super().__call__(scope, receive, send)
            return
        scope["path_params"] = dict(zip(("provider", "secret"), (provider, *secret), strict=False))
        await self._receiver(scope, receive, send)


def token_needed(token: str | None, *, loopback: bool, public: bool) -> str | None:
    """What readers must show; None where only this machine reaches the server.

    A public address means a proxy, through which everybody comes from this machine. Where no
    token is set, nobody has it.
    """
    if loopback and not public:
        return None
    return token or secrets.token_urlsafe()


def _refusal(request: Request, token: str | None) -> Response | None:
    if token is None:
        here = _is_here(request.headers.get("host", ""))
        return None if here else PlainTextResponse("ask for localhost\n", 403)
    if _has_token(request, token):
        return None
    text = "the api_token of [web] is needed\n"
    return PlainTextResponse(text, 401, {"www-authenticate": "Bearer"})


def _is_here(host: str) -> bool:
    name = host[: host.rfind(":")] if host.rpartition(":")[2].isdecimal() else host
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def _has_token(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    # Headers are bytes, which Starlette shows as Latin-1.
    known = hmac.compare_digest(given.encode("latin-1"), token.encode())
    return scheme.lower() == "bearer" and known


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
