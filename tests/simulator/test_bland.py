"""The simulated Bland answers as its documentation shows, for both generations of batches."""

from typing import Any

import pytest

from monitor.core.model import BatchStatus
from monitor.simulator.bland import bland_app
from monitor.simulator.script import Cancel, End, Incident, Mix, Plan
from monitor.simulator.world import World
from tests.simulator.hand import Ask, HandClock

HEADERS = {"authorization": "sk-key"}
ROW_KEYS = {
    "call_id",
    "created_at",
    "call_length",
    "to",
    "from",
    "completed",
    "queue_status",
    "error_message",
    "answered_by",
    "batch_id",
}
V1_KEYS = {
    "status",
    "corrected_duration",
    "end_at",
    "call_id",
    "to",
    "from",
    "completed",
    "created_at",
    "queue_status",
    "endpoint_url",
    "max_duration",
    "error_message",
    "answered_by",
    "request_data",
    "transcripts",
    "call_length",
}
MIX = Mix(no_answer=0.2, busy=0.1, voicemail=0.2, failed=0.1, error=0.05)
PLAN = Plan(name="Customer survey", contacts=90, talk=(9.0, 30.0), mix=MIX)
LEGACY = Plan(name="Follow-up", contacts=60, talk=(9.0, 30.0), mix=MIX, legacy=True)


class Service:
    """Bland over one batch, asked with the right key."""

    def __init__(
        self, world: World, clock: HandClock, ask: Ask, plan: Plan, *incidents: Incident
    ) -> None:
        self.account = world.account("surveys", "bland", "sk-key")
        self.batch = self.account.open(plan, *incidents)
        self.wire = bland_app(self.account, clock)
        self._ask = ask

    async def get(self, path: str, method: str = "GET") -> Any:
        answer = await self._ask(self.wire, path, method, headers=HEADERS)
        assert answer.status_code == 200, answer.text
        return answer.json()


async def test_a_v2_batch_tells_how_it_stands_only_in_its_log(
    world: World, clock: HandClock, ask: Ask
) -> None:
    bland = Service(world, clock, ask, PLAN)
    clock.after(2000)

    listed = await bland.get("/v2/batches/list")
    one = await bland.get(f"/v2/batches/{bland.batch.batch_id}")
    log = await bland.get(f"/v2/batches/{bland.batch.batch_id}/logs")

    keys = {"id", "user_id", "base_prompt", "created_at", "call_objects", "description"}
    assert listed == {"data": [one["data"]], "errors": None}
    assert set(one["data"]) == keys
    newest, oldest = log["data"]
    assert {frozenset(line) for line in log["data"]} == {
        frozenset({"id", "batch_id", "org_id", "event_type", "timestamp", "payload"})
    }
    assert oldest["payload"] == {
        "message": "Requested: 90. Validated: 90. Dispatched: 90. CPS: 4.20.",
        "state_change": "in_progress",
    }
    assert newest["event_type"] == "complete"
    assert newest["payload"]["calls_total"] == 90
    assert newest["payload"]["calls_successful"] + newest["payload"]["calls_failed"] == 90


@pytest.mark.parametrize(
    ("incident", "payload"),
    [
        pytest.param(
            End(after=40),
            {
                "state_change": "failed",
                "code": "source_invalid",
                "reason": "Entry #3 did not have a phone number.",
            },
            id="failed",
        ),
        pytest.param(
            End(after=40, status=BatchStatus.PARTIAL),
            {
                "state_change": "completed_partial",
                "code": "batch_early_exit",
                "reason": "Condition not met within 86400 seconds",
            },
            id="partial",
        ),
        pytest.param(Cancel(after=40), {"state_change": "stopped"}, id="stopped"),
    ],
)
async def test_the_log_tells_other_ends(
    world: World, clock: HandClock, ask: Ask, incident: Incident, payload: dict[str, str]
) -> None:
    bland = Service(world, clock, ask, PLAN, incident)
    clock.after(60)

    log = await bland.get(f"/v2/batches/{bland.batch.batch_id}/logs?take=1")

    assert len(log["data"]) == 1
    assert payload.items() <= log["data"][0]["payload"].items()


async def test_call_rows_have_the_documented_fields(
    world: World, clock: HandClock, ask: Ask
) -> None:
    bland = Service(world, clock, ask, PLAN)
    clock.after(200)
    path = f"/v1/calls?batch_id={bland.batch.batch_id}&ascending=true"

    everything = await bland.get(path)
    done = await bland.get(f"{path}&completed=true&limit=5")
    part = await bland.get(f"{path}&from=10&to=15")
    newest = await bland.get(f"/v1/calls?batch_id={bland.batch.batch_id}&limit=1")

    assert {frozenset(row) for row in everything["calls"]} == {frozenset(ROW_KEYS)}
    assert everything["total_count"] == everything["count"] == 90
    assert done["total_count"] == sum(row["completed"] for row in everything["calls"]) > 5
    assert done["count"] == 5
    assert part["calls"] == everything["calls"][10:15]
    assert newest["calls"] == everything["calls"][-1:]
    times = [row["created_at"] for row in everything["calls"]]
    assert times == sorted(times)


