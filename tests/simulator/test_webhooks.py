"""The simulated vendors' webhooks: when they come, what they say, and how they are signed."""

import hashlib
import hmac
import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from monitor.core.model import BatchStatus
from monitor.simulator.script import Cancel, End, Incident, Mix, Plan
from monitor.simulator.telling import Habits
from monitor.simulator.webhooks import Webhook, Webhooks
from monitor.simulator.world import RunningBatch, World
from tests.simulator.hand import START

SECRET = "a secret of the simulated vendor"
DONE = START + timedelta(hours=1)
SURVEY = Plan(name="Survey", contacts=12, concurrency=2, talk=(9.0, 30.0), details_after=20.0)


def run(
    *incidents: Incident,
    plan: Plan = SURVEY,
    vendor: Any = "bland",
    habits: Habits | None = None,
    step: float = 3600.0,
) -> tuple[RunningBatch, list[Webhook]]:
    world = World(7, START)
    account = world.account("surveys", vendor, "key")
    webhooks = Webhooks(account, SECRET, habits)
    batch = account.open(plan, *incidents)
    for n in range(1, int(3600 / step) + 1):
        world.advance(START + timedelta(seconds=n * step))
    return batch, webhooks.due()


def bodies(sent: list[Webhook], *kinds: str) -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in sent if not kinds or each.what in kinds]


def statuses(sent: list[Webhook]) -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in sent if each.what.startswith("status")]


def test_each_phase_of_a_batch_is_told_once_and_its_end_with_its_counts() -> None:
    batch, sent = run()
    told = statuses(sent)
    words = Counter(each["status"] for each in told)
    assert words == Counter(["validating", "dispatching", "in_progress", "completed"])
    end = next(each for each in told if each["status"] == "completed")
    assert end["batch_id"] == batch.batch_id
    assert end["calls_total"] == 12
    assert end["calls_successful"] + end["calls_failed"] == 12


@pytest.mark.parametrize(
    ("incident", "told"),
    [
        pytest.param(
            End(after=60.0, code="source_invalid", reason="No number."),
            {"status": "failed", "code": "source_invalid", "reason": "No number."},
            id="failed",
        ),
        pytest.param(
            End(after=60.0, status=BatchStatus.PARTIAL),
            {"status": "completed_partial", "code": "batch_early_exit", "calls_total": 12},
            id="ended early",
        ),
        pytest.param(Cancel(after=60.0), {"status": "stopped"}, id="stopped"),
    ],
)
def test_an_early_end_is_told_in_the_documented_words(
    incident: Incident, told: dict[str, Any]
) -> None:
    _, sent = run(incident)
    last = statuses(sent)[-1]
    assert told.items() <= last.items()


def test_each_call_is_told_once_up_to_a_minute_after_it_was_over() -> None:
    batch, sent = run()
    records = [each for each in sent if each.what == "record"]
    ended = {batch.call_id(row): end for row, end in enumerate(batch.calls.ended)}
    told = {json.loads(each.body)["call_id"]: each.t for each in records}
    assert len(records) == len(told) == 12
    assert all(1.0 <= told[call] - ended[call] <= 60.0 for call in ended)


def test_what_is_not_known_yet_is_not_told() -> None:
    batch, sent = run(habits=Habits(record_after=(5.0, 6.0)))
    talked = {batch.call_id(row) for row, talk in enumerate(batch.calls.talk) if talk}
    records = bodies(sent, "record")
    assert all(each["completed"] and each["status"] for each in records)
    assert {each["answered_by"] for each in records if each["call_id"] in talked} == {None}


def test_an_event_during_a_call_has_a_category_and_a_record_never() -> None:
    _, sent = run()
    events = bodies(sent, "event")
    assert {each["category"] for each in events} == {"queue", "call"}
    assert all(set(each) == {"message", "call_id", "category", "log_level"} for each in events)
    assert not any("category" in each for each in bodies(sent, "record"))
    _, quiet = run(habits=Habits(in_call=False))
    assert not bodies(quiet, "event")


def test_every_body_is_signed_but_perhaps_that_of_a_status() -> None:
    _, sent = run(habits=Habits(signs_status=False))
    for each in sent:
        digest = hmac.new(SECRET.encode(), each.body, hashlib.sha256).hexdigest()
        expected = digest if each.signed else None
        assert each.headers.get("X-Webhook-Signature") == expected
    assert {each.what.partition(" ")[0] for each in sent if not each.signed} == {"status"}


def test_the_same_seed_sends_the_same_whenever_the_world_is_looked_at() -> None:
    assert run()[1] == run(step=7.0)[1]


async def refusing(_: Webhook) -> int:
    return 503


async def test_a_record_is_sent_again_when_refused_and_a_status_never() -> None:
    world = World(7, START)
    account = world.account("surveys", "bland", "key")
    webhooks = Webhooks(account, SECRET, Habits(again=(5.0, 30.0)))
    account.open(SURVEY)
    for n in range(1, 1200):
        world.advance(START + timedelta(seconds=3 * n))
        await webhooks.deliver(refusing)
    tries = Counter(each.body for each in webhooks.sent if each.what == "record")
    assert set(tries.values()) == {3}
    once = Counter(each.body for each in webhooks.sent if each.what != "record")
    assert set(once.values()) == {1}


DIALS = Plan(name="Reminders", contacts=12, concurrency=2, talk=(9.0, 30.0), mix=Mix(busy=0.3))


def test_vogent_tells_each_step_of_a_dial_and_of_no_batch() -> None:
    batch, sent = run(plan=DIALS, vendor="vogent")
    told = bodies(sent)
    assert {each["event"] for each in told} == {
        "dial.created",
        "dial.updated",
        "dial.transcript",
        "dial.recording_created",
        "dial.extractor",
    }
    assert batch.batch_id.encode() not in b"".join(each.body for each in sent)
    by_dial: dict[str, list[str]] = {}
    for each in bodies(sent, "dial.updated"):
        by_dial.setdefault(each["payload"]["dial_id"], []).append(each["payload"]["status"])
    assert set(by_dial) == {batch.call_id(row) for row in range(len(batch.calls))}
    ends = {"completed", "no-answer", "busy", "failed"}
    assert all(statuses[-1] in ends for statuses in by_dial.values())
    digest = hmac.new(SECRET.encode(), sent[0].body, hashlib.sha256).hexdigest()
    assert sent[0].headers["X-Elto-Signature"] == digest


def test_a_vendor_that_documents_no_webhooks_sends_none() -> None:
    account = World(7, START).account("renewals", "graine", "key")
    with pytest.raises(ValueError, match="graine documents no webhook"):
        Webhooks(account, SECRET)
