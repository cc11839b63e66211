"""What moved, moment by moment, and how the counters stood before."""

from datetime import timedelta

from monitor.core.instants import from_micros, to_micros
from monitor.core.model import BatchStatus, Counts
from monitor.core.past import KnownCalls
from monitor.core.pastcalls import PastCall
from monitor.core.pastmoves import Reader, stood_before
from monitor.core.unwatched import from_calls
from tests.builders import MINUTE, NOON, SECOND

CALL = PastCall(to_micros(NOON), "c1", "completed", attempt=1, duration_s=2.5, cost_micros=70)


def read(*calls: PastCall) -> Reader:
    return Reader(calls, {"p3": 2}, lambda text: Counts(total=int(text)))


def test_a_moment_says_what_it_adds_to_every_counter() -> None:
    found = read(CALL).moment(
        NOON,
        [
            ("contact", "p1", "pending", "in_call"),
            ("contact", "p2", None, "skipped"),
            ("contact", "p3", "retrying", "exhausted"),
            ("contact", "p4", "completed", "vanished"),
            ("call", "c1", "in_progress", "completed"),
            ("call", "c2", None, "in_progress"),
        ],
    )

    assert {key: n for key, n in found.delta.items() if n} == {
        "contact.pending": -1,
        "contact.in_call": 1,
        "contact.skipped": 1,
        "contact.retrying": -1,
        "contact.exhausted": 1,
        "contact.completed": -1,
        "exhausted.2": 1,
        "calls": 1,
        "call.completed": 1,
        "talk_ms": 2500,
        "cost.USD": 70,
    }
    assert found.calls == [(CALL, False)]
    assert (found.touched, found.listed, found.looked) == (True, True, False)


def test_a_cost_that_was_told_late_is_known_from_then_on() -> None:
    reader = Reader([CALL], {}, lambda text: Counts(total=int(text)), late=["c1"])
    first = reader.moment(NOON, [("call", "c1", None, "completed")])
    then = reader.moment(NOON + MINUTE, [("cost", "c1", None, None)])

    ((call, _),) = first.calls
    assert call.cost_micros is None
    assert "cost.USD" not in first.delta
    assert then.priced == [CALL]
    assert then.delta == {"cost.USD": 70}
    assert (then.listed, then.touched) == (True, False)


def test_a_corrected_call_is_first_as_it_was_told_first() -> None:
    reader = read(CALL)
    first = reader.moment(NOON, [("call", "c1", None, "no_answer")])
    then = reader.moment(NOON + MINUTE, [("call", "c1", "no_answer", "completed")])
    calls = KnownCalls()

    ((call, known),) = first.calls
    calls.add(call)
    assert (call.outcome, known) == ("no_answer", False)
    ((call, known),) = then.calls
    assert (call.outcome, known) == ("completed", True)
    calls.drop(call.call_id, call.ended)
    calls.add(call)
    assert calls.people_reached() == 1
    assert len(calls) == 1


def test_a_look_is_told_from_a_reading() -> None:
    look = read().moment(NOON, [("counts", "b1", None, "7"), ("batch", "b1", "x", "paused")])
    word = read().moment(NOON, [("batch", "b1", "running", "unknown: napping")])
    again = read().moment(NOON, [("batch", "b1", "completed", "reopened")])

    assert (look.counts, look.status, look.listed) == (Counts(total=7), BatchStatus.PAUSED, False)
    assert (word.status, word.raw_status) == (BatchStatus.UNKNOWN, "napping")
    assert (again.reopened, again.word, again.looked) == (True, None, True)


def test_a_retry_that_is_due_at_another_time_is_no_move() -> None:
    found = read().moment(NOON, [("due", "p1", None, "5")])

    assert (found.listed, found.touched) == (True, False)


def test_the_counters_before_are_those_of_now_without_what_moved() -> None:
    reader = read(CALL)
    moments = [reader.moment(NOON, [("call", "c1", None, "completed")])]

    assert stood_before({"calls": 3, "call.completed": 1, "contacts": 9}, moments) == {
        "calls": 2,
        "contacts": 9,
    }


def test_of_a_batch_that_nobody_watched_the_calls_become_known_as_they_ended() -> None:
    calls = [
        CALL._replace(ended=0, call_id="c0"),
        *(
            CALL._replace(ended=to_micros(NOON + n * 20 * SECOND), call_id=f"c{n}")
            for n in (1, 2, 8)
        ),
    ]
    tally = {"calls": 4, "call.completed": 4, "contacts": 5}
    past = from_calls(
        calls, BatchStatus.FAILED, Counts(total=5), tally, NOON + 9 * MINUTE, 30 * SECOND
    )

    assert (past.whole, past.calls, past.untimed) == (False, 3, 1)
    assert past.moments[0].word == "running"
    assert past.moments[-1].word == "failed"
    for moment in past.moments:
        assert all(from_micros(call.ended) <= moment.at for call, _ in moment.calls)
        assert all(moment.at - from_micros(call.ended) < 30 * SECOND for call, _ in moment.calls)
    total = {key: sum(moment.delta.get(key, 0) for moment in past.moments) for key in tally}
    assert total == tally
    assert past.moments[1].at - past.moments[0].at < timedelta(minutes=1)


def test_a_follow_up_is_no_retry() -> None:
    reader = Reader([CALL], {}, lambda _: Counts(), follow_ups={"c1"})
    found = reader.moment(NOON, [("call", "c1", None, "completed")])

    assert (found.delta["calls"], found.delta.get("retries", 0)) == (1, 0)
