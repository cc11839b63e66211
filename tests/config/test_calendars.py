"""``[calendars.x]``: hours on weekdays and on dates, holidays, and what is wrong with them."""

from datetime import date, datetime
from pathlib import Path

import pytest

from monitor.config import Config, load
from monitor.core.calendar import is_open
from monitor.errors import ConfigError

REST = """\
[providers.renewals]
vendor = "graine"
api_key = "k"
[receivers.ops]
kind = "slack"
webhook_url = "https://hooks.slack.com/services/T0/B0/x"
[calendars.office]
timezone = "Europe/Berlin"
"""


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(REST + text)
    path.chmod(0o600)
    return load(path, environ={})


def test_dates_open_and_close_beside_a_countrys_holidays(tmp_path: Path) -> None:
    hours = '["mon-fri 09:00-20:00", "2027-12-24 09:00-12:00", "2027-12-31 closed"]'
    config = read(tmp_path, f'hours = {hours}\nholidays = "DE"\n')
    office = config.calendars["office"]

    def open_at(day: date, hour: int) -> bool:
        return is_open(office, datetime(day.year, day.month, day.day, hour, tzinfo=office.zone))

    eve, friday, new_year = date(2027, 12, 24), date(2027, 12, 31), date(2028, 1, 1)
    assert (open_at(eve, 11), open_at(eve, 13)) == (True, False)
    assert not open_at(friday, 11)
    assert new_year in office.holidays


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ('["2027-02-30 09:00-12:00"]', "config.toml:9: calendars.office.hours[1]: "),
        ('["mon closed"]', "is no date"),
        ('["2027-12-24 closed"]', "calendars.office.hours: open at no time"),
    ],
)
def test_what_is_wrong_with_hours_is_said(tmp_path: Path, hours: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"hours = {hours}\n")

    assert said in str(caught.value)
