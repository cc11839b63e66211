"""The simulated Svalync node gives what its documentation shows."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from monitor.core.model import ContactStatus
from monitor.simulator.answers import Manners
from monitor.simulator.script import End, Incident, Mix, Plan
from monitor.simulator.svalync import svalync_app, write_batches
from monitor.simulator.world import World
from tests.simulator.hand import Ask, HandClock

HEADERS = {"x-api-key": "svalync-key"}
PLAN = Plan(
    name="Feedback",
    contacts=80,
    talk=(9.0, 60.0),
    mix=Mix(no_answer=0.2, busy=0.1, failed=0.1),
    max_retries=1,
    cooldown=60.0,
)
BATCH_KEYS = {"id", "status", "created_at", "completed_at", "statistics", "calls", "analytics"}
STATISTICS_KEYS = {
    "total_calls",
    "completed",
    "failed",
    "in_progress",
    "average_duration",
    "total_cost",
}


class Service:
    """A workflow over one batch, asked with the right key."""

    def __init__(
        self, world: World, clock: HandClock, ask: Ask, *incidents: Incident, **more: Any
    ) -> None:
        self.account = world.account("feedback", "svalync", "svalync-key")
        self.batch = self.account.open(more.pop("plan", PLAN), *incidents)
        self.wire = svalync_app(self.account, clock, **more)
        self._ask = ask

    async def get(self, path: str = "", **more: Any) -> Any:
        """The node's result, asked for by GET."""
        url = path or f"/batch?batch_id={self.batch.batch_id}"
        return self._batch(await self._ask(self.wire, url, headers=HEADERS, **more))

    async def post(self, **more: Any) -> Any:
        """The node's result, its input posted."""
        body = {"batch_id": self.batch.batch_id} | more
        answer = await self._ask(self.wire, "/batch", "POST", headers=HEADERS, json=body)
        return self._batch(answer)

    def _batch(self, answer: Any) -> Any:
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert set(told) == {"batch"}
        return told["batch"]


async def test_a_batch_has_the_documented_fields_and_its_numbers_are_true(
    world: World, clock: HandClock, ask: Ask
) -> None:
    svalync = Service(world, clock, ask)
    now = clock.after(300)

    told = await svalync.get()

    people = svalync.batch.truth.contacts(svalync.batch.batch_id, now)
    failed = sum(
        people[word] for word in (ContactStatus.FAILED, ContactStatus.BUSY, ContactStatus.NO_ANSWER)
    )
    numbers = told["statistics"]
    assert set(told) == BATCH_KEYS
    assert set(numbers) == STATISTICS_KEYS
    assert (told["status"], told["completed_at"]) == ("in_progress", None)
    assert numbers["total_calls"] == len(told["calls"]) == PLAN.contacts
    assert (numbers["completed"], numbers["failed"]) == (people[ContactStatus.COMPLETED], failed)
    assert numbers["completed"] + numbers["failed"] + numbers["in_progress"] == PLAN.contacts
    assert numbers["in_progress"] > 0 < failed


async def test_money_is_text_and_adds_up(world: World, clock: HandClock, ask: Ask) -> None:
    svalync = Service(world, clock, ask)
    clock.after(9000)

    told = await svalync.get()

    costs = [call["cost"] for call in told["calls"]]
    assert (told["status"], told["completed_at"] is None) == ("completed", False)
    assert all(isinstance(cost, str) and Decimal(cost).as_tuple().exponent == -2 for cost in costs)
    assert told["statistics"]["total_cost"] == str(sum(map(Decimal, costs)))
    assert Decimal(told["statistics"]["total_cost"]) > 1


async def test_calls_have_no_numbers_and_no_times(world: World, clock: HandClock, ask: Ask) -> None:
    svalync = Service(world, clock, ask)
    clock.after(200)

    told = await svalync.get()

    shapes = {frozenset(call) for call in told["calls"]}
    assert shapes == {
        frozenset({"id", "status"}),
        frozenset({"id", "status", "duration", "cost"}),
        frozenset({"id", "status", "duration", "cost", "analytics"}),
    }
    words = {call["status"] for call in told["calls"]}
    assert words >= {"queued", "in-progress", "completed", "no-answer"}
    assert {call["id"] for call in told["calls"]} == {
        svalync.batch.person_id(person) for person in range(PLAN.contacts)
    }


async def test_sentiment_comes_in_shares_and_a_share_of_nothing_is_left_out(
    world: World, clock: HandClock, ask: Ask
) -> None:
    svalync = Service(world, clock, ask)
    clock.after(9000)

    told = await svalync.get()

    shares = [call["analytics"]["sentiment"] for call in told["calls"] if "analytics" in call]
    assert all(abs(sum(each.values()) - 1) < 1e-9 for each in shares)
    assert all(part > 0 for each in shares for part in each.values())
    assert {len(each) for each in shares} == {1, 2}
    assert set(told["analytics"]) == {"success_rate", "average_sentiment", "common_responses"}
    assert 0 < told["analytics"]["success_rate"] < 1


