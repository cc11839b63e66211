"""The wire records what went out, and breaks answers on real connections."""

import asyncio

import httpx
import pytest

from monitor.simulator.graine import graine_app
from monitor.simulator.script import Plan
from monitor.simulator.serving import serve, serve_in_thread
from monitor.simulator.wire import Fault, Wire
from monitor.simulator.world import World
from tests.simulator.hand import HandClock

HEADERS = {"authorization": "Bearer k"}
PATH = "/api/v1/batches/"


@pytest.fixture
def wire(world: World, clock: HandClock) -> Wire:
    account = world.account("renewals", "graine", "k")
    account.open(Plan(name="x", contacts=30))
    return graine_app(account, clock, keep=True)


async def test_every_request_is_recorded_with_its_bytes(wire: Wire) -> None:
    async with serve(wire) as url, httpx.AsyncClient(headers=HEADERS, trust_env=False) as client:
        answer = await client.get(f"{url}{PATH}?status=in_progress")

    (seen,) = wire.to(PATH)
    assert (seen.asked.method, seen.asked.query, seen.status) == (
        "GET",
        "status=in_progress",
        200,
    )
    assert (seen.body_bytes, seen.answer) == (len(answer.content), answer.content)
    assert wire.bytes_out == seen.body_bytes + seen.head_bytes > len(answer.content)


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        pytest.param(Fault(status=429, headers={"retry-after": "7"}), 429, b"", id="status"),
        pytest.param(Fault(body=b"<html>"), 200, b"<html>", id="garbage"),
        pytest.param(Fault(edit=lambda body: body[:5]), 200, b'[{"ba', id="edited"),
    ],
)
async def test_a_fault_changes_the_answer_once(
    wire: Wire, fault: Fault, status: int, body: bytes
) -> None:
    wire.fail(PATH, fault, times=1)
    async with serve(wire) as url, httpx.AsyncClient(headers=HEADERS, trust_env=False) as client:
        broken = await client.get(f"{url}{PATH}")
        whole = await client.get(f"{url}{PATH}")

    assert (broken.status_code, broken.content) == (status, body)
    assert fault.headers.items() <= dict(broken.headers).items()
    assert len(whole.json()) == 1


@pytest.mark.parametrize(
    "fault", [Fault(reset=True), Fault(cut=20)], ids=["before a byte", "amid the body"]
)
async def test_a_connection_breaks(wire: Wire, fault: Fault) -> None:
    wire.fail(lambda asked: asked.method == "GET", fault)
    async with serve(wire) as url, httpx.AsyncClient(headers=HEADERS, trust_env=False) as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.get(f"{url}{PATH}")
        wire.mend()
        assert (await client.get(f"{url}{PATH}")).status_code == 200


async def test_an_answer_is_held_back_until_it_is_let_go(wire: Wire) -> None:
    gate = asyncio.Event()
    wire.fail(PATH, Fault(hold=gate))
    async with serve(wire) as url, httpx.AsyncClient(headers=HEADERS, trust_env=False) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"{url}{PATH}", timeout=httpx.Timeout(5, read=0.05))
        gate.set()
        assert (await client.get(f"{url}{PATH}")).status_code == 200


def test_a_service_can_run_in_a_thread(wire: Wire) -> None:
    with serve_in_thread(wire) as url:
        assert httpx.get(f"{url}{PATH}", headers=HEADERS, trust_env=False).status_code == 200
