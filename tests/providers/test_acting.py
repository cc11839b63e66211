"""Actions at the vendors, by the real adapters, over real HTTP to the simulated vendors."""

import asyncio
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from pydantic import TypeAdapter

from monitor.core.model import Batch, BatchStatus
from monitor.errors import ProviderError
from monitor.http import HttpClient
from monitor.providers import Known, LookFailed, Provider
from monitor.providers.account import Account
from monitor.providers.acting import take_action
from monitor.providers.bland import Bland
from monitor.providers.budget import Budget, Turn
from monitor.providers.build import AnyProviderSettings, build
from monitor.providers.facts import Action, Taken, Took
from monitor.providers.graine import Graine
from monitor.providers.line import Line
from monitor.providers.vogent import Vogent
from monitor.simulator.ids import Vendor
from monitor.simulator.script import Plan
from monitor.simulator.serving import serve
from monitor.simulator.vendors import vendor_app, vendor_table
from monitor.simulator.wire import Fault, Seen, Wire
from monitor.simulator.world import RunningBatch, World
from tests.builders import SECOND
from tests.clocks import SteppedClock
from tests.loopback import Asked, Reply, StillClock, serving
from tests.simulator.hand import START, HandClock

PLAN = Plan(name="Renewals May", contacts=400, concurrency=3)
KEY = "key-of-the-account"
FACTS = [
    pytest.param(Graine, ("pause", "resume", "stop"), id="graine"),
    pytest.param(Bland, ("stop",), id="bland"),
    pytest.param(Vogent, ("pause", "resume"), id="vogent"),
]


@dataclass
class Place:
    """One adapter, and the vendor behind it."""

    provider: Provider
    wire: Wire
    truth: RunningBatch
    clock: HandClock
    line: Line

    def action(self, name: str) -> Action:
        found = self.provider.facts.action(name)
        assert found is not None
        return found

    async def look(self, known: Batch | None = None, *, stopped: bool = False) -> Batch:
        asked = Known(batch_id=self.truth.batch_id, look=known, stopped=stopped)
        (found,) = [each async for each in self.provider.looks([asked])]
        assert not isinstance(found, LookFailed)
        return found

    async def act(self, name: str) -> Took:
        """Look first, as whoever acts has; what was sent before is forgotten."""
        batch = await self.look()
        self.wire.forget()
        return await self.provider.act(self.action(name), batch)

    def sent(self) -> tuple[str, str, bytes]:
        """The one request that the action was."""
        (only,) = self.wire.seen
        assert KEY in only.asked.headers["authorization"]
        return only.asked.method, only.asked.path, only.asked.body.replace(b" ", b"")

    @property
    def posts(self) -> list[Seen]:
        return [seen for seen in self.wire.seen if seen.asked.method != "GET"]


@asynccontextmanager
async def place(vendor: Vendor, plan: Plan = PLAN) -> AsyncIterator[Place]:
    clock = HandClock()
    account = World(7, START).account("account", vendor, KEY)
    truth = account.open(plan)
    clock.after(60)
    wire = vendor_app(account, clock)
    assert isinstance(wire, Wire)
    async with serve(wire) as url:
        table = tomllib.loads(vendor_table(account, url))["providers"]["account"]
        settings: AnyProviderSettings = TypeAdapter(AnyProviderSettings).validate_python(table)
        http = HttpClient(clock)
        line = Line(http, Budget(clock), clock, every=30 * SECOND)
        yield Place(build("account", settings, line, b"key"), wire, truth, clock, line)
        await http.aclose()


@pytest.mark.parametrize(("provider", "names"), FACTS)
def test_it_can_do_what_the_vendor_documents_and_no_more(
    provider: type[Graine | Bland | Vogent], names: tuple[str, ...]
) -> None:
    assert tuple(each.name for each in provider.facts.actions) == names
    assert {each.name for each in provider.facts.actions if each.final} <= {"stop"}


PAUSES = [
    pytest.param(
        "graine", "/api/v1/batches/{}/pause", b"", "/api/v1/batches/{}/resume", b"", id="graine"
    ),
    pytest.param(
        "vogent",
        "/api/batch_dial_jobs/{}/paused",
        b'{"paused":true}',
        "/api/batch_dial_jobs/{}/paused",
        b'{"paused":false}',
        id="vogent",
    ),
]


