import asyncio

import pytest

from monitor.core.model import Batch, BatchStatus
from monitor.errors import NotFoundError, ProviderError
from monitor.http import HttpClient
from monitor.providers import Known, LookFailed
from monitor.providers.account import Account, look_at_each, part
from tests.loopback import NOW, Reply, StillClock, talking


async def asked_of(breaks: int, *, post: bool = False) -> tuple[int, bytes | ProviderError]:
    """How often a server was asked that breaks off so many times, and what came of it."""
    asked = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        if asked > breaks:
            writer.write(Reply(b"here").encoded())
            await writer.drain()

    http = HttpClient(StillClock())
    async with talking(talk) as port:
        account = Account(http, f"http://127.0.0.1:{port}", {"authorization": "verysecret"})
        try:
            answer = await (account.post("/x", {}) if post else account.get("/x"))
            found: bytes | ProviderError = answer.body
        except ProviderError as error:
            found = error
        assert "verysecret" not in repr(account)
    await http.aclose()
    return asked, found


async def test_a_connection_that_broke_off_is_tried_once_more() -> None:
    assert await asked_of(1) == (2, b"here")


async def test_a_post_that_broke_off_is_not_sent_again() -> None:
    asked, error = await asked_of(1, post=True)
    assert asked == 1
    assert isinstance(error, ProviderError)


async def test_a_vendor_that_keeps_breaking_off_is_unreachable() -> None:
    asked, error = await asked_of(5)
    assert asked == 2
    assert isinstance(error, ProviderError)
    assert error.kind == "unreachable"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("btc_1", "btc_1"),
        ("a/b", "a%2Fb"),
        ("..", "%2E%2E"),
        ("x?y#z", "x%3Fy%23z"),
        ("é", "%C3%A9"),
    ],
)
def test_an_id_is_one_part_of_a_path(value: str, expected: str) -> None:
    assert part(value) == expected


async def looks(errors: dict[str, ProviderError], count: int = 20) -> list[Batch | LookFailed]:
    async def look(known: Known) -> Batch:
        if known.batch_id in errors:
            raise errors[known.batch_id]
        return Batch(provider="p", batch_id=known.batch_id, status=BatchStatus.RUNNING, seen_at=NOW)

    known = [Known(batch_id=str(number)) for number in range(count)]
    return [found async for found in look_at_each(known, look)]


async def test_batches_that_are_gone_are_failed_looks_however_many() -> None:
    found = await looks({str(number): NotFoundError("404 Not Found") for number in range(20)})
    assert len(found) == 20
    assert all(isinstance(each, LookFailed) for each in found)


async def test_now_and_then_a_batch_may_time_out() -> None:
    late = ProviderError("timeout", "no whole answer within 30 s")
    found = await looks({str(number): late for number in (1, 5, 9, 13)})
    assert sum(isinstance(each, LookFailed) for each in found) == 4


async def test_one_timeout_after_the_other_is_the_account() -> None:
    late = ProviderError("timeout", "no whole answer within 30 s")
    with pytest.raises(ProviderError, match="no whole answer"):
        await looks({str(number): late for number in range(20)})


@pytest.mark.parametrize("kind", ["auth", "payment", "rate_limited", "unreachable"])
async def test_an_error_of_the_account_is_raised_at_once(kind: str) -> None:
    with pytest.raises(ProviderError):
        await looks({"7": ProviderError(kind, "why")})
