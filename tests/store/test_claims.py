"""What goes next in one conversation: a table of what waits and what is chosen."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from monitor.core.compose import compose
from monitor.store import claims, conversations, outbox
from monitor.store.choosing import Waiting, choose
from tests.builders import HOUR, NOON, SECOND
from tests.delivering import make_alert, owed, routing, tell_all

MESSAGE = compose(make_alert(), at=NOON, default_zone="UTC")
LEASE = timedelta(seconds=60)


def row(number: int, alert: str = "a", **changes: Any) -> Waiting:
    values: dict[str, Any] = {
        "id": number,
        "alert_key": alert,
        "part": "message",
        "weight": 12,
        "state": "pending",
        "due_at": NOON,
        "attempts": 0,
        "fence": 0,
        "carried_by": None,
        "possible_repeat": False,
        "plain": False,
    }
    return Waiting(**values | changes)


LATER: dict[str, Any] = {"due_at": NOON + HOUR}
FAILED = {**LATER, "attempts": 1}
UNDER_WAY: dict[str, Any] = {"state": "attempting"}
MAYBE: dict[str, Any] = {"possible_repeat": True, "attempts": 1}


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([row(1), row(2, "b")], [1, 2], id="together"),
        pytest.param([row(1, **LATER), row(2, "b")], [2], id="what waits holds back no other"),
        pytest.param([row(1, **LATER), row(2)], [], id="what waits holds back its own"),
        pytest.param([row(1, **FAILED), row(2, "b")], [], id="what failed holds back all"),
        pytest.param([row(1), row(2, "b", **FAILED), row(3, "c")], [1], id="up to what failed"),
        pytest.param(
            [row(1, **UNDER_WAY, **LATER), row(2, "b")], [], id="what is under way holds back all"
        ),
        pytest.param(
            [row(1, **UNDER_WAY), row(2, "b", carried_by=1, **UNDER_WAY), row(3, "c")],
            [1, 2],
            id="a lease that ran out, with its company",
        ),
        pytest.param(
            [row(1, part="root"), row(2, part="thread"), row(3, "b", part="root")],
            [1, 3],
            id="roots before threads",
        ),
        pytest.param(
            [row(1, part="root"), row(2, part="thread"), row(3, part="root")],
            [1],
            id="no state overtakes an earlier reply about the same alert",
        ),
        pytest.param([row(1, plain=True), row(2, "b")], [1], id="what was refused goes alone"),
        pytest.param([row(1), row(2, "b", plain=True)], [1], id="or waits for the others"),
        pytest.param(
            [row(1, plain=True), row(2, "b", plain=True, carried_by=1), row(3, "c", plain=True)],
            [1, 2],
            id="or in the company it was put into",
        ),
        pytest.param(
            [row(2, "b", plain=True, carried_by=1), row(3, "c", plain=True, carried_by=1)],
            [2, 3],
            id="also when what led it is there no more",
        ),
        pytest.param(
            [row(1, **MAYBE), row(2, "b", carried_by=1, **MAYBE), row(3, "c")],
            [1, 2],
            id="a possible repeat keeps its company",
        ),
        pytest.param(
            [row(n, str(n)) for n in range(1, 60)],
            list(range(1, 60)),
            id="however many there are",
        ),
    ],
)
def test_what_goes_next(rows: list[Waiting], chosen: list[int]) -> None:
    assert [each.id for each in choose(rows, NOON)] == chosen


def test_the_same_part_is_owed_once(conn: Connection) -> None:
    tell_all(conn, make_alert(), to=routing("hook"))
    again = outbox.put(
        conn,
        conversation=1,
        receiver="hook",
        transition="fired",
        part="message",
        message=MESSAGE,
        now=NOON,
        due=NOON,
    )

    assert not again
    assert owed(conn) == [("fired", "message", "pending")]


def test_a_claimed_row_is_hidden_until_its_lease_runs_out(conn: Connection) -> None:
    tell_all(conn, make_alert(), to=routing("hook", group_wait=timedelta(0)))
    first = claims.claim(conn, receiver="hook", now=NOON, lease=LEASE)
    hidden = claims.claim(conn, receiver="hook", now=NOON + LEASE - SECOND, lease=LEASE)
    expired = claims.claim(conn, receiver="hook", now=NOON + LEASE, lease=LEASE)

    assert first is not None
    assert expired is not None
    assert (first.look, hidden, expired.look) == (False, None, True)
    assert expired.fence > first.fence
    assert expired.leader.attempts == 1, "looking is no attempt"


def test_nobody_else_claims_what_another_receiver_is_owed(conn: Connection) -> None:
    tell_all(conn, make_alert(), to=routing("hook", group_wait=timedelta(0)))

    assert claims.claim(conn, receiver="bot", now=NOON, lease=LEASE) is None


def test_what_falls_due_next(conn: Connection) -> None:
    tell_all(conn, make_alert(), to=routing("hook"))

    assert outbox.next_due(conn, receiver="hook", after=NOON) == NOON + 10 * SECOND
    assert outbox.next_due(conn, receiver="hook", after=NOON + 10 * SECOND) is None
    assert outbox.next_due(conn, receiver="mail", after=NOON) is None


def test_a_closed_conversation_is_joined_by_nobody(conn: Connection) -> None:
    opened = conversations.put(
        conn, receiver="hook", group_key="g", route="1", now=NOON, alone=False
    )
    found = conversations.load_open(conn, receiver="hook", group_key="g")
    conversations.close(conn, opened.id, NOON + SECOND)

    assert found == opened
    assert conversations.load_open(conn, receiver="hook", group_key="g") is None
    assert conversations.load(conn, opened.id).closed_at == NOON + SECOND
