"""Requests by a proxy, on loopback: what it carries, and what is said where it does not."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme

from monitor.egress import Egress
from monitor.errors import HttpError
from monitor.http import HttpClient
from tests.loopback import Loopback, Reply, StillClock, Talk, serving, talking
from tests.proxying import Proxy, proxying

HOST = "vendor.example"


@asynccontextmanager
async def through(
    proxy: Proxy, *, url: str | None = None, **options: Any
) -> AsyncIterator[HttpClient]:
    client = HttpClient(StillClock(), egress=Egress(url or proxy.url), **options)
    try:
        yield client
    finally:
        await client.aclose()


async def failure(client: HttpClient, url: str, **options: Any) -> HttpError:
    with pytest.raises(HttpError) as caught:
        await client.request("GET", url, **options)
    return caught.value


async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(Reply(b"hello").encoded())


def port_of(server: Loopback) -> int:
    return int(server.url.rpartition(":")[2])


@asynccontextmanager
async def behind_tls(talk: Talk = hello) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    authority = trustme.CA()
    side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(side)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with talking(talk, ssl=side) as port:
        yield port, trusting


async def test_a_tunnel_is_asked_for_once_and_hides_what_goes_through() -> None:
    async with (
        behind_tls() as (port, tls),
        proxying(Proxy({HOST: port})) as proxy,
        through(proxy, tls=tls) as client,
    ):
        answers = [await client.request("GET", f"https://{HOST}/calls?key=secret") for _ in "ab"]

    assert [each.body for each in answers] == [b"hello", b"hello"]
    assert proxy.asked == [f"CONNECT {HOST}:443 HTTP/1.1"]


async def test_a_plain_request_goes_whole_to_the_proxy() -> None:
    async with (
        serving(lambda asked: {"path": asked.path}) as server,
        proxying(Proxy({HOST: port_of(server)})) as proxy,
        through(proxy) as client,
    ):
        answer = await client.request("GET", f"http://{HOST}/calls")

    assert answer.body == b'{"path": "/calls"}'
    assert proxy.asked == [f"GET http://{HOST}/calls HTTP/1.1"]


async def test_this_machine_is_reached_without_it() -> None:
    async with (
        serving(lambda _: b"here") as server,
        proxying(Proxy({})) as proxy,
        through(proxy) as client,
    ):
        answer = await client.request("GET", server.url)

    assert answer.body == b"here"
    assert proxy.asked == []


async def test_its_password_goes_to_it_alone() -> None:
    login, heads = "robot:pass", []

    async def noting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(Reply(b"x").encoded())
        await writer.drain()

    async with (
        behind_tls(noting) as (port, tls),
        proxying(Proxy({HOST: port}, login=login)) as proxy,
        through(proxy, url=proxy.url.replace("//", f"//{login}@"), tls=tls) as client,
    ):
        assert (await client.request("GET", f"https://{HOST}/")).status == 200

    assert b"authorization" not in heads[0].lower()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_wants_a_password_is_named(scheme: str) -> None:
    async with proxying(Proxy({}, login="a:b")) as proxy, through(proxy) as client:
        error = await failure(client, f"{scheme}://{HOST}/secret")

    assert (error.kind, error.sent) == ("unreachable", False)
    assert error.text == f"the proxy 127.0.0.1 lets nothing through to {HOST}: 407"


async def test_a_proxy_that_forbids_a_host_says_so_and_nothing_was_sent() -> None:
    async with proxying(Proxy({})) as proxy, through(proxy) as client:
        error = await failure(client, f"https://{HOST}/secret")

    assert (error.kind, error.sent) == ("unreachable", False)
    assert error.text == f"the proxy 127.0.0.1 lets nothing through to {HOST}: 403"


async def test_a_proxy_that_is_away_is_blamed_and_not_the_vendor() -> None:
    async with proxying(Proxy({})) as proxy:
        pass
    async with through(proxy) as client:
        error = await failure(client, f"https://{HOST}/")

    assert (error.kind, error.sent) == ("unreachable", False)
    assert error.text == "the proxy 127.0.0.1 refused the connection"


async def test_a_proxy_that_does_not_answer_has_had_no_request() -> None:
    async with proxying(Proxy({}, silent=True)) as proxy, through(proxy) as client:
        error = await failure(client, f"https://{HOST}/", deadline=0.2)

    assert (error.kind, error.sent) == ("timeout_before", False)
    assert error.text == "no connection to the proxy 127.0.0.1 within 0.2 s"


async def test_what_breaks_off_behind_it_may_have_been_done() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with (
        talking(cut) as port,
        proxying(Proxy({HOST: port})) as proxy,
        through(proxy) as client,
    ):
        error = await failure(client, f"http://{HOST}/")

    assert (error.kind, error.sent) == ("reset", True)


async def test_a_407_of_the_vendor_is_its_answer() -> None:
    async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(Reply(b"", 407).encoded())
        await writer.drain()

    async with (
        behind_tls(refusing) as (port, tls),
        proxying(Proxy({HOST: port})) as proxy,
        through(proxy, tls=tls) as client,
    ):
        answer = await client.request("GET", f"https://{HOST}/")

    assert answer.status == 407


async def test_behind_the_tunnel_the_vendor_is_blamed() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with (
        talking(silent) as port,
        behind_tls() as (own, _),
        proxying(Proxy({HOST: port, "other.example": own})) as proxy,
        through(proxy) as client,
    ):
        late = await failure(client, f"https://{HOST}/", deadline=0.3)
        untrusted = await failure(client, "https://other.example/")

    assert (late.kind, late.sent) == ("timeout_before", False)
    assert late.text == f"no connection to {HOST} within 0.3 s"
    assert (untrusted.kind, untrusted.sent) == ("tls", False)
    assert "the certificate of other.example is not trusted" in untrusted.text


async def test_a_proxy_whose_certificate_is_not_trusted_is_blamed_itself() -> None:
    async with (
        behind_tls() as (port, _),
        through(Proxy({}), url=f"HTTPS://127.0.0.1:{port}") as client,
    ):
        error = await failure(client, f"https://{HOST}/")

    assert (error.kind, error.sent) == ("tls", False)
    assert "the certificate of the proxy 127.0.0.1 is not trusted" in error.text


async def test_what_a_proxy_says_is_not_quoted() -> None:
    async def evil(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 502 <https://evil.example|click>" + b"x" * 900 + b"\r\n\r\n")

    async with talking(evil) as port, through(Proxy({}, port=port)) as client:
        error = await failure(client, f"https://{HOST}/")

    assert error.text == f"the proxy 127.0.0.1 lets nothing through to {HOST}: 502"
