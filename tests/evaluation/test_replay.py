"""The past laid out once more tells what was told when it was the present."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from monitor.core.instance import RuleInstance
from monitor.core.model import BatchStatus, CallStatus, EndedBy
from monitor.core.route import parse_matcher
from monitor.evaluation.context import Context
from monitor.evaluation.replay import Replayed, replay
from monitor.store import batches
from monitor.store.schema import metadata
from rules.balance_low import BalanceLow
from rules.batch_completed import BatchCompleted
from rules.batch_failed import BatchFailed
from rules.batch_stalled import BatchStalled
from rules.error_spike import ErrorSpike
from tests.builders import HOUR, MINUTE, NOON, SECOND
from tests.stories import Story, make_context, run, viewed

FAILED = CallStatus.FAILED
REPLAYED = (run(ErrorSpike()), run(BatchCompleted()), run(BatchFailed()))


@pytest.fixture
def tell(tmp_path: Path) -> Iterator[Callable[..., Story]]:
    """Begin a story of 400 people, watched from its first call on."""
    begun: list[Story] = []

    def begin(*rules: RuleInstance, **values: Any) -> Story:
        context = make_context(*(rules or REPLAYED))
        story = Story(tmp_path / f"{len(begun)}.db", context=context, **values)
        begun.append(story)
        story.invite(170)
        story.see()
        return story

    with capture_logs():
        yield begin
    for story in begun:
        story.engine.dispose()


def calls(story: Story, n: int, *, failed: int = 0, minutes: int = 1) -> None:
    """So many calls a minute, looked at as often as a poller does."""
    for _ in range(minutes):
        story.wait(20 * SECOND)
        story.dial(n - failed)
        story.dial(failed, FAILED, error_class="carrier block")
        story.see(10 * SECOND)
        story.deliver()
        story.see(30 * SECOND)


def end(story: Story, status: BatchStatus = BatchStatus.COMPLETED, minutes: int = 12) -> None:
    """It ends, and is watched until everything has been told."""
    story.status = status
    for _ in range(minutes):
        story.see(MINUTE)
        story.deliver()


def again(story: Story, context: Context | None = None, **values: Any) -> Replayed:
    with story.engine.connect() as conn:
        return replay(conn, context or story.context, NOON - 24 * HOUR, **values)


def told_live(story: Story) -> Counter[str]:
    """What was owed by its rule; a settled report with the same numbers is no other message."""
    return Counter(instance for instance, transition in story.owed() if transition != "settled")


def quiet(story: Story, minutes: int) -> None:
    """Nobody is called."""
    for _ in range(minutes):
        story.see(MINUTE)


def well(story: Story) -> None:
    calls(story, 10, minutes=8)


def spike(story: Story) -> None:
    calls(story, 10, minutes=3)
    calls(story, 10, failed=8, minutes=4)
    calls(story, 10, minutes=9)


def spike_at_the_end(story: Story) -> None:
    calls(story, 6, failed=5, minutes=9)


def two_spikes(story: Story) -> None:
    spike(story)
    calls(story, 10, failed=9, minutes=3)


def pause_in_a_spike(story: Story) -> None:
    calls(story, 10, failed=8, minutes=4)
    quiet(story, 20)
    calls(story, 10, minutes=6)


STORIES = (well, spike, spike_at_the_end, two_spikes, pause_in_a_spike)


@pytest.mark.parametrize("happens", STORIES, ids=lambda happens: happens.__name__)
@pytest.mark.parametrize("status", [BatchStatus.COMPLETED, BatchStatus.FAILED])
def test_it_tells_what_was_told_live(
    tell: Callable[..., Story], happens: Callable[[Story], None], status: BatchStatus
) -> None:
    story = tell()
    happens(story)
    end(story, status)

    replayed = again(story)

    assert replayed.messages == told_live(story)
    assert (replayed.batches, replayed.unread, replayed.untimed) == (1, 0, {})
    assert replayed.untold == ()


def test_what_was_told_before_somebody_stopped_it_is_told_again(
    tell: Callable[..., Story],
) -> None:
    story = tell(run(ErrorSpike()))
    spike(story)
    story.act("stop")
    end(story, BatchStatus.CANCELLED)
    assert ("error_spike", "fired") in story.owed()

    assert again(story).messages["error_spike"] >= 1


def test_it_writes_nothing(tell: Callable[..., Story]) -> None:
    story = tell()
    spike(story)
    end(story)
    before = contents(story)

    again(story)

    assert contents(story) == before


def test_what_stood_still_is_told_again(tell: Callable[..., Story]) -> None:
    story = tell(run(BatchStalled()), run(ErrorSpike()))
    calls(story, 5, minutes=2)
    quiet(story, 15)
    assert ("batch_stalled", "fired") in story.owed()
    end(story)

    assert again(story).messages == {"batch_stalled": 1}


def test_a_rule_that_history_says_nothing_of_is_named_and_not_run(
    tell: Callable[..., Story],
) -> None:
    story = tell(run(BalanceLow()), run(ErrorSpike()))
    calls(story, 5, minutes=2)
    end(story)

    replayed = again(story)

    assert replayed.messages == {}
    assert replayed.untold == ("balance_low",)


def test_other_thresholds_tell_otherwise(tell: Callable[..., Story]) -> None:
    story = tell(run(ErrorSpike()))
    calls(story, 10, failed=2, minutes=8)
    end(story)
    assert story.owed() == []

    lower = make_context(run(ErrorSpike(threshold=0.1), "strict"), run(ErrorSpike()))

    assert again(story, lower).messages == {"strict": 1}


def test_calls_without_the_time_of_their_end_are_counted_and_said(
    tell: Callable[..., Story],
) -> None:
    story = tell(run(ErrorSpike()))
    story.wait(HOUR)
    story.dial(30, FAILED, ended_at=None, ended_by=EndedBy.HISTORY)
    end(story)

    replayed = again(story)

    assert replayed.untimed == {"renewals": 30}
    assert replayed.calls == 30
    assert replayed.messages == {}


@pytest.mark.parametrize(
    ("changes", "unread"),
    [
        pytest.param({"pruned": True}, 1, id="forgotten"),
        pytest.param({"swept_at": None}, 1, id="never read"),
        pytest.param({"terminal_at": NOON - 48 * HOUR}, 0, id="ended before"),
        pytest.param({"terminal_at": None}, 0, id="not ended"),
    ],
)
def test_a_batch_that_cannot_be_replayed_is_left_out(
    tell: Callable[..., Story], changes: dict[str, Any], unread: int
) -> None:
    story = tell()
    end(story)
    with story.engine.begin() as conn:
        batches.save(conn, replace(batches.load(conn, story.batch), **changes))

    replayed = again(story)

    assert (replayed.batches, replayed.unread, replayed.messages) == (0, unread, {})


def test_a_batch_that_the_provider_is_not_to_watch_is_left_out(
    tell: Callable[..., Story],
) -> None:
    story = tell()
    end(story)

    elsewhere = viewed(story.context, match=(parse_matcher("batch_name=Others"),))

    assert again(story, elsewhere).batches == 0


def test_a_pause_that_was_seen_is_a_pause_again(tell: Callable[..., Story]) -> None:
    """While it is paused calls that end badly are no spike, live and in the replay."""
    story = tell(run(ErrorSpike(min_calls=5, streak=0)))
    calls(story, 6, minutes=2)
    story.status = BatchStatus.PAUSED
    story.see(MINUTE)
    story.wait(MINUTE)
    story.dial(10, FAILED)
    for _ in range(12):
        story.see(MINUTE)
    story.status = BatchStatus.RUNNING
    calls(story, 6, minutes=2)
    end(story)
    assert story.owed() == []

    assert again(story).messages == {}


def test_an_end_that_never_agreed_is_told_once_as_unverified(
    tell: Callable[..., Story],
) -> None:
    story = tell(run(BatchCompleted()))
    calls(story, 10)
    story.counts = replace(story.counted(), total=1_000)
    end(story, minutes=20)
    assert story.owed() == [("batch_completed", "reported")]

    assert again(story).messages == {"batch_completed": 1}


def contents(story: Story) -> dict[str, Any]:
    """Every row of every table."""
    with story.engine.connect() as conn:
        return {table.name: conn.execute(select(table)).all() for table in metadata.sorted_tables}
