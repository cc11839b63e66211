"""Asking over HTTP: one total deadline, one limit of bytes, and errors that say what was sent.

The only module that imports httpx. Redirects are answers, proxies and netrc of the
environment are ignored, certificates are verified, cookies are not kept: two accounts at
one vendor share this client and must stay strangers.
"""

import asyncio
import logging
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Protocol

import httpx

from monitor import __version__
from monitor.clock import Clock
from monitor.dates import Dates
from monitor.errors import OffhookError

MIB = 1024 * 1024
_CONNECT_SECONDS = 10.0
# Answers of caches that are older than this are none.
STALE_AFTER = timedelta(minutes=5)
# Shorter than the keep-alive of common servers, so that a connection is not used as it closes.
_IDLE_SECONDS = 4.0


class HttpError(OffhookError):
    """No usable answer came. The text names a host at most, never a path, key or body.

    ``kind``: "unreachable" (name, refusal), "tls" (not who it should be), "timeout_before" (no
    connection in time), "timeout" and "reset" (after the request had begun to leave),
    "oversize", "encoding", "stale" (from a cache that should not have answered).
    ``sent``: the server may have acted on the request. ``received``: body bytes that came.
    """

    def __init__(self, kind: str, text: str, *, sent: bool) -> None:
        self.kind = kind
        self.text = text
        self.sent = sent
        self.received = 0
        super().__init__(f"{kind}: {text}")


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
        self, clock: Clock, *, connections: int = 4, tls: ssl.SSLContext | None = None
    ) -> None:
        # httpx logs whole addresses, and some of them are secrets.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._clock = clock
        self._parsed = lru_cache(maxsize=64)(httpx.URL)  # a receiver has one address
        self.dates = Dates()
        self.asked_at: float | None = None  # monotonic: when the last request was started
        self._client = httpx.AsyncClient(
            verify=tls or _trust(),
            trust_env=False,
            follow_redirects=False,
            headers={"user-agent": f"offhook/{__version__}", "accept-encoding": "gzip"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            limits=httpx.Limits(
                max_connections=connections,
                max_keepalive_connections=connections,
                keepalive_expiry=_IDLE_SECONDS,
            ),
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
            raise traced.counted(_late(url, traced.sent, deadline)) from error
        except httpx.TimeoutException as error:
            raise traced.counted(_late(url, traced.sent, _CONNECT_SECONDS)) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError, ExceptionGroup) as error:
            raise traced.counted(_broken(url, error, sent=traced.sent)) from error

    async def _exchange(
        self, request: httpx.Request, sent_at: datetime, limit: int, traced: "_Trace"
    ) -> Answer:
        response = await self._client.send(request, stream=True)
        try:
            body = await _body(response, traced, limit)
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


class _Trace:
    """Whether a request began to leave, as the transport itself tells, and how much came back."""

    def __init__(self) -> None:
        self.sent = False
        self.received = 0

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        if event.endswith("send_request_headers.started"):
            self.sent = True

    def counted(self, error: HttpError) -> HttpError:
        """The error, with what had come until then."""
        error.received = self.received
        return error


def _trust() -> ssl.SSLContext:
    """The bundled authorities, and those of this machine."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


async def _body(response: httpx.Response, traced: _Trace, limit: int) -> bytes:
    """The body, unpacked; HttpError before more than ``limit`` bytes are held."""
    chunks = _bounded(response.aiter_raw(), traced, limit)
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"", "identity"}:
        return b"".join([chunk async for chunk in chunks])
    if encoding in {"gzip", "x-gzip"}:
        return await _gunzip(chunks, limit)
    raise HttpError("encoding", "the answer has an encoding that was not asked for", sent=True)


async def _bounded(
    chunks: AsyncIterator[bytes], traced: _Trace, limit: int
) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        traced.received += len(chunk)
        if traced.received > limit:
            raise _oversize(limit)
        yield chunk


async def _gunzip(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    """Unpack as it comes; a small answer that unpacks without end is stopped at the limit."""
    unpacker = zlib.decompressobj(wbits=31)
    out = bytearray()
    begun = False
    try:
        async for chunk in chunks:
            rest = chunk
            begun = begun or bool(chunk)
            while rest:
                if unpacker.eof:  # gzip members may follow one another
                    unpacker = zlib.decompressobj(wbits=31)
                out += unpacker.decompress(rest, limit + 1 - len(out))
                if len(out) > limit:
                    raise _oversize(limit)
                rest = unpacker.unconsumed_tail or unpacker.unused_data
    except zlib.error as error:
        raise HttpError("encoding", "the answer's gzip is damaged", sent=True) from error
    if begun and not unpacker.eof:
        raise HttpError("encoding", "the answer's gzip is broken off", sent=True)
    return bytes(out)


def _stale(age: timedelta) -> HttpError:
    text = f"the answer is {age // timedelta(minutes=1):,} min old: a cache on the way gave it"
    return HttpError("stale", text, sent=True)


def _oversize(limit: int) -> HttpError:
    return HttpError("oversize", f"the answer is longer than {limit // MIB} MiB", sent=True)


def _late(url: str, sent: bool, seconds: float) -> HttpError:
    kind = "timeout" if sent else "timeout_before"
    what = "whole answer" if sent else f"connection to {_host(url)}"
    return HttpError(kind, f"no {what} within {seconds:g} s", sent=sent)


def _broken(url: str, error: Exception, *, sent: bool) -> HttpError:
    if sent:
        return HttpError("reset", f"{_host(url)} broke the connection off", sent=True)
    return HttpError(*_why(_host(url), error), sent=False)


def _why(host: str, error: BaseException) -> tuple[str, str]:
    """The cause at the bottom of a chain of errors: its kind, and in words."""
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case ssl.SSLCertVerificationError():
                return "tls", f"the certificate of {host} is not trusted: {cause.verify_message}"
            case ssl.SSLError():
                return "unreachable", f"no TLS connection to {host} could be made"
            case socket.gaierror():
                return "unreachable", f"the name {host} is not known"
            case ConnectionRefusedError():
                return "unreachable", f"{host} refused the connection"
            case httpx.InvalidURL() | httpx.UnsupportedProtocol() | UnicodeError():
                return "unreachable", "the request cannot be written: a bad address or header"
            case _:
                cause = cause.__cause__ or cause.__context__
    return "unreachable", f"no connection to {host} could be made"


def _host(url: str) -> str:
    """The host of an address; addresses themselves may hold secrets."""
    try:
        return httpx.URL(url).host or "the server"
    except (httpx.InvalidURL, UnicodeError):
        return "the server"
