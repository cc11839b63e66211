"""Asking over HTTP: one total deadline, one limit of bytes, and errors that say what was sent.

The only module that imports httpx. Redirects are answers, proxies and netrc of the
environment are ignored (a proxy is configured), certificates are verified, cookies are not
kept: two accounts at one vendor share this client and must stay strangers.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from monitor import __version__
from monitor.bodies import MIB, oversize, whole
from monitor.clock import Clock
from monitor.dates import Dates
from monitor.egress import DIRECT, Egress
from monitor.errors import HttpError

_CONNECT_SECONDS = 10.0
_PROXY_REFUSES = 407
# Answers of caches that are older than this are none.
STALE_AFTER = timedelta(minutes=5)
# Shorter than the keep-alive of common servers, so that a connection is not used as it closes.
_IDLE_SECONDS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered. ``sent_at`` is when the request was started, aware UTC.

    Where a cache answered, when the cache had asked. ``received``: the body's length as it came.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)  # names in lower case
    body: bytes = field(repr=False)
    sent_at: datetime
    received: int = 0


class Asks(Protocol):
    """Whatever asks over HTTP as ``HttpClient.request`` does."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        content: bytes | None = None,
        deadline: float = 30.0,
        limit: int = 16 * MIB,
    ) -> Answer:
        """Ask once; HttpError when there is no answer."""
        ...


class HttpClient:
    """A few kept-alive connections, shared by everything that asks."""

    def __init__(
        self,
        clock: Clock,
        *,
        connections: int = 4,
        tls: ssl.SSLContext | None = None,
        egress: Egress = DIRECT,
    ) -> None:
        # httpx logs whole addresses, and some of them are secrets.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._clock = clock
        self._parsed = lru_cache(maxsize=64)(httpx.URL)  # a receiver has one address
        self.dates = Dates()
        self.asked_at: float | None = None  # monotonic: when the last request was started
        self._egress = egress
        self._client = httpx.AsyncClient(
            transport=_transport(tls or _trust(), connections, egress),
            trust_env=False,
            follow_redirects=False,
            headers={"user-agent": f"offhook/{__version__}", "accept-encoding": "gzip"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        content: bytes | None = None,
        deadline: float = 30.0,
        limit: int = 16 * MIB,
    ) -> Answer:
        """Ask once. The whole exchange takes at most ``deadline`` seconds.

        ``limit`` bounds the body in bytes, on the wire and unpacked. Any status is an
        answer; HttpError when there is none.
        """
        sent_at = self._clock.now()
        self.asked_at = self._clock.monotonic()
        traced = _Trace()
        try:
            async with asyncio.timeout(deadline):
                request = self._client.build_request(
                    method,
                    self._parsed(url),
                    headers=dict(headers or {}),
                    params=dict(params) if params else None,
                    json=json,
                    content=content,
                    timeout=httpx.Timeout(None, connect=min(_CONNECT_SECONDS, deadline)),
                    extensions={"trace": traced.trace},
                )
                return await self._exchange(request, sent_at, limit, traced)
        except HttpError as error:
            raise traced.counted(error) from error.__cause__
        except TimeoutError as error:
            raise traced.counted(self._late(url, traced, deadline)) from error
        except httpx.TimeoutException as error:
            raise traced.counted(self._late(url, traced, _CONNECT_SECONDS)) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError, ExceptionGroup) as error:
            raise traced.counted(self._broken(url, error, traced)) from error

    async def _exchange(
        self, request: httpx.Request, sent_at: datetime, limit: int, traced: "_Trace"
    ) -> Answer:
        response = await self._client.send(request, stream=True)
        try:
            encoding = response.headers.get("content-encoding", "identity")
            body = await whole(_bounded(response.aiter_raw(), traced, limit), encoding, limit)
        finally:
            await response.aclose()
        answer = Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=body,
            sent_at=sent_at,
            received=traced.received,
        )
        return self._dated(request.method, str(request.url), answer)

    def _late(self, url: str, traced: "_Trace", seconds: float) -> HttpError:
        if traced.sent:
            return HttpError("timeout", f"no whole answer within {seconds:g} s", sent=True)
        text = f"no connection to {self._first(url, traced)} within {seconds:g} s"
        return HttpError("timeout_before", text, sent=False)

    def _broken(self, url: str, error: Exception, traced: "_Trace") -> HttpError:
        host = _host(url)
        if isinstance(error, httpx.ProxyError):  # its answer to CONNECT; nothing went through
            status = str(error)[:3]  # what else it says is for nobody's eyes
            text = f"{self._egress.named(host)} lets nothing through to {host}: {status}"
            return HttpError("unreachable", text, sent=False)
        if traced.sent:
            return HttpError("reset", f"{host} broke the connection off", sent=True)
        return HttpError(*_why(self._first(url, traced), error), sent=False)

    def _first(self, url: str, traced: "_Trace") -> str:
        """Who did not answer: the proxy, until it has let something through."""
        return _host(url) if traced.tunnelled else self._egress.named(_host(url))

    def _dated(self, method: str, url: str, answer: Answer) -> Answer:
        """The answer, which a cache may have kept: HttpError when it is too old."""
        if method != "GET" or answer.status != 200:
            return answer
        age = self.dates.age(url, answer.headers, answer.sent_at, self._clock.now())
        if age > STALE_AFTER:
            raise _stale(age)
        return replace(answer, sent_at=answer.sent_at - age)  # it answers a question asked then

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


