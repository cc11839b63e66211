"""What somebody does to a batch through Offhook, and what is said of it then."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.core.model import BatchStatus, CallStatus
from monitor.core.route import Receiver, Route
from monitor.evaluation.telling import Routing
from monitor.store import audit, batches, stopping
from monitor.store.audit import Deed
from rules.batch_completed import BatchCompleted
from rules.batch_failed import BatchFailed
from rules.batch_stalled import BatchStalled
from rules.error_spike import ErrorSpike
from rules.stalled_retries import StalledRetries
from tests.builders import HOUR, MINUTE, SECOND
from tests.stories import Story, make_context, run, viewed

DIALLING = (
    run(ErrorSpike(), pending_for=timedelta(0)),
    run(BatchStalled()),
    run(StalledRetries()),
    run(BatchFailed()),
    run(BatchCompleted(settle_after=timedelta(0))),
)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """A batch of 60 people, whose first 20 calls all failed."""
    routing = Routing(
        routes=(Route(name="1", receivers=("ops",), group_wait=timedelta(0)),),
        receivers={"ops": Receiver(name="ops", kind="slack", edits=True)},
    )
    context = make_context(*DIALLING, routing=routing)
    context = viewed(context, acts=("pause", "resume", "stop"))
    made = Story(tmp_path / "offhook.db", context)
    made.invite(60)
    made.see()
    made.wait(MINUTE)
    made.dial(20, CallStatus.FAILED)
    made.see(10 * SECOND)
    assert made.alerts()["error_spike"][0] == "firing"
    made.deliver()
    return made


def do(story: Story, action: str, who: str = "ann") -> None:
    """The vendor took an action."""
    deed = Deed(
        at=story.now,
        who=who,
        source="cli",
        what=f"batch.{action}",
        target="btc_1",
        provider="renewals",
    )
    with story.engine.begin() as conn:
        row = batches.load(conn, story.batch)
        audit.record(conn, replace(deed, target=row.look.batch_id))
        stopping.mark(conn, row, action, story.now)


def paused(story: Story) -> None:
    do(story, "pause")
    story.status = BatchStatus.PAUSED
    story.see(SECOND)


def test_a_pause_closes_what_is_said_of_dialling_and_says_who(story: Story) -> None:
    paused(story)

    assert story.alerts()["error_spike"] == ("resolved", "batch_paused")
    last = story.messages()[-1]
    assert last.state == "RESOLVED"
    assert last.sentence.startswith("Renewals May: paused by ann, 12:01; it had been: ")
    assert ("closed because", "paused by ann, 12:01") in last.lines
    assert not last.loud


def test_nothing_more_is_said_while_it_is_paused(story: Story) -> None:
    paused(story)
    told = story.owed()
    for _ in range(8):
        story.see(HOUR)

    assert story.owed() == told


def test_before_the_vendor_shows_the_pause_nothing_is_closed(story: Story) -> None:
    do(story, "pause")
    story.judge()

    assert story.alerts()["error_spike"][0] == "firing"


def test_what_failed_before_the_pause_does_not_fire_again_when_it_goes_on(story: Story) -> None:
    paused(story)
    do(story, "resume")
    story.status = BatchStatus.RUNNING
    story.see(MINUTE)
    told = story.owed()
    story.wait(MINUTE)
    story.dial(5)
    story.see(SECOND)

    assert story.owed() == told
    assert not story.row().stopped_by_user


def test_what_fails_after_it_goes_on_fires_anew(story: Story) -> None:
    paused(story)
    do(story, "resume")
    story.status = BatchStatus.RUNNING
    story.see(MINUTE)
    story.wait(MINUTE)
    story.dial(20, CallStatus.FAILED)
    story.see(SECOND)

    assert story.alerts()["error_spike"][0] == "firing"
    assert story.owed()[-1] == ("error_spike", "fired")


def test_a_pause_on_the_vendors_own_page_closes_nothing_and_repeats_nothing(story: Story) -> None:
    told = story.owed()
    story.status = BatchStatus.PAUSED
    for _ in range(6):
        story.see(2 * HOUR)  # longer than any repeat waits

    assert story.alerts()["error_spike"][0] == "firing"
    assert story.owed() == told


def test_one_that_goes_on_by_the_vendors_own_page_is_nobodys_pause_any_more(story: Story) -> None:
    paused(story)
    story.status = BatchStatus.RUNNING
    story.see(MINUTE)
    assert not story.row().stopped_by_user

    story.status = BatchStatus.PAUSED
    story.see(MINUTE)
    assert not story.row().stopped_by_user


def test_a_look_from_before_the_pause_does_not_undo_it(story: Story) -> None:
    paused(story)
    story.wait(MINUTE)
    do(story, "pause", who="bob")
    story.look(status=BatchStatus.RUNNING, seen_at=story.now - 5 * SECOND)

    assert story.row().stopped_by_user


def test_what_failed_unseen_since_it_went_on_fires(story: Story) -> None:
    """A pause, then nobody looks for half an hour, in which it goes on and fails."""
    paused(story)
    story.see(20 * MINUTE)
    story.status = BatchStatus.RUNNING
    story.wait(25 * MINUTE)
    story.dial(20, CallStatus.FAILED)
    story.see(5 * MINUTE)

    assert story.alerts()["error_spike"][0] == "firing"
    assert story.messages("error_spike")[-1].sentence.startswith("Renewals May: 20 of 20 calls")


def test_a_new_run_that_failed_unseen_fires(story: Story) -> None:
    story.status = BatchStatus.CANCELLED
    story.see(MINUTE)
    story.see(MINUTE)
    story.status = BatchStatus.RUNNING
    story.wait(25 * MINUTE)
    story.dial(20, CallStatus.FAILED)
    story.see(5 * MINUTE)
    story.see(SECOND)

    assert story.row().run == 2
    assert story.alerts()["error_spike"][0] == "firing"


def test_a_stop_that_stopped_nothing_hides_no_failures(story: Story) -> None:
    do(story, "stop")
    story.see(SECOND)
    assert story.alerts()["error_spike"] == ("resolved", "batch_paused")

    story.see(9 * MINUTE)
    story.dial(8)  # calls that were under way
    story.see(SECOND)
    assert story.alerts()["error_spike"][0] == "resolved"
    for _ in range(2):
        story.wait(5 * MINUTE)
        story.dial(10, CallStatus.FAILED)
        story.see(SECOND)

    assert story.alerts()["error_spike"][0] == "firing"


def test_a_pause_that_the_vendor_never_showed_is_not_remembered(story: Story) -> None:
    """Somebody resumed it between two looks; much later the vendor pauses it by itself."""
    do(story, "pause")
    for _ in range(3):
        story.see(5 * MINUTE)
    assert not story.row().stopped_by_user

    story.status = BatchStatus.PAUSED
    story.see(MINUTE)
    assert story.alerts()["error_spike"][0] == "firing"


def test_a_batch_that_fails_after_it_was_stopped_is_told_as_that(story: Story) -> None:
    do(story, "stop")
    story.status = BatchStatus.FAILED
    for _ in range(4):
        story.see(40 * SECOND)

    (report,) = story.messages("batch_failed")
    assert report.severity == "critical"
    assert "failed" in report.sentence


def test_a_batch_that_somebody_stopped_ends_as_information_with_the_name(story: Story) -> None:
    do(story, "stop")
    story.status = BatchStatus.CANCELLED
    for _ in range(4):
        story.see(40 * SECOND)

    assert story.alerts()["error_spike"] == ("resolved", "batch_paused")
    (report,) = story.messages("batch_failed")
    assert report.severity == "info"
    assert "stopped by ann" in report.sentence


def test_a_stop_that_the_vendor_does_not_show_is_no_stall(story: Story) -> None:
    """Bland does not say what a batch looks like that was stopped."""
    do(story, "stop")
    told = len(story.owed())
    for _ in range(5):
        story.see(10 * MINUTE)

    assert story.alerts()["error_spike"] == ("resolved", "batch_paused")
    assert [each for each in story.owed()[told:] if each[1] == "fired"] == []


def test_a_new_run_is_nobodys(story: Story) -> None:
    do(story, "stop")
    story.status = BatchStatus.CANCELLED
    story.see(MINUTE)
    story.see(MINUTE)
    story.status = BatchStatus.RUNNING
    story.see(MINUTE)
    story.see(MINUTE)

    assert story.row().run == 2
    assert not story.row().stopped_by_user


def test_after_a_pause_it_completes_and_says_so(story: Story) -> None:
    paused(story)
    do(story, "resume")
    story.status = BatchStatus.RUNNING
    story.see(MINUTE)
    story.dial(40)
    story.status = BatchStatus.COMPLETED
    for _ in range(4):
        story.see(MINUTE)

    (report,) = story.messages("batch_completed")
    assert "completed" in report.sentence
    assert [each for each in story.owed() if each == ("error_spike", "fired")] == [
        ("error_spike", "fired")
    ]


OFFERS = [
    pytest.param(("pause", "resume", "stop"), ("pause",), id="the mildest"),
    pytest.param(("stop",), ("stop",), id="a stop where there is nothing else"),
    pytest.param((), (), id="nothing unless it is allowed"),
]


@pytest.mark.parametrize(("acts", "offered"), OFFERS)
def test_a_message_offers_what_may_be_done(
    tmp_path: Path, acts: tuple[str, ...], offered: tuple[str, ...]
) -> None:
    context = viewed(make_context(*DIALLING), acts=acts)
    story = Story(tmp_path / "offhook.db", context)
    story.invite(60)
    story.see()
    story.dial(20, CallStatus.FAILED)
    story.see(MINUTE)

    assert story.messages("error_spike")[0].acts == offered


def test_what_a_pause_closed_offers_to_resume(story: Story) -> None:
    paused(story)

    assert story.messages()[-1].acts == ("resume",)
