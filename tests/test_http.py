import asyncio
import gzip
import ssl
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import trustme

from monitor import __version__
from monitor.bodies import MIB
from monitor.errors import HttpError
from monitor.http import HttpClient
from tests.loopback import NOW, Asked, Reply, StillClock, serving, talking

SECRET = "T000/B000/verysecret"


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient(StillClock())
    yield client
    await client.aclose()


async def failure(http: HttpClient, url: str, **options: Any) -> HttpError:
    with pytest.raises(HttpError) as caught:
        await http.request("GET", url, **options)
    return caught.value


async def test_an_answer_has_its_status_headers_body_and_the_start_of_the_request(
    http: HttpClient,
) -> None:
    async with serving(lambda asked: Reply(b"yes", 418, {"X-Kind": "Tea"})) as server:
        answer = await http.request("GET", server.url)
    assert (answer.status, answer.body, answer.sent_at) == (418, b"yes", NOW)
    assert answer.headers["x-kind"] == "Tea"


async def test_a_request_carries_what_was_given_and_who_asks(http: HttpClient) -> None:
    async with serving(lambda asked: b"") as server:
        await http.request("GET", f"{server.url}/a", headers={"x-key": "k"}, params={"n": 1})
    (asked,) = server.asked
    assert asked.path == "/a"
    assert asked.params == {"n": "1"}
    assert asked.headers["x-key"] == "k"
    assert asked.headers["user-agent"] == f"offhook/{__version__}"
    assert asked.headers["accept-encoding"] == "gzip"


async def test_a_drip_of_bytes_does_not_outlive_the_total_deadline(http: HttpClient) -> None:
    gone = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(gone.wait(), 0.02)

    async with talking(drip) as port:
        error = await failure(http, f"http://127.0.0.1:{port}", deadline=0.2)
    assert (error.kind, error.sent) == ("timeout", True)


async def test_a_server_that_never_answers_is_a_timeout_after_sending(http: HttpClient) -> None:
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()

    async with talking(silent) as port:
        error = await failure(http, f"http://127.0.0.1:{port}", deadline=0.1)
    assert (error.kind, error.sent) == ("timeout", True)


async def test_no_free_connection_in_time_is_a_timeout_before_sending() -> None:
    http = HttpClient(StillClock(), connections=1)
    busy = asyncio.Event()
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        busy.set()
        await gone.wait()

    async with talking(silent) as port:
        url = f"http://127.0.0.1:{port}"
        first = asyncio.create_task(failure(http, url, deadline=0.4))
        await busy.wait()
        second = await failure(http, url, deadline=0.05)
        assert (second.kind, second.sent) == ("timeout_before", False)
        assert (await first).kind == "timeout"
    await http.aclose()


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf", "reset", id="body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nconte", "reset", id="head"),
        pytest.param(b"", "reset", id="nothing"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "reset", id="another-protocol"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "reset", id="bad-chunk"
        ),
    ],
)
async def test_a_connection_that_breaks_off_is_a_reset_after_sending(
    http: HttpClient, head: bytes, kind: str
) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        await writer.drain()

    async with talking(cut) as port:
        error = await failure(http, f"http://127.0.0.1:{port}")
    assert (error.kind, error.sent) == (kind, True)


async def test_a_refused_connection_was_never_sent_on(http: HttpClient) -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError

    async with talking(never) as port:
        pass
    error = await failure(http, f"http://127.0.0.1:{port}/{SECRET}")
    assert (error.kind, error.sent) == ("unreachable", False)
    assert error.text == "127.0.0.1 refused the connection"


async def test_an_unknown_name_says_so(http: HttpClient) -> None:
    error = await failure(http, "http://nothing.invalid/")
    assert (error.kind, error.sent) == ("unreachable", False)
    assert "nothing.invalid" in error.text


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        pytest.param("http://127.0.0.1:99999/", {}, id="port"),
        pytest.param("ftp://127.0.0.1/", {}, id="scheme"),
        pytest.param("http://127.0.0.1:9/", {"x-key": "schlüssel\n"}, id="header"),
        pytest.param("http://127.0.0.1:9/", {"x-key": "ключ"}, id="header-not-latin"),
    ],
)
async def test_what_cannot_be_written_is_an_error_and_no_exception_of_another_kind(
    http: HttpClient, url: str, headers: dict[str, str]
) -> None:
    error = await failure(http, url, headers=headers)
    assert (error.kind, error.sent) == ("unreachable", False)


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
async def test_a_body_over_the_limit_is_stopped_while_it_comes(
    http: HttpClient, chunked: bool
) -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        size = 64 * MIB
        kind = "transfer-encoding: chunked" if chunked else f"content-length: {size}"
        writer.write(f"HTTP/1.1 200 OK\r\n{kind}\r\n\r\n".encode())
        for _ in range(size // 65536):
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n" if chunked else b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with talking(flood) as port:
        error = await failure(http, f"http://127.0.0.1:{port}", limit=MIB)
    assert (error.kind, error.sent) == ("oversize", True)
    assert sent < 32 * MIB


async def test_a_body_of_exactly_the_limit_is_taken(http: HttpClient) -> None:
    async with serving(lambda asked: b"x" * 1000) as server:
        answer = await http.request("GET", server.url, limit=1000)
        error = await failure(http, server.url, limit=999)
    assert len(answer.body) == 1000
    assert error.kind == "oversize"


def packed(body: bytes) -> Reply:
    return Reply(body, headers={"content-encoding": "gzip"})


async def test_gzip_is_unpacked(http: HttpClient) -> None:
    members = gzip.compress(b"one ") + gzip.compress(b"two")
    async with serving(lambda asked: packed(members)) as server:
        answer = await http.request("GET", server.url)
    assert answer.body == b"one two"


async def test_an_empty_body_that_claims_gzip_is_empty(http: HttpClient) -> None:
    async with serving(lambda asked: packed(b"")) as server:
        assert (await http.request("GET", server.url)).body == b""


async def test_a_gzip_bomb_is_stopped_at_the_limit_in_little_memory(http: HttpClient) -> None:
    bomb = gzip.compress(b"\0" * (64 * MIB), compresslevel=6)
    async with serving(lambda asked: packed(bomb)) as server:
        tracemalloc.start()
        error = await failure(http, server.url, limit=MIB)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert error.kind == "oversize"
    assert peak < 8 * MIB


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(packed(gzip.compress(b"x" * 1000)[:-20]), id="broken-off"),
        pytest.param(packed(b"not gzip at all"), id="damaged"),
        pytest.param(packed(gzip.compress(b"x") + b"rubbish"), id="rubbish-after"),
        pytest.param(Reply(b"x", headers={"content-encoding": "br"}), id="another"),
        pytest.param(Reply(b"x", headers={"content-encoding": "gzip, gzip"}), id="twice"),
    ],
)
async def test_an_encoding_that_cannot_be_read_is_an_error(http: HttpClient, reply: Reply) -> None:
    async with serving(lambda asked: reply) as server:
        error = await failure(http, server.url)
    assert (error.kind, error.sent) == ("encoding", True)


