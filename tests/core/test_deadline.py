from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from monitor.core.deadline import first_at, nearest, time_of_day, until_length, until_time
from tests.builders import HOUR, NOON, make_batch, make_facts

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(("text", "wall"), [("18:00", time(18)), (" 8:05 ", time(8, 5))])
def test_a_time_of_day_is_read(text: str, wall: time) -> None:
    assert time_of_day(text) == wall


@pytest.mark.parametrize("text", ["24:00", "18", "18:60", "6 pm", "18:00:00", ""])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time of day"):
        time_of_day(text)


@pytest.mark.parametrize(
    ("start", "at"),
    [
        pytest.param("2026-06-10T12:00", "2026-06-10T16:00", id="today"),
        pytest.param("2026-06-10T16:00", "2026-06-11T16:00", id="now is over"),
        pytest.param("2026-06-10T20:00", "2026-06-11T16:00", id="tomorrow"),
        pytest.param("2026-10-24T17:00", "2026-10-25T17:00", id="the clock changes in between"),
    ],
)
def test_the_first_moment_of_a_time_of_day(start: str, at: str) -> None:
    begun, expected = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, at))

    assert first_at(time(18), BERLIN, begun) == expected


def test_of_several_limits_the_nearest_counts() -> None:
    facts = make_facts(batch=make_batch(started_at=NOON - HOUR))
    late, soon = (
        nearest(facts, "18:00", None, close=True),
        nearest(facts, "18:00", 4 * HOUR, close=True),
    )

    assert late is not None
    assert (late.at, late.left) == (NOON + 6 * HOUR, 6 * HOUR)
    assert soon is not None
    assert (soon.at, soon.left) == (NOON + 3 * HOUR, 3 * HOUR)
    assert nearest(facts, None, None, close=False) is None


def test_what_began_nobody_knows_when_has_no_deadline_of_its_own() -> None:
    facts = make_facts(first_seen_at=None)

    assert until_time(facts, time(18)) is None
    assert until_length(facts, HOUR) is None


@pytest.mark.parametrize(
    ("changes", "hours"),
    [
        pytest.param({"batch": {"started_at": NOON - 2 * HOUR}}, 2, id="as the vendor says"),
        pytest.param({"batch": {"scheduled_at": NOON - 3 * HOUR}}, 3, id="as it was planned"),
        pytest.param(
            {"running_at": NOON - HOUR, "batch": {"created_at": NOON - 9 * HOUR}},
            1,
            id="as was seen",
        ),
        pytest.param(
            {"running_at": NOON - 4 * HOUR, "batch": {"created_at": NOON - 9 * HOUR}},
            9,
            id="seen running first",
        ),
        pytest.param({}, 4, id="the first look"),
        pytest.param(
            {"run": 2, "running_at": NOON - HOUR, "batch": {"started_at": NOON - 9 * HOUR}},
            1,
            id="a later run",
        ),
    ],
)
def test_when_a_batch_began(changes: dict[str, object], hours: int) -> None:
    known = {"first_seen_at": NOON - 4 * HOUR, **changes}
    batch = make_batch(**known.pop("batch", {}))  # type: ignore[arg-type]  # a dictionary

    assert make_facts(**{**known, "batch": batch}).began_at == NOON - hours * HOUR
