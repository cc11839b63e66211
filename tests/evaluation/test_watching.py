"""The first message: once, when enough is known, in numbers that are true."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.core.compose import LINES
from monitor.core.facts import Failure, Trouble
from monitor.core.model import BatchStatus, Counts
from monitor.evaluation.context import Context
from monitor.evaluation.replay import Replayed
from monitor.evaluation.system import evaluate_system
from monitor.evaluation.watching import (
    PATIENCE,
    SUBJECT,
    first_message,
    keep_estimate,
    period,
)
from monitor.ingest.looks import take_look
from monitor.providers.bland.provider import Bland
from monitor.providers.graine.provider import Graine
from monitor.store import providers
from rules.self_watching import SelfWatching
from tests.builders import EVERYTHING, HOUR, MINUTE, NOON, SECOND, make_batch
from tests.stories import Story, make_context, make_view, run

DAY = 24 * HOUR
VENDORS = (("bland", Bland.capabilities), ("graine", Graine.capabilities))
BLIND = replace(EVERYTHING, blind_to=("retries", "sentiment (never)"))


def watched(*names: str, rules: tuple[Any, ...] = (run(SelfWatching()),)) -> Context:
    """These providers, the first of them at Bland."""
    views = {
        name: make_view(
            name=name, vendor="graine" if n else "bland", capabilities=EVERYTHING if n else BLIND
        )
        for n, name in enumerate(names)
    }
    return make_context(*rules, providers=views)


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    made = Story(tmp_path / "offhook.db", context=watched("surveys", "renewals"))
    yield made
    made.engine.dispose()


def discovered(story: Story, name: str, *people: int, failure: Failure | None = None) -> None:
    """The provider's lists were read, and showed batches of so many people."""
    with story.engine.begin() as conn:
        row = providers.load(conn, name, "")
        baseline = None if failure else story.now
        providers.save(conn, replace(row, baseline_at=baseline, failure=failure))
        for n, total in enumerate(people):
            look = make_batch(
                provider=name, batch_id=f"{name}{n}", counts=Counts(total=total or None)
            )
            take_look(conn, look, baseline=True)


def said(story: Story, context: Context | None = None) -> Trouble | None:
    with story.engine.connect() as conn:
        return first_message(conn, context or story.context, story.now)


def tell(story: Story) -> int:
    """Say it, as a daemon does; how many messages that owes."""
    found = said(story)
    if found is None:
        return 0
    with story.engine.begin() as conn:
        done = evaluate_system(conn, {SUBJECT: found}, frozenset(), story.context, story.now)
    return sum(each.told for each in done)


def test_it_says_what_is_watched_and_what_cannot_be_seen(story: Story) -> None:
    discovered(story, "surveys", 240)
    discovered(story, "renewals", 600, 11)

    found = said(story)

    assert found is not None
    assert found.summary == "watching surveys, renewals: 3 open batches, 851 people"
    assert found.details == (
        ("surveys (bland)", "1 open batch, 240 people"),
        ("renewals (graine)", "2 open batches, 611 people"),
        ("cannot see at Bland", "retries; sentiment"),
    )
    assert found.todo == "See what the last days would have told: offhook backfill."


def test_after_a_backfill_it_says_what_the_last_days_would_have_told(story: Story) -> None:
    discovered(story, "surveys")
    discovered(story, "renewals")
    messages = {"error_spike": 2, "batch_completed": 6, "batch_failed": 1}
    replayed = Replayed(since=NOON - 14 * DAY, batches=7, messages=messages)
    with story.engine.begin() as conn:
        keep_estimate(conn, replayed, NOON)

    found = said(story)

    assert found is not None
    assert found.summary == (
        "watching surveys, renewals: no open batch; the last 14 days would have made 9 messages"
    )
    assert found.details[0] == (
        "last 14 days",
        "6 batch_completed, 2 error_spike, 1 batch_failed (from 7 ended batches)",
    )
    assert found.todo is None


def test_days_without_anything_to_tell_are_said_too(story: Story) -> None:
    discovered(story, "surveys")
    discovered(story, "renewals")
    with story.engine.begin() as conn:
        keep_estimate(conn, Replayed(since=NOON - 36 * HOUR), NOON)

    found = said(story)

    assert found is not None
    assert found.summary.endswith("the last 1 d 12 h would have made no message")
    assert found.details[0] == ("last 1 d 12 h", "nothing to tell (from 0 ended batches)")


def test_it_waits_for_every_providers_first_discovery(story: Story) -> None:
    discovered(story, "surveys", 240)
    assert said(story) is None

    discovered(story, "renewals")

    assert said(story) is not None


