"""The simulated Vogent answers as its documentation shows, field by field."""

import math
from collections import Counter
from typing import Any

import pytest

from monitor.core.model import BatchStatus, ContactStatus, Outcome
from monitor.simulator.answers import Manners
from monitor.simulator.hours import WorkingHours
from monitor.simulator.script import Cancel, ErrorBurst, Incident, Mix, Pause, Plan
from monitor.simulator.vogent import vogent_app
from monitor.simulator.world import World
from tests.simulator.hand import Ask, HandClock

HEADERS = {"authorization": "Bearer vogent-key"}
JOB_KEYS = {
    "id",
    "maxConcurrentDials",
    "name",
    "status",
    "callAgentId",
    "createdAt",
    "fromPhoneNumberIds",
}
QUEUE_KEYS = {"id", "toNumber", "batchDialJobId", "createdAt", "inputs"}
OPEN_KEYS = {
    "id",
    "toNumber",
    "agent",
    "recordings",
    "transcript",
    "inputs",
    "status",
    "dialTaskId",
    "fromNumberId",
    "createdAt",
    "updatedAt",
    "systemResultType",
    "voiceId",
    "versionedPromptId",
}
OVER_KEYS = OPEN_KEYS | {"durationSeconds", "endedAt"}
TALK_KEYS = OVER_KEYS | {"startedAt", "aiResult"}
AGENT_KEYS = {
    "id",
    "name",
    "language",
    "transcriberParams",
    "metadata",
    "utteranceDetectorConfig",
    "endpointDetectorConfig",
    "ivrConfiguration",
    "idleMessageConfig",
    "maxDurationSeconds",
    "defaultVoiceId",
    "defaultVersionedPromptId",
    "defaultExtractorId",
    "linkedFunctionDefinitions",
    "fillEmptyStringVariables",
}
RESULTS = {
    "BUSY",
    "FAILED",
    "NO_ANSWER",
    "CANCELLED",
    "USER_HANGUP",
    "COUNTERPARTY_HANGUP",
    "TIMEOUT",
    "RATE_LIMITED",
    "TRANSFERRED",
    "AGENT_HANGUP",
    "VOICEMAIL_DETECTED_HANGUP",
    "LONG_SILENCE_HANGUP",
    None,
}
MIX = Mix(no_answer=0.2, busy=0.1, voicemail=0.2, failed=0.1, error=0.05)
TALKS = Mix(no_answer=0, busy=0, failed=0)
PLAN = Plan(name="Reminders", contacts=120, talk=(9.0, 30.0), mix=MIX)