async def test_counts_may_lag_behind_the_status(world: World, clock: HandClock, ask: Ask) -> None:
    svalync = Service(world, clock, ask, manners=Manners(counts_lag=30.0))
    seconds = 0.0
    while not svalync.batch.status.terminal:
        seconds += 5
        world.advance(clock.after(seconds))

    early = await svalync.get()
    clock.after(seconds + 30)
    late = await svalync.get()

    assert early["status"] == late["status"] == "completed"
    assert early["statistics"]["in_progress"] > 0 == late["statistics"]["in_progress"]
    assert early["calls"] == late["calls"]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/batch?batch_id={id}", id="in the query"),
        pytest.param("/batch/{id}", id="in the path"),
    ],
)
async def test_the_id_stands_in_the_path_or_the_query(
    world: World, clock: HandClock, ask: Ask, path: str
) -> None:
    svalync = Service(world, clock, ask)

    told = await svalync.get(path.format(id=svalync.batch.batch_id))

    assert told["id"] == svalync.batch.batch_id


async def test_what_is_declined_is_left_out(world: World, clock: HandClock, ask: Ask) -> None:
    svalync = Service(world, clock, ask)
    clock.after(9000)

    told = await svalync.post(include_analytics=False)
    full = await svalync.post(include_transcripts=True)

    assert set(told) == BATCH_KEYS - {"analytics"}
    assert not any("analytics" in call for call in told["calls"])
    segments = [call["transcript"]["segments"] for call in full["calls"] if "transcript" in call]
    assert {frozenset(line) for each in segments for line in each} == {
        frozenset({"speaker", "text", "timestamp"})
    }


FILTERS = [
    pytest.param(
        {"status": ["completed", "failed"]},
        lambda call: call["status"] in {"completed", "failed"},
        id="status",
    ),
    pytest.param(
        {"duration": {"min": 20, "max": 40}},
        lambda call: 20 <= call.get("duration", -1) <= 40,
        id="duration",
    ),
    pytest.param(
        {"cost": {"min": "0.03", "max": "0.06"}},
        lambda call: Decimal("0.03") <= Decimal(call.get("cost", "0")) <= Decimal("0.06"),
        id="cost",
    ),
    pytest.param(
        {"sentiment": {"min_positive": 0.7}},
        lambda call: call.get("analytics", {}).get("sentiment", {}).get("positive", 0) >= 0.7,
        id="sentiment",
    ),
    pytest.param(
        {"date_range": {"start": "2024-01-01T00:00:00Z", "end": "2024-01-02T00:00:00Z"}},
        lambda _: False,
        id="another day",
    ),
]


@pytest.mark.parametrize(("wanted", "passes"), FILTERS)
async def test_a_filter_picks_calls_and_leaves_the_statistics(
    world: World, clock: HandClock, ask: Ask, wanted: Any, passes: Any
) -> None:
    svalync = Service(world, clock, ask)
    clock.after(300)

    every = await svalync.post()
    told = await svalync.post(filter=wanted)

    assert told["calls"] == [call for call in every["calls"] if passes(call)]
    assert len(told["calls"]) < len(every["calls"])
    assert told["statistics"] == every["statistics"]


async def test_a_workflow_answers_with_what_its_node_gave(
    world: World, clock: HandClock, ask: Ask
) -> None:
    svalync = Service(world, clock, ask)
    body = {"batch_id": svalync.batch.batch_id}

    answer = await ask(
        svalync.wire, "/api/workflow/runWorkflow?id=w1", "POST", headers=HEADERS, json=body
    )

    (step,) = answer.json()
    assert set(step) == {"nodeId", "input", "response"}
    assert step["input"] == body
    assert step["response"] == {"batch": await svalync.get()}


def files(directory: Path) -> dict[str, bytes]:
    """Everything in a directory, by name."""
    return {file.name: file.read_bytes() for file in directory.iterdir()}


async def test_a_workflow_may_write_files_instead(
    world: World, clock: HandClock, ask: Ask, tmp_path: Path
) -> None:
    svalync = Service(world, clock, ask, End(after=60))
    world.advance(clock.after(90))

    write_batches(svalync.account, tmp_path)

    written = files(tmp_path)
    assert list(written) == [f"{svalync.batch.batch_id}.json"]
    assert json.loads(*written.values()) == {"batch": await svalync.get()}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("/batch?batch_id=x", {}, 401, id="no key"),
        pytest.param("/batch?batch_id=x", HEADERS, 404, id="no batch"),
        pytest.param("/batch", HEADERS, 400, id="no id"),
        pytest.param(
            "/batch/x", {"authorization": "Bearer svalync-key"}, 404, id="a bearer will do"
        ),
    ],
)
async def test_refusals(
    world: World, clock: HandClock, ask: Ask, path: str, headers: dict[str, str], status: int
) -> None:
    svalync = Service(world, clock, ask)

    answer = await ask(svalync.wire, path, headers=headers)

    assert answer.status_code == status
    assert set(answer.json()) == {"error"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="no id"),
        pytest.param({"batch_id": "{id}", "filter": {"mood": 1}}, id="unknown criterion"),
        pytest.param({"batch_id": "{id}", "filter": {"cost": {"min": "much"}}}, id="no money"),
    ],
)
async def test_an_input_that_cannot_be_read_is_refused(
    world: World, clock: HandClock, ask: Ask, body: dict[str, Any]
) -> None:
    svalync = Service(world, clock, ask)
    clock.after(300)
    if "batch_id" in body:
        body = body | {"batch_id": svalync.batch.batch_id}

    answer = await ask(svalync.wire, "/batch", "POST", headers=HEADERS, json=body)

    assert answer.status_code == 400
