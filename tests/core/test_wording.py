from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.core.wording import clock, counted, money, people_text, percent, span, zone_named


@pytest.mark.parametrize(
    ("part", "text"),
    [
        pytest.param(0.0, "0 %", id="none"),
        pytest.param(1.0, "100 %", id="all"),
        pytest.param(19 / 42, "45 %", id="rounded"),
        pytest.param(0.004, "0.4 %", id="little is not nothing"),
        pytest.param(0.00004, "0.004 %", id="very little is not nothing"),
        pytest.param(0.9996, "99.9 %", id="nearly all is not all"),
    ],
)
def test_shares(part: float, text: str) -> None:
    assert percent(part) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0, "0 s", id="nothing"),
        pytest.param(-5, "0 s", id="less than nothing"),
        pytest.param(45, "45 s", id="seconds"),
        pytest.param(600, "10 min", id="minutes"),
        pytest.param(6_600, "1 h 50 min", id="hours and minutes"),
        pytest.param(3_605, "1 h", id="the unit after next is left out"),
        pytest.param(183_600, "2 d 3 h", id="days"),
    ],
)
def test_lengths_of_time(seconds: int, text: str) -> None:
    assert span(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        pytest.param(12_340_000, "12.34 USD", id="amount"),
        pytest.param(1_234_567_890_000, "1,234,567.89 USD", id="large"),
        pytest.param(4_200, "0.0042 USD", id="fractions of a cent"),
        pytest.param(0, "0.00 USD", id="nothing"),
    ],
)
def test_money(micros: int, text: str) -> None:
    assert money(micros, "USD") == text


def test_counts() -> None:
    assert counted(1, "call") == "1 call"
    assert counted(1_204, "call") == "1,204 calls"
    assert counted(2, "retry", "retries") == "2 retries"
    assert people_text(1) == "1 person"
    assert people_text(404) == "404 people"


@pytest.mark.parametrize(
    ("at", "text"),
    [
        pytest.param("2026-06-10T12:06", "14:06", id="today"),
        pytest.param("2026-06-09T21:59", "Tue 23:59", id="yesterday on that wall"),
        pytest.param("2026-06-09T22:01", "00:01", id="today on that wall"),
        pytest.param("2026-06-15T07:00", "Mon 09:00", id="in a few days"),
        pytest.param("2026-05-01T07:00", "2026-05-01 09:00", id="long ago"),
    ],
)
def test_times_are_told_on_the_wall_of_the_zone(at: str, text: str) -> None:
    now = datetime(2026, 6, 10, 13, tzinfo=UTC)

    assert (
        clock(datetime.fromisoformat(at).replace(tzinfo=UTC), ZoneInfo("Europe/Berlin"), now)
        == text
    )


@pytest.mark.parametrize(
    ("names", "zone"),
    [
        pytest.param(("Asia/Kolkata", "Europe/Berlin"), "Asia/Kolkata", id="the first"),
        pytest.param((None, "", "Europe/Berlin"), "Europe/Berlin", id="the first that is there"),
        pytest.param(("IST+5", "../etc", "Europe"), "UTC", id="none that exists"),
        pytest.param((), "UTC", id="none"),
    ],
)
def test_a_zone_that_does_not_exist_is_passed_over(
    names: tuple[str | None, ...], zone: str
) -> None:
    assert str(zone_named(*names)) == zone
