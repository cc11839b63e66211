"""Whether a conversation is over, however much was told in it."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from monitor.core.alert import Alert
from monitor.core.compose import compose
from monitor.store import alerts as alerts_store
from monitor.store import conversations, outbox
from monitor.store.conversations import Conversation
from tests.builders import NOON
from tests.delivering import make_alert, resolved

MANY = 250


def told(conn: Connection, home: Conversation, alerts: Sequence[Alert], transition: str) -> None:
    alerts_store.save(conn, alerts)
    for alert in alerts:
        outbox.put(
            conn,
            conversation=home.id,
            receiver="hook",
            transition=transition,
            part="message",
            message=compose(alert, at=NOON, default_zone="UTC"),
            now=NOON,
            due=NOON,
        )


def home_of(conn: Connection, key: str) -> Conversation:
    return conversations.put(conn, receiver="hook", group_key=key, route="1", now=NOON, alone=False)


@pytest.mark.parametrize("n", [1, 99, 100, 101, MANY])
def test_it_is_over_when_the_last_of_its_alerts_is(conn: Connection, n: int) -> None:
    home, other = home_of(conn, "g"), home_of(conn, "h")
    alerts = [make_alert(f"rule_{each}") for each in range(n)]
    told(conn, home, alerts, "fired")
    told(conn, other, [make_alert("elsewhere")], "fired")
    assert not conversations.is_clear(conn, home.id)
    told(conn, home, [resolved(each) for each in alerts[1:]], "resolved")
    assert not conversations.is_clear(conn, home.id)
    told(conn, home, [resolved(alerts[0])], "resolved")

    assert conversations.is_clear(conn, home.id)
    assert not conversations.is_clear(conn, other.id)


def test_a_crowd_costs_no_more_than_a_hundred(conn: Connection) -> None:
    steps = []
    for n in (110, 440):
        home = home_of(conn, f"g{n}")
        alerts = [make_alert(f"rule_{n}_{each}") for each in range(n)]
        told(conn, home, alerts, "fired")
        told(conn, home, [resolved(each) for each in alerts[1:]], "resolved")
        steps.append(steps_of(conn, home))
        told(conn, home, [resolved(alerts[0])], "resolved")

    few, many = steps
    assert many < few * 1.2


def steps_of(conn: Connection, home: Conversation) -> int:
    """How much SQLite does to say that it is not over."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    driver = conn.connection.driver_connection
    assert driver is not None
    driver.set_progress_handler(count, 1)
    try:
        assert not conversations.is_clear(conn, home.id)
    finally:
        driver.set_progress_handler(None, 1)
    return steps
