"""What is remembered of lists that could not be read."""

from pathlib import Path

import pytest

from monitor.core.pastmoves import SOME_ROWS, UNLISTED
from monitor.ingest.sweeps import fail_sweep
from monitor.store import changes
from tests.builders import MINUTE
from tests.stories import Story, make_context


@pytest.mark.parametrize(
    ("readings", "kept"),
    [
        ((0, 0), []),
        ((2, 2, 3, 0, 0), [SOME_ROWS, None]),
        ((None, None, 0), ["all", None]),
        ((None, 2, 2, 0), ["all", SOME_ROWS, None]),
        ((2, None, 2, 0, None), [SOME_ROWS, None, "all"]),
    ],
    ids=["read", "some rows", "not at all", "then some rows", "and again"],
)
def test_that_a_list_cannot_be_read_is_kept_once(
    tmp_path: Path, readings: tuple[int | None, ...], kept: list[str | None]
) -> None:
    """None: it could not be read at all."""
    story = Story(tmp_path / "offhook.db", make_context())
    story.invite(3)
    story.see()
    for unread in readings:
        story.wait(MINUTE)
        if unread is None:
            with story.engine.begin() as conn:
                fail_sweep(conn, story.batch, "no answer", story.now)
        else:
            story.read(unread=unread)
    with story.engine.connect() as conn:
        moved = [each for _, some in changes.of_batch(conn, story.batch) for each in some]
    story.engine.dispose()

    assert [after for kind, _, _, after in moved if kind == UNLISTED] == kept
