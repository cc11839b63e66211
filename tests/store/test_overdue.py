"""What is asked of the outbox every few seconds costs nothing where nothing is owed."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, update

from monitor.core.compose import compose
from monitor.store import alerts as alerts_store
from monitor.store import claims, conversations, deadletters, outbox, overdue, schema, showing
from monitor.store.coding import decode
from tests.builders import MINUTE, NOON, SECOND
from tests.delivering import make_alert

ROWS = 120


def test_no_question_reads_what_was_sent_long_ago(conn: Connection) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if not statement.startswith("EXPLAIN"):
            asked.append((statement, parameters))

    event.listen(conn, "before_cursor_execute", note)
    overdue.load_overdue(conn, NOON, since=NOON)
    overdue.untold(conn, ["hook", "bot"], NOON, since=NOON)
    overdue.load_stray(conn, ["hook", "bot"])
    overdue.bury_stray(conn, ["hook"], before=NOON, now=NOON)
    deadletters.load_unsaid(conn, "hook")
    deadletters.mark_said(conn, "hook", NOON)
    for statement, parameters in asked:
        plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        steps = [row.detail for row in plan if " outbox" in row.detail]
        assert steps, statement
        assert all("ix_outbox_owed" in each or "ix_outbox_dead" in each for each in steps), steps


def test_of_a_storm_only_what_is_shown_is_read(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = conversations.put(conn, receiver="hook", group_key="g", route="1", now=NOON, alone=False)
    alerts = [make_alert(f"rule_{n}") for n in range(ROWS)]
    alerts_store.save(conn, alerts)
    for alert in alerts:
        outbox.put(
            conn,
            conversation=home.id,
            receiver="storm",
            transition="fired",
            part="message",
            message=compose(alert, at=NOON, default_zone="UTC"),
            now=NOON,
            due=NOON,
        )
    read: list[Any] = []

    def counted(kind: Any, text: str) -> Any:
        read.append(kind)
        return decode(kind, text)

    monkeypatch.setattr(showing, "decode", counted)
    claim = claims.claim(conn, receiver="storm", now=NOON, lease=MINUTE)

    assert claim is not None
    assert (len(claim.rows), claim.total) == (ROWS, ROWS)
    assert len(read) == len(claim.messages) == showing.SHOWN_AT_MOST


@pytest.mark.parametrize(
    ("refused", "after", "found"),
    [
        pytest.param(2, 15 * SECOND, {"rule_0", "rule_1", "rule_2"}, id="it refuses everything"),
        pytest.param(2, 14 * SECOND, {"rule_0", "rule_1"}, id="it may go in a moment"),
        pytest.param(1, 15 * SECOND, {"rule_0"}, id="one of them may be wrong"),
        pytest.param(0, 15 * SECOND, set(), id="none is refused"),
    ],
)
def test_what_is_not_even_tried_where_all_is_refused_is_overdue(
    conn: Connection, refused: int, after: timedelta, found: set[str]
) -> None:
    home = conversations.put(conn, receiver="hook", group_key="g", route="1", now=NOON, alone=False)
    alerts = [make_alert(f"rule_{n}") for n in range(3)]
    alerts_store.save(conn, alerts)
    for alert in alerts:
        outbox.put(
            conn,
            conversation=home.id,
            receiver="hook",
            transition="fired",
            part="message",
            message=compose(alert, at=NOON, default_zone="UTC"),
            now=NOON,
            due=NOON,
        )
    table = schema.outbox
    keys = [alert.key for alert in alerts[:refused]]
    conn.execute(update(table).where(table.c.alert_key.in_(keys)).values(refused=1))

    late = overdue.load_overdue(conn, NOON + after, since=NOON)
    names = {alert.key: alert.instance for alert in alerts}
    assert {names[each.alert_key] for each in late} == found
