"""A provider with its batches and its account at any time of its past."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from monitor.core.facts import Failure
from monitor.core.model import AccountState
from monitor.core.pastwatch import ELSEWHERE, HERE, NEVER, Span, Watched
from monitor.evaluation.paststanding import PastProvider
from monitor.store import providers
from tests.builders import MINUTE, NOON
from tests.stories import Story, make_context


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    made = Story(tmp_path / "offhook.db", make_context())
    for name in ("b1", "b2"):
        made.look(batch_id=name)
    yield made
    made.engine.dispose()


def laid_out(conn: Connection, story: Story, *watched: Watched) -> PastProvider:
    return PastProvider.load(conn, story.context.providers["renewals"], watched, NOON)


def test_an_account_was_seen_last_when_it_was_told_last_by_then(story: Story) -> None:
    for minutes, micros in ((0, 5), (15, 5), (30, 5), (90, 7), (100, 7)):
        state = AccountState(seen_at=NOON + minutes * MINUTE, balance_micros=micros)
        with story.engine.begin() as conn:
            providers.save_account(conn, "renewals", "graine", state)

    def seen(minutes: float) -> tuple[int | None, float] | None:
        account = past.row(NOON + minutes * MINUTE).account
        if account is None:
            return None
        return account.balance_micros, (account.seen_at - NOON) / MINUTE

    with story.engine.connect() as conn:
        past = laid_out(conn, story)

    assert seen(-1) is None
    assert [seen(each) for each in (0, 10, 30, 80)] == [(5, 0), (5, 10), (5, 30), (5, 30)]
    assert [seen(each) for each in (90, 95, 200)] == [(7, 90), (7, 95), (7, 100)]


def test_after_the_clock_was_set_back_what_was_told_of_a_time_stands_there(story: Story) -> None:
    for minutes, kind in ((60, "server"), (5, "auth")):
        at = NOON + minutes * MINUTE
        with story.engine.begin() as conn:
            row = providers.load(conn, "renewals", "graine")
            providers.save(conn, providers.failed(row, Failure(kind=kind, text=kind), at))
            state = AccountState(seen_at=at, balance_micros=minutes)
            providers.save_account(conn, "renewals", "graine", state)
    with story.engine.connect() as conn:
        past = laid_out(conn, story)

    rows = [past.row(NOON + minutes * MINUTE) for minutes in (1, 10, 70)]

    assert [each.failure and each.failure.kind for each in rows] == [None, "auth", "server"]
    assert [each.account and each.account.balance_micros for each in rows] == [None, 5, 60]


SEEN: tuple[Span, ...] = ()
UNSEEN: tuple[Span, ...] = ((NOON, NEVER),)


@pytest.mark.parametrize(
    ("gone", "unseen", "watched"),
    [
        ((), SEEN, ["b1", "b2"]),
        (((NOON + 5 * MINUTE, HERE),), UNSEEN, ["b1", "b2"]),
        (((NOON + 5 * MINUTE, HERE),), SEEN, ["b2"]),
        (((NOON + 5 * MINUTE, ELSEWHERE),), UNSEEN, ["b2"]),
        (((NOON + 5 * MINUTE, ELSEWHERE), (NOON + 7 * MINUTE, "")), SEEN, ["b1", "b2"]),
        (((NOON + 15 * MINUTE, ELSEWHERE),), SEEN, ["b1", "b2"]),
    ],
    ids=["there", "all gone", "the other there", "others shown", "back", "not yet"],
)
def test_a_batch_that_vanished_beside_others_says_nothing_of_its_provider(
    story: Story,
    gone: tuple[tuple[datetime, str], ...],
    unseen: tuple[Span, ...],
    watched: list[str],
) -> None:
    one = Watched(batch=1, open=((NOON, NEVER),), gone=gone)
    other = Watched(batch=2, open=((NOON, NEVER),), unseen=unseen)
    now = NOON + 10 * MINUTE
    with story.engine.connect() as conn:
        past = laid_out(conn, story, one, other)
        past.bring(now)
        found = [each.look.batch_id for each in past.watched(now)]

    assert found == watched


def test_a_provider_stood_as_it_was_told(story: Story) -> None:
    missing = {"b9": (NOON + MINUTE, "404")}

    def told(minutes: float, kind: str) -> None:
        with story.engine.begin() as conn:
            row = providers.load(conn, "renewals", "graine")
            row = replace(row, discovered_at=NOON)
            if kind:
                row = providers.failed(row, Failure(kind=kind, text=kind), NOON + minutes * MINUTE)
            else:
                memory = {providers.MISSING: providers.encode_missing(missing)}
                row = providers.answered(replace(row, memory=memory), NOON + minutes * MINUTE)
            providers.save(conn, row)

    for minutes, kind in ((1, "server"), (2, "server"), (3, "rate_limited"), (9, "")):
        told(minutes, kind)
    with story.engine.connect() as conn:
        past = laid_out(conn, story)

    rows = [past.row(NOON + minutes * MINUTE) for minutes in (0.5, 1, 2, 3, 10)]

    assert [each.failure and each.failure.kind for each in rows] == [
        *(None, "server", "server", "rate_limited", None),
    ]
    assert [each.failures for each in rows] == [0, 1, 2, 1, 0]
    assert [each.failing_since for each in rows] == [None, *[NOON + MINUTE] * 3, None]
    assert [each.discovered_at for each in rows] == [None, None, None, NOON, None]
    assert [providers.decode_missing(each.memory) for each in rows] == [{}, {}, {}, {}, missing]
    assert [each.fresh_at for each in rows[:4]] == [NOON + n * MINUTE for n in (0, 0, 0, 0)]