class Service:
    """Vogent over one job, asked with the right key."""

    def __init__(
        self, world: World, clock: HandClock, ask: Ask, *incidents: Incident, **more: Any
    ) -> None:
        self.account = world.account("reminders", "vogent", "vogent-key")
        self.batch = self.account.open(more.pop("plan", PLAN), *incidents)
        self.wire = vogent_app(self.account, clock, **more)
        self.job = f"/batch_dial_jobs/{self.batch.batch_id}"
        self._ask = ask

    async def get(self, path: str, method: str = "GET", **more: Any) -> Any:
        answer = await self._ask(self.wire, f"/api{path}", method, headers=HEADERS, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def everything(self, path: str, limit: int = 50) -> list[Any]:
        """All pages of a list."""
        rows, cursor = [], ""
        while True:
            page = await self.get(f"{path}?limit={limit}&cursor={cursor}")
            assert set(page) == {"data", "cursor"}
            rows += page["data"]
            cursor = page["cursor"]
            if cursor is None:
                return rows
            assert len(page["data"]) == limit


async def test_a_job_tells_what_was_ordered_and_no_count(
    world: World, clock: HandClock, ask: Ask
) -> None:
    hours = WorkingHours(
        zone="America/New_York", days={"sunday": ("10:00", "16:00"), "monday": ("09:00", "17:00")}
    )
    vogent = Service(world, clock, ask, plan=Plan(name="Reminders", contacts=3, hours=hours))

    (listed,) = (await vogent.get("/batch_dial_jobs?status=ACTIVE"))["data"]
    job = await vogent.get(vogent.job)

    assert listed == job
    assert set(job) == JOB_KEYS | {"schedule"}
    assert job["schedule"] == {
        "days": [
            {"dayOfWeek": 0, "timeSlots": [{"startTime": "10:00", "endTime": "16:00"}]},
            {"dayOfWeek": 1, "timeSlots": [{"startTime": "09:00", "endTime": "17:00"}]},
        ],
        "timezone": "America/New_York",
    }


async def test_a_job_without_hours_has_no_schedule(
    world: World, clock: HandClock, ask: Ask
) -> None:
    vogent = Service(world, clock, ask)

    assert set(await vogent.get(vogent.job)) == JOB_KEYS


async def test_the_queue_and_the_dials_leave_out_what_is_in_flight(
    world: World, clock: HandClock, ask: Ask
) -> None:
    vogent = Service(world, clock, ask)
    now = clock.after(200)

    waiting = await vogent.everything(f"{vogent.job}/queue")
    dials = await vogent.everything(f"{vogent.job}/dials")

    truth, job = vogent.batch.truth, vogent.batch.batch_id
    assert {frozenset(row) for row in waiting} == {frozenset(QUEUE_KEYS)}
    people = truth.contacts(job, now)
    assert len(waiting) == people[ContactStatus.PENDING] > 0
    assert len(dials) == truth.calls(job, now).total() > 0
    assert len(waiting) + len(dials) + vogent.batch.live == PLAN.contacts
    assert vogent.batch.live > 0
    numbers = [row["toNumber"] for row in (*waiting, *dials)]
    assert len(set(numbers)) == len(numbers)


async def test_every_dial_carries_the_whole_agent(world: World, clock: HandClock, ask: Ask) -> None:
    vogent = Service(world, clock, ask)
    clock.after(9000)

    dials = await vogent.everything(f"{vogent.job}/dials")
    sizes = sorted(
        seen.body_bytes / 50 for seen in vogent.wire.to(".*/dials") if seen.body_bytes > 0
    )

    assert {frozenset(row["agent"]) for row in dials} == {frozenset(AGENT_KEYS)}
    assert {frozenset(row) for row in dials if row["durationSeconds"]} == {frozenset(TALK_KEYS)}
    assert {frozenset(row) for row in dials if not row["durationSeconds"]} == {frozenset(OVER_KEYS)}
    assert 2500 < sizes[-1] < 6000


async def test_how_dials_ended_is_what_is_true(world: World, clock: HandClock, ask: Ask) -> None:
    vogent = Service(world, clock, ask)
    now = clock.after(9000)

    dials = await vogent.everything(f"{vogent.job}/dials")

    found = Counter((row["status"], row["systemResultType"]) for row in dials)
    told = vogent.batch.truth.calls(vogent.batch.batch_id, now)
    assert found["no-answer", "NO_ANSWER"] == told[Outcome.NO_ANSWER] > 0
    assert found["busy", "BUSY"] == told[Outcome.BUSY] > 0
    assert found["failed", "FAILED"] == told[Outcome.FAILED] > 0
    assert found["failed", "RATE_LIMITED"] == told[Outcome.ERROR] > 0
    assert found["completed", "VOICEMAIL_DETECTED_HANGUP"] == told[Outcome.VOICEMAIL] > 0
    assert sum(found.values()) == told.total() == PLAN.contacts
    assert {result for _, result in found} <= RESULTS


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param("RATE_LIMITED", "failed", id="never dialled"),
        pytest.param("TIMEOUT", "completed", id="too long"),
        pytest.param("LONG_SILENCE_HANGUP", "completed", id="silence"),
    ],
)
async def test_a_burst_is_told_in_a_result_word(
    world: World, clock: HandClock, ask: Ask, error: str, status: str
) -> None:
    vogent = Service(world, clock, ask, ErrorBurst(after=0, lasts=9000, share=1, error=error))
    clock.after(900)

    dials = await vogent.everything(f"{vogent.job}/dials")

    # The first ones are dialled at the very moment in which the job is opened.
    late = dials[PLAN.concurrency :]
    assert {(row["status"], row["systemResultType"]) for row in late} == {(status, error)}


async def test_a_flat_status_hides_how_a_dial_went(
    world: World, clock: HandClock, ask: Ask
) -> None:
    vogent = Service(world, clock, ask, manners=Manners(flat_status=True))
    clock.after(9000)

    dials = await vogent.everything(f"{vogent.job}/dials")

    assert {row["status"] for row in dials} == {"completed"}
    assert "BUSY" in {row["systemResultType"] for row in dials}