@pytest.mark.parametrize(("vendor", "path", "body", "again", "other"), PAUSES)
async def test_a_batch_is_paused_and_goes_on_by_one_documented_request_each(
    vendor: Vendor, path: str, body: bytes, again: str, other: bytes
) -> None:
    async with place(vendor) as at:
        assert (await at.act("pause")).taken is Taken.DONE
        assert at.sent() == ("POST", path.format(at.truth.batch_id), body)
        assert (await at.look()).status is BatchStatus.PAUSED

        assert (await at.act("resume")).taken is Taken.DONE
        assert at.sent() == ("POST", again.format(at.truth.batch_id), other)
        assert (await at.look()).status is BatchStatus.RUNNING


OLD = Plan(name="Old", contacts=400, legacy=True)
STOPS = [
    pytest.param("graine", PLAN, "/api/v1/batches/{}/cancel", id="graine"),
    pytest.param("bland", PLAN, "/v2/batches/{}/stop", id="bland of the second generation"),
    pytest.param("bland", OLD, "/v1/batches/{}/stop", id="bland of the first"),
]


@pytest.mark.parametrize(("vendor", "plan", "path"), STOPS)
async def test_a_batch_is_stopped_for_good(vendor: Vendor, plan: Plan, path: str) -> None:
    async with place(vendor, plan) as at:
        before = await at.look()
        took = await at.act("stop")

        assert (took.taken, at.truth.status) == (Taken.DONE, BatchStatus.CANCELLED)
        assert at.sent() == ("POST", path.format(at.truth.batch_id), b"")
        # Whatever word the vendor has for it: who stopped it knows that it is stopped.
        assert (await at.look(before, stopped=True)).status is BatchStatus.CANCELLED


async def test_where_the_vendor_writes_nothing_a_stop_is_over_with_the_last_call() -> None:
    async with place("bland", Plan(name="Quick", contacts=400, talk=(400.0, 500.0))) as at:
        before = await at.look()
        await at.act("stop")
        still = Fault(edit=lambda body: body.replace(b'"stopped"', b'"in_progress"'))
        at.wire.fail(".*/logs", still)
        assert (await at.look(before, stopped=True)).status is BatchStatus.RUNNING

        at.clock.after(1000)
        moved = await at.look(before, stopped=True)
        assert moved.status is BatchStatus.RUNNING, "a call has ended since: others may begin"
        assert (await at.look(moved, stopped=True)).status is BatchStatus.CANCELLED
        assert (await at.look(moved)).status is BatchStatus.RUNNING


async def test_an_action_goes_before_whatever_waits() -> None:
    clock = SteppedClock()
    budget = Budget(clock, 60, chance=lambda: 0.0)
    await budget.turn(Turn.LOOK)
    went: list[Turn] = []

    async def goes(turn: Turn) -> None:
        await budget.turn(turn)
        went.append(turn)

    asked = [asyncio.create_task(goes(each)) for each in (Turn.LOOK, Turn.LOOK, Turn.ACT)]
    await clock.pass_for(5 * SECOND)
    await asyncio.gather(*asked)

    assert went == [Turn.ACT, Turn.LOOK, Turn.LOOK]


REFUSALS = [
    pytest.param(400, "as it stands", id="400"),
    pytest.param(401, "key is not accepted", id="401"),
    pytest.param(403, "may not do this", id="403"),
    pytest.param(404, "does not know the batch", id="404"),
    pytest.param(409, "moved just now", id="409"),
    pytest.param(418, "as documented", id="a status of its own"),
    pytest.param(422, "as it stands", id="422"),
    pytest.param(429, "try again in 90 s", id="429"),
    pytest.param(302, "base_url", id="elsewhere"),
]


PAUSE = Action(name="pause", path="/batches/{batch_id}/pause", note="")


async def answered(reply: Reply) -> tuple[Took, list[Asked]]:
    """How a pause is taken that is answered so, and what was asked."""
    async with serving(lambda _: reply) as vendor:
        http = HttpClient(StillClock())
        took = await take_action(Account(http, vendor.url, {}), PAUSE, "btc_1")
        await http.aclose()
    return took, vendor.asked


