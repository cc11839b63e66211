"""The simulated ElevenLabs answers as its documentation shows, field by field."""

from typing import Any

import pytest

from monitor.core.model import ContactStatus
from monitor.simulator.answers import Manners
from monitor.simulator.elevenlabs import elevenlabs_app
from monitor.simulator.script import Incident, Mix, Plan
from monitor.simulator.world import World
from tests.simulator.hand import Ask, HandClock

HEADERS = {"xi-api-key": "xi-key"}
ROOT = "/v1/convai/batch-calling"
BATCH_KEYS = {
    "id",
    "name",
    "agent_id",
    "agent_name",
    "branch_id",
    "branch_name",
    "environment",
    "phone_number_id",
    "phone_provider",
    "whatsapp_params",
    "created_at_unix",
    "scheduled_time_unix",
    "timezone",
    "last_updated_at_unix",
    "status",
    "total_calls_scheduled",
    "total_calls_dispatched",
    "total_calls_finished",
    "retry_count",
    "target_concurrency_limit",
    "telephony_call_config",
}
RECIPIENT_KEYS = {
    "id",
    "phone_number",
    "whatsapp_user_id",
    "status",
    "created_at_unix",
    "updated_at_unix",
    "conversation_id",
    "conversation_initiation_client_data",
}
MIX = Mix(no_answer=0.2, busy=0.1, voicemail=0.2, failed=0.1)
PLAN = Plan(name="Outreach", contacts=90, talk=(9.0, 30.0), mix=MIX)


class Service:
    """ElevenLabs over one batch, asked with the right key."""

    def __init__(
        self, world: World, clock: HandClock, ask: Ask, *incidents: Incident, **more: Any
    ) -> None:
        self.account = world.account("outreach", "elevenlabs", "xi-key")
        self.batch = self.account.open(more.pop("plan", PLAN), *incidents)
        self.wire = elevenlabs_app(self.account, clock, **more)
        self._ask = ask

    async def get(self, path: str = "", method: str = "GET") -> Any:
        url = f"{ROOT}/{path or self.batch.batch_id}"
        answer = await self._ask(self.wire, url, method, headers=HEADERS)
        assert answer.status_code == 200, answer.text
        return answer.json()


async def test_a_batch_and_its_recipients_have_the_documented_fields_and_true_numbers(
    world: World, clock: HandClock, ask: Ask
) -> None:
    eleven = Service(world, clock, ask)
    now = clock.after(200)

    listed = await eleven.get("workspace")
    told = await eleven.get()

    people = eleven.batch.truth.contacts(eleven.batch.batch_id, now)
    calls = eleven.batch.truth.calls(eleven.batch.batch_id, now)
    recipients = told.pop("recipients")
    assert listed == {"batch_calls": [told], "next_doc": None, "has_more": False}
    assert set(told) == BATCH_KEYS
    assert {frozenset(row) for row in recipients} == {frozenset(RECIPIENT_KEYS)}
    assert told["total_calls_scheduled"] == len(recipients) == PLAN.contacts
    assert told["total_calls_finished"] == calls.total()
    assert PLAN.contacts - told["total_calls_dispatched"] == people[ContactStatus.PENDING] > 0
    assert [row["conversation_id"] is None for row in recipients] == [
        row["status"] == "pending" for row in recipients
    ]


async def test_the_words_of_recipients(world: World, clock: HandClock, ask: Ask) -> None:
    eleven = Service(world, clock, ask)
    clock.after(200)
    during = {row["status"] for row in (await eleven.get())["recipients"]}
    clock.after(9000)
    after = {row["status"] for row in (await eleven.get())["recipients"]}

    assert during >= {"pending", "in_progress"}
    assert after == {"completed", "voicemail", "failed"}


async def test_the_list_is_read_by_cursor(world: World, clock: HandClock, ask: Ask) -> None:
    eleven = Service(world, clock, ask, manners=Manners(order="newest"))
    batches = [eleven.batch, *(eleven.account.open(PLAN) for _ in range(4))]
    found, cursor = [], ""

    for more in (True, True, False):
        page = await eleven.get(f"workspace?limit=2&last_doc={cursor}")
        found += [row["id"] for row in page["batch_calls"]]
        cursor = page["next_doc"]
        assert page["has_more"] is more

    assert found == [batch.batch_id for batch in reversed(batches)]


async def test_a_batch_may_be_completed_while_some_still_talk(
    world: World, clock: HandClock, ask: Ask
) -> None:
    plan = Plan(name="x", contacts=5, talk=(60.0, 60.0), mix=Mix(no_answer=0, busy=0, failed=0))
    eleven = Service(world, clock, ask, plan=plan, manners=Manners(ends_early=True))
    clock.after(30)

    told = await eleven.get()

    assert told["status"] == "completed"
    assert (told["total_calls_dispatched"], told["total_calls_finished"]) == (5, 0)


async def test_a_retry_calls_those_who_were_not_reached(
    world: World, clock: HandClock, ask: Ask
) -> None:
    eleven = Service(world, clock, ask)
    clock.after(9000)
    before = {row["id"]: row for row in (await eleven.get())["recipients"]}

    again = await eleven.get(f"{eleven.batch.batch_id}/retry", "POST")
    clock.after(18_000)
    after = await eleven.get()

    assert (again["status"], again["retry_count"]) == ("in_progress", 1)
    assert after["status"] == "completed"
    assert {
        row["id"]
        for row in after["recipients"]
        if row["conversation_id"] != before[row["id"]]["conversation_id"]
    } == {row["id"] for row in before.values() if row["status"] == "failed"}


async def test_a_cancelled_batch_calls_nobody_any_more(
    world: World, clock: HandClock, ask: Ask
) -> None:
    eleven = Service(world, clock, ask)
    clock.after(60)

    told = await eleven.get(f"{eleven.batch.batch_id}/cancel", "POST")

    assert told["status"] == "cancelled"
    assert "cancelled" in {row["status"] for row in (await eleven.get())["recipients"]}


@pytest.mark.parametrize(
    ("path", "headers", "status", "word"),
    [
        pytest.param("workspace", {}, 401, "invalid_api_key", id="no key"),
        pytest.param("nope", HEADERS, 404, "not_found", id="no batch"),
    ],
)
async def test_refusals(
    world: World,
    clock: HandClock,
    ask: Ask,
    path: str,
    headers: dict[str, str],
    status: int,
    word: str,
) -> None:
    eleven = Service(world, clock, ask)

    answer = await ask(eleven.wire, f"{ROOT}/{path}", headers=headers)

    assert answer.status_code == status
    assert answer.json()["detail"]["status"] == word


@pytest.mark.parametrize(
    "query", [pytest.param("limit=0", id="no limit"), pytest.param("last_doc=AAA", id="no cursor")]
)
async def test_what_cannot_be_read_is_refused(
    world: World, clock: HandClock, ask: Ask, query: str
) -> None:
    eleven = Service(world, clock, ask)

    answer = await ask(eleven.wire, f"{ROOT}/workspace?{query}", headers=HEADERS)

    assert answer.status_code == 422
    assert set(answer.json()["detail"][0]) == {"type", "loc", "msg"}
