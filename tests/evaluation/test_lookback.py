"""The report of one batch over the store."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from monitor.core.alert import AlertState, Reason, Transition
from monitor.core.lookback import Cause
from monitor.core.model import BatchStatus
from monitor.core.rule import Finding
from monitor.evaluation.lookback import look_back
from monitor.store import alerts, lookback_views
from tests.builders import MINUTE, NOON
from tests.delivering import make_alert, make_subject, resolved
from tests.desks import CONTEXT
from tests.lookbacks import BEGAN, BUSY_LINE, look, take_batch


def test_it_shows_the_result_the_ladder_the_pace_and_the_causes(conn: Connection) -> None:
    row = take_batch(conn)
    found = look_back(conn, row, CONTEXT, NOON + MINUTE).batch

    lines = dict(found.lines)
    assert lines["people"] == "10"
    assert lines["reached"] == "5 (50 %)"
    assert [(rung.attempt, rung.calls, rung.completed) for rung in found.ladder] == [
        (0, 10, 4),
        (1, 1, 0),
        (2, 1, 1),
    ]
    assert sum(slot.calls for slot in found.pace) == 12
    assert found.pace[0].start <= BEGAN + MINUTE < found.pace[0].end
    assert Cause(label="error", value="carrier block", failed=5, calls=5) in found.causes
    assert Cause(label="from-number", value=BUSY_LINE, failed=5, calls=5) in found.causes
    # The vendor has one word for the error and the hang-up.
    assert [each.value for each in found.causes] == ["carrier block", BUSY_LINE]
    assert found.per_completed_micros == {"USD": 240_000}
    assert (found.open, found.ended_at, found.permitted_s) == (False, NOON, 7200)


def test_a_batch_that_runs_is_told_so_far(conn: Connection) -> None:
    row = take_batch(conn, status=BatchStatus.RUNNING, ended_at=None)
    found = look_back(conn, row, CONTEXT, NOON + 60 * MINUTE).batch

    assert (found.open, found.ended_at) == (True, None)
    assert found.permitted_s == 3 * 3600
    assert found.result.calls == 12
    assert dict(found.lines)["not dialled yet"] == "0"
    assert "never dialled" not in dict(found.lines), "who waits may still be called"


def test_its_alerts_are_those_of_its_whole_life_and_no_others(conn: Connection) -> None:
    row = take_batch(conn)
    here, there = make_subject(id="btc_9"), make_subject(id="btc_8")
    over = resolved(make_alert("error_spike", subject=here, since=NOON - MINUTE))
    fires = make_alert("batch_stalled", subject=here)
    was = Transition(
        alert=replace(over, closing=None, finding=Finding(summary="as it fired")),
        before=AlertState.PENDING,
        after=AlertState.FIRING,
        reason=Reason.HELD_LONG_ENOUGH,
        at=NOON,
    )
    alerts.save(conn, [over, fires, make_alert("error_spike", subject=there, episode=7)])
    alerts.record(conn, [was])

    found = look_back(conn, row, CONTEXT, NOON).alerts

    assert [each.summary for each in found] == ["as it fired", fires.finding.summary]
    assert [each.alert.key for each in found] == [over.key, fires.key]
    assert {each.alert.state for each in found} == {AlertState.FIRING, AlertState.RESOLVED}


@pytest.mark.parametrize(
    ("word", "provider", "expected"),
    [
        pytest.param("btc_9", None, ["btc_9"], id="its id"),
        pytest.param("renewals/btc_9", None, ["btc_9"], id="with its provider"),
        pytest.param("Renewals June", None, ["btc_10", "btc_9"], id="a name of two"),
        pytest.param("Renewals June", "others", [], id="of nobody else"),
        pytest.param("renewals june", None, [], id="another word"),
    ],
)
def test_which_batch_a_word_means(
    conn: Connection, word: str, provider: str | None, expected: list[str]
) -> None:
    take_batch(conn)
    take_batch(conn, batch_id="btc_10", seen_at=look().seen_at + MINUTE)

    found = lookback_views.meant(conn, word, provider)

    assert [row.look.batch_id for row in found] == expected
    assert {"btc_9", "btc_10", "Renewals June"} == lookback_views.known_words(conn)
