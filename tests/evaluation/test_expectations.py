"""What is expected, on a real database: from a batch that does not come to what people hear."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.expectation import Expectation, ExpectationFacts
from monitor.core.facts import Failure
from monitor.core.model import BatchStatus, ContactStatus, Counts, Item
from monitor.core.people import Overlap
from monitor.core.route import parse_matcher
from monitor.core.schedule import Schedule, Times
from monitor.evaluation.context import Context
from monitor.evaluation.expectations import evaluate_expectations, expectation_facts
from monitor.evaluation.saying import expectation_opinions
from monitor.evaluation.system import close_orphans
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.ingest.sweeps import begin_sweep
from monitor.store import batches, providers
from rules.batch_expected import BatchExpected
from tests.builders import HOUR, MINUTE, NOON, make_batch, make_call, make_contact
from tests.stories import Story, blind_to, make_context, make_view, run

DAY = timedelta(days=1)
SCHEDULE = Schedule((Times(frozenset(range(7)), time(12)),), ZoneInfo("UTC"))
EXPECTED = Expectation(
    name="daily_reminders",
    schedule=SCHEDULE,
    match=(parse_matcher("batch_name=~Reminders.*"),),
    providers=("renewals",),
)


def context_of(*expected: Expectation, **changes: Any) -> Context:
    view = make_view(vendor="vogent", capabilities=blind_to(discovery=True))
    values = {"providers": {"renewals": view}, "expectations": expected or (EXPECTED,)}
    return make_context(run(BatchExpected()), **{**values, **changes})


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    made = Story(tmp_path / "offhook.db", context_of(), now=NOON - HOUR)
    with made.engine.begin() as conn:
        row = providers.load(conn, "renewals", "vogent")
        providers.save(conn, replace(row, baseline_at=NOON - 30 * DAY))
    discover(made)
    yield made
    made.engine.dispose()


def discover(story: Story) -> None:
    """The vendor's lists are read to their end."""
    with story.engine.begin() as conn:
        row = providers.load(conn, "renewals", "vogent")
        providers.save(conn, replace(providers.answered(row, story.now), discovered_at=story.now))


def comes(story: Story, batch_id: str, people: int = 380, /, **changes: Any) -> int:
    """A batch is found at the vendor."""
    values: dict[str, Any] = {
        "batch_id": batch_id,
        "name": f"Reminders {batch_id}",
        "counts": Counts(total=people),
        "started_at": story.now,
        "seen_at": story.now,
    }
    with story.engine.begin() as conn:
        return take_look(conn, make_batch(**values | changes), baseline=False).id


def judge(story: Story, after: timedelta = timedelta(0), context: Context | None = None) -> None:
    story.wait(after)
    discover(story)
    with story.engine.begin() as conn:
        evaluate_expectations(conn, context or story.context, story.now)


def facts(story: Story, expected: Expectation = EXPECTED) -> ExpectationFacts:
    with story.engine.begin() as conn:
        return expectation_facts(conn, expected, story.context, story.now)


def sentences(story: Story) -> list[str]:
    return [each.sentence for each in story.messages()]


def end(story: Story, batch: int) -> None:
    with story.engine.begin() as conn:
        row = batches.load(conn, batch)
        batches.save(conn, replace(row, terminal_at=story.now, open=False))


def test_a_batch_that_does_not_come_is_missed_and_one_that_comes_late_ends_that(
    story: Story,
) -> None:
    for n in (3, 2):
        comes(story, f"of {n} days ago", started_at=NOON - n * DAY)
    judge(story, HOUR + 29 * MINUTE)
    assert story.alerts() == {}

    judge(story, MINUTE)
    assert sentences(story) == [
        "Daily reminders due 12:00: no batch at Vogent (usually 380 people)"
    ]
    (message,) = story.messages()
    assert (message.provider, message.batch, message.severity) == ("renewals", "", "warning")

    story.wait(MINUTE)
    fill(story, comes(story, "of today"), range(20), talked=False)
    judge(story)
    assert story.alerts() == {"batch_expected": ("resolved", "recovered")}
    assert sentences(story)[-1] == (
        "Daily reminders due 12:00: recovered: it came at 12:31 with 380 people"
    )


def test_who_is_not_listed_yet_keeps_it_open_and_who_is_never_listed_does_not(
    story: Story,
) -> None:
    story.wait(HOUR)
    comes(story, "of today")
    (batch,) = facts(story).came
    assert batch.before == Overlap(whole=False)

    view = make_view(vendor="vogent", capabilities=blind_to(discovery=True, contacts=False))
    story.context = context_of(providers={"renewals": view})
    (batch,) = facts(story).came
    assert batch.before is None


def test_a_batch_that_came_in_time_is_no_news(story: Story) -> None:
    story.wait(HOUR + 5 * MINUTE)
    comes(story, "of today", started_at=NOON + 5 * MINUTE)
    for _ in range(3):
        judge(story, HOUR)

    assert story.alerts() == {}


