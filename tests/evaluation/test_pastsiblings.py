"""Other open batches as they stood at a moment: who was dialling, and what was known of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.core.model import BatchStatus, CallStatus
from monitor.evaluation.pastsiblings import Sibling, Siblings
from monitor.store import history
from tests.builders import MINUTE, NOON, SECOND
from tests.stories import Story, make_context

POLL = 30 * SECOND


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    made = Story(tmp_path / "offhook.db", make_context())
    made.invite(20)
    made.see()
    yield made
    made.engine.dispose()


def laid_out(story: Story) -> Sibling:
    with story.engine.connect() as conn:
        found = Siblings().get(conn, story.batch, POLL)
    assert found is not None
    return found


def known(found: Sibling, minutes: float) -> dict[str, int]:
    now = NOON + minutes * MINUTE
    window = found.peer(now - 30 * MINUTE, now).calls.window(now - 30 * MINUTE, now)
    return {str(outcome): n for outcome, n in window.outcomes.items()}


def test_a_call_counts_once_it_was_seen(story: Story) -> None:
    story.wait(MINUTE)
    story.dial(4)
    story.dial(1, CallStatus.FAILED)
    story.see(MINUTE)
    found = laid_out(story)

    assert known(found, 1.5) == {}
    assert known(found, 2) == {"completed": 4, "failed": 1}
    assert known(found, 31) == {}


def test_only_a_batch_that_is_dialling_stands_beside_others(story: Story) -> None:
    for status in (BatchStatus.PAUSED, BatchStatus.RUNNING, BatchStatus.COMPLETED):
        story.status = status
        story.see(MINUTE)
    found = laid_out(story)

    moved = [found.moved_at(NOON + minutes * MINUTE) for minutes in (-1, 0, 1, 2, 2.5, 3)]

    assert moved == [None, NOON, None, NOON + 2 * MINUTE, NOON + 2 * MINUTE, None]


def test_those_asked_for_last_are_kept_laid_out(story: Story) -> None:
    story.dial(10)
    story.see(MINUTE)
    first = story.batch
    other = story.look(batch_id="b2")
    some = Siblings(most=5)
    with story.engine.connect() as conn:
        kept = some.get(conn, first, POLL)
        assert some.get(conn, first, POLL) is kept
        assert some.get(conn, other.id, POLL) is not None
        assert some.get(conn, first, POLL) is not kept


def test_a_batch_of_the_provider_that_was_open_meanwhile_is_one_of_them(story: Story) -> None:
    row, other = story.row(), story.look(batch_id="b2")

    def beside(minutes: float) -> list[int]:
        at = NOON + minutes * MINUTE
        with story.engine.connect() as conn:
            return history.beside(conn, row, at, at + MINUTE)

    unread = beside(0)
    story.read()

    assert (unread, beside(0), beside(-2)) == ([], [other.id], [])
