"""How long after a backup was put back what is told may have been told before."""

from datetime import UTC, timedelta

import pytest

from monitor.core.restored import DOUBTFUL, Restored
from tests.builders import HOUR, NOON, SECOND

RESTORED = Restored(made_at=NOON - 9 * HOUR, at=NOON)


@pytest.mark.parametrize(
    ("after", "said"),
    [
        pytest.param(timedelta(0), True, id="at once"),
        pytest.param(DOUBTFUL - SECOND, True, id="to the end"),
        pytest.param(DOUBTFUL, False, id="no longer"),
        pytest.param(-HOUR, True, id="a clock that was set back"),
    ],
)
def test_what_is_told_in_the_first_half_hour_may_be_a_repeat(after: timedelta, said: bool) -> None:
    remark = RESTORED.remark(NOON + after, UTC)

    assert remark == ("possible repeat: restored from a backup of 03:00" if said else None)


def test_a_backup_of_another_day_is_named_with_its_day() -> None:
    old = RESTORED._replace(made_at=NOON - 33 * HOUR)

    assert old.remark(NOON, UTC) == "possible repeat: restored from a backup of Tue 03:00"
