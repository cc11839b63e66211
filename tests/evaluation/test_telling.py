"""From alerts to the outbox, on a real database: nothing twice, nothing lost."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, select, update

from monitor.core.alert import Reason
from monitor.core.message import Message
from monitor.core.restored import Restored
from monitor.core.route import Route, parse_matcher
from monitor.core.rule import Severity
from monitor.evaluation.telling import Routing
from monitor.store import outbox as outbox_store
from monitor.store.coding import decode
from monitor.store.schema import conversations, outbox
from tests.builders import HOUR, MINUTE, NOON, SECOND
from tests.delivering import (
    ALL,
    make_alert,
    make_report,
    make_subject,
    owed,
    resolved,
    routing,
    settled,
    tell_all,
)


def sent(conn: Connection, at: datetime = NOON) -> None:
    """As if everything that waits had been taken."""
    conn.execute(update(outbox).where(outbox.c.state == "pending").values(state="sent", sent_at=at))
    conn.execute(update(conversations).values(told_at=at))
    conn.execute(
        update(conversations)
        .where(conversations.c.receiver == "bot")
        .values(remote_id="C:" + conversations.c.receiver)
    )


def messages(conn: Connection, receiver: str, state: str = "pending") -> list[Message]:
    rows = conn.execute(
        select(outbox.c.message)
        .where(outbox.c.receiver == receiver, outbox.c.state == state)
        .order_by(outbox.c.id)
    ).scalars()
    return [decode(Message, text) for text in rows]


def test_the_same_alert_is_told_once_to_each_receiver(conn: Connection) -> None:
    first = [tell_all(conn, make_alert(), now=NOON + n * 10 * SECOND) for n in range(5)]

    assert first == [3, 0, 0, 0, 0]
    assert owed(conn) == [
        ("fired", "message", "pending"),
        ("fired", "root", "pending"),
        ("fired", "message", "pending"),
    ]


def test_an_alert_that_was_told_is_repeated_after_its_interval(conn: Connection) -> None:
    tell_all(conn, make_alert())
    sent(conn)
    early = tell_all(conn, make_alert(), now=NOON + 4 * HOUR - SECOND)
    late = [tell_all(conn, make_alert(), now=NOON + 4 * HOUR + n * SECOND) for n in range(3)]

    assert (early, late) == (0, [4, 0, 0])
    assert owed(conn, receiver="bot")[1:] == [
        ("repeat-1", "root", "pending"),
        ("repeat-1", "thread", "pending"),
    ]


def test_a_fire_and_a_recovery_both_unsent_become_one_message(conn: Connection) -> None:
    alert = make_alert()
    tell_all(conn, alert)
    tell_all(conn, resolved(alert), now=NOON + 5 * SECOND)

    for name in ALL:
        assert owed(conn, receiver=name, state="superseded")[0][0] == "fired"
        (summary,) = messages(conn, name)
        assert summary.state == "RESOLVED"
        assert "over before it could be told" in summary.marks


def test_an_unsent_fire_gives_way_to_what_got_worse(conn: Connection) -> None:
    alert = make_alert(severity=Severity.WARNING)
    tell_all(conn, alert, to=routing("hook"))
    tell_all(conn, replace(alert, severity=Severity.CRITICAL), to=routing("hook"), now=NOON)

    assert owed(conn) == [
        ("fired", "message", "superseded"),
        ("escalated-critical", "message", "pending"),
    ]


def test_what_failed_is_not_tried_at_once_again_because_it_got_worse(conn: Connection) -> None:
    alert, later = make_alert(severity=Severity.WARNING), NOON + 9 * MINUTE
    tell_all(conn, alert, to=routing("hook"))
    conn.execute(update(outbox).values(attempts=7, due_at=later))
    tell_all(conn, replace(alert, severity=Severity.CRITICAL), to=routing("hook"), now=NOON)

    row = conn.execute(select(outbox).where(outbox.c.state == "pending")).one()
    assert (row.attempts, row.due_at) == (7, later)


def test_what_may_have_arrived_in_a_channel_that_is_read_is_not_replaced(
    conn: Connection,
) -> None:
    alert = make_alert()
    tell_all(conn, alert, to=routing("bot"))
    conn.execute(update(outbox).values(attempts=1, possible_repeat=True))
    tell_all(conn, resolved(alert), to=routing("bot"), now=NOON)

    assert owed(conn, part="root") == [
        ("fired", "root", "pending"),
        ("resolved", "root", "pending"),
    ]


@pytest.mark.parametrize(
    ("reason", "parts"),
    [
        pytest.param(Reason.BATCH_ENDED, [("bot", "root")], id="batch ended"),
        pytest.param(Reason.BATCH_PAUSED, [("bot", "root")], id="batch paused"),
        pytest.param(Reason.RULE_CHANGED, [("bot", "root")], id="rule changed"),
        pytest.param(
            Reason.RECOVERED,
            [("hook", "message"), ("bot", "root"), ("bot", "thread"), ("mail", "message")],
            id="recovered",
        ),
    ],
)
def test_how_an_alert_ends(conn: Connection, reason: Reason, parts: list[tuple[str, str]]) -> None:
    alert = make_alert()
    tell_all(conn, alert)
    sent(conn)
    tell_all(conn, resolved(alert, reason), now=NOON + MINUTE)

    rows = conn.execute(select(outbox).where(outbox.c.state == "pending").order_by(outbox.c.id))
    assert [(row.receiver, row.part) for row in rows] == parts


def test_an_end_that_nobody_heard_the_beginning_of_is_not_told(conn: Connection) -> None:
    assert tell_all(conn, resolved(make_alert())) == 0


def test_a_held_back_alert_is_told_once_it_is_no_longer_held_back(conn: Connection) -> None:
    alert = make_alert()
    held = tell_all(conn, alert, inhibited={alert.key: "blind"}, to=routing("hook"))
    told = tell_all(conn, alert, to=routing("hook"), now=NOON + MINUTE)
    again = tell_all(conn, alert, to=routing("hook"), now=NOON + 2 * MINUTE)

    assert (held, told, again) == (0, 1, 0)


def test_a_held_back_alert_that_is_over_is_not_told(conn: Connection) -> None:
    alert = make_alert()
    tell_all(conn, alert, inhibited={alert.key: "blind"})

    assert tell_all(conn, resolved(alert), now=NOON + MINUTE) == 0


def test_alerts_of_one_group_are_told_together(conn: Connection) -> None:
    to = routing("hook", group_by=("provider",))
    tell_all(conn, make_alert(), to=to)
    tell_all(conn, make_alert("stalled_retries"), to=to, now=NOON + 4 * SECOND)

    rows = conn.execute(select(outbox.c.conversation, outbox.c.due_at)).all()
    assert {tuple(row) for row in rows} == {(rows[0][0], NOON + 10 * SECOND)}


def test_a_resolve_waits_while_others_of_its_group_fire_and_goes_when_all_is_clear(
    conn: Connection,
) -> None:
    to = routing("hook", group_by=("provider",))
    one, other = make_alert(), make_alert("stalled_retries")
    tell_all(conn, one, other, to=to)
    sent(conn, NOON + 10 * SECOND)

    tell_all(conn, resolved(one), other, to=to, now=NOON + MINUTE)
    waiting = outbox_store.next_due(conn, receiver="hook", after=NOON)
    tell_all(conn, resolved(other), to=to, now=NOON + 2 * MINUTE)
    rows = conn.execute(select(outbox.c.due_at).where(outbox.c.state == "pending")).scalars()

    assert waiting == NOON + 5 * MINUTE + 10 * SECOND
    assert set(rows) == {NOON + 2 * MINUTE}


def test_a_new_episode_after_the_group_was_clear_opens_a_new_conversation(
    conn: Connection,
) -> None:
    alert = make_alert()
    tell_all(conn, alert, to=routing("bot"))
    sent(conn)
    tell_all(conn, resolved(alert), to=routing("bot"), now=NOON + MINUTE)
    sent(conn)
    tell_all(conn, make_alert(episode=2), to=routing("bot"), now=NOON + 2 * MINUTE)

    rows = conn.execute(select(outbox.c.conversation, outbox.c.part).order_by(outbox.c.id)).all()
    assert [row.part for row in rows] == ["root", "root", "thread", "root"]
    assert rows[0].conversation != rows[-1].conversation


def test_who_joins_a_told_group_is_shown_in_its_root_and_below_and_calls_nobody(
    conn: Connection,
) -> None:
    to = routing("bot", group_by=("provider",))
    tell_all(conn, make_alert(), to=to)
    sent(conn)
    tell_all(conn, make_alert("stalled_retries"), to=to, now=NOON + 10 * MINUTE)

    assert owed(conn, state="pending") == [
        ("fired", "root", "pending"),
        ("fired", "thread", "pending"),
    ]
    assert not any(message.loud for message in messages(conn, "bot"))


def test_a_heavier_alert_reaches_whom_it_had_not_concerned(conn: Connection) -> None:
    to = Routing(
        routes=(
            Route(
                name="1", match=(parse_matcher("severity=critical"),), receivers=("mail", "hook")
            ),
            Route(name="2", receivers=("hook",)),
        ),
        receivers=ALL,
    )
    alert = make_alert(severity=Severity.WARNING)
    tell_all(conn, alert, to=to)
    sent(conn)
    tell_all(conn, replace(alert, severity=Severity.CRITICAL), to=to, now=NOON + MINUTE)

    assert owed(conn, receiver="hook")[1:] == [("escalated-critical", "message", "pending")]
    assert owed(conn, receiver="mail") == [("fired", "message", "pending")]
    assert len(set(conn.execute(select(conversations.c.id)).scalars())) == 2


def test_a_report_is_told_at_once_and_mail_waits_until_it_has_settled(conn: Connection) -> None:
    report = make_report()
    tell_all(conn, report)
    due = {row.receiver: row.due_at for row in conn.execute(select(outbox))}
    assert (due["hook"], due["bot"]) == (NOON, NOON)
    assert due["mail"] > NOON + 30 * MINUTE

    sent_to_chat = outbox.c.receiver.in_(("hook", "bot"))
    conn.execute(update(outbox).where(sent_to_chat).values(state="sent", sent_at=NOON))
    tell_all(conn, settled(report, cost="41.90 USD"), now=NOON + 5 * MINUTE)

    assert owed(conn, receiver="hook")[1:] == [("settled", "message", "pending")]
    assert owed(conn, receiver="bot")[1:] == [("settled", "root", "pending")]
    assert owed(conn, receiver="mail") == [
        ("reported", "message", "superseded"),
        ("settled", "message", "pending"),
    ]


def test_a_report_that_settled_as_it_was_is_not_told_twice_to_a_webhook(
    conn: Connection,
) -> None:
    report = make_report()
    tell_all(conn, report)
    conn.execute(update(outbox).values(state="sent", sent_at=NOON))
    tell_all(conn, settled(report), now=NOON + 5 * MINUTE)

    assert owed(conn, receiver="hook") == [("reported", "message", "sent")]
    assert owed(conn, receiver="bot")[1:] == [("settled", "root", "pending")]


def test_each_run_of_a_batch_has_a_report_of_its_own(conn: Connection) -> None:
    first = tell_all(conn, make_report(), to=routing("hook"))
    second = tell_all(conn, make_report(episode=2), to=routing("hook"), now=NOON + SECOND)

    assert (first, second) == (1, 1)
    assert len(conn.execute(select(conversations)).all()) == 2


def test_two_batches_do_not_share_a_conversation(conn: Connection) -> None:
    other = make_alert(subject=make_subject(id="btc_2"))
    tell_all(conn, make_alert(), to=routing("hook"))
    tell_all(conn, other, to=routing("hook"))

    assert len(conn.execute(select(conversations)).all()) == 2


def test_a_receiver_that_was_removed_is_told_nothing_more(conn: Connection) -> None:
    alert = make_alert()
    tell_all(conn, alert)
    sent(conn)

    assert tell_all(conn, resolved(alert), to=routing("hook"), now=NOON + MINUTE) == 1


def test_a_dead_letter_is_followed_by_the_end_of_what_it_told(conn: Connection) -> None:
    alert = make_alert()
    tell_all(conn, alert, to=routing("hook"))
    conn.execute(update(outbox).values(state="dead"))
    tell_all(conn, resolved(alert), to=routing("hook"), now=NOON + MINUTE)

    assert owed(conn) == [("fired", "message", "dead"), ("resolved", "message", "pending")]


def test_group_wait_of_nothing_tells_at_once(conn: Connection) -> None:
    tell_all(conn, make_alert(), to=routing("hook", group_wait=timedelta(0)))

    assert conn.execute(select(outbox.c.due_at)).scalar_one() == NOON


def test_what_is_told_soon_after_a_backup_was_put_back_says_so(conn: Connection) -> None:
    to = replace(routing("hook"), restored=Restored(made_at=NOON - HOUR, at=NOON))
    other = make_alert(subject=make_subject(id="btc_2"))

    tell_all(conn, make_alert(), now=NOON + MINUTE, to=to)
    tell_all(conn, other, now=NOON + HOUR, to=to)

    first, second = messages(conn, "hook")
    assert first.marks == ("possible repeat: restored from a backup of 13:00",)
    assert second.marks == ()
