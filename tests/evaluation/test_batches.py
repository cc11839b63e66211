"""Whole stories of a batch: which alerts live, and what people are owed of them."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from structlog.testing import capture_logs

from monitor.core.facts import BatchFacts
from monitor.core.model import BatchStatus, Call, CallStatus, Contact, ContactStatus, Counts
from monitor.core.restored import Restored
from monitor.core.route import parse_matcher
from monitor.core.rule import BatchRule, Clear, Finding, Holds, Severity, Unknown, Verdict
from monitor.evaluation.batches import LINGER, LINGER_MOST, lingers
from monitor.ingest.looks import take_look
from monitor.store import alerts, batches
from monitor.store.engine import driver
from monitor.store.views import load_alerts, load_history
from rules.batch_completed import BatchCompleted
from rules.batch_failed import BatchFailed
from rules.batch_stalled import BatchStalled
from rules.count_mismatch import CountMismatch
from rules.error_spike import ErrorSpike
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch, make_call, make_report
from tests.stories import Story, make_context, run, transitions, viewed, without

FIRING = ("firing", "held_long_enough")
RECOVERED = ("resolved", "recovered")
ENDED = ("resolved", "batch_ended")
REPORTED = ("info", "reported")
SETTLED = ("info", "settled")
FAILED = CallStatus.FAILED


@pytest.fixture
def tell(tmp_path: Path) -> Iterator[Callable[..., Story]]:
    """Begin a story of 200 people, read once and well so far."""
    begun: list[Story] = []

    def begin(healthy: int = 20, **values: Any) -> Story:
        story = Story(tmp_path / f"{len(begun)}.db", **values)
        begun.append(story)
        story.invite(200)
        story.see()
        story.wait(30 * SECOND)
        story.dial(healthy)
        story.see()
        return story

    with capture_logs():  # rendering tracebacks takes longer than all the rest
        yield begin
    for story in begun:
        story.engine.dispose()


@pytest.fixture
def story(tell: Callable[..., Story]) -> Story:
    return tell()


@pytest.fixture
def spikes(tell: Callable[..., Story]) -> Story:
    """The same, with one rule only."""
    return tell(context=make_context(run(ErrorSpike())))


def spike(story: Story) -> Story:
    story.wait(30 * SECOND)
    story.dial(15, FAILED, error_class="carrier block")
    story.wait(SECOND)
    story.dial(1)
    story.see()
    return story


def poll(story: Story, minutes: int) -> Story:
    """Nothing happens, and it is looked at every minute."""
    for _ in range(minutes):
        story.see(MINUTE)
    return story


def end(story: Story, status: BatchStatus = BatchStatus.COMPLETED) -> Story:
    """Everybody is called and the vendor says that it is over; twenty seconds on, again."""
    story.wait(30 * SECOND)
    story.dial(len(story.people))
    story.status = status
    story.see()
    story.see(20 * SECOND)
    return story


def test_a_healthy_batch_says_nothing(story: Story) -> None:
    for _ in range(6):
        story.dial(10)
        story.see(30 * SECOND)

    assert story.alerts() == {}
    assert story.owed() == []


def test_a_spike_fires_and_recovers(spikes: Story) -> None:
    story = spikes
    spike(story)
    assert story.alerts() == {"error_spike": FIRING}
    poll(story, 10)
    story.dial(40)
    story.see(MINUTE)

    assert story.alerts() == {"error_spike": RECOVERED}
    assert story.owed() == [("error_spike", "fired"), ("error_spike", "resolved")]
    first, last = story.messages()
    assert (first.state, last.state) == ("FIRING", "RESOLVED")
    assert first.sentence.startswith("Renewals May: 15 of 36 calls failed")
    assert "recovered" in last.reason


def test_a_window_that_empties_never_resolves_a_spike(story: Story) -> None:
    spike(story)
    for _ in range(12):
        story.see(5 * MINUTE)

    assert story.alerts()["error_spike"] == FIRING
    assert [each for each in story.owed() if each[1] == "resolved"] == []
    with story.engine.connect() as conn:
        reason = conn.exec_driver_sql(
            "SELECT unknown FROM alerts WHERE instance = 'error_spike'"
        ).scalar_one()
    assert reason.startswith("no calls")


def test_it_recovers_once_calls_go_well_again(story: Story) -> None:
    spike(story)
    story.see(HOUR)
    for _ in range(3):
        story.dial(10)
        story.see(2 * MINUTE)

    assert story.alerts()["error_spike"] == RECOVERED


def test_evaluating_again_and_again_tells_nothing_twice(story: Story) -> None:
    spike(story)
    for _ in range(20):
        story.wait(10 * SECOND)
        story.judge()

    assert story.owed() == [("error_spike", "fired")]
    assert len(story.moves("error_spike")) == 2


def test_a_second_spike_is_another_episode(spikes: Story) -> None:
    story = spikes
    spike(story)
    poll(story, 10)
    story.dial(30)
    poll(story, 12)
    story.dial(20, FAILED)
    story.see()

    assert story.owed() == [
        ("error_spike", "fired"),
        ("error_spike", "resolved"),
        ("error_spike", "fired"),
    ]
    assert len({each.key for each in story.messages()}) == 2


def test_what_fires_after_a_backup_was_put_back_has_a_key_that_nothing_had(spikes: Story) -> None:
    story = spikes
    spike(story)
    poll(story, 10)
    story.dial(30)
    poll(story, 12)
    routing = story.context.routing
    restored = Restored(made_at=story.now - HOUR, at=story.now, episodes=1001)
    story.context = replace(story.context, routing=replace(routing, restored=restored))
    story.dial(20, FAILED)
    story.see()

    with story.engine.begin() as conn:
        found = load_alerts(conn, closed=True)
    assert sorted(each.episode for each in found) == [1, 1002]


def test_a_spike_may_fire_in_the_middle_of_a_reading_but_not_recover(spikes: Story) -> None:
    story = spikes
    story.wait(30 * SECOND)
    story.dial(15, FAILED)
    story.look()
    story.read(finish=False)
    story.judge()
    assert story.alerts() == {"error_spike": FIRING}

    story.read()
    story.wait(SECOND)
    story.dial(1)
    poll(story, 12)  # too few calls to say anything, but the list is read again and again
    story.wait(MINUTE)
    story.dial(30)
    story.look()
    story.read(finish=False)
    story.judge()
    assert story.alerts() == {"error_spike": FIRING}

    story.read()
    story.judge()
    assert story.alerts() == {"error_spike": RECOVERED}


def test_a_pending_time_needs_newer_facts(tell: Callable[..., Story]) -> None:
    story = tell(context=make_context(run(ErrorSpike(), pending_for=MINUTE)))
    spike(story)
    story.wait(4 * MINUTE)
    pending = story.judge()
    assert story.alerts() == {"error_spike": ("pending", "holds")}
    assert pending is not None
    assert pending.followed.pending
    assert story.owed() == []

    story.see()
    assert story.alerts() == {"error_spike": FIRING}
    assert story.owed() == [("error_spike", "fired")]


@dataclass(frozen=True, kw_only=True)
class Patient(BatchRule):
    id: ClassVar[str] = "patient"
    severity: ClassVar[Severity] = Severity.WARNING
    hurries: ClassVar[bool] = False

    tells: bool = True

    def judge(self, facts: BatchFacts) -> Verdict:
        return Holds(Finding(summary="is as it is")) if self.tells else Unknown("who knows")


def test_what_is_pending_and_need_not_be_hurried_does_not_hurry(
    tell: Callable[..., Story],
) -> None:
    story = tell(context=make_context(run(Patient(), pending_for=HOUR)))
    first = story.judge()
    story.context = make_context(run(Patient(tells=False), pending_for=HOUR))
    then = story.judge()

    assert story.alerts() == {"patient": ("pending", "holds")}
    assert [each and each.followed.pending for each in (first, then)] == [False, False]


def test_a_look_alone_does_not_make_old_calls_new(tell: Callable[..., Story]) -> None:
    story = tell(context=make_context(run(ErrorSpike(), pending_for=MINUTE)))
    spike(story)
    story.wait(2 * MINUTE)
    story.dial(100)
    story.look()
    story.judge()  # the batch has been looked at; that its calls go well now is not yet read
    assert story.alerts() == {"error_spike": ("pending", "holds")}
    story.read()
    story.judge()

    assert story.alerts() == {"error_spike": ("resolved", "no_longer_holds")}
    assert story.owed() == []
    with story.engine.begin() as conn:
        assert load_alerts(conn, closed=True) == ()  # it never was one


def test_the_reading_that_shows_the_recovery_ends_it(spikes: Story) -> None:
    spike(spikes)
    spikes.wait(MINUTE)
    spikes.dial(100)
    spikes.see()

    assert spikes.alerts() == {"error_spike": RECOVERED}


def test_a_pending_alert_that_no_longer_holds_is_never_told(tell: Callable[..., Story]) -> None:
    story = tell(context=make_context(run(ErrorSpike(), pending_for=5 * MINUTE)))
    spike(story)
    story.wait(MINUTE)
    story.dial(100)
    story.see()

    assert story.alerts() == {"error_spike": ("resolved", "no_longer_holds")}
    assert story.owed() == []


def test_nothing_resolves_on_facts_that_are_old(story: Story) -> None:
    spike(story)
    story.dial(100)
    story.read()  # the list is read again, but nobody has looked at the batch since
    story.wait(6 * MINUTE)
    story.judge()

    assert story.alerts() == {"error_spike": FIRING}


# The end


def test_a_completed_batch_is_reported_once_it_is_confirmed_and_agrees(story: Story) -> None:
    story.wait(30 * SECOND)
    story.dial(180)
    story.status = BatchStatus.COMPLETED
    story.see()
    assert story.owed() == []
    story.see(10 * SECOND)
    assert story.owed() == []
    story.see(5 * SECOND)

    assert story.alerts() == {"batch_completed": REPORTED}
    assert story.owed() == [("batch_completed", "reported")]
    (message,) = story.messages()
    assert message.sentence == "Renewals May: completed, 200 of 200 people reached (100 %)"
    assert "settling" in message.marks


def test_a_report_settles(story: Story) -> None:
    end(story)
    story.deliver()
    told = story.owed()
    for _ in range(12):
        story.see(MINUTE)

    assert told == [("batch_completed", "reported")]
    assert story.alerts() == {"batch_completed": SETTLED}
    assert story.owed() == told  # an incoming webhook hears no second time of the same numbers
    assert story.moves("batch_completed") == [
        (None, "info", "reported"),
        ("info", "info", "settled"),
    ]


def test_the_audit_of_a_settled_report_has_its_last_numbers(story: Story) -> None:
    end(story)
    story.see(MINUTE)
    story.invite(1)
    story.dial(1)
    poll(story, 6)

    with story.engine.connect() as conn:
        (report,) = load_alerts(conn, closed=True)
        told = [each.summary for each in load_history(conn, report.key)]
    assert told == [
        "completed, 200 of 200 people reached (100 %)",
        "completed, 201 of 201 people reached (100 %)",
    ]
    assert report.summary == told[-1]


def test_a_run_that_no_look_saw_is_reported_by_what_it_left(story: Story) -> None:
    poll(end(story), 6)
    story.invite(5)
    story.dial(5)
    poll(story, 9)

    told = [each.sentence for each in story.messages("batch_completed")]
    row = story.row()
    assert list(dict.fromkeys(told)) == [
        "Renewals May: completed, 200 of 200 people reached (100 %)",
        "Renewals May: completed, 205 of 205 people reached (100 %)",
    ]
    assert [each[1] for each in story.moves("batch_completed")] == ["info"] * 4
    assert row.run == 2
    assert row.report is not None
    assert row.report.people == 205


def test_more_calls_to_the_same_people_are_another_run(story: Story) -> None:
    poll(end(story), 6)
    story.calls["again"] = make_call(call_id="again", contact_id="p000", ended_at=story.now)
    poll(story, 9)

    assert story.row().run == 2
    assert [each[1] for each in story.owed()].count("reported") == 2


def test_late_numbers_of_the_same_calls_are_no_other_run(story: Story) -> None:
    poll(end(story), 6)
    for key, call in story.calls.items():
        story.calls[key] = call._replace(cost_micros=10_000, currency="USD", detail_at=story.now)
    poll(story, 9)

    assert story.row().run == 1


def test_a_call_that_outlasts_a_cancelled_batch_is_no_other_run(story: Story) -> None:
    poll(end(story, BatchStatus.CANCELLED), 2)
    story.calls["late"] = make_call(call_id="late", contact_id="p000", ended_at=story.now)
    poll(story, 5)

    assert story.row().run == 1
    assert [each for each in story.owed() if each[1] == "reported"] == [
        ("batch_failed", "reported")
    ]


def test_what_was_firing_closes_with_the_batch_and_is_named_in_the_report(story: Story) -> None:
    spike(story)
    end(story)

    assert story.alerts() == {"error_spike": ENDED, "batch_completed": REPORTED}
    report = story.messages("batch_completed")[0]
    assert any("error_spike" in text for _, text in report.lines)
    pinged = [each for each in story.messages("error_spike") if each.state != "FIRING"]
    assert not any(each.loud for each in pinged)


def test_counts_that_do_not_agree_are_told_as_such_after_a_while(story: Story) -> None:
    story.counts = Counts(total=212, live=0)
    end(story)
    poll(story, 14)
    assert story.owed() == []
    story.see(MINUTE)

    (message,) = story.messages()
    assert "reported complete, unverified" in message.sentence
    assert "212" in message.sentence
    assert "200" in message.sentence


def test_counts_that_agree_at_last_are_told_at_once(story: Story) -> None:
    story.counts = Counts(total=212, live=0)
    end(story)
    story.counts = None
    story.see(MINUTE)
    story.see(5 * SECOND)  # counts that fall are believed at the second look

    assert story.owed() == [("batch_completed", "reported")]
    assert "unverified" not in story.messages()[0].sentence


def test_an_end_whose_list_was_not_read_is_not_called_complete(story: Story) -> None:
    story.wait(30 * SECOND)
    story.status = BatchStatus.COMPLETED
    story.dial(180)
    story.look()
    story.wait(20 * SECOND)
    story.look()
    story.read(unread=1)
    story.judge()

    assert story.owed() == []


def test_a_batch_that_had_ended_before_the_baseline_is_history(tmp_path: Path) -> None:
    story = Story(tmp_path / "b.db", status=BatchStatus.COMPLETED, baseline=True)
    story.invite(3)
    for _ in range(3):
        story.see(MINUTE)

    assert (story.alerts(), story.owed()) == ({}, [])
    assert not story.row().open
    story.engine.dispose()


@pytest.mark.parametrize("status", [BatchStatus.COMPLETED, BatchStatus.FAILED])
def test_a_batch_that_lived_between_two_looks_is_reported_once(
    tmp_path: Path, status: BatchStatus
) -> None:
    story = Story(tmp_path / "b.db", status=status)
    story.invite(3)
    story.dial(3)
    for _ in range(5):
        story.see(20 * SECOND)
    story.engine.dispose()

    rule = "batch_completed" if status is BatchStatus.COMPLETED else "batch_failed"
    assert story.owed() == [(rule, "reported")]
    story.engine.dispose()


def test_what_went_wrong_in_a_batch_that_nobody_saw_is_told_late(tmp_path: Path) -> None:
    story = Story(tmp_path / "b.db", status=BatchStatus.COMPLETED)
    story.invite(100)
    began = story.now
    story.wait(5 * MINUTE)
    story.dial(30, FAILED)
    story.wait(20 * MINUTE)
    story.dial(70)
    story.wait(20 * MINUTE)
    for _ in range(4):
        story.look(started_at=began)
        story.judge()
        story.read()
        story.judge()
        story.wait(20 * SECOND)
    story.engine.dispose()

    assert story.alerts()["error_spike"] == ("resolved", "batch_ended")
    assert "detected late" in story.messages("error_spike")[0].marks


def test_a_batch_open_at_the_baseline_is_reported_when_it_ends(tmp_path: Path) -> None:
    story = Story(tmp_path / "b.db", baseline=True)
    story.invite(10)
    story.see()
    end(story)

    assert story.owed() == [("batch_completed", "reported")]
    story.engine.dispose()


def test_a_batch_that_runs_again_reports_again(story: Story) -> None:
    end(story)
    story.status = BatchStatus.RUNNING
    story.invite(20)
    story.see(MINUTE)
    story.see(10 * SECOND)
    assert story.row().run == 2
    end(story)

    done, reopened = ("batch_completed", "reported"), ("batch_reopened", "reported")
    assert story.owed() == [done, reopened, done]
    first, again, last = story.messages()
    assert again.sentence.startswith("Renewals May: dials again since ")
    assert len({first.key, again.key, last.key}) == 3


def test_people_who_were_never_dialled_are_told_beside_the_end(story: Story) -> None:
    story.wait(30 * SECOND)
    story.dial(len(story.people) - 57)
    story.status = BatchStatus.COMPLETED
    story.see()
    story.see(20 * SECOND)
    poll(story, 15)

    assert story.owed() == [
        ("batch_completed", "reported"),
        ("never_dialled", "reported"),
        ("batch_completed", "settled"),
    ]
    _, missed, _ = story.messages()
    assert missed.severity == "warning"
    assert missed.sentence == (
        "Renewals May: completed, but 37 of 200 people never dialled: 37 left in the queue"
    )


@pytest.mark.parametrize(
    ("status", "severity"),
    [
        (BatchStatus.FAILED, "critical"),
        (BatchStatus.EXPIRED, "critical"),
        (BatchStatus.CANCELLED, "info"),
    ],
    ids=["failed", "expired with people never dialled", "cancelled"],
)
def test_another_end_is_reported_by_its_weight(
    story: Story, status: BatchStatus, severity: str
) -> None:
    story.status = status
    story.see(30 * SECOND)
    story.see(10 * SECOND)

    (message,) = story.messages()
    assert (message.rule, message.severity) == ("batch_failed", severity)
    assert story.alerts() == {"batch_failed": REPORTED}


def test_an_ended_batch_is_watched_for_a_while_and_then_let_go(story: Story) -> None:
    end(story)
    story.see(MINUTE)
    story.see(6 * MINUTE)
    assert story.row().open
    done = story.see(LINGER)

    assert done is not None
    assert (done.open, story.row().open) == (False, False)
    assert story.row().report is not None


def unknown_word(story: Story) -> None:
    person = story.people["p100"]
    story.people["p100"] = person._replace(status=ContactStatus.UNKNOWN, raw_status="odd")


def unknown_call(story: Story) -> None:
    call = story.calls["c100"]
    story.calls["c100"] = call._replace(status=CallStatus.UNKNOWN, raw_status="odd", ended_at=None)


def end_with(
    story: Story, what: Callable[[Story], None]
) -> tuple[dict[str, Contact], dict[str, Call]]:
    """Its end, at which this is read of somebody; how it truly is."""
    story.wait(30 * SECOND)
    story.dial(len(story.people))
    truly = {**story.people}, {**story.calls}
    what(story)
    story.status = BatchStatus.CANCELLED
    story.see()
    story.see(20 * SECOND)
    return truly


@pytest.mark.parametrize("what", [unknown_word, unknown_call])
def test_an_ended_batch_is_watched_until_every_word_in_it_is_known(
    story: Story, what: Callable[[Story], None]
) -> None:
    people, calls = end_with(story, what)
    assert not lingers(story.row(), story.now)
    story.see(2 * LINGER)
    assert story.row().open
    assert lingers(story.row(), story.now)

    story.people, story.calls = people, calls
    story.see(HOUR)

    assert not story.row().open
    assert not lingers(story.row(), story.now)


def test_an_ended_batch_is_watched_again_for_a_word_that_was_read_as_it_was_let_go_of(
    story: Story,
) -> None:
    story.status = BatchStatus.CANCELLED
    story.see()
    story.see(20 * SECOND)
    story.wait(LINGER)
    story.look()
    story.judge()
    assert not story.row().open

    unknown_word(story)
    story.read()
    done = story.judge()

    assert done is not None
    assert (done.open, story.row().open) == (True, True)


def test_an_ended_batch_is_not_watched_for_ever_for_a_word_that_stays_unknown(story: Story) -> None:
    end_with(story, unknown_word)
    story.see(LINGER_MOST - HOUR)
    assert story.row().open

    story.see(HOUR)

    assert not story.row().open
    assert story.row().tally["contact.unknown"] == 1


def test_the_report_stands_beside_that_of_the_batch_before_it(story: Story) -> None:
    end(story)
    later = Story(story.path, now=story.now + HOUR)
    later.invite(50)
    later.look(batch_id="b2")
    later.read()
    later.dial(50)
    later.status = BatchStatus.COMPLETED
    for _ in range(2):
        later.wait(20 * SECOND)
        later.look(batch_id="b2")
        later.read()
        later.judge()
    later.engine.dispose()

    last = story.messages()[-1]
    assert last.batch == "b2"
    assert any("before" in f"{label} {text}" for label, text in last.lines)


# Pauses, blindness, clocks


def test_a_pause_keeps_what_fires_and_starts_nothing(story: Story) -> None:
    spike(story)
    story.status = BatchStatus.PAUSED
    for _ in range(12):
        story.see(5 * MINUTE)

    assert story.alerts() == {"error_spike": FIRING}
    assert story.owed() == [("error_spike", "fired")]


def test_a_resumed_batch_has_not_stalled_yet(story: Story) -> None:
    story.status = BatchStatus.PAUSED
    story.see(MINUTE)
    story.see(3 * HOUR)
    story.status = BatchStatus.RUNNING
    story.see(MINUTE)
    assert story.alerts() == {"batch_paused": RECOVERED}
    for _ in range(5):
        story.see(3 * MINUTE)

    assert story.alerts()["batch_stalled"] == FIRING


def test_nothing_is_said_of_a_batch_while_its_provider_cannot_be_seen(story: Story) -> None:
    spike(story)
    story.refuse()
    for _ in range(8):
        story.wait(MINUTE)
        story.judge_provider()
        story.judge()
    assert story.alerts() == {"error_spike": FIRING, "provider_blind": FIRING}
    assert story.owed() == [("error_spike", "fired"), ("provider_blind", "fired")]

    story.dial(60)
    story.see(5 * MINUTE)
    story.judge_provider()
    story.judge()
    assert story.alerts() == {"error_spike": RECOVERED, "provider_blind": RECOVERED}


def test_what_begins_while_the_provider_is_blind_is_told_when_it_is_seen_again(
    story: Story,
) -> None:
    story.refuse()
    for _ in range(7):
        story.wait(MINUTE)
        story.judge_provider()
    story.dial(30, FAILED)
    story.look()
    story.refuse("timeout", "its lists do not answer")  # one batch is seen, the account is not
    story.read()
    story.judge()
    assert story.alerts()["error_spike"] == FIRING
    assert ("error_spike", "fired") not in story.owed()

    story.wait(MINUTE)
    story.look()
    story.judge_provider()
    story.judge()
    assert ("error_spike", "fired") in story.owed()


def test_a_jump_of_the_clock_holds_everything_until_something_is_seen(story: Story) -> None:
    story.wait(30 * SECOND)
    story.dial(15, FAILED)
    story.look()
    story.read()
    story.wait(SECOND)
    held = replace(story.context, held_since=story.now)
    story.judge(held)
    assert story.alerts() == {}

    story.wait(SECOND)
    story.look()
    story.judge(held)
    assert story.alerts() == {"error_spike": FIRING}


# After a gap in the data


def look_only(story: Story, times: int) -> None:
    """It is asked how the batch stands, and its list is not read."""
    for _ in range(times):
        story.look()
        story.judge()
        story.wait(20 * SECOND)


def gap(story: Story, *, then: Callable[[Story], None]) -> Story:
    """Nothing is seen for 40 minutes; early in them something happens."""
    story.wait(12 * MINUTE)
    then(story)
    story.wait(28 * MINUTE)
    story.see()
    return story


def fail_some(story: Story) -> None:
    story.dial(30, FAILED)
    story.wait(SECOND)
    story.dial(1)


def test_a_spike_that_came_and_went_unseen_is_told_late_and_once(story: Story) -> None:
    gap(story, then=fail_some)
    assert story.alerts()["error_spike"] == FIRING
    for _ in range(6):
        story.dial(10)
        story.see(2 * MINUTE)

    assert story.alerts()["error_spike"] == RECOVERED
    assert [each for each in story.owed() if each == ("error_spike", "fired")] == [
        ("error_spike", "fired")
    ]
    first = story.messages("error_spike")[0]
    assert "detected late" in first.marks


@pytest.mark.parametrize("read", [0, 1], ids=["read at once", "read after a second look"])
def test_a_spike_of_a_batch_that_ended_in_the_same_gap_is_told_late_and_once(
    story: Story, read: int
) -> None:
    def fail_and_end(story: Story) -> None:
        fail_some(story)
        story.wait(8 * MINUTE)
        story.dial(len(story.people))
        story.status = BatchStatus.COMPLETED

    story.wait(12 * MINUTE)
    fail_and_end(story)
    story.wait(28 * MINUTE)
    look_only(story, read)
    for _ in range(4):
        story.see(20 * SECOND)

    assert story.alerts()["error_spike"] == ("resolved", "batch_ended")
    first = story.messages("error_spike")[0]
    assert (first.state, first.marks) == ("FIRING", ("detected late",))
    assert [rule for rule, _ in story.owed()].count("error_spike") == 2
    assert ("batch_completed", "reported") in story.owed()


@pytest.mark.parametrize("before", [0, 1], ids=["not told before", "told before"])
@pytest.mark.parametrize("looks", [0, 1, 2])
def test_a_list_that_is_long_read_after_such_a_gap_tells_a_spike_once(
    story: Story, looks: int, before: int
) -> None:
    for _ in range(before):
        spike(story)
    story.wait(12 * MINUTE)
    fail_some(story)
    story.wait(8 * MINUTE)
    story.dial(len(story.people))
    story.status = BatchStatus.COMPLETED
    story.wait(28 * MINUTE)
    look_only(story, looks)
    for _ in range(4):
        story.look()
        story.read(finish=False)
        story.judge()
        story.wait(10 * SECOND)
    for _ in range(4):
        story.see(20 * SECOND)

    told = [transition for rule, transition in story.owed() if rule == "error_spike"]
    assert told == ["fired", "resolved"]


@pytest.mark.parametrize("gap", [2, 28, 75])
@pytest.mark.parametrize("looks", [0, 1, 2])
def test_a_breach_that_is_read_once_its_batch_is_over_is_told_once(
    story: Story, looks: int, gap: int
) -> None:
    story.dial(1)
    (*_, call) = story.calls.values()
    for n in range(6):
        story.wait(10 * SECOND)
        again = call._replace(call_id=f"again{n}", started_at=story.now, ended_at=story.now)
        story.calls[again.call_id] = again
    story.dial(len(story.people))
    story.status = BatchStatus.COMPLETED
    story.wait(gap * MINUTE)
    look_only(story, looks)
    for _ in range(4):
        story.see(20 * SECOND)

    told = [transition for rule, transition in story.owed() if rule == "too_many_attempts"]
    assert told == ["fired", "resolved"]


def test_a_late_alert_says_what_the_batch_has_cost(story: Story) -> None:
    story.dial(30, FAILED, cost_micros=100_000, currency="USD")
    gap(story, then=fail_some)

    end(story)

    first, last = story.messages("error_spike")
    assert dict(first.lines)["money now"].startswith("3.00 USD spent; the 119 people")
    assert "money now" not in dict(last.lines), "nobody waits any more"
    assert dict(last.lines)["money while firing"] == dict(first.lines)["money now"]


def test_counts_that_lag_behind_a_list_that_is_read_late_make_no_standstill(
    tmp_path: Path,
) -> None:
    story = Story(tmp_path / "b.db", context=make_context(run(BatchStalled())))
    story.invite(200)
    for finished in (0, 20):
        story.dial(finished)
        story.counts = Counts(total=200, finished=finished)
        story.see(MINUTE)
    story.dial(20)
    story.counts = Counts(total=200, finished=40)
    for _ in range(14):
        story.wait(MINUTE)
        story.dial(1)
        story.look()
        story.judge()
    last = story.now
    story.wait(30 * SECOND)
    story.read()
    story.judge()
    story.engine.dispose()

    assert story.row().moved_at == last
    assert story.alerts() == {}


def test_a_gap_in_which_nothing_went_wrong_is_not_told(story: Story) -> None:
    gap(story, then=lambda each: each.dial(30))

    assert "error_spike" not in story.alerts()


def test_a_late_finding_needs_no_pending_time(tell: Callable[..., Story]) -> None:
    story = tell(context=make_context(run(ErrorSpike(), pending_for=5 * MINUTE)))
    gap(story, then=fail_some)

    assert story.alerts() == {"error_spike": FIRING}


def test_a_gap_is_as_long_as_the_window_of_this_batch(tell: Callable[..., Story]) -> None:
    short = ((parse_matcher("provider=renewals"),), run(ErrorSpike()).settings)
    story = tell(context=make_context(replace(run(ErrorSpike(window=HOUR)), overrides=(short,))))
    gap(story, then=fail_some)

    assert story.alerts()["error_spike"] == FIRING


def test_what_still_holds_after_a_gap_is_not_late(story: Story) -> None:
    story.wait(39 * MINUTE)
    story.dial(30, FAILED)
    story.see(MINUTE)

    (message,) = story.messages("error_spike")
    assert "detected late" not in message.marks


def test_a_batch_with_one_unreadable_row_is_not_judged_in_the_past_for_ever(story: Story) -> None:
    for n in range(12):
        story.wait(2 * MINUTE)
        story.dial(12 if n else 5, FAILED if n == 0 else CallStatus.COMPLETED)
        story.look()
        story.judge()
        story.read(unread=1)
        story.judge()

    assert [each for each in story.messages() if "detected late" in each.marks] == []


def test_judging_what_has_not_moved_writes_nothing_but_now_and_then(story: Story) -> None:
    story.see(SECOND)
    story.see(SECOND)
    with closing(driver.connect(str(story.path))) as beside:

        def written(after: timedelta) -> bool:
            ((before,),) = beside.execute("PRAGMA data_version").fetchall()
            story.wait(after)
            story.judge()
            ((now,),) = beside.execute("PRAGMA data_version").fetchall()
            return bool(now != before)

        assert [written(20 * SECOND) for _ in range(6)] == [False, False, True] * 2


@pytest.mark.parametrize(
    ("window", "kept_for"),
    [
        pytest.param(10 * MINUTE, MINUTE, id="as usual"),
        pytest.param(HOUR, MINUTE, id="a long window"),
        pytest.param(MINUTE, 6 * SECOND, id="a short window"),
    ],
)
def test_gaps_are_counted_from_a_moment_no_older_than_a_tenth_of_the_window(
    tell: Callable[..., Story], window: timedelta, kept_for: timedelta
) -> None:
    story = tell(context=make_context(run(ErrorSpike(window=window)), run(ErrorSpike(), "long")))
    at = story.now
    assert noted(story) == at
    story.wait(kept_for - SECOND)
    story.judge()
    assert noted(story) == at
    story.wait(SECOND)
    story.judge()
    assert noted(story) == at + kept_for


def test_that_what_has_moved_was_judged_is_written_down_at_once(story: Story) -> None:
    at = story.now
    story.wait(SECOND)
    story.dial(1)
    story.see()

    assert noted(story) == at + SECOND


def test_a_clock_that_was_set_back_leaves_no_moment_to_come(story: Story) -> None:
    story.wait(-30 * SECOND)
    story.judge()

    assert noted(story) == story.now


def noted(story: Story) -> datetime | None:
    """When the batch was judged, as far as the database knows."""
    with story.engine.connect() as conn:
        return alerts.last_evaluated(conn, f"batch:{story.batch}")[1]


# Rules that change or break


@dataclass(frozen=True, kw_only=True)
class Broken(BatchRule):
    id: ClassVar[str] = "broken"
    severity: ClassVar[Severity] = Severity.WARNING

    def judge(self, facts: BatchFacts) -> Verdict:
        raise ZeroDivisionError("oh")


@dataclass(frozen=True, kw_only=True)
class Always(BatchRule):
    id: ClassVar[str] = "always"
    severity: ClassVar[Severity] = Severity.WARNING

    def judge(self, facts: BatchFacts) -> Verdict:
        return Holds(Finding(summary="is as it is"))


def test_a_rule_that_breaks_keeps_its_alert_and_stops_no_other(
    tell: Callable[..., Story],
) -> None:
    story = tell(context=make_context(run(Always(), "odd"), run(ErrorSpike())))
    story.context = make_context(run(Broken(), "odd"), run(ErrorSpike()))
    done = spike(story).judge()

    assert done is not None
    assert done.followed.crashes == {"odd": "ZeroDivisionError"}
    assert story.alerts() == {"odd": FIRING, "error_spike": FIRING}


@dataclass(frozen=True, kw_only=True)
class Speechless(BatchRule):
    id: ClassVar[str] = "speechless"
    severity: ClassVar[Severity] = Severity.WARNING

    def judge(self, facts: BatchFacts) -> Verdict:
        return Clear(_unsaid)


def _unsaid() -> Finding:
    raise ZeroDivisionError("oh")


def test_a_rule_that_cannot_say_what_it_saw_keeps_its_alert_and_stops_no_other(
    tell: Callable[..., Story],
) -> None:
    story = tell(context=make_context(run(Always(), "odd"), run(ErrorSpike())))
    story.judge()
    story.context = make_context(run(Speechless(), "odd"), run(ErrorSpike()))
    done = spike(story).judge()

    assert done is not None
    assert done.followed.crashes == {"odd": "ZeroDivisionError"}
    assert story.alerts() == {"odd": FIRING, "error_spike": FIRING}


def test_a_rule_that_is_gone_closes_its_alerts_without_a_word(story: Story) -> None:
    spike(story)
    story.context = without(story.context, "error_spike")
    story.judge()

    assert story.alerts() == {"error_spike": ("resolved", "rule_changed")}
    assert [each for each in story.messages() if each.loud] == story.messages()[:1]
    assert not any(each.state == "RESOLVED" and each.loud for each in story.messages())


def test_a_rule_that_matches_the_batch_no_more_closes_its_alerts(story: Story) -> None:
    spike(story)
    other = replace(run(ErrorSpike()), match=(parse_matcher("batch_name=Other"),))
    story.context = make_context(other)
    story.judge()

    assert story.alerts() == {"error_spike": ("resolved", "rule_changed")}


def test_a_batch_that_is_watched_no_more_closes_its_alerts(story: Story) -> None:
    spike(story)
    story.context = viewed(story.context, match=(parse_matcher("batch_name!=Renewals May"),))
    moved = transitions(story.judge())

    assert [each.instance for each in moved] == ["error_spike"]
    assert story.alerts() == {"error_spike": ("resolved", "rule_changed")}


def test_a_batch_of_an_unknown_provider_is_not_judged(story: Story) -> None:
    spike(story)

    assert story.judge(replace(story.context, providers={})) is None
    assert story.alerts() == {"error_spike": FIRING}


def test_an_override_tunes_one_alert_and_makes_no_second(story: Story) -> None:
    spike(story)
    strict = run(ErrorSpike()).settings
    milder = replace(strict, severity=Severity.WARNING, rule=ErrorSpike(threshold=0.3))
    tuned = replace(
        run(ErrorSpike()), overrides=(((parse_matcher("batch_name=~Renewals.*"),), milder),)
    )
    story.context = make_context(tuned)
    story.see(30 * SECOND)

    assert story.alerts() == {"error_spike": FIRING}
    assert story.owed() == [("error_spike", "fired")]


def test_two_instances_of_one_rule_are_two_alerts(tell: Callable[..., Story]) -> None:
    story = tell(context=make_context(run(ErrorSpike()), run(ErrorSpike(), "carrier")))
    spike(story)

    assert story.alerts() == {"error_spike": FIRING, "carrier": FIRING}


def test_a_stall_is_told_and_ends_with_the_next_move(tell: Callable[..., Story]) -> None:
    story = tell(context=make_context(run(BatchStalled())))
    for _ in range(4):
        story.see(3 * MINUTE)
    assert story.alerts() == {"batch_stalled": FIRING}
    story.dial(5)
    story.see(MINUTE)

    assert story.alerts() == {"batch_stalled": RECOVERED}


def test_only_rules_about_ends_are_asked_about_an_ended_batch(tell: Callable[..., Story]) -> None:
    story = tell(context=make_context(run(Always()), run(BatchCompleted()), run(BatchFailed())))
    assert story.alerts() == {"always": FIRING}
    end(story)
    story.see(MINUTE)

    assert story.alerts()["always"] == ENDED
    assert story.moves("always")[-1] == ("firing", "resolved", "batch_ended")


def test_times_do_not_depend_on_when_it_is_judged(story: Story) -> None:
    before = story.row()
    story.wait(timedelta(minutes=3))
    story.judge()

    assert story.row() == before
    assert before.first_seen_at == NOON


def test_what_is_usual_comes_from_the_batch_before_while_there_are_few_calls(
    tell: Callable[..., Story],
) -> None:
    story = tell(healthy=0, context=make_context(run(ErrorSpike())))
    with story.engine.begin() as conn:
        look = make_batch(batch_id="b0", status=BatchStatus.COMPLETED, seen_at=NOON - HOUR)
        before = take_look(conn, look, baseline=True)
        batches.save(conn, replace(before, report=make_report()), "report")
    story.dial(25, FAILED)
    story.see(MINUTE)

    (message,) = story.messages()
    assert "25 of 25 calls failed in 10 min (100 %, usually none, n 130)" in message.sentence


def test_lists_that_caught_up_while_nobody_looked_accuse_nobody(
    tell: Callable[..., Story],
) -> None:
    story = tell(context=make_context(run(CountMismatch())))
    story.invite(1)
    story.counts = story.counted()
    late, person = story.people.popitem()
    story.see(30 * SECOND)
    story.see(30 * SECOND)
    assert story.alerts() == {"count_mismatch": ("pending", "holds")}

    story.people[late] = person
    story.wait(3 * HOUR)
    story.look()
    story.judge()
    assert story.alerts() == {"count_mismatch": ("pending", "holds")}

    story.read()
    poll(story, 2)
    assert story.alerts() == {"count_mismatch": ("resolved", "no_longer_holds")}
