"""The course of a batch through the database: paused, stuck, retried, slowed down, run again."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.core.model import BatchStatus, CallStatus, ContactStatus, Counts, RetryPolicy
from monitor.core.rule import Rule
from rules.batch_not_started import BatchNotStarted
from rules.batch_overdue import BatchOverdue
from rules.batch_paused import BatchPaused
from rules.call_stuck import CallStuck
from rules.lines_idle import LinesIdle
from rules.pace_drop import PaceDrop
from rules.retries_exhausted import RetriesExhausted
from rules.retry_drift import RetryDrift
from rules.too_many_retries import TooManyRetries
from tests.builders import HOUR, MINUTE, NOON, make_call
from tests.stories import Story, make_context, run

FIRING = ("firing", "held_long_enough")
RECOVERED = ("resolved", "recovered")
POLICY = RetryPolicy(max_retries=3, cooldown_s=600, grows=False)


class Course(Story):
    """A story of a batch with ten lines and a retry policy."""

    def look(self, **changes: Any) -> Any:
        """See Story."""
        return super().look(**{"concurrency": 10, "retry": POLICY} | changes)

    def stands(self, key: str, status: ContactStatus, **changes: Any) -> None:
        """So stands one person now."""
        self.people[key] = self.people[key]._replace(status=status, seen_at=self.now, **changes)

    def calls_again(self, key: str, attempt: int) -> None:
        """Somebody's next call was made, and was not answered."""
        self.calls[f"{key}.{attempt}"] = make_call(
            call_id=f"{key}.{attempt}",
            contact_id=key,
            status=CallStatus.NO_ANSWER,
            attempt=attempt,
            started_at=self.now,
            created_at=self.now,
            ended_at=self.now,
            seen_at=self.now,
        )
        self.stands(key, ContactStatus.RETRYING, attempts=attempt, next_retry_at=self.now + HOUR)


@pytest.fixture
def tell(tmp_path: Path) -> Iterator[Callable[[Rule], Course]]:
    """Begin a story of 100 people with one rule, looked at once."""
    begun: list[Course] = []

    def begin(rule: Rule) -> Course:
        story = Course(tmp_path / f"{len(begun)}.db", context=make_context(run(rule)))
        begun.append(story)
        story.invite(100)
        story.see()
        return story

    yield begin
    for story in begun:
        story.engine.dispose()


Tell = Callable[[Rule], Course]


def states(story: Story, times: int, after: timedelta = MINUTE) -> list[str]:
    """What the one alert says after each of so many looks."""
    found = []
    for _ in range(times):
        story.see(after)
        found.append(next((state for state, _ in story.alerts().values()), ""))
    return found


def test_a_pause_is_asked_about_after_an_hour_and_is_over_when_it_dials(tell: Tell) -> None:
    story = tell(BatchPaused())
    story.status = BatchStatus.PAUSED
    assert states(story, 5, 15 * MINUTE) == ["", "", "", "", "firing"]
    story.status = BatchStatus.RUNNING
    assert states(story, 1) == ["resolved"]

    story.status = BatchStatus.PAUSED
    assert states(story, 4, 15 * MINUTE)[-1] == "resolved"  # the second pause is another


def test_a_start_that_is_missed(tell: Tell) -> None:
    story = Course(
        tell(BatchPaused()).path.with_name("planned.db"),
        context=make_context(run(BatchNotStarted())),
        status=BatchStatus.SCHEDULED,
    )
    story.invite(20)
    for _ in range(4):
        story.look(scheduled_at=NOON)
        story.read()
        story.judge()
        story.wait(5 * MINUTE)

    assert story.alerts() == {"batch_not_started": FIRING}
    story.engine.dispose()


def test_a_line_that_is_held_and_let_go(tell: Tell) -> None:
    story = tell(CallStuck())
    story.stands("p000", ContactStatus.DISPATCHED)
    story.see(MINUTE)
    story.stands("p000", ContactStatus.IN_CALL)
    story.counts = Counts(total=100, live=1, waiting=99)
    assert states(story, 2, 35 * MINUTE) == ["", "firing"]
    story.stands("p000", ContactStatus.COMPLETED)
    story.counts = None
    assert states(story, 2) == ["resolved", "resolved"]


def test_a_call_that_began_long_before_the_first_look_is_stuck_at_once(tell: Tell) -> None:
    story = tell(CallStuck())
    story.calls["c1"] = make_call(
        call_id="c1",
        contact_id="p000",
        status=CallStatus.IN_PROGRESS,
        ended_at=None,
        ended_by=None,
        started_at=NOON - 2 * HOUR,
        seen_at=NOON,
    )
    story.stands("p000", ContactStatus.IN_CALL)
    story.counts = Counts(total=100, live=1, waiting=99)

    assert states(story, 1) == ["firing"]
    assert "the oldest for 2 h" in story.messages()[0].sentence


def test_idle_lines_need_a_quarter_of_an_hour(tell: Tell) -> None:
    story = tell(LinesIdle())
    story.counts = Counts(total=100, live=4, waiting=80)
    assert states(story, 15) == ["pending"] * 14 + ["firing"]
    story.counts = Counts(total=100, live=5, waiting=80)
    assert states(story, 1) == ["resolved"]


def test_more_retries_than_the_policy_allows(tell: Tell) -> None:
    story = tell(TooManyRetries())
    for attempt in range(4):
        story.calls_again("p000", attempt)
        assert states(story, 1, 10 * MINUTE) == [""]
    story.calls_again("p000", 4)

    assert states(story, 1) == ["firing"]
    assert "retry 4, where 3 are allowed" in story.messages()[0].sentence


def test_retries_that_come_too_early(tell: Tell) -> None:
    story = tell(RetryDrift())
    for attempt, wait in ((0, 10 * MINUTE), (1, 2 * MINUTE), (2, MINUTE)):
        for n in range(6):
            story.calls_again(f"p{n:03}", attempt)
        assert states(story, 1, wait) == ["firing" if attempt == 2 else ""]

    assert "6 people not called again when the policy says" in story.messages()[0].sentence


def test_ladders_that_are_given_up_too_early(tell: Tell) -> None:
    story = tell(RetriesExhausted())
    for n in range(5):
        assert states(story, 1) == [""]
        story.stands(f"p{n:03}", ContactStatus.EXHAUSTED, attempts=1)

    assert states(story, 1) == ["firing"]


def test_a_batch_that_slows_down_and_one_that_will_not_be_done(tell: Tell) -> None:
    slow, late = tell(PaceDrop()), tell(BatchOverdue(max_duration=12 * HOUR))
    for story in (slow, late):
        story.invite(900)
        for _ in range(30):
            story.dial(10)
            story.see(5 * MINUTE)
        assert story.messages() == []
        for _ in range(8):
            story.dial(1)
            story.see(5 * MINUTE)

    assert slow.alerts() == {"pace_drop": FIRING}
    assert late.alerts() == {"batch_overdue": FIRING}
    assert "lines instead of 10 would do" in late.messages()[0].sentence
