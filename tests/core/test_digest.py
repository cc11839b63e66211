"""When digests go out, on the wall and through every change of the clock."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.core.digest import next_slot
from monitor.core.route import Digest
from tests.builders import HOUR, MINUTE, NOON

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("digest", "after", "slot"),
    [
        pytest.param(Digest(), NOON + MINUTE, NOON + HOUR, id="hourly, at the full hour"),
        pytest.param(Digest(), NOON, NOON + HOUR, id="not the one that goes out now"),
        pytest.param(Digest(every=6 * HOUR), NOON + HOUR, NOON + 6 * HOUR, id="every six hours"),
        pytest.param(
            Digest(at=time(9), zone=BERLIN), NOON, NOON + 19 * HOUR, id="daily, tomorrow at nine"
        ),
        pytest.param(Digest(at=time(15), zone=BERLIN), NOON, NOON + HOUR, id="daily, later today"),
    ],
)
def test_the_next_slot(digest: Digest, after: datetime, slot: datetime) -> None:
    assert next_slot(digest, after) == slot


@pytest.mark.parametrize(
    ("after", "slot"),
    [
        pytest.param("2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00", id="skipped in spring"),
        pytest.param("2026-10-24T12:00+02:00", "2026-10-25T02:30+02:00", id="twice in autumn"),
        pytest.param("2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00", id="and only once"),
    ],
)
def test_a_daily_time_that_the_clock_skips_or_repeats(after: str, slot: str) -> None:
    digest = Digest(at=time(2, 30), zone=BERLIN)

    assert next_slot(digest, datetime.fromisoformat(after)) == datetime.fromisoformat(slot)


@pytest.mark.parametrize(
    "zone", ["UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]
)
def test_every_day_has_one_daily_digest(zone: str) -> None:
    place = ZoneInfo(zone)
    digest = Digest(at=time(2, 15), zone=place)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    found: list[date] = []
    while len(found) < 400:
        at = next_slot(digest, at)
        found.append(at.astimezone(place).date())

    assert found == [found[0] + n * DAY for n in range(len(found))]
    assert found[0] in {date(2026, 1, 1), date(2026, 1, 2)}
