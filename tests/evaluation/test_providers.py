"""A provider as a whole: what is known of it, and what its alert does to the others."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.core.facts import ProviderFacts
from monitor.evaluation.providers import provider_facts
from monitor.store import batches, providers
from tests.builders import HOUR, MINUTE, NOON, SECOND
from tests.stories import Story, make_context


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    made = Story(tmp_path / "offhook.db")
    made.invite(30)
    made.see()
    yield made
    made.engine.dispose()


def facts(story: Story) -> ProviderFacts:
    with story.engine.begin() as conn:
        return provider_facts(conn, story.context.providers["renewals"], story.context, story.now)


def test_what_is_known_of_a_provider_is_that_of_its_open_batches(story: Story) -> None:
    story.wait(MINUTE)
    found = facts(story)

    assert (found.open_batches, found.stale_batches, found.people_waiting) == (1, 0, 30)
    assert (found.fresh_at, found.batches_seen_at) == (NOON, NOON)
    assert found.failure is None


def test_batches_not_looked_at_for_long_are_stale(story: Story) -> None:
    story.wait(5 * MINUTE + SECOND)

    assert facts(story).stale_batches == 1


def test_silence_is_told_and_over_with_the_next_answer(story: Story) -> None:
    for _ in range(6):
        story.wait(MINUTE)
        story.judge_provider()
    assert story.alerts() == {"provider_blind": ("firing", "held_long_enough")}

    story.see(MINUTE)
    story.wait(SECOND)
    story.judge_provider()
    assert story.alerts() == {"provider_blind": ("resolved", "recovered")}
    assert story.owed() == [("provider_blind", "fired"), ("provider_blind", "resolved")]


def test_long_silence_gets_heavier_once(story: Story) -> None:
    for _ in range(40):
        story.wait(MINUTE)
        story.judge_provider()

    assert story.owed() == [("provider_blind", "fired"), ("provider_blind", "escalated-critical")]
    assert [each.severity for each in story.messages()] == ["warning", "critical"]


def test_nothing_is_blind_before_this_process_looked(story: Story) -> None:
    story.wait(3 * HOUR)
    story.context = make_context(started_at=story.now)
    story.judge_provider()
    assert story.alerts() == {}
    story.wait(5 * MINUTE)
    story.judge_provider()

    assert story.alerts() == {"provider_blind": ("firing", "held_long_enough")}


def test_why_it_cannot_be_seen_is_said(story: Story) -> None:
    story.refuse("auth", "401 Unauthorized: the key is not accepted")
    for _ in range(6):
        story.wait(MINUTE)
        story.judge_provider()

    (message,) = story.messages()
    assert "401 Unauthorized: the key is not accepted" in message.sentence
    assert "1 open batch with 30 people waiting not watched" in message.sentence


def test_batches_that_cannot_be_looked_at_are_named_with_why(story: Story) -> None:
    with story.engine.begin() as conn:
        row = batches.load(conn, story.batch)
        batches.save(conn, replace(row, failure="garbage: not JSON"), "failure")
    story.wait(5 * MINUTE)
    assert facts(story).unseen == ()
    story.wait(SECOND)
    (found,) = facts(story).unseen
    assert (found.title, found.why, found.since) == ("Renewals May", "garbage: not JSON", NOON)


def test_a_list_that_cannot_be_read_is_named_while_the_batch_answers(story: Story) -> None:
    since = NOON - 5 * MINUTE
    with story.engine.begin() as conn:
        row = replace(batches.load(conn, story.batch), unlisted_since=since, unlisted_why="3 rows")
        batches.save(conn, row)
    (found,) = facts(story).unlisted
    assert (found.title, found.why, found.since) == ("Renewals May", "3 rows", since)

    story.wait(6 * MINUTE)
    assert facts(story).unlisted == (), "then the batch itself is not heard of"


def test_when_all_are_gone_the_account_is_in_doubt(story: Story) -> None:
    with story.engine.begin() as conn:
        row = batches.load(conn, story.batch)
        batches.save(conn, replace(row, gone_at=NOON, gone_again_at=NOON, gone_times=3))
    story.wait(6 * MINUTE)
    found = facts(story)
    assert (found.open_batches, found.stale_batches) == (1, 1)
    assert found.failure is not None
    assert found.failure.kind == "account"


def test_a_batch_that_vanished_is_no_sign_of_blindness(story: Story) -> None:
    with story.engine.begin() as conn:
        row = batches.load(conn, story.batch)
        batches.save(conn, replace(row, gone_at=NOON, gone_again_at=NOON, gone_times=3))
        known = providers.load(conn, "renewals", "graine")
        providers.save(conn, providers.showed(known, NOON + MINUTE))
    story.wait(6 * MINUTE)

    assert (facts(story).open_batches, facts(story).unseen) == (0, ())
