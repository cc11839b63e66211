"""What is kept of a batch's past adds up to how it stands now."""

from pathlib import Path

from monitor.core.tally import CALLS
from monitor.store import history
from tests.builders import MINUTE
from tests.stories import Story


def test_retries_are_counted_as_they_were_and_follow_ups_are_none(tmp_path: Path) -> None:
    story = Story(tmp_path / "offhook.db")
    story.invite(4)
    story.see()
    story.wait(MINUTE)
    story.dial(1, attempt=1)
    story.dial(2, attempt=1, follow_up=True)
    story.see()

    with story.engine.connect() as conn:
        row = story.row()
        past = history.past(conn, row, MINUTE)
    story.engine.dispose()

    moved = {
        key: sum(each.delta.get(key, 0) for each in past.moments) for key in (CALLS, "retries")
    }
    assert moved == {key: row.tally[key] for key in moved} == {CALLS: 3, "retries": 1}
