from datetime import UTC, datetime

import pytest

from monitor.cli.doctor import Verdict, clock, sqlite


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        pytest.param((3, 40, 1), Verdict.WARNING, id="Debian 12"),
        pytest.param((3, 44, 5), Verdict.WARNING, id="before the backport"),
        pytest.param((3, 44, 6), Verdict.OK, id="first backport"),
        pytest.param((3, 50, 6), Verdict.WARNING, id="before the other backport"),
        pytest.param((3, 50, 7), Verdict.OK, id="second backport"),
        pytest.param((3, 51, 2), Verdict.WARNING, id="last with the defect"),
        pytest.param((3, 51, 3), Verdict.OK, id="fixed"),
        pytest.param((3, 53, 4), Verdict.OK, id="newer"),
    ],
)
def test_the_wal_reset_defect_is_known_by_version(
    version: tuple[int, int, int], verdict: Verdict
) -> None:
    look = sqlite(version, "pysqlite3.dbapi2")

    assert look.verdict is verdict
    assert ".".join(map(str, version)) in look.text


def test_a_clock_in_the_past_is_bad() -> None:
    assert clock(datetime(1970, 1, 1, tzinfo=UTC)).verdict is Verdict.BAD
    assert clock(datetime(2030, 1, 1, tzinfo=UTC)).verdict is not Verdict.BAD
