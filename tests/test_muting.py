"""What makes people mute a channel, point by point, and that it does not happen.

Everything here runs the way it runs for people: all rules with their defaults, the real
evaluation, telling and dispatcher on a real database; only the channel keeps what it is sent.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.config import load
from monitor.core.calendar import Calendar
from monitor.core.destination import destinations
from monitor.core.hours import parse_hours
from monitor.core.model import BatchStatus, CallStatus, ContactStatus, Counts
from monitor.core.route import Digest, Receiver, Route, parse_matcher
from monitor.core.rule import Severity, SubjectKind
from monitor.core.silence import BatchRun, Source
from monitor.core.wish import Wish
from monitor.dispatcher import Dispatcher, Timing
from monitor.evaluation.telling import Routing
from monitor.notifiers import Envelope
from monitor.store import audit, silences, stopping
from monitor.store.audit import Deed
from monitor.store.writer import Store
from rules import catalogue
from tests.builders import HOUR, MINUTE, NOON, SECOND
from tests.config.test_example import ENVIRON, TEXT, written
from tests.delivering import Channel, MovedClock, make_alert, make_subject
from tests.stories import Story, make_context, viewed

OPS = Receiver(name="ops", kind="slack", edits=True, readable=True)
OFFICE = Calendar(
    ZoneInfo("UTC"), (parse_hours("mon-fri 09:00-12:30"), parse_hours("mon-fri 13:30-18:00"))
)
FAILED = CallStatus.FAILED
Tell = Callable[..., Story]


@pytest.fixture
def tell(tmp_path: Path) -> Tell:
    """A batch of 300 people, 40 of them reached, told to one channel that can be edited."""

    def make(*, calendar: Calendar | None = None, now: datetime = NOON, **route: Any) -> Story:
        routes = (Route(name="1", receivers=("ops",), **route),)
        context = make_context(routing=Routing(routes=routes, receivers={"ops": OPS}))
        context = viewed(context, calendar=calendar, acts=("pause", "resume", "stop"))
        story = Story(tmp_path / "offhook.db", replace(context, started_at=now - HOUR), now)
        story.invite(300)
        story.see()
        story.wait(MINUTE)
        story.dial(40)
        story.see(10 * SECOND)
        return story

    return make


def heard(story: Story, channel: Channel | None = None) -> Channel:
    """All that is due by now is sent; what the channel then shows."""
    channel = channel or Channel(OPS)
    store = Store.open(story.path)
    clock = MovedClock(story.now)
    dispatcher = Dispatcher(store, {"ops": channel}, clock, timing=Timing(pace={}))

    async def pay() -> None:
        await dispatcher.drain_once("ops")

    try:
        asyncio.run(pay())
    finally:
        store.close()
    return channel


def loud(envelopes: list[Envelope]) -> list[str]:
    """What is a new call for people: neither an edit nor quiet."""
    return [
        message.sentence
        for each in envelopes
        if each.root is None or each.part != "root"
        for message in each.messages
        if message.loud and message.state == "FIRING"
    ]


def spike(story: Story) -> Story:
    story.wait(30 * SECOND)
    story.dial(30, FAILED, error_class="carrier block")
    story.see(SECOND)
    return story


def do(story: Story, action: str) -> None:
    """The vendor took what somebody asked for through Offhook."""
    with story.engine.begin() as conn:
        row = story.row()
        deed = Deed(
            at=story.now,
            who="ann",
            source="slack",
            what=f"batch.{action}",
            target=row.look.batch_id,
            provider="renewals",
        )
        audit.record(conn, deed)
        stopping.mark(conn, row, action, story.now)


# 1. CRITICAL for something they did themselves


@pytest.mark.parametrize(
    ("action", "status"), [("pause", BatchStatus.PAUSED), ("stop", BatchStatus.CANCELLED)]
)
def test_nobody_is_called_for_what_they_did_themselves(
    tell: Tell, action: str, status: BatchStatus
) -> None:
    story = spike(tell())
    story.wait(15 * SECOND)  # the group's company has come
    channel = heard(story)
    before = len(channel.sent)
    do(story, action)
    story.status = status
    for _ in range(4):
        story.see(70 * MINUTE)
        heard(story, channel)

    assert loud(channel.sent[:before]) != []
    assert loud(channel.sent[before:]) == []
    assert story.alerts()["error_spike"][0] == "resolved"
    later = [message for each in channel.sent[before:] for message in each.messages]
    assert {message.severity for message in later if message.state == "FIRING"} <= {"info"}


def test_a_pause_on_the_vendors_own_page_calls_nobody_and_is_asked_about_once(tell: Tell) -> None:
    story = tell()
    story.status = BatchStatus.PAUSED
    for _ in range(4):
        story.see(15 * MINUTE)
    assert heard(story).sent == []

    for _ in range(3):
        story.see(HOUR)
    assert [(each.rule, each.severity) for each in story.messages()] == [
        ("batch_paused", "warning")
    ]


def test_what_was_silenced_until_the_batch_ends_calls_nobody_when_it_ends(tell: Tell) -> None:
    """Also while its end is seen and not yet confirmed."""
    story = tell()
    wish = Wish(
        author="ann",
        source=Source.SLACK,
        comment="known list",
        until_end_of=BatchRun(provider="renewals", batch=story.row().look.batch_id, run=1),
    )
    with story.engine.begin() as conn:
        silences.add(conn, wish, story.now)
    spike(story)
    channel = heard(story)
    assert story.alerts()["error_spike"][0] == "firing"
    story.status = BatchStatus.CANCELLED
    for _ in range(8):
        story.see(5 * SECOND)
        heard(story, channel)

    assert story.alerts()["error_spike"][0] == "resolved"
    told = [message.rule for each in channel.sent for message in each.messages]
    assert "error_spike" not in told


# 2. "Stalled" at night, at lunch, or in a batch's tail


@pytest.mark.parametrize(
    ("begins", "hours"),
    [
        pytest.param(NOON + 29 * MINUTE, 1, id="at lunch"),
        pytest.param(NOON + 6 * HOUR - 2 * MINUTE, 15, id="at night"),
        pytest.param(NOON + 54 * HOUR - 2 * MINUTE, 62, id="over the weekend"),
    ],
)
def test_nothing_is_stalled_while_nobody_may_be_called(
    tell: Tell, begins: datetime, hours: int
) -> None:
    story = tell(calendar=OFFICE, now=begins - 2 * MINUTE)
    for _ in range(20):
        story.see(hours * 3 * MINUTE)

    assert story.alerts() == {}
    assert heard(story).sent == []


def test_a_stall_from_before_the_evening_is_not_repeated_all_night(tell: Tell) -> None:
    story = tell(calendar=OFFICE, now=NOON + 5 * HOUR)
    for _ in range(5):
        story.see(10 * MINUTE)
    channel = heard(story)
    assert story.alerts()["batch_stalled"][0] == "firing"
    told = len(channel.sent)
    story.wait(10 * MINUTE)
    for _ in range(7):
        story.see(2 * HOUR)
        heard(story, channel)

    assert channel.sent[told:] == []
    assert story.alerts()["batch_stalled"][0] == "firing"


def test_a_tail_of_retries_that_are_planned_is_no_stall(tell: Tell) -> None:
    story = tell()
    story.dial(257)
    for key, person in story.people.items():
        if person.status is ContactStatus.PENDING:
            later = story.now + 6 * HOUR
            story.people[key] = person._replace(
                status=ContactStatus.RETRYING, next_retry_at=later, seen_at=story.now
            )
    story.counts = story.counted()
    for _ in range(11):
        story.see(30 * MINUTE)

    assert story.alerts() == {}


# 3. A false "completed" or "resolved", or totals unlike the vendor's


def test_an_end_that_its_numbers_deny_is_not_called_completed(tell: Tell) -> None:
    story = tell()
    story.status = BatchStatus.COMPLETED
    story.counts = Counts(total=312, live=0)
    for _ in range(14):
        story.see(MINUTE)
    assert story.messages() == []
    story.see(2 * MINUTE)

    [message] = story.messages("batch_completed")
    assert "reported complete, unverified" in message.sentence
    assert "312" in message.sentence
    assert "300" in message.sentence


def test_one_word_of_an_end_that_is_taken_back_says_nothing(tell: Tell) -> None:
    story = tell()
    story.status = BatchStatus.COMPLETED
    story.see(5 * SECOND)
    story.status = BatchStatus.RUNNING
    story.dial(5)
    story.see(10 * SECOND)

    assert story.messages("batch_completed") == []


@pytest.mark.parametrize(
    "status", [BatchStatus.RUNNING, BatchStatus.PAUSED], ids=["it stands still", "it is paused"]
)
def test_a_window_that_empties_resolves_nothing(tell: Tell, status: BatchStatus) -> None:
    story = spike(tell())
    story.status = status
    channel = heard(story)
    for _ in range(4):
        story.see(30 * MINUTE)
        heard(story, channel)

    assert story.alerts()["error_spike"][0] == "firing"
    said = [message for each in channel.sent for message in each.messages]
    assert not any(message.state == "RESOLVED" for message in said)


def test_a_vendor_that_cannot_be_read_resolves_nothing(tell: Tell) -> None:
    story = spike(tell())
    for _ in range(10):
        story.wait(4 * MINUTE)
        story.refuse()
        story.judge()
        story.judge_provider()

    assert story.alerts()["error_spike"][0] == "firing"


def test_the_totals_that_are_told_are_the_vendors(tell: Tell) -> None:
    story = spike(tell())
    [message] = story.messages("error_spike")
    counted = story.counted()

    assert f"{counted.waiting} people wait" in message.sentence
    story.dial(300)
    story.status = BatchStatus.COMPLETED
    story.see(MINUTE)
    story.see(20 * SECOND)
    [report] = story.messages("batch_completed")
    counted = story.counted()
    reached = dict(counted.by_status or {})[ContactStatus.COMPLETED]
    assert f"{reached} of {counted.total} people reached" in report.sentence


# 4. One cause, many messages


def test_one_cause_is_one_conversation(tell: Tell) -> None:
    """A spike, then a stall and late retries under it: one message stands, all else below it."""
    story = tell()
    for key in list(story.people)[-20:]:
        due = story.now + 5 * MINUTE
        person = story.people[key]
        story.people[key] = person._replace(
            status=ContactStatus.RETRYING, next_retry_at=due, seen_at=story.now
        )
    spike(story)
    channel = heard(story)
    for _ in range(10):
        story.see(4 * MINUTE)
        heard(story, channel)

    firing = {name for name, (state, _) in story.alerts().items() if state == "firing"}
    assert firing >= {"error_spike", "batch_stalled", "stalled_retries"}
    assert len(channel.roots) == 1
    assert {each.thread_of for each in channel.replies} <= {channel.roots[0].remote_id}


def test_other_batches_have_conversations_of_their_own(tell: Tell) -> None:
    story = spike(tell())
    story.people, story.calls = {}, {}
    story.invite(100)
    story.look(batch_id="b2", name="Renewals June")
    story.read()
    story.judge()
    story.wait(MINUTE)
    story.dial(30, FAILED)
    story.look(batch_id="b2", name="Renewals June")
    story.read()
    story.judge()
    story.wait(20 * SECOND)

    assert len(heard(story).roots) == 2


def completed(story: Story, n: int) -> None:
    """A small batch runs and completes within a minute and a half."""
    story.people, story.calls = {}, {}
    story.invite(5)
    named = {"batch_id": f"small{n}", "name": f"Reminder {n}"}
    for step in range(4):
        story.wait(20 * SECOND)
        if step == 1:
            story.dial(5)
        ended = BatchStatus.COMPLETED if step > 1 else BatchStatus.RUNNING
        story.look(**named, status=ended)
        story.read()
        story.judge()


def test_small_completions_are_rolled_up(tell: Tell) -> None:
    story = tell(digest=Digest(every=HOUR))
    channel = Channel(OPS)
    for n in range(6):
        completed(story, n)
        heard(story, channel)
    assert channel.sent == []
    story.wait(HOUR)
    heard(story, channel)

    assert len(story.messages("batch_completed")) == 6
    [digest] = channel.roots
    assert len(digest.envelope.messages) == 6


# 5. The tool's own troubles in the operators' channel


OURS = sorted(name for name in catalogue() if name.startswith("self_"))


@pytest.mark.parametrize("rule", OURS)
def test_the_tools_own_troubles_can_be_told_elsewhere(rule: str) -> None:
    routes = (
        Route(name="1", match=(parse_matcher("rule=~self_.*"),), receivers=("engineers",)),
        Route(name="2", receivers=("ops",)),
    )
    subject = make_subject(kind=SubjectKind.SYSTEM, provider="", id="receiver ops")
    alert = make_alert(rule, rule=rule, subject=subject)

    assert set(destinations(alert, routes)) == {"engineers"}
    named = replace(alert, instance="a_name_of_ones_own")
    assert set(destinations(named, routes)) == {"engineers"}


def test_none_of_them_is_critical_by_itself() -> None:
    assert {catalogue()[name].severity.value for name in OURS} <= {"info", "warning"}


def test_no_rule_about_batches_leads_where_they_go() -> None:
    routes = (Route(name="1", match=(parse_matcher("rule=~self_.*"),), receivers=("engineers",)),)
    others = [name for name in catalogue() if not name.startswith("self_")]

    assert [name for name in others if destinations(make_alert(name, rule=name), routes)] == []


def test_the_example_tells_them_apart(tmp_path: Path) -> None:
    """What people copy has it already."""
    config = load(written(tmp_path, TEXT), environ=ENVIRON)
    alerts = [make_alert(name, rule=name, severity=Severity.WARNING) for name in catalogue()]
    of_both = {each.rule: set(destinations(each, config.routes)) for each in alerts}

    assert {name for name, led in of_both.items() if "ops" not in led} == set(OURS)
    assert all(of_both.values())
