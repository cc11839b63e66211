"""``[[expect]]``: what is read, and what is refused by file, line and key."""

from datetime import date, time, timedelta
from pathlib import Path

import pytest

from monitor.config import Config, load
from monitor.core.schedule import Times
from monitor.errors import ConfigError

FILE = """
[monitor]
timezone = "Europe/Berlin"

[providers.renewals]
vendor = "graine"
api_key = "key"

[receivers.ops]
kind = "slack"
webhook_url = "https://hooks.slack.com/services/T0/B0/x"

"""


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(FILE + text)
    path.chmod(0o600)
    return load(path, environ={})


def refused(tmp_path: Path, *lines: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "\n".join(("[[expect]]", *lines)))
    return str(caught.value)


def test_a_name_and_a_time_are_enough(tmp_path: Path) -> None:
    (expected,) = read(
        tmp_path, '[[expect]]\nname = "daily_reminders"\nat = "mon-fri 09:00"\n'
    ).expectations

    assert expected.title == "Daily reminders"
    assert expected.schedule.times == (Times(frozenset(range(5)), time(9)),)
    assert str(expected.schedule.zone) == "Europe/Berlin"
    assert (expected.within, expected.early) == (timedelta(minutes=30), timedelta(hours=1))
    assert (expected.people, expected.overlap_days, expected.max_overlap) == (None, 3, 0.2)
    assert (expected.match, expected.providers, expected.provider) == ((), (), "")


def test_everything_may_be_written(tmp_path: Path) -> None:
    (expected,) = read(
        tmp_path,
        """[[expect]]
name = "offers"
at = ["sat 10:00", "2026-12-24 08:30"]
timezone = "Asia/Kolkata"
holidays = "IN"
match = ["batch_name=~Offers .*"]
providers = ["renewals"]
within = "1h"
early = "0s"
people = 380
overlap_days = 0
max_overlap = 1.0
""",
    ).expectations

    assert [each.at for each in expected.schedule.times] == [time(10), time(8, 30)]
    assert date(2027, 1, 26) in expected.schedule.holidays
    assert expected.provider == "renewals"
    assert expected.people == 380


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param(['at = "mon 09:00"'], "expect[1].name: is missing", id="no name"),
        pytest.param(['name = "a"'], "expect[1].at: is missing", id="no time"),
        pytest.param(
            ['name = "Daily reminders"', 'at = "mon 09:00"'],
            "config.toml:14: expect[1].name: a name is a text of lower-case",
            id="a name with a space",
        ),
        pytest.param(
            ['name = "a"', 'at = "weekdays 09:00"'],
            "config.toml:15: expect[1].at: 'weekdays 09:00' is no time",
            id="no day",
        ),
        pytest.param(['name = "a"', "at = 9"], 'written "mon-fri 09:00"', id="a number"),
        pytest.param(['name = "a"', "at = []"], 'written "mon-fri 09:00"', id="no times"),
        pytest.param(
            ['name = "a"', 'at = "mon 09:00"', 'timezone = "Berlin"'],
            "'Berlin' is not a time zone",
            id="no zone",
        ),
        pytest.param(
            ['name = "a"', 'at = "mon 09:00"', 'holidays = "XX"'],
            "config.toml:16: expect[1].holidays: 'XX' is not a country",
            id="no country",
        ),
        pytest.param(
            ['name = "a"', 'at = "mon 09:00"', 'providers = ["renewal"]'],
            "there is no provider 'renewal' (did you mean",
            id="no provider",
        ),
        pytest.param(
            ['name = "a"', 'at = "mon 09:00"', 'witin = "1h"'],
            'unknown key (did you mean "within"?)',
            id="a misspelt key",
        ),
        pytest.param(
            ['name = "a"', 'at = "mon 09:00"', 'match = ["batchname=x"]'],
            "there is no label 'batchname'",
            id="no label",
        ),
        pytest.param(['name = "a"', 'at = "mon 09:00"', "people = 0"], "people", id="nobody"),
        pytest.param(['name = "a"', 'at = "mon 09:00"', "max_overlap = 20"], "max_overlap", id="%"),
        pytest.param(
            ['name = "a"', 'at = "mon 09:00"', "[[expect]]", 'name = "a"', 'at = "sat 10:00"'],
            "config.toml:17: expect[2].name: another [[expect]] is called a, too",
            id="twice",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, lines: list[str], said: str) -> None:
    assert said in refused(tmp_path, *lines)


def test_it_is_a_list_of_tables(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"must be written \[\[expect\]\]"):
        read(tmp_path, '[expect]\nname = "a"\n')
