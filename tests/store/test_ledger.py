"""The ledger is what the tables say: each episode, message and deed in one place of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, insert, select, update

from monitor.core.alert import Alert, AlertState, Reason
from monitor.core.ledger import entries
from monitor.core.model import EndedBy
from monitor.core.route import parse_matcher
from monitor.core.silence import Source
from monitor.core.wish import Wish
from monitor.ingest.looks import take_look
from monitor.store import alerts as alerts_store
from monitor.store import audit, batches, retention, silences, snapshot
from monitor.store.audit import Deed
from monitor.store.ledger import load_month
from monitor.store.schema import alerts, conversations, outbox
from monitor.store.snapshot import Person
from tests.builders import HOUR, MINUTE, NOON, make_batch, make_call, make_contact
from tests.delivering import make_alert, make_report, make_subject, resolved

START, END = NOON, NOON + 30 * 24 * HOUR
LATER = END + 24 * HOUR


def fired(n: int = 1, at: datetime = NOON, **changes: Any) -> Alert:
    return make_alert(episode=n, since=at - MINUTE, fired_at=at, **changes)


def told(conn: Connection, alert: Alert, *transitions: str, **values: Any) -> None:
    """Rows of the outbox that were sent, in two parts each."""
    conversation = conn.execute(
        insert(conversations).values(
            receiver="ops", group_key=alert.key, route="1", opened_at=NOON, closed_at=NOON
        )
    ).inserted_primary_key
    for transition in transitions:
        for part in ("root", "thread"):
            row = {
                "delivery_key": f"{alert.key} {transition} {part}",
                "conversation": conversation[0] if conversation else 0,
                "receiver": "ops",
                "alert_key": alert.key,
                "transition": transition,
                "part": part,
                "message": "{}",
                "state": "sent",
                "created_at": NOON,
                "owed_since": NOON,
                "due_at": NOON,
            }
            conn.execute(insert(outbox).values(row | values))


def test_an_episode_with_all_that_came_of_it(conn: Connection) -> None:
    alert = fired()
    other = make_alert("spike_of_ours", since=NOON, fired_at=NOON + 3 * HOUR)
    alerts_store.save(conn, [alert, other])
    told(conn, alert, "fired", "repeat-1")
    told(conn, other, "fired", state="dead")
    silences.acknowledge(conn, alert.key, by="ana", source=Source.CLI, now=NOON + 2 * MINUTE)
    deed = Deed(at=NOON + HOUR, who="ana", source="cli", what="batch.pause", target="btc_1")
    audit.record(conn, replace(deed, provider="renewals"))
    audit.record(conn, replace(deed, provider="renewals", at=NOON + MINUTE, outcome="refused"))
    audit.record(conn, replace(deed, provider="others", at=NOON + MINUTE))
    alerts_store.save(conn, [resolved(alert, after=2 * HOUR)])

    one, two = load_month(conn, START, END, LATER).episodes

    assert (one.sent, two.sent) == (2, 0)
    assert one.acknowledged_at == NOON + 2 * MINUTE
    assert (one.acted_at, one.acted_on, two.acted_at) == (NOON + HOUR, True, None)
    assert (one.lasted, one.recovered, two.lasted) == (2 * HOUR, True, None)


def test_ending_the_batch_at_the_vendors_own_desk_is_acting_on_it(conn: Connection) -> None:
    alerts_store.save(conn, [resolved(fired(), Reason.BATCH_PAUSED, 20 * MINUTE)])

    [episode] = load_month(conn, START, END, LATER).episodes

    assert episode.acted_on
    assert not episode.recovered


@pytest.mark.parametrize(
    ("begins", "lasts", "matcher", "expected"),
    [
        pytest.param(-1, 2, "rule=error_spike", True, id="stood when it fired"),
        pytest.param(1, 2, "rule=error_spike", True, id="came while it fired"),
        pytest.param(-3, 2, "rule=error_spike", False, id="was over before"),
        pytest.param(4, 2, "rule=error_spike", False, id="came afterwards"),
        pytest.param(-1, 2, "rule=batch_stalled", False, id="was about another rule"),
    ],
)
def test_what_was_silenced(
    conn: Connection, begins: int, lasts: int, matcher: str, expected: bool
) -> None:
    alerts_store.save(conn, [resolved(fired(), after=3 * HOUR)])
    wish = Wish(
        author="ana",
        source=Source.CLI,
        comment="known",
        matchers=(parse_matcher(matcher),),
        lasts=lasts * HOUR,
    )
    silences.add(conn, wish, NOON + begins * HOUR)

    [episode] = load_month(conn, START, END, LATER).episodes

    assert episode.silenced is expected


def cost(conn: Connection, batch_id: str, *costs: tuple[int, int], **changes: Any) -> int:
    """A batch whose calls ended so many minutes after NOON at so many micros each."""
    row = take_look(conn, make_batch(batch_id=batch_id), baseline=False)
    calls = {
        f"c{n}": make_call(
            call_id=f"c{n}",
            ended_at=NOON + minutes * MINUTE,
            cost_micros=micros,
            currency="USD",
            **changes,
        )
        for n, (minutes, micros) in enumerate(costs)
    }
    person = Person(make_contact(), 0, calls)
    snapshot.save_people(conn, [snapshot.person_row(row.id, person)])
    return row.id


def test_what_was_spent_after_the_first_alert_counts_each_call_once(conn: Connection) -> None:
    cost(conn, "btc_1", (-1, 100), (0, 10), (1, 2_000), (90, 3_000))
    alerts_store.save(conn, [resolved(fired()), fired(2, NOON + HOUR), make_report()])

    spent = load_month(conn, START, END, LATER).spent

    assert spent["error_spike"].micros == {"USD": 5_000}
    assert spent["error_spike"].whole
    assert not spent["error_spike"].estimated
    assert "batch_completed" not in spent


@pytest.mark.parametrize("changes", [{"cost_estimated": True}, {"ended_by": EndedBy.SEEN}])
def test_what_is_estimated_says_so(conn: Connection, changes: dict[str, Any]) -> None:
    cost(conn, "btc_1", (1, 5), **changes)
    alerts_store.save(conn, [fired()])

    assert load_month(conn, START, END, LATER).spent["error_spike"].estimated


def test_what_is_not_known_any_more_says_so(conn: Connection) -> None:
    row = cost(conn, "btc_1", (1, 5))
    over = replace(batches.load(conn, row), open=False, terminal_at=NOON - HOUR)
    batches.save(conn, over)
    cost(conn, "btc_2", (1, 7))
    other = fired(subject=make_subject(id="btc_2"))
    alerts_store.save(conn, [fired(), other])
    while retention.prune(conn, NOON):
        pass

    spent = load_month(conn, START, END, LATER).spent["error_spike"]

    assert (spent.micros, spent.whole) == ({"USD": 7}, False)


MOMENTS = st.integers(-40 * 24, 60 * 24).map(lambda hours: NOON + hours * HOUR)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example is rolled back
)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["error_spike", "batch_stalled"]),
            MOMENTS,
            st.integers(0, 3),
            st.booleans(),
        ),
        max_size=20,
    )
)
def test_the_sums_of_all_months_are_those_of_the_tables(
    conn: Connection, rows: list[tuple[str, datetime, int, bool]]
) -> None:
    with conn.begin_nested() as again:
        for n, (instance, at, messages, acknowledged) in enumerate(rows, start=1):
            alert = make_alert(instance, episode=n, since=at, fired_at=at)
            alerts_store.save(conn, [resolved(alert)])
            told(conn, alert, *(f"repeat-{each}" for each in range(messages)))
            if acknowledged:
                conn.execute(update(alerts).where(alerts.c.key == alert.key).values(state="firing"))
                silences.acknowledge(conn, alert.key, by="ana", source=Source.CLI, now=at + MINUTE)
                conn.execute(
                    update(alerts).where(alerts.c.key == alert.key).values(state="resolved")
                )
        month = timedelta(days=25)
        made = [
            each
            for n in range(-2, 4)
            for found in [load_month(conn, NOON + n * month, NOON + (n + 1) * month, LATER)]
            for each in entries(found.episodes, found.spent, ())
        ]
        sent = select(outbox.c.alert_key, outbox.c.receiver, outbox.c.transition).distinct()
        assert sum(each.episodes for each in made) == len(rows)
        assert sum(each.sent for each in made) == len(conn.execute(sent).all())
        assert sum(each.acknowledged for each in made) == sum(row[3] for row in rows)
        assert conn.execute(
            select(func.count()).where(alerts.c.state == str(AlertState.RESOLVED))
        ).scalar() == len(rows)
        again.rollback()