async def test_a_dial_in_flight_is_told_to_who_knows_its_id(
    world: World, clock: HandClock, ask: Ask
) -> None:
    vogent = Service(world, clock, ask)
    world.advance(clock.after(100))
    calls = vogent.batch.calls
    live = [vogent.batch.call_id(row) for row in range(len(calls)) if not calls.ended[row]]

    dials = [await vogent.get(f"/dials/{dial_id}") for dial_id in live]
    over = {row["id"] for row in await vogent.everything(f"{vogent.job}/dials")}

    assert len(dials) == PLAN.concurrency
    assert {row["status"] for row in dials} <= {"ringing", "in-progress"}
    assert {frozenset(row) for row in dials} == {frozenset(OPEN_KEYS)}
    assert not over & set(live)
    clock.after(200)
    later = [await vogent.get(f"/dials/{dial_id}") for dial_id in live]
    assert all(dial["endedAt"] for dial in later)


async def test_what_the_agent_made_of_a_talk_comes_late(
    world: World, clock: HandClock, ask: Ask
) -> None:
    plan = Plan(name="x", contacts=1, mix=TALKS, talk=(9.0, 9.0), details_after=60.0)
    vogent = Service(world, clock, ask, plan=plan)
    clock.after(30)
    (before,) = await vogent.everything(f"{vogent.job}/dials")
    clock.after(90)
    (after,) = await vogent.everything(f"{vogent.job}/dials")

    assert "aiResult" not in before
    assert not before["recordings"]
    assert after["aiResult"]
    assert after["recordings"]
    assert after["updatedAt"] > before["updatedAt"] == before["endedAt"]


@pytest.mark.parametrize("linked", [pytest.param(True, id="linked"), pytest.param(False, id="not")])
async def test_a_dial_names_its_row_only_where_that_is_asked_for(
    world: World, clock: HandClock, ask: Ask, *, linked: bool
) -> None:
    vogent = Service(world, clock, ask, manners=Manners(linked=linked))
    rows = {row["id"] for row in await vogent.everything(f"{vogent.job}/queue")}
    clock.after(200)

    tasks = [row["dialTaskId"] for row in await vogent.everything(f"{vogent.job}/dials")]

    # Whoever was dialled at once never stood in the queue.
    assert len(rows & set(tasks)) == (len(tasks) - PLAN.concurrency if linked else 0)


@pytest.mark.parametrize(
    ("order", "reverse"),
    [pytest.param("created", False, id="oldest first"), pytest.param("newest", True, id="newest")],
)
async def test_lists_are_read_whole_in_either_order(
    world: World, clock: HandClock, ask: Ask, order: Any, *, reverse: bool
) -> None:
    vogent = Service(world, clock, ask, manners=Manners(order=order, max_limit=7))
    clock.after(9000)

    dials = await vogent.everything(f"{vogent.job}/dials", limit=7)

    times = [row["createdAt"] for row in dials]
    assert times == sorted(times, reverse=reverse)
    assert len({row["id"] for row in dials}) == len(dials) == PLAN.contacts
    assert len((await vogent.get(f"{vogent.job}/dials?limit=100"))["data"]) == 7


async def test_the_last_changed_first_moves_rows_between_pages(
    world: World, clock: HandClock, ask: Ask
) -> None:
    vogent = Service(world, clock, ask, manners=Manners(order="changed"))
    clock.after(100)
    before = await vogent.everything(f"{vogent.job}/dials")
    clock.after(150)
    after = await vogent.everything(f"{vogent.job}/dials")

    times = [row["updatedAt"] for row in after]
    assert times == sorted(times, reverse=True)
    assert after[-len(before) :] == before != after


async def test_a_job_may_end_early_and_list_its_dials_late(
    world: World, clock: HandClock, ask: Ask
) -> None:
    plan = Plan(name="x", contacts=5, mix=TALKS, talk=(60.0, 60.0))
    manners = Manners(ends_early=True, listed_after=20.0)
    vogent = Service(world, clock, ask, plan=plan, manners=manners)
    clock.after(30)

    assert (await vogent.get(vogent.job))["status"] == "COMPLETE"
    assert await vogent.everything(f"{vogent.job}/dials") == []
    assert vogent.batch.live == 5
    world.advance(clock.after(75))
    assert vogent.batch.status is BatchStatus.COMPLETED
    assert await vogent.everything(f"{vogent.job}/dials") == []
    clock.after(95)
    assert len(await vogent.everything(f"{vogent.job}/dials")) == 5


