"""One provider's line: its key's budget, conditional requests, and what is counted."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from monitor.errors import HttpError, ProviderError
from monitor.http import Answer, HttpClient
from monitor.providers.account import Account
from monitor.providers.budget import Budget, Turn, turn
from monitor.providers.line import BELIEVED_S, Line, Lines
from tests.builders import HOUR, MINUTE, SECOND
from tests.clocks import ManualClock, SteppedClock
from tests.loopback import Asked, Reply, serving

EVERY = 30 * SECOND
URL = "https://api.example.com/batches"
Talk = Callable[["Request"], Answer | HttpError]


@dataclass(frozen=True)
class Request:
    """One question as it left."""

    method: str
    url: str
    headers: Mapping[str, str]


@dataclass
class Vendor:
    """Answers as it is told, at once; by the protocol of ``Asks``."""

    clock: ManualClock
    talk: Talk = field(default=lambda _: reply())
    asked: list[Request] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def request(self, method: str, url: str, **options: Any) -> Answer:
        told = Request(method, url, options["headers"])
        self.asked.append(told)
        await (self.hold.wait() if self.hold else asyncio.sleep(0))
        found = self.talk(told)
        if isinstance(found, HttpError):
            raise found
        return Answer(
            status=found.status,
            headers=found.headers,
            body=found.body,
            sent_at=self.clock.now(),
            received=found.received,
        )


def reply(status: int = 200, body: bytes = b"[]", **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    sent_at = ManualClock().now()
    return Answer(status=status, headers=names, body=body, sent_at=sent_at, received=len(body))


def made(
    clock: ManualClock | None = None, ceiling: float = 6000, **options: Any
) -> tuple[Line, Vendor, ManualClock]:
    clock = clock or ManualClock()
    vendor = Vendor(clock)
    budget = Budget(clock, ceiling, chance=lambda: 0.0)
    return Line(vendor, budget, clock, every=EVERY, **options), vendor, clock


# Conditional requests


def versioned(version: str, body: bytes = b"[1]", **headers: str) -> Talk:
    told = {"etag": version} | headers

    def talk(asked: Request) -> Answer:
        if asked.headers.get("if-none-match") == version:
            return reply(304, b"", **told)
        return reply(200, body, **told)

    return talk


async def test_what_a_vendor_calls_unchanged_is_the_answer_from_before_asked_anew() -> None:
    line, vendor, clock = made()
    vendor.talk = versioned('"a"')
    first = await line.request("GET", URL, headers={"x-key": "k"})
    clock.move(EVERY)
    again = await line.request("GET", URL, headers={"x-key": "k"})

    assert (again.status, again.body, again.sent_at) == (200, b"[1]", first.sent_at + EVERY)
    assert vendor.asked[0].headers == {"x-key": "k"}
    assert vendor.asked[1].headers == {"x-key": "k", "if-none-match": '"a"'}
    assert line.count.total(clock.monotonic()).not_modified == 1
    assert line.count.total(clock.monotonic()).received == 3


async def test_the_time_of_a_change_serves_as_well() -> None:
    line, vendor, _ = made()
    vendor.talk = lambda _: reply(last_modified="Sun, 10 May 2026 12:00:00 GMT")
    await line.request("GET", URL)
    await line.request("GET", URL)

    assert vendor.asked[1].headers == {"if-modified-since": "Sun, 10 May 2026 12:00:00 GMT"}


async def test_a_new_version_replaces_the_old_one() -> None:
    line, vendor, _ = made()
    vendor.talk = versioned('"a"')
    await line.request("GET", URL)
    vendor.talk = versioned('"b"', b"[2]")

    assert (await line.request("GET", URL)).body == b"[2]"
    assert (await line.request("GET", URL)).body == b"[2]"
    assert vendor.asked[2].headers == {"if-none-match": '"b"'}


@pytest.mark.parametrize(
    ("method", "answer", "params"),
    [
        pytest.param("GET", reply(), ({}, {}), id="no version"),
        pytest.param("GET", reply(404, etag="a"), ({}, {}), id="not an answer"),
        pytest.param("GET", reply(etag="a"), ({"skip": 0}, {"skip": 1}), id="another question"),
        pytest.param("POST", reply(etag="a"), ({}, {}), id="not a GET"),
        pytest.param("GET", reply(etag="a", body=b"x" * 101), ({}, {}), id="too long to keep"),
    ],
)
async def test_no_condition_is_sent(
    method: str, answer: Answer, params: tuple[dict[str, str | int], ...]
) -> None:
    line, vendor, _ = made(remembered=100)
    vendor.talk = lambda _: answer
    for each in params:
        await line.request(method, URL, params=each)

    assert vendor.asked[1].headers == {}


async def test_memory_is_bounded_and_the_longest_unused_goes_first() -> None:
    line, vendor, _ = made(remembered=100)
    vendor.talk = lambda _: reply(etag="a", body=b"x" * 40)
    for name in ("a", "b", "a", "c", "a", "b"):
        await line.request("GET", f"{URL}/{name}")

    conditional = [bool(asked.headers) for asked in vendor.asked]
    assert conditional == [False, False, True, False, True, False]


async def test_a_vendor_that_never_changes_is_asked_for_the_whole_now_and_then() -> None:
    line, vendor, clock = made()
    vendor.talk = versioned('"a"')
    await line.request("GET", URL)
    clock.move(timedelta(seconds=BELIEVED_S + 1))
    await line.request("GET", URL)

    assert vendor.asked[1].headers == {}


async def test_a_304_that_nobody_asked_for_is_no_answer() -> None:
    line, vendor, _ = made()
    vendor.talk = lambda _: reply(304, b"")

    assert (await line.request("GET", URL)).status == 304
    assert line.count.total(2e3).errors == {"contract": 1}


async def test_it_goes_over_a_real_connection_and_counts_what_came_packed() -> None:
    clock = ManualClock()
    http = HttpClient(clock)

    def talk(asked: Asked) -> Reply:
        if asked.headers.get("if-none-match") == '"v"':
            return Reply(b"", 304, {"ETag": '"v"'})
        return Reply(b'{"a": 1}', 200, {"ETag": '"v"'})

    async with serving(talk) as server:
        line = Line(http, Budget(clock), clock, every=EVERY)
        account = Account(line, server.url, {"x-key": "k"})
        assert (await account.get("/x", {"n": 1})).body == b'{"a": 1}'
        assert (await account.get("/x", {"n": 1})).body == b'{"a": 1}'
    await http.aclose()

    total = line.count.total(clock.monotonic())
    assert (total.requests, total.received, total.not_modified) == (2, 8, 1)


# The key


async def test_patience_asked_for_once_halves_the_pace_once_and_stops_the_key() -> None:
    line, vendor, clock = made(ceiling=600)
    vendor.talk = lambda _: reply(429, retry_after="40")
    found = await asyncio.gather(*(line.request("GET", URL) for _ in range(4)))
    assert {answer.status for answer in found} == {429}
    assert line.budget.per_minute == 300
    with pytest.raises(ProviderError) as caught:
        await line.request("GET", URL)
    assert caught.value.kind == "rate_limited"
    assert len(vendor.asked) == 4

    clock.move(41 * SECOND)
    vendor.talk = lambda _: reply()
    assert (await line.request("GET", URL)).status == 200
    assert line.budget.circuit.refused is None


async def test_who_was_waiting_for_his_turn_is_not_sent_into_a_refusal() -> None:
    clock = SteppedClock()
    line, vendor, _ = made(clock, ceiling=60)
    vendor.talk = lambda _: reply(429)
    asked = [asyncio.create_task(line.request("GET", URL)) for _ in range(3)]
    await clock.pass_for(10 * SECOND)
    found = await asyncio.gather(*asked, return_exceptions=True)

    assert len(vendor.asked) == 1
    assert [isinstance(each, ProviderError) for each in found] == [False, True, True]


@pytest.mark.parametrize(
    ("outage", "kind"),
    [
        pytest.param(lambda _: reply(503), "server", id="its server fails"),
        pytest.param(
            lambda _: HttpError("unreachable", "refused", sent=False), "unreachable", id="away"
        ),
        pytest.param(lambda _: HttpError("timeout", "late", sent=True), "timeout", id="silent"),
    ],
)
async def test_a_vendor_that_is_away_is_tried_by_one_request_at_a_time(
    outage: Talk, kind: str
) -> None:
    line, vendor, clock = made()
    vendor.talk = outage
    for _ in range(5):
        await asyncio.gather(line.request("GET", URL), return_exceptions=True)
    with pytest.raises(ProviderError) as caught:
        await line.request("GET", URL)
    assert caught.value.kind == kind
    assert len(vendor.asked) == 5

    clock.move(EVERY)
    await asyncio.gather(*(line.request("GET", URL) for _ in range(3)), return_exceptions=True)
    assert len(vendor.asked) == 6
    assert line.traffic().allowance.refused == kind

    clock.move(MINUTE)
    vendor.talk = lambda _: reply()
    await asyncio.gather(*(line.request("GET", URL) for _ in range(3)))
    assert len(vendor.asked) == 9
    assert line.traffic().allowance.refused is None


async def test_the_urgency_is_that_of_the_task_that_asks() -> None:
    clock = SteppedClock()
    line, vendor, _ = made(clock, ceiling=60)

    async def ask(what: str, urgency: Turn) -> None:
        turn.set(urgency)
        await line.request("GET", f"{URL}/{what}")

    tasks = [asyncio.create_task(ask(f"page{n}", Turn.LIST)) for n in range(3)]
    tasks.append(asyncio.create_task(ask("look", Turn.LOOK)))
    await clock.pass_for(MINUTE)
    await asyncio.gather(*tasks)

    order = [asked.url.rpartition("/")[2] for asked in vendor.asked]
    assert order.index("look") <= 1


async def test_one_key_is_one_budget_for_all_who_use_it() -> None:
    clock = ManualClock()
    lines = Lines(clock)
    key, other = ("api.example.com", b"1"), ("api.example.com", b"2")
    one = lines.line("one", Vendor(clock), lines.budget(key, 600), EVERY)
    two = lines.line("two", Vendor(clock), lines.budget(key, 600), EVERY)
    three = lines.line("three", Vendor(clock), lines.budget(other, 600), EVERY)

    assert one.budget is two.budget
    assert one.budget is not three.budget


async def test_a_reload_forgets_neither_a_refusal_nor_what_was_counted() -> None:
    clock = ManualClock()
    lines, key = Lines(clock), ("api.example.com", b"1")
    vendor = Vendor(clock, talk=lambda _: reply(429, retry_after="3600"))
    await lines.line("one", vendor, lines.budget(key, 600), EVERY).request("GET", URL)
    after = lines.line("one", vendor, lines.budget(key, 60), EVERY)

    assert after.traffic().allowance.refused == "rate_limited"
    assert after.traffic().allowance.ceiling == 60
    assert after.traffic().total.requests == 1


# Counting


async def test_what_is_asked_is_counted_with_what_came_of_it() -> None:
    line, vendor, clock = made(ceiling=60)
    late = HttpError("timeout", "late", sent=True)
    late.received = 7
    answers: list[Answer | HttpError] = [reply(body=b"12345"), reply(404, b"no"), late, reply()]
    for answer in answers:
        vendor.talk = lambda _, answer=answer: answer  # type: ignore[misc] # a default binds it
        await asyncio.gather(line.request("GET", URL), return_exceptions=True)
    found = line.traffic()

    assert (found.total.requests, found.total.received) == (4, 16)
    assert found.total.errors == {"not_found": 1, "timeout": 1}
    assert found.total.waited_s == pytest.approx(3.0)
    assert found.hour.requests == 4
    clock.move(HOUR)
    assert line.traffic().hour.requests == 0
    assert line.traffic().at == clock.now()