@pytest.mark.parametrize(("status", "words"), REFUSALS)
async def test_a_refusal_is_told_in_words(status: int, words: str) -> None:
    said = {"detail": "+15550100 said no"}
    took, asked = await answered(Reply(said, status=status, headers={"retry-after": "90"}))

    assert took.taken is Taken.REFUSED
    assert words in took.text
    assert str(status) in took.text
    assert "said no" not in took.text
    assert len(asked) == 1


DOUBTFUL = [
    pytest.param(Reply(status=500), id="500"),
    pytest.param(Reply(status=503, headers={"retry-after": "1"}), id="503"),
    pytest.param(Reply(status=408), id="408"),
    pytest.param(Reply(b"<html>sign in</html>"), id="a web page with 200"),
    pytest.param(Reply(b""), id="nothing with 200"),
]


@pytest.mark.parametrize("reply", DOUBTFUL)
async def test_what_may_have_been_done_is_unknown(reply: Reply) -> None:
    took, asked = await answered(reply)

    assert took.taken is Taken.UNKNOWN
    assert len(asked) == 1


BROKEN = [
    pytest.param(Fault(reset=True, acts=True), id="after it was done"),
    pytest.param(Fault(reset=True), id="before"),
    pytest.param(Fault(cut=5), id="amid the answer"),
]


@pytest.mark.parametrize("fault", BROKEN)
async def test_what_breaks_off_is_unknown_and_never_sent_again(fault: Fault) -> None:
    async with place("graine") as at:
        at.wire.fail(".*/pause", fault)
        took = await at.act("pause")

        assert took.taken is Taken.UNKNOWN
        assert len(at.posts) == 1


@pytest.mark.parametrize("told", [{"status": "error", "message": "no"}, {"success": False}])
async def test_a_good_status_with_a_no_in_it_is_a_refusal(told: dict[str, object]) -> None:
    took, _ = await answered(Reply(told))

    assert took.taken is Taken.REFUSED


async def test_a_good_status_with_errors_in_it_is_a_refusal() -> None:
    async with place("bland") as at:
        body = b'{"data": null, "errors": [{"error": "STOPPED", "message": "no"}]}'
        at.wire.fail(".*/stop", Fault(status=200, body=body))
        took = await at.act("stop")

        assert took.taken is Taken.REFUSED
        assert at.truth.status is BatchStatus.RUNNING


async def test_a_vendor_that_nobody_reaches_was_asked_for_nothing() -> None:
    http = HttpClient(StillClock())
    took = await take_action(Account(http, "http://127.0.0.1:9", {}), PAUSE, "btc_1")
    await http.aclose()

    assert took.taken is Taken.REFUSED
    assert "nothing was sent" in took.text


async def test_an_id_cannot_lead_the_request_elsewhere() -> None:
    async with serving(lambda _: {}) as vendor:
        http = HttpClient(StillClock())
        await take_action(Account(http, vendor.url, {}), PAUSE, "../x?y=1/{z}")
        await http.aclose()

    assert vendor.paths() == ["/batches/../x?y=1/{z}/pause"]  # unquoted by the server of the test


async def test_a_key_that_is_left_alone_is_left_alone_by_people_too() -> None:
    async with place("graine") as at:
        batch = await at.look()
        at.wire.forget()
        at.line.budget.circuit.refuse(ProviderError("auth", "401: no"), 30 * SECOND)
        took = await at.provider.act(at.action("pause"), batch)

        assert took.taken is Taken.REFUSED
        assert "nothing was sent" in took.text
        assert not at.wire.seen


@pytest.mark.parametrize("vendor", ["svalync", "elevenlabs"])
async def test_where_nothing_is_documented_nothing_is_sent(vendor: Vendor) -> None:
    async with place(vendor) as at:
        batch = await at.look()
        at.wire.forget()
        took = await at.provider.act(Action(name="pause", path="/x", note=""), batch)

        assert not at.provider.facts.actions
        assert took.taken is Taken.REFUSED
        assert "documents no actions" in took.text
        assert not at.wire.seen
