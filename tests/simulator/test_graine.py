"""The simulated Graine answers as its documentation shows, field by field."""

from typing import Any

import pytest

from monitor.simulator.answers import Manners
from monitor.simulator.graine import graine_app
from monitor.simulator.hours import WorkingHours
from monitor.simulator.script import Cancel, Mix, Plan
from monitor.simulator.world import World
from tests.simulator.hand import Ask, HandClock

HEADERS = {"authorization": "Bearer gat_key"}
BATCH_KEYS = {
    "batch_id",
    "campaign_id",
    "organization_id",
    "status",
    "total_contacts",
    "concurrency_limit",
    "scheduled_start",
    "counters",
    "created_at",
    "updated_at",
}
CONTACT_KEYS = {
    "contact_id",
    "batch_id",
    "campaign_id",
    "phone_number",
    "call_variables",
    "status",
    "retry_count",
    "follow_up_count",
    "last_attempted_at",
    "next_retry_at",
    "latest_retry_count",
    "current_call",
}
UNANSWERED_KEYS = {
    "execution_id",
    "call_status",
    "duration_seconds",
    "recording_url",
    "retry_count",
    "is_follow_up",
    "created_at",
}
TALK_KEYS = UNANSWERED_KEYS | {
    "transcript",
    "summary",
    "sentiment",
    "hangup_by",
    "hangup_reason",
    "total_cost",
}
PLAN = Plan(name="Renewals May", contacts=250, max_retries=2, cooldown=120.0, talk=(9.0, 30.0))


class Service:
    """Graine over one batch, asked with the right key."""

    def __init__(self, world: World, clock: HandClock, ask: Ask, **more: Any) -> None:
        self.account = world.account("renewals", "graine", "gat_key")
        self.batch = self.account.open(more.pop("plan", PLAN), *more.pop("incidents", ()))
        self.wire = graine_app(self.account, clock, **more)
        self._ask = ask

    async def get(self, path: str, method: str = "GET") -> Any:
        answer = await self._ask(self.wire, f"/api/v1{path}", method, headers=HEADERS)
        assert answer.status_code == 200, answer.text
        return answer.json()


async def test_a_batch_has_the_documented_fields_and_live_counters(
    world: World, clock: HandClock, ask: Ask
) -> None:
    graine = Service(world, clock, ask)
    clock.after(200)

    (listed,) = await graine.get("/batches/?status=in_progress")
    detail = await graine.get(f"/batches/{graine.batch.batch_id}")
    contacts = await graine.get(f"/batches/{graine.batch.batch_id}/contacts?limit=1000")

    assert set(listed) == BATCH_KEYS
    assert set(detail) == BATCH_KEYS | {"max_retries_override", "call_context", "metadata"}
    words = [row["status"] for row in contacts]
    counters = detail["counters"]
    assert {w: words.count("in_progress" if w == "in_flight" else w) for w in counters} == counters
    assert sum(counters.values()) == detail["total_contacts"] == 250


async def test_contacts_without_calls_have_none(world: World, clock: HandClock, ask: Ask) -> None:
    graine = Service(world, clock, ask)
    clock.after(200)

    rows = await graine.get(f"/batches/{graine.batch.batch_id}/contacts")

    assert len(rows) == 100
    assert {frozenset(row) for row in rows} == {frozenset(CONTACT_KEYS)}
    assert {row["current_call"] for row in rows} == {None}
    assert {row["last_attempted_at"] is None for row in rows} == {False, True}
    assert all(row["next_retry_at"] for row in rows if row["status"] == "retrying")


async def test_contacts_with_calls_have_the_chain_in_order(
    world: World, clock: HandClock, ask: Ask
) -> None:
    graine = Service(world, clock, ask)
    clock.after(2000)

    url = f"/batches/{graine.batch.batch_id}/contacts?include_calls=true&limit=250"
    rows = await graine.get(url)

    calls = [call for row in rows for call in row["call_records"]]
    assert {frozenset(row) for row in rows} == {frozenset(CONTACT_KEYS | {"call_records"})}
    keys = {call["call_status"]: set(call) for call in calls}
    assert keys["no-answer"] == keys["busy"] == UNANSWERED_KEYS
    assert keys["completed"] == TALK_KEYS
    assert keys["failed"] == UNANSWERED_KEYS | {"hangup_reason"}
    for row in rows:
        chain = row["call_records"]
        assert [call["retry_count"] for call in chain] == list(range(len(chain)))
        assert chain == sorted(chain, key=lambda call: call["created_at"])
        assert row["current_call"] == {k: v for k, v in chain[-1].items() if k != "created_at"}