def test_it_waits_until_it_is_known_how_many_people_there_are(story: Story) -> None:
    discovered(story, "surveys", 0)
    discovered(story, "renewals")
    assert said(story) is None

    story.wait(PATIENCE)

    assert said(story) is not None


def test_a_provider_that_cannot_be_read_is_waited_for_no_longer_than_five_minutes(
    story: Story,
) -> None:
    discovered(story, "surveys", failure=Failure(kind="auth", text="401 Unauthorized"))
    story.wait(PATIENCE - SECOND)
    assert said(story) is None

    story.wait(SECOND)

    found = said(story)
    assert found is not None
    assert found.details[:2] == (
        ("surveys (bland)", "not read yet: 401 Unauthorized"),
        ("renewals (graine)", "not read yet"),
    )


def test_it_is_told_once_however_often_it_could_be(story: Story) -> None:
    discovered(story, "surveys", 240)
    discovered(story, "renewals")

    assert [tell(story) for _ in range(3)] == [1, 0, 0]
    story.wait(30 * DAY)
    discovered(story, "renewals", 5, 6)
    assert tell(story) == 0
    assert story.owed() == [("self_watching", "reported")]
    (message,) = story.messages()
    assert (message.state, message.severity) == ("INFO", "info")
    assert message.sentence.startswith("Offhook: watching surveys, renewals: 1 open batch")


@pytest.mark.parametrize(
    "crashes", [pytest.param(True, id="before"), pytest.param(False, id="after")]
)
def test_a_crash_around_it_neither_loses_nor_doubles_it(story: Story, *, crashes: bool) -> None:
    discovered(story, "surveys")
    discovered(story, "renewals")
    found = said(story)
    assert found is not None
    with story.engine.connect() as conn:
        transaction = conn.begin()
        evaluate_system(conn, {SUBJECT: found}, frozenset(), story.context, story.now)
        (transaction.rollback if crashes else transaction.commit)()

    tell(story)

    assert story.owed() == [("self_watching", "reported")]


def test_a_rule_that_is_turned_off_says_nothing(story: Story) -> None:
    discovered(story, "surveys")
    story.context = watched("surveys", rules=())
    story.context = replace(story.context, instances=())

    assert said(story) is None


def test_many_providers_fit_into_one_message(story: Story) -> None:
    names = [f"account_{n}" for n in range(30)]
    story.context = watched(*names)
    for name in names:
        discovered(story, name, 10)

    found = said(story)

    assert found is not None
    assert found.summary.endswith("account_7, 22 more: 30 open batches, 300 people")
    assert ("22 more providers", "22 open batches, 220 people") in found.details
    assert len(found.details) < LINES - 5
    tell(story)
    (message,) = story.messages()
    assert dict(message.lines).keys() >= dict(found.details).keys()


def test_a_vendor_that_the_configuration_describes_goes_by_its_providers_name(
    story: Story,
) -> None:
    blind = replace(EVERYTHING, blind_to=("retries",))
    views = {
        name: make_view(name=name, vendor="http_json", capabilities=blind)
        for name in ("surveys", "renewals")
    }
    discovered(story, "surveys")
    discovered(story, "renewals")

    found = said(story, make_context(run(SelfWatching()), providers=views))

    assert found is not None
    assert found.details[2:] == (
        ("cannot see at surveys", "retries"),
        ("cannot see at renewals", "retries"),
    )


def test_what_no_vendor_tells_is_never_cut_off(story: Story) -> None:
    """A channel shows 200 letters of a line."""
    context = make_context(
        run(SelfWatching()),
        providers={
            name: make_view(name=name, vendor=vendor, capabilities=told)
            for name, (vendor, told) in zip(("surveys", "renewals"), VENDORS, strict=True)
        },
    )
    discovered(story, "surveys")
    discovered(story, "renewals")

    found = said(story, context)

    assert found is not None
    lines = [text for label, text in found.details if label.startswith("cannot see at ")]
    assert all(len(line) < 200 for line in lines)
    whole = "; ".join(lines)
    for _, told in VENDORS:
        for each in told.blind_to:
            assert each.split(" (")[0] in whole


def test_batches_that_have_ended_are_not_counted(story: Story) -> None:
    discovered(story, "surveys", 10)
    discovered(story, "renewals")
    with story.engine.begin() as conn:
        look = make_batch(provider="surveys", batch_id="old", status=BatchStatus.COMPLETED)
        take_look(conn, look, baseline=False)

    found = said(story)

    assert found is not None
    assert found.details[0] == ("surveys (bland)", "1 open batch, 10 people")


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (14 * DAY, "last 14 days"),
        (DAY, "last day"),
        (90 * MINUTE, "last 1 h 30 min"),
    ],
    ids=["days", "one day", "hours"],
)
def test_a_period_in_words(length: timedelta, words: str) -> None:
    assert period(length) == words