async def test_pause_resume_and_start(world: World, clock: HandClock, ask: Ask) -> None:
    plan = Plan(name="x", contacts=50, starts_after=math.inf)
    vogent = Service(world, clock, ask, plan=plan)
    clock.after(3600)
    words = [(await vogent.get(vogent.job))["status"]] + [
        (await vogent.get(f"{vogent.job}/paused", "POST", json={"paused": paused}))["status"]
        for paused in (False, True, False)
    ]

    assert words == ["INIT", "ACTIVE", "PAUSED", "ACTIVE"]
    assert (await vogent.get("/batch_dial_jobs?status=PAUSED"))["data"] == []


async def test_a_cancelled_job_keeps_the_rows_that_were_never_dialled(
    world: World, clock: HandClock, ask: Ask
) -> None:
    vogent = Service(world, clock, ask, Cancel(after=60))
    clock.after(300)

    waiting = await vogent.everything(f"{vogent.job}/queue")
    dials = await vogent.everything(f"{vogent.job}/dials")

    assert (await vogent.get(vogent.job))["status"] == "CANCELLED"
    assert len(waiting) + len(dials) == PLAN.contacts
    assert waiting


async def test_outside_its_schedule_an_active_job_dials_nobody(
    world: World, clock: HandClock, ask: Ask
) -> None:
    hours = WorkingHours(zone="UTC", days={"monday": ("09:00", "10:00")})
    vogent = Service(world, clock, ask, plan=Plan(name="x", contacts=9, hours=hours))
    clock.after(12 * 3600)  # a Sunday evening

    assert (await vogent.get(vogent.job))["status"] == "ACTIVE"
    assert len(await vogent.everything(f"{vogent.job}/queue")) == 9


async def test_one_seed_gives_one_answer(clock: HandClock, ask: Ask) -> None:
    clock.after(300)
    answers = []
    for seed in (7, 7, 8):
        vogent = Service(World(seed, HandClock().at), clock, ask, Pause(after=200))
        answers.append(await vogent.everything(f"{vogent.job}/dials"))

    assert answers[0] == answers[1] != answers[2]


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(Plan(name="x", contacts=1, max_retries=1), id="retries"),
        pytest.param(Plan(name="x", contacts=1, follow_up=0.1), id="follow-ups"),
    ],
)
def test_nobody_is_dialled_twice(world: World, plan: Plan) -> None:
    with pytest.raises(ValueError, match="calls nobody again"):
        world.account("reminders", "vogent", "key").open(plan)


@pytest.mark.parametrize(
    ("path", "method", "headers", "body", "status"),
    [
        pytest.param("/batch_dial_jobs", "GET", {}, None, 401, id="no key"),
        pytest.param("/batch_dial_jobs/nope", "GET", HEADERS, None, 404, id="no job"),
        pytest.param("/batch_dial_jobs/nope/dials", "GET", HEADERS, None, 404, id="no list"),
        pytest.param("/dials/nope", "GET", HEADERS, None, 404, id="no dial"),
        pytest.param("/dials/a-0001000000ff", "GET", HEADERS, None, 404, id="no such dial"),
        pytest.param("/batch_dial_jobs?limit=0", "GET", HEADERS, None, 400, id="no limit"),
        pytest.param("/batch_dial_jobs?status=open", "GET", HEADERS, None, 400, id="no status"),
        pytest.param("/batch_dial_jobs?cursor=AAA", "GET", HEADERS, None, 400, id="no cursor"),
        pytest.param("{job}/paused", "POST", HEADERS, {"paused": 1}, 400, id="no answer"),
        pytest.param("{job}/paused", "POST", HEADERS, [], 400, id="no object"),
    ],
)
async def test_refusals(
    world: World,
    clock: HandClock,
    ask: Ask,
    path: str,
    method: str,
    headers: dict[str, str],
    body: Any,
    status: int,
) -> None:
    vogent = Service(world, clock, ask)
    url = f"/api{path.format(job=vogent.job)}"

    answer = await ask(vogent.wire, url, method, headers=headers, json=body)

    assert answer.status_code == status
    assert answer.json()["message"]
