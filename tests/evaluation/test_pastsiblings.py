"""Other open batches as they stood at a moment: who was dialling, and what was known of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.core.baseline import Compare
from monitor.core.model import BatchStatus, CallStatus
from monitor.core.pastmoves import Past
from monitor.evaluation import pastsiblings
from monitor.evaluation.past import runs
from monitor.evaluation.pastsiblings import Beside, Sibling, Siblings
from monitor.store import history
from rules.error_spike import ErrorSpike
from tests.builders import MINUTE, NOON, SECOND
from tests.stories import Story, make_context, run

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


def test_of_many_of_a_provider_those_are_asked_that_had_moved_last(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pastsiblings, "SIBLINGS", 2)
    own = story.row()
    for name, provider in (("b2", "renewals"), ("b3", "renewals"), ("b4", "renewals"), ("b5", "x")):
        story.look(batch_id=name, provider=provider)
        story.read()
        story.wait(MINUTE)
    for status in (BatchStatus.PAUSED, BatchStatus.RUNNING):
        story.look(batch_id="b2", status=status)
        story.wait(MINUTE)
    with story.engine.connect() as conn:
        beside = Beside(
            conn=conn,
            row=own,
            known=Siblings(),
            every=POLL,
            begun=NOON,
            until=story.now,
            reach=10 * MINUTE,
        )

        def asked(minutes: float, unseen: float) -> list[tuple[str, float]]:
            now = NOON + minutes * MINUTE
            found = beside.at(now, now - unseen * MINUTE)
            return [(each.batch_id, (now - each.start) / MINUTE) for each in found]

        assert asked(3.5, 0) == [("b4", 10), ("b3", 10)]
        assert asked(3.5, 2) == [("b4", 12), ("b3", 12)]
        assert asked(5.5, 2) == [("b2", 12), ("b4", 12)]


def test_who_is_known_by_calls_alone_is_held_beside_nobody() -> None:
    rules = [run(ErrorSpike()), run(ErrorSpike(compare=Compare.SIBLINGS))]

    asked = [
        [runs(each, Past(whole=whole, moments=())) for each in rules] for whole in (True, False)
    ]

    assert asked == [[True, True], [True, False]]