def test_another_batch_is_none_of_its_business(story: Story) -> None:
    story.wait(HOUR)
    comes(story, "b1", name="Renewals")
    judge(story, HOUR)

    assert story.alerts() == {"batch_expected": ("firing", "held_long_enough")}


def test_what_is_missing_is_missed_until_the_next_is_due_and_that_ends_without_a_word(
    story: Story,
) -> None:
    judge(story, 2 * HOUR)
    for _ in range(21):
        judge(story, HOUR)
    assert story.alerts() == {"batch_expected": ("firing", "held_long_enough")}

    judge(story, HOUR)
    assert story.alerts() == {"batch_expected": ("resolved", "due_again")}
    assert not story.messages()[-1].loud

    judge(story, 2 * HOUR)
    assert story.alerts() == {"batch_expected": ("firing", "held_long_enough")}
    assert story.owed().count(("batch_expected", "fired")) == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param(
            {"discovered_at": NOON + 29 * MINUTE},
            "the batches at Vogent were last looked for at 12:29",
            id="not looked at since",
        ),
        pytest.param(
            {"baseline_at": NOON + MINUTE},
            "Vogent was not watched yet when it was due",
            id="watched since later",
        ),
        pytest.param({"baseline_at": None}, "Vogent was not watched yet when it was due", id="new"),
        pytest.param(
            {"failing_since": NOON, "failure": Failure(kind="auth", text="401")},
            "Vogent cannot be read",
            id="failing",
        ),
        pytest.param({}, None, id="seen"),
    ],
)
def test_why_a_batch_may_be_there_that_was_not_seen(
    story: Story, changes: dict[str, Any], reason: str | None
) -> None:
    story.wait(2 * HOUR)
    discover(story)
    with story.engine.begin() as conn:
        row = providers.load(conn, "renewals", "vogent")
        providers.save(conn, replace(row, **changes))

    assert facts(story).unseen == reason


def test_a_vendor_that_finds_no_batches_by_itself_says_so(story: Story) -> None:
    story.wait(2 * HOUR)
    view = make_view(vendor="vogent", capabilities=blind_to())
    story.context = context_of(providers={"renewals": view})

    assert facts(story).unseen == "cannot find new batches at Vogent"


def test_what_is_usual_is_what_came_the_last_times(story: Story) -> None:
    for n, people in enumerate((100, 380, 390, 400, 10, 5_000), start=1):
        comes(story, f"b{n}", people, started_at=NOON - n * DAY)
    comes(story, "other", 9, name="Renewals", started_at=NOON - DAY)
    story.wait(HOUR)
    comes(story, "of today", 50)

    assert facts(story).usual == 380
    assert facts(story).people == 50
    assert facts(story, replace(EXPECTED, people=60)).usual == 60


def test_two_batches_of_one_day_are_one_size(story: Story) -> None:
    for n in (1, 2):
        for part in "ab":
            comes(story, f"b{n}{part}", 190, started_at=NOON - n * DAY)

    story.wait(HOUR)
    assert facts(story).usual == 380


def test_a_small_batch_is_told_and_its_alert_closes_an_hour_after_its_end(story: Story) -> None:
    for n in (1, 2):
        comes(story, f"b{n}", started_at=NOON - n * DAY)
    story.wait(HOUR)
    batch = comes(story, "of today", 38)
    judge(story)
    judge(story, 10 * MINUTE)
    assert sentences(story) == [
        "Daily reminders due 12:00: 38 people in Reminders of today, 10 % of the usual 380"
    ]

    end(story, batch)
    judge(story, 59 * MINUTE)
    assert story.alerts() == {"batch_expected": ("firing", "held_long_enough")}
    judge(story, MINUTE)
    assert story.alerts() == {"batch_expected": ("resolved", "batch_ended")}
    judge(story, MINUTE)
    assert not story.messages()[-1].loud


def test_a_batch_that_was_made_before_and_waits_for_its_time_is_there(story: Story) -> None:
    story.wait(-4 * HOUR)
    waits = {"started_at": None, "scheduled_at": NOON, "created_at": story.now}
    comes(story, "of today", 380, status=BatchStatus.SCHEDULED, **waits)
    story.wait(5 * HOUR)
    judge(story)
    assert [each.begun for each in facts(story).came] == [False]
    assert story.alerts() == {}

    judge(story, HOUR)
    assert sentences(story) == [
        "Daily reminders due 12:00: Reminders of today has not begun after 1 h"
    ]


def test_a_batch_that_somebody_is_to_start_by_hand_is_there_too(story: Story) -> None:
    story.wait(-4 * HOUR)
    waits = {"started_at": None, "created_at": story.now}
    comes(story, "of today", 380, status=BatchStatus.SCHEDULED, **waits)
    story.wait(5 * HOUR)

    assert [each.title for each in facts(story).came] == ["Reminders of today"]
    judge(story, 30 * MINUTE)
    assert sentences(story) == [
        "Daily reminders due 12:00: Reminders of today has not begun after 30 min"
    ]