async def _bounded(
    chunks: AsyncIterator[bytes], traced: "_Trace", limit: int
) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        traced.received += len(chunk)
        if traced.received > limit:
            raise oversize(limit)
        yield chunk


class _Trace:
    """Whether a request began to leave, as the transport itself tells, and how much came back."""

    def __init__(self) -> None:
        self.sent = False
        self.tunnelled = False  # by a proxy, to the host itself
        self.received = 0

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        # What a proxy is asked to connect to is no request yet.
        if event.endswith("send_request_headers.started"):
            self.sent = info["request"].method != b"CONNECT"
        elif event.endswith("receive_response_headers.complete"):
            self.tunnelled = self.tunnelled or not self.sent

    def counted(self, error: HttpError) -> HttpError:
        """The error, with what had come until then."""
        error.received = self.received
        return error


class _ByHost(httpx.AsyncBaseTransport):
    """By the proxy, or directly where a host is not to be reached by it."""

    def __init__(
        self, egress: Egress, direct: httpx.AsyncBaseTransport, proxied: httpx.AsyncBaseTransport
    ) -> None:
        self._egress, self._direct, self._proxied = egress, direct, proxied

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._egress.proxy_for(request.url.host) is None:
            return await self._direct.handle_async_request(request)
        response = await self._proxied.handle_async_request(request)
        if response.status_code == _PROXY_REFUSES and request.url.scheme == "http":
            await response.aclose()
            raise httpx.ProxyError(str(_PROXY_REFUSES))
        return response

    async def aclose(self) -> None:
        await self._direct.aclose()
        await self._proxied.aclose()


def _transport(tls: ssl.SSLContext, connections: int, egress: Egress) -> httpx.AsyncBaseTransport:
    limits = httpx.Limits(
        max_connections=connections,
        max_keepalive_connections=connections,
        keepalive_expiry=_IDLE_SECONDS,
    )
    direct = httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=limits)
    if egress.proxy is None:
        return direct
    secure = urlsplit(egress.proxy).scheme == "https"
    proxy = httpx.Proxy(egress.proxy, ssl_context=_trust() if secure else None)
    return _ByHost(
        egress,
        direct,
        httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=limits, proxy=proxy),
    )


def _trust() -> ssl.SSLContext:
    """The bundled authorities, and those of this machine."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


def _stale(age: timedelta) -> HttpError:
    text = f"the answer is {age // timedelta(minutes=1):,} min old: a cache on the way gave it"
    return HttpError("stale", text, sent=True)


def _why(who: str, error: BaseException) -> tuple[str, str]:
    """The cause at the bottom of a chain of errors: its kind, and in words; ``who`` did it."""
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case ssl.SSLCertVerificationError():
                return "tls", f"the certificate of {who} is not trusted: {cause.verify_message}"
            case ssl.SSLError():
                return "unreachable", f"no TLS connection to {who} could be made"
            case socket.gaierror():
                return "unreachable", f"the name of {who} is not known"
            case ConnectionRefusedError():
                return "unreachable", f"{who} refused the connection"
            case httpx.InvalidURL() | httpx.UnsupportedProtocol() | UnicodeError():
                return "unreachable", "the request cannot be written: a bad address or header"
            case _:
                cause = cause.__cause__ or cause.__context__
    return "unreachable", f"no connection to {who} could be made"


def _host(url: str) -> str:
    """The host of an address; addresses themselves may hold secrets."""
    try:
        return httpx.URL(url).host or "the server"
    except (httpx.InvalidURL, UnicodeError):
        return "the server"
