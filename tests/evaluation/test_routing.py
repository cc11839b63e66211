"""Where messages lead to."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection, select

from monitor.core.message import Message
from monitor.store.coding import decode
from monitor.store.schema import outbox
from tests.delivering import make_alert, make_report, make_subject, routing, tell_all


@pytest.mark.parametrize("url", [None, "https://offhook.example.com"])
def test_every_message_links_to_its_alert_where_others_reach_it(
    conn: Connection, url: str | None
) -> None:
    alert = make_alert()
    tell_all(conn, alert, to=replace(routing(), public_url=url))

    told = [decode(Message, text) for text in conn.execute(select(outbox.c.message)).scalars()]

    assert told
    assert {each.link for each in told} == {url and f"{url}/alerts/{alert.key}"}


def test_a_report_links_to_the_report_of_its_batch() -> None:
    to = replace(routing(), public_url="https://offhook.example.com")

    link = to.link_to(make_report(subject=make_subject(id="btc/9 x")))

    assert link == "https://offhook.example.com/batches/renewals/btc%2F9%20x"