async def test_a_redirect_is_an_answer_and_is_not_followed(http: HttpClient) -> None:
    def answer(asked: Asked) -> Reply:
        return Reply(b"", 302, {"location": "/elsewhere"})

    async with serving(answer) as server:
        assert (await http.request("GET", f"{server.url}/here")).status == 302
        assert server.paths() == ["/here"]


async def test_cookies_of_one_answer_are_not_sent_with_the_next_request(http: HttpClient) -> None:
    async with serving(lambda asked: Reply(b"", headers={"set-cookie": "who=first"})) as server:
        await http.request("GET", server.url)
        await http.request("GET", server.url)
    assert "cookie" not in server.asked[1].headers


async def test_a_proxy_of_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    http = HttpClient(StillClock())
    async with serving(lambda asked: b"direct") as server:
        assert (await http.request("GET", server.url)).body == b"direct"
    await http.aclose()


async def test_connections_are_kept_and_few() -> None:
    http = HttpClient(StillClock(), connections=2)
    opened = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(Reply(b"x").encoded())
            await writer.drain()

    async with talking(talk) as port:
        url = f"http://127.0.0.1:{port}"
        await asyncio.gather(*(http.request("GET", url) for _ in range(20)))
    await http.aclose()
    assert opened <= 2


async def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    authority = trustme.CA()
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(Reply(b"x").encoded())
        await writer.drain()

    stranger, friend = HttpClient(StillClock()), HttpClient(StillClock(), tls=trusting)
    async with talking(talk, ssl=server_side) as port:
        url = f"https://127.0.0.1:{port}"
        error = await failure(stranger, url)
        assert (await friend.request("GET", url)).status == 200
    await stranger.aclose()
    await friend.aclose()
    assert (error.kind, error.sent) == ("tls", False)
    assert "certificate" in error.text


async def test_no_error_and_no_answer_shows_the_path_or_the_key(
    http: HttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with serving(lambda asked: Reply(b"secret body", headers={"x-a": "secret"})) as server:
        answer = await http.request("GET", f"{server.url}/{SECRET}", headers={"x-key": SECRET})
        oversize = await failure(http, f"{server.url}/{SECRET}", limit=2)
    refused = await failure(http, f"{server.url}/{SECRET}")
    shown = f"{answer!r} {oversize!r} {oversize} {refused!r} {refused} {caplog.text}"
    assert "secret" not in shown


async def test_a_task_that_is_cancelled_is_cancelled_and_not_an_error(http: HttpClient) -> None:
    asked = asyncio.Event()
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await gone.wait()

    async with talking(silent) as port:
        task = asyncio.create_task(http.request("GET", f"http://127.0.0.1:{port}"))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("age", "back"), [("0", 0), ("90", 90), ("300", 300)], ids=["fresh", "kept", "at the limit"]
)
async def test_an_answer_from_a_cache_is_as_old_as_it_is(
    http: HttpClient, age: str, back: int
) -> None:
    async with serving(lambda asked: Reply(b"x", headers={"Age": age})) as server:
        answer = await http.request("GET", server.url)
    assert answer.sent_at == NOW - timedelta(seconds=back)


async def test_an_answer_that_a_cache_kept_for_too_long_is_none(http: HttpClient) -> None:
    async with serving(lambda asked: Reply(b"x", headers={"Age": "1201"})) as server:
        error = await failure(http, server.url)
        posted = await http.request("POST", server.url)
    assert (error.kind, error.text) == (
        "stale",
        "the answer is 20 min old: a cache on the way gave it",
    )
    assert posted.sent_at == NOW, "what is posted, no cache answers"