async def test_a_single_call_agrees_with_its_row(world: World, clock: HandClock, ask: Ask) -> None:
    bland = Service(world, clock, ask, PLAN)
    clock.after(3000)
    rows = (await bland.get(f"/v1/calls?batch_id={bland.batch.batch_id}"))["calls"]

    details = [await bland.get(f"/v1/calls/{row['call_id']}") for row in rows]

    assert all(row.items() <= detail.items() for row, detail in zip(rows, details, strict=True))
    words = {detail["status"] for detail in details}
    assert words == {"completed", "no-answer", "busy", "failed", None}
    for detail in details:
        if detail["status"] is None:
            assert (detail["queue_status"], detail["end_at"]) == ("queue_error", None)
        else:
            assert abs(int(detail["corrected_duration"]) - detail["call_length"] * 60) <= 0.6


async def test_who_answered_may_come_late(world: World, clock: HandClock, ask: Ask) -> None:
    plan = Plan(name="x", contacts=1, mix=Mix(no_answer=0, busy=0, failed=0), details_after=60)
    bland = Service(world, clock, ask, plan)
    ends = []
    for seconds in range(0, 400, 5):
        clock.after(seconds)
        (row,) = (await bland.get(f"/v1/calls?batch_id={bland.batch.batch_id}"))["calls"]
        ends.append((row["completed"], row["answered_by"]))

    assert list(dict.fromkeys(ends)) == [(False, None), (True, None), (True, "human")]


async def test_a_legacy_batch_carries_its_calls_and_their_analysis(
    world: World, clock: HandClock, ask: Ask
) -> None:
    bland = Service(world, clock, ask, LEGACY)
    clock.after(100)
    path = f"/v1/batches/{bland.batch.batch_id}"

    full = await bland.get(path)
    plain = await bland.get(f"{path}?include_transcripts=false")
    counts = await bland.get(f"{path}?include_calls=false")

    assert bland.batch.batch_id.endswith("-gen-batch")
    assert set(full) == {"status", "batch_params", "call_data", "analysis"}
    assert full["status"] == "in-progress"
    assert {frozenset(row) for row in full["call_data"]} == {frozenset(V1_KEYS)}
    assert {frozenset(row) for row in plain["call_data"]} == {frozenset(V1_KEYS - {"transcripts"})}
    assert set(counts) == {"status", "batch_params", "analysis"}
    analysis = full["analysis"]
    assert set(analysis) == {
        "total_calls",
        "completed_calls",
        "in_progress_calls",
        "queue_statuses",
        "call_lengths",
        "call_ids",
        "error_messages",
        "endpoints",
    }
    done = [row for row in full["call_data"] if row["completed"]]
    assert (analysis["total_calls"], analysis["completed_calls"]) == (60, len(done))
    assert sum(analysis["queue_statuses"].values()) == 60
    assert sum(analysis["call_lengths"]["summary"].values()) == len(done)


async def test_a_legacy_batch_ends(world: World, clock: HandClock, ask: Ask) -> None:
    bland = Service(world, clock, ask, LEGACY)
    clock.after(3000)

    told = await bland.get(f"/v1/batches/{bland.batch.batch_id}?include_calls=false")

    assert told["status"] == "completed"
    assert told["analysis"]["in_progress_calls"] == 0


async def test_each_generation_knows_only_its_own(world: World, clock: HandClock, ask: Ask) -> None:
    bland = Service(world, clock, ask, PLAN)
    legacy = bland.account.open(LEGACY)

    listed = await bland.get("/v2/batches/list")
    new = await ask(bland.wire, f"/v2/batches/{legacy.batch_id}", headers=HEADERS)
    old = await ask(bland.wire, f"/v1/batches/{bland.batch.batch_id}", headers=HEADERS)

    assert [row["id"] for row in listed["data"]] == [bland.batch.batch_id]
    assert (new.status_code, new.json()["data"]) == (404, None)
    assert (old.status_code, old.json()["status"]) == (404, "error")


async def test_the_account_and_a_wrong_key(world: World, clock: HandClock, ask: Ask) -> None:
    bland = Service(world, clock, ask, PLAN)

    me = await bland.get("/v1/me")
    refused = await ask(bland.wire, "/v1/me", headers={"authorization": "other"})

    assert set(me) == {"status", "billing", "total_calls"}
    assert refused.status_code == 401
    assert refused.json() == {
        "data": None,
        "errors": [{"error": "AUTH_FAILURE", "message": "Unauthorized"}],
    }


@pytest.mark.parametrize("plan", [PLAN, LEGACY], ids=["v2", "v1"])
async def test_a_stopped_batch_calls_off_who_waits(
    world: World, clock: HandClock, ask: Ask, plan: Plan
) -> None:
    bland = Service(world, clock, ask, plan)
    clock.after(20)
    version = "v1" if plan.legacy else "v2"

    await bland.get(f"/{version}/batches/{bland.batch.batch_id}/stop", "POST")

    assert bland.batch.status is BatchStatus.CANCELLED
    last = bland.batch.person_id(plan.contacts - 1)
    assert (await bland.get(f"/v1/calls/{last}"))["status"] == "canceled"


async def test_calls_may_be_listed_only_once_they_are_dialled(
    world: World, clock: HandClock, ask: Ask
) -> None:
    bland = Service(world, clock, ask, Plan(name="x", contacts=90, queued_visible=False))
    clock.after(30)

    told = await bland.get(f"/v1/calls?batch_id={bland.batch.batch_id}&ascending=true")

    assert 0 < told["total_count"] == len(set(bland.batch.calls.person)) < 90