async def test_status_filter_and_pages(world: World, clock: HandClock, ask: Ask) -> None:
    graine = Service(world, clock, ask, plan=Plan(name="x", contacts=250, mix=Mix(no_answer=0.9)))
    clock.after(300)
    path = f"/batches/{graine.batch.batch_id}/contacts"

    everyone = await graine.get(f"{path}?limit=500")
    pages = [await graine.get(f"{path}?skip={skip}&limit=100") for skip in (0, 100, 200, 300)]
    pending = await graine.get(f"{path}?status=pending&limit=500")

    assert [row for page in pages for row in page] == everyone
    assert [len(page) for page in pages] == [100, 100, 50, 0]
    assert pending == [row for row in everyone if row["status"] == "pending"]


async def test_manners_cap_pages_and_reorder(world: World, clock: HandClock, ask: Ask) -> None:
    graine = Service(world, clock, ask, manners=Manners(max_limit=20, order="changed"))
    path = f"/batches/{graine.batch.batch_id}/contacts?limit=100"
    before = await graine.get(path)
    clock.after(30)
    after = await graine.get(path)

    assert len(before) == len(after) == 20
    assert before[0]["contact_id"] != after[0]["contact_id"]


async def test_a_campaign_tells_retries_and_hours(world: World, clock: HandClock, ask: Ask) -> None:
    hours = WorkingHours(zone="Asia/Kolkata", days={"monday": ("09:30", "18:00")})
    graine = Service(world, clock, ask, plan=Plan(name="x", contacts=3, max_retries=1, hours=hours))

    batch = await graine.get(f"/batches/{graine.batch.batch_id}")
    told = await graine.get(f"/campaigns/{batch['campaign_id']}")

    assert told["retry_policy"] == {
        "max_retries": 1,
        "strategy": "fixed",
        "cooldown_minutes": 30.0,
    }
    assert (told["working_hours_enforced"], told["timezone"]) == (True, "Asia/Kolkata")
    assert told["working_hours"]["monday"] == {"start": "09:30", "end": "18:00", "enabled": True}
    assert not told["working_hours"]["sunday"]["enabled"]


async def test_pause_resume_cancel(world: World, clock: HandClock, ask: Ask) -> None:
    graine = Service(world, clock, ask)
    path = f"/batches/{graine.batch.batch_id}"
    words = [
        (await graine.get(f"{path}/{act}", "POST"))["status"]
        for act in ("pause", "resume", "cancel")
    ]

    assert words == ["paused", "in_progress", "cancelled"]
    assert len(await graine.get(f"{path}/contacts?status=skipped&limit=300")) == 250
    assert await graine.get("/batches/?status=in_progress") == []


async def test_debug_breaks_people_down_by_status(world: World, clock: HandClock, ask: Ask) -> None:
    graine = Service(world, clock, ask, incidents=(Cancel(after=100),))
    clock.after(60)

    told = await graine.get(f"/batches/{graine.batch.batch_id}/debug")

    assert set(told) == {
        "batch_id",
        "status",
        "status_breakdown",
        "pending_sample",
        "diagnostics",
    }
    assert sum(row["count"] for row in told["status_breakdown"].values()) == 250
    assert len(told["pending_sample"]) == 3


@pytest.mark.parametrize(
    ("path", "headers", "status", "detail"),
    [
        pytest.param("/batches/", {}, 401, "Invalid or expired token", id="no key"),
        pytest.param("/batches/nope", HEADERS, 404, "Batch not found", id="no batch"),
        pytest.param("/campaigns/nope", HEADERS, 404, "Campaign not found", id="no campaign"),
    ],
)
async def test_refusals(
    world: World,
    clock: HandClock,
    ask: Ask,
    path: str,
    headers: dict[str, str],
    status: int,
    detail: str,
) -> None:
    graine = Service(world, clock, ask)

    answer = await ask(graine.wire, f"/api/v1{path}", headers=headers)

    assert (answer.status_code, answer.json()) == (status, {"detail": detail})


async def test_a_number_that_is_none_is_refused(world: World, clock: HandClock, ask: Ask) -> None:
    graine = Service(world, clock, ask)

    answer = await ask(graine.wire, "/api/v1/batches/?skip=x", headers=HEADERS)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "skip"]