def test_a_draft_that_nobody_starts_is_none_of_those_that_came(story: Story) -> None:
    waits = {"started_at": None, "created_at": story.now - 5 * DAY}
    comes(story, "draft", 380, status=BatchStatus.SCHEDULED, **waits)
    story.wait(HOUR)
    comes(story, "of today")

    assert [each.title for each in facts(story).came] == ["Reminders of today"]


def fill(story: Story, batch: int, numbers: range, *, talked: bool) -> None:
    """The people of a batch, known by their numbers, who talked or wait."""
    status = ContactStatus.COMPLETED if talked else ContactStatus.PENDING
    items = []
    for n in numbers:
        person = make_contact(contact_id=f"p{n}", status=status, phone_hash=bytes([n]) * 16)
        call = make_call(call_id=f"c{batch}-{n}", contact_id=f"p{n}", ended_at=story.now)
        items.append(Item(person, (call,) if talked else ()))
    with story.engine.begin() as conn:
        row = begin_sweep(conn, batch, story.now)
        take_items(conn, row, items, story.now)


def test_people_reached_in_the_last_days_are_counted(story: Story) -> None:
    story.wait(-DAY)
    fill(story, comes(story, "of yesterday", 20), range(20), talked=True)
    story.wait(DAY + HOUR)
    batch = comes(story, "of today", 20)
    fill(story, batch, range(10, 30), talked=False)
    judge(story)

    (said,) = sentences(story)
    assert said == (
        "Daily reminders due 12:00: 10 of 20 people in Reminders of today were reached "
        "in the last 3 days (50 %), most of them in Reminders of yesterday"
    )
    assert facts(story, replace(EXPECTED, overlap_days=0)).came[0].before is None


@pytest.mark.parametrize(
    "expectations",
    [
        pytest.param((), id="nothing is expected any more"),
        pytest.param((replace(EXPECTED, name="others"),), id="something else is"),
        pytest.param((replace(EXPECTED, providers=()),), id="anywhere"),
    ],
)
def test_what_is_expected_no_more_closes_without_a_word(
    story: Story, expectations: tuple[Expectation, ...]
) -> None:
    judge(story, 2 * HOUR)
    context = replace(story.context, expectations=expectations)
    with story.engine.begin() as conn:
        assert close_orphans(conn, context, story.now) == 1
        assert close_orphans(conn, context, story.now) == 0

    assert story.alerts() == {"batch_expected": ("resolved", "rule_changed")}
    assert not story.messages()[-1].loud


@pytest.mark.parametrize(
    ("matcher", "fires"),
    [("batch_name=Daily reminders", True), ("batch_name=Offers", False), ("provider=a", False)],
)
def test_the_rule_may_be_about_some_of_what_is_expected(
    story: Story, matcher: str, *, fires: bool
) -> None:
    rule = replace(run(BatchExpected()), match=(parse_matcher(matcher),))
    story.context = replace(story.context, instances=(rule,))
    judge(story, 2 * HOUR)

    assert bool(story.alerts()) is fires


@pytest.mark.parametrize(
    ("matcher", "said"),
    [("batch_name=Daily reminders", ["daily_reminders"]), ("batch_name=Offers", [])],
)
def test_what_is_said_of_it_goes_by_the_same_matchers(
    story: Story, matcher: str, said: list[str]
) -> None:
    rule = replace(run(BatchExpected()), match=(parse_matcher(matcher),))
    context = replace(story.context, instances=(rule,))
    with story.engine.begin() as conn:
        found = [name for name, _ in expectation_opinions(conn, context, story.now)]

    assert found == said


def test_a_rule_that_is_turned_off_closes_its_alerts(story: Story) -> None:
    judge(story, 2 * HOUR)
    context = replace(story.context, instances=())
    with story.engine.begin() as conn:
        assert close_orphans(conn, context, story.now) == 1

    assert story.alerts() == {"batch_expected": ("resolved", "rule_changed")}


def test_several_providers_are_named_and_every_one_must_have_been_seen(story: Story) -> None:
    view = make_view(vendor="vogent", capabilities=blind_to(discovery=True))
    other = replace(view, name="summer", vendor="bland")
    anywhere = replace(EXPECTED, providers=())
    story.context = context_of(anywhere, providers={"renewals": view, "summer": other})
    story.wait(2 * HOUR)
    discover(story)

    found = facts(story, anywhere)
    assert (found.where, found.unseen) == (
        "Vogent or Bland",
        "Bland was not watched yet when it was due",
    )


def test_a_clock_that_is_changed_moves_nothing(story: Story) -> None:
    berlin = Schedule((Times(frozenset(range(7)), time(9)),), ZoneInfo("Europe/Berlin"))
    for day in (datetime(2026, 3, 28), datetime(2026, 3, 29), datetime(2026, 10, 25)):  # noqa: DTZ001 - read on the wall just below
        story.now = day.replace(hour=10, tzinfo=ZoneInfo("Europe/Berlin"))
        occurrence = facts(story, replace(EXPECTED, schedule=berlin)).occurrence
        assert occurrence is not None
        assert story.now - occurrence.due == HOUR
