"""What is explained is what happens."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select
from structlog.testing import capture_logs

from monitor.core.alert import Alert
from monitor.core.identity import alert_key, fingerprint
from monitor.core.inhibit import Inhibition
from monitor.core.instance import RuleInstance, Settings
from monitor.core.route import Digest, parse_matcher
from monitor.core.rule import Severity, SubjectKind
from monitor.core.silence import Source
from monitor.core.wish import Wish
from monitor.evaluation.explaining import held_back
from monitor.evaluation.explanation import explain
from monitor.evaluation.routing import Routing
from monitor.store import alerts as stored
from monitor.store import silences
from monitor.store.schema import outbox
from rules.batch_failed import BatchFailed
from tests.builders import HOUR, MINUTE, NOON
from tests.delivering import (
    make_alert,
    make_report,
    make_subject,
    resolved,
    routing,
    tell_all,
)
from tests.stories import hurried


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    engine = hurried(tmp_path / "offhook.db")
    with engine.begin() as connection, capture_logs():
        yield connection
    engine.dispose()


MOMENTS = [timedelta(0), MINUTE, 3 * HOUR, 5 * HOUR]


@pytest.mark.parametrize(
    "to",
    [
        routing(),
        routing(digest=Digest()),
        routing("hook", escalate_after=MINUTE, escalate_to=("mail",)),
        routing(match=(parse_matcher("severity=info"),)),
    ],
    ids=["plain", "digest", "escalating", "elsewhere"],
)
@pytest.mark.parametrize("silenced", [False, True])
def test_what_is_explained_is_what_is_told(
    conn: Connection, to: Routing, *, silenced: bool
) -> None:
    alert = make_alert()
    stored.save(conn, [alert])
    if silenced:
        wish = Wish(
            author="ann",
            source=Source.CLI,
            comment="known",
            matchers=(parse_matcher("rule=error_spike"),),
            lasts=2 * HOUR,
        )
        silences.add(conn, wish, NOON)
    for after in MOMENTS:
        now = NOON + after
        for told in (alert, alert if after < 5 * HOUR else resolved(alert)):
            said = explain(conn, told, routing=to, instances=(), now=now, zone="UTC")
            before = _owed(conn)
            tell_all(conn, told, to=to, now=now)
            assert {
                (each.receiver, each.transition, each.due) for each in said.receivers if each.tells
            } == _owed(conn) - before


def _owed(conn: Connection) -> set[tuple[str, str, object]]:
    rows = conn.execute(select(outbox.c.receiver, outbox.c.transition, outbox.c.due_at))
    return {(row.receiver, row.transition, row.due_at) for row in rows}


def test_routes_that_do_not_match_say_which_matcher_says_no(conn: Connection) -> None:
    to = routing(match=(parse_matcher("severity=info"), parse_matcher("provider=renewals")))
    (route,) = explain(conn, make_alert(), routing=to, instances=(), now=NOON, zone="UTC").routes

    assert (route.matches, route.against) == (False, ("severity=info",))
    assert dict(route.group) == {"provider": "renewals", "batch": "btc_1", "cause": "dialling"}


FAILURE = RuleInstance(
    name="batch_failed", settings=Settings(rule=BatchFailed(), severity=Severity.CRITICAL)
)


def held(conn: Connection, alert: Alert, *configured: Inhibition) -> bool:
    return bool(held_back(conn, [alert], [alert], [FAILURE], configured))


def test_what_explains_is_looked_up_where_it_is(conn: Connection) -> None:
    """At its provider, and wherever the configuration points to."""
    spike = make_alert()
    blind = make_alert(
        "provider_blind",
        rule="provider_blind",
        subject=make_subject(kind=SubjectKind.PROVIDER, id="renewals"),
    )
    elsewhere = make_alert("count_mismatch", rule="count_mismatch", subject=make_subject(id="b9"))
    anywhere = Inhibition(
        source=(parse_matcher("rule=count_mismatch"),),
        target=(parse_matcher("rule=error_spike"),),
        equal=("provider",),
    )
    stored.save(conn, [spike])
    alone = held(conn, spike, anywhere)
    stored.save(conn, [elsewhere])
    pointed = (held(conn, spike, anywhere), held(conn, spike))
    stored.save(conn, [blind])

    assert (alone, pointed, held(conn, spike)) == (False, (True, False), True)
    stored.save(conn, [resolved(blind)])
    assert not held(conn, spike)


def test_the_report_of_a_failure_holds_back_what_is_said_of_its_run(conn: Connection) -> None:
    subject = make_subject(run=2)
    print_ = fingerprint("renewals", "batch_failed", "batch:btc_1")
    report = make_report(
        rule="batch_failed",
        severity=Severity.CRITICAL,
        subject=subject,
        key=alert_key(print_, 2),
        fingerprint=print_,
    )
    stored.save(conn, [report])

    assert held(conn, make_alert(subject=subject))
    assert not held(conn, make_alert(subject=make_subject(run=3)))
