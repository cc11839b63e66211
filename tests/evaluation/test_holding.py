"""Silences, acknowledgements, escalation, digests, flapping and storms, on a real database."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, func, select, update
from structlog.testing import capture_logs

from monitor.core.alert import Alert, AlertState, Reason, Transition
from monitor.core.calendar import Calendar
from monitor.core.hours import parse_hours
from monitor.core.message import Message
from monitor.core.route import Digest, Route, parse_matcher
from monitor.core.rule import Severity
from monitor.core.silence import BatchRun, Source
from monitor.core.wish import Wish
from monitor.evaluation.routing import Routing
from monitor.store import alerts as alerts_store
from monitor.store import batches, claims, outcomes, silences, views
from monitor.store.batches import BatchRow
from monitor.store.coding import decode
from monitor.store.outcomes import Note
from monitor.store.schema import batches as batches_table
from monitor.store.schema import conversations, outbox
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch
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
from tests.stories import hurried


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    engine = hurried(tmp_path / "offhook.db")
    with engine.begin() as connection, capture_logs():
        yield connection
    engine.dispose()


def take(conn: Connection, now: datetime, *names: str) -> list[tuple[Message, ...]]:
    """Everything that is due is sent, one sending after the other."""
    sent = []
    for name in names or ALL:
        while claim := claims.claim(conn, receiver=name, now=now, lease=MINUTE):
            at = f"C:{claim.conversation.id}" if ALL[name].edits else None
            assert outcomes.mark_sent(
                conn,
                claim,
                remote_id=claim.conversation.remote_id or at,
                note=Note(at=now, outcome="sent"),
            )
            sent.append(claim.messages)
    return sent


def messages(conn: Connection, **where: Any) -> list[Message]:
    query = select(outbox.c.message).order_by(outbox.c.id)
    for name, value in where.items():
        query = query.where(outbox.c[name] == value)
    return [decode(Message, text) for text in conn.execute(query).scalars()]


def hush(
    conn: Connection, now: datetime = NOON, lasts: timedelta | None = HOUR, **changes: Any
) -> str:
    values: dict[str, Any] = {
        "author": "ann",
        "source": Source.CLI,
        "comment": "known",
        "matchers": (parse_matcher("rule=error_spike"),),
        "lasts": lasts,
    }
    return silences.add(conn, Wish(**values | changes), now).silence.id


STALL = make_alert("batch_stalled", rule="batch_stalled")


def test_a_spike_and_a_stall_of_one_batch_are_one_conversation(conn: Connection) -> None:
    """Also where they are of different weight, and so take different routes."""
    to = Routing(
        routes=(
            Route(name="1", match=(parse_matcher("severity=critical"),), receivers=tuple(ALL)),
            Route(name="2", receivers=tuple(ALL)),
        ),
        receivers=ALL,
    )
    tell_all(conn, make_alert(), to=to)
    take(conn, NOON + 10 * SECOND)
    stall = replace(STALL, severity=Severity.WARNING)
    tell_all(conn, make_alert(), stall, to=to, now=NOON + MINUTE)

    found = conn.execute(select(outbox.c.receiver, outbox.c.conversation).distinct()).all()
    assert len(found) == len(ALL)
    assert owed(conn, receiver="bot", state="pending") == [
        ("fired", "root", "pending"),
        ("fired", "thread", "pending"),
    ]
    (follow_up,) = messages(conn, receiver="hook", state="pending")
    assert ("together with", "error_spike since 14:00") in follow_up.lines


def test_company_of_another_batch_is_named_by_its_batch(conn: Connection) -> None:
    to = routing("hook", group_by=("provider",))
    tell_all(conn, make_alert(), to=to)
    take(conn, NOON + 10 * SECOND, "hook")
    other = make_alert(subject=make_subject(id="btc_2", title="Welcome calls"))
    tell_all(conn, other, to=to, now=NOON + MINUTE)

    (follow_up,) = messages(conn, receiver="hook", state="pending")
    assert ("together with", "Renewals May (error_spike) since 14:00") in follow_up.lines


def test_a_graver_alert_does_not_wait_for_the_next_message_of_its_group(conn: Connection) -> None:
    to = routing("hook")
    tell_all(conn, replace(STALL, severity=Severity.WARNING), to=to)
    take(conn, NOON + 10 * SECOND, "hook")
    tell_all(conn, make_alert(), to=to, now=NOON + MINUTE)

    assert conn.execute(select(outbox.c.due_at).where(outbox.c.state == "pending")).scalar() == (
        NOON + MINUTE
    )


def test_a_silence_keeps_an_alert_back_and_what_is_still_wrong_after_it_says_so(
    conn: Connection,
) -> None:
    alert = make_alert()
    hush(conn, now=NOON - MINUTE)
    held = [tell_all(conn, alert, now=NOON + n * 10 * MINUTE) for n in range(6)]
    told = [tell_all(conn, alert, now=NOON + HOUR + n * SECOND) for n in range(3)]

    assert (held, told) == ([0] * 6, [3, 0, 0])
    assert {each.marks for each in messages(conn)} == {("silence of ann ended 14:59",)}


@pytest.mark.parametrize("muted", [False, True], ids=["open", "muted when it is a week old"])
def test_what_a_silence_until_its_batch_ends_holds_is_told_when_the_batch_ends(
    conn: Connection, *, muted: bool
) -> None:
    """The end of what was told before, and what failed meanwhile."""
    look = make_batch(batch_id="btc_1", provider="renewals")
    row = BatchRow(id=0, look=look, first_seen_at=NOON, fresh_at=NOON, moved_at=NOON, due_at=NOON)
    batch = batches.add(conn, row).id
    then = (NOON + timedelta(days=7)).date().isoformat()
    shut = Calendar(ZoneInfo("UTC"), (parse_hours(f"{then} 00:00-24:00"),))
    to = routing("hook", mute=(shut,) * muted)
    at = NOON + HOUR
    told = make_alert(fired_at=at)
    failed = make_report(rule="batch_failed", severity=Severity.CRITICAL)
    tell_all(conn, told, to=to, now=at)
    take(conn, at + 10 * SECOND, "hook")
    run = BatchRun(provider="renewals", batch="btc_1", run=1)
    hush(conn, now=NOON + 70 * MINUTE, lasts=None, until_end_of=run, matchers=())
    later = NOON + 80 * MINUTE
    tell_all(conn, resolved(told, after=20 * MINUTE), failed, to=to, now=later)
    assert take(conn, later + 3 * HOUR, "hook") == []

    over = NOON + 5 * HOUR
    ended = {"terminal_at": over, "terminal_again_at": over}
    conn.execute(update(batches_table).where(batches_table.c.id == batch).values(ended))
    silences.close_ended(conn, over)
    sent = [each.rule_id for told in take(conn, over, "hook") for each in told]
    assert sorted(sent) == ["batch_failed", "error_spike"]


def test_what_was_told_before_a_silence_is_told_once_when_it_ends(conn: Connection) -> None:
    alert = make_alert()
    tell_all(conn, alert, to=routing("hook"))
    take(conn, NOON + 10 * SECOND, "hook")
    silence = hush(conn, now=NOON + MINUTE)
    silences.end(conn, silence, by="ann", source=Source.CLI, now=NOON + 20 * MINUTE)
    late = NOON + 20 * MINUTE
    again = [tell_all(conn, alert, to=routing("hook"), now=late + n * SECOND) for n in range(3)]

    assert again == [1, 0, 0]
    (repeat,) = messages(conn, transition="repeat-1")
    assert repeat.marks == ("silence of ann ended 14:20",)
    take(conn, late + 5 * SECOND, "hook")
    assert tell_all(conn, alert, to=routing("hook"), now=late + MINUTE) == 0


def test_what_began_and_ended_inside_a_silence_is_never_told(conn: Connection) -> None:
    alert = make_alert()
    hush(conn, now=NOON - MINUTE)
    tell_all(conn, alert)
    tell_all(conn, resolved(alert), now=NOON + MINUTE)

    assert owed(conn) == []
    assert tell_all(conn, resolved(alert), now=NOON + 2 * HOUR) == 0


@pytest.mark.parametrize("by", ["a silence", "another alert"])
def test_what_holds_an_alert_back_holds_what_waits_of_it(conn: Connection, by: str) -> None:
    alert, to = make_alert(), routing("hook", digest=Digest())
    tell_all(conn, alert, to=to)
    if by == "a silence":
        hush(conn, now=NOON + 50 * MINUTE, lasts=20 * MINUTE)
    for minute in range(55, 75):
        now = NOON + minute * MINUTE
        why = {alert.key: "explained"} if by == "another alert" and minute < 70 else {}
        tell_all(conn, alert, to=to, now=now, inhibited=why)
        sent = take(conn, now, "hook")
        assert len(sent) == (minute == 70)


def test_an_end_does_not_wait_for_a_silence_that_was_ended_early(conn: Connection) -> None:
    alert, to = make_alert(), routing("hook")
    tell_all(conn, alert, to=to)
    take(conn, NOON + MINUTE, "hook")
    silence = hush(conn, now=NOON + MINUTE, lasts=5 * HOUR)
    tell_all(conn, resolved(alert), to=to, now=NOON + 2 * MINUTE)
    assert take(conn, NOON + HOUR, "hook") == []
    silences.end(conn, silence, by="ann", source=Source.CLI, now=NOON + HOUR)

    ((end,),) = take(conn, NOON + HOUR, "hook")
    assert end.state == "RESOLVED"


def test_a_failure_in_a_silence_is_told_once_after_it_also_when_it_ends_early(
    conn: Connection,
) -> None:
    to = routing("hook")
    silence = hush(conn, lasts=5 * HOUR, matchers=(parse_matcher("provider=renewals"),))
    report = make_report(severity=Severity.CRITICAL)
    tell_all(conn, report, to=to)
    tell_all(conn, settled(report), to=to, now=NOON + 10 * MINUTE)
    assert take(conn, NOON + 20 * MINUTE, "hook") == []
    silences.end(conn, silence, by="ann", source=Source.CLI, now=NOON + HOUR)

    assert len(take(conn, NOON + HOUR, "hook")) == 1
    assert take(conn, NOON + 6 * HOUR, "hook") == []


def test_a_receiver_that_returns_is_not_told_of_what_is_over(conn: Connection) -> None:
    tell_all(conn, make_alert(), to=routing("hook", "mail"))
    tell_all(conn, resolved(make_alert()), to=routing("mail"), now=NOON + MINUTE)

    assert take(conn, NOON + HOUR, "hook") == []
    assert len(take(conn, NOON + HOUR, "mail")) == 1


def test_no_broad_silence_hides_offhooks_own_troubles(conn: Connection) -> None:
    own = make_alert("self_delivery_failed", rule="self_delivery_failed")
    hush(conn, matchers=(parse_matcher("provider=renewals"),))

    assert tell_all(conn, own, now=NOON + SECOND) == 3
    assert tell_all(conn, STALL, now=NOON + SECOND) == 0


def test_an_acknowledgement_is_shown_stops_repeats_and_ends_with_its_episode(
    conn: Connection,
) -> None:
    alert = make_alert()
    tell_all(conn, alert)
    take(conn, NOON + 10 * SECOND)
    silences.acknowledge(conn, alert.key, by="ben", source=Source.SLACK, now=NOON + 3 * MINUTE)
    tell_all(conn, alert, now=NOON + 3 * MINUTE)

    (edit,) = messages(conn, state="pending")
    assert edit.acknowledged == "ben, 14:03"
    take(conn, NOON + 4 * MINUTE)
    assert tell_all(conn, alert, now=NOON + 5 * HOUR) == 0
    tell_all(conn, resolved(alert), now=NOON + 6 * HOUR)
    assert {each.acknowledged for each in messages(conn, state="pending")} == {"ben, 14:03"}
    take(conn, NOON + 7 * HOUR)
    again = make_alert(episode=2)
    assert tell_all(conn, again, now=NOON + 8 * HOUR) == 3
    assert {each.acknowledged for each in messages(conn, alert_key=again.key)} == {""}


HOURLY: dict[str, Any] = {"digest": Digest()}
ESCALATING = Routing(
    routes=(
        Route(
            name="1",
            receivers=("hook",),
            escalate_after=15 * MINUTE,
            escalate_to=("mail",),
            repeat_interval=HOUR,
        ),
    ),
    receivers=ALL,
)


def test_what_nobody_acknowledges_calls_others_once_and_tells_them_its_end(
    conn: Connection,
) -> None:
    alert = make_alert()
    tell_all(conn, alert, to=ESCALATING)
    take(conn, NOON + 10 * SECOND)
    quarter = NOON + 15 * MINUTE + 10 * SECOND
    told = [
        tell_all(conn, alert, to=ESCALATING, now=at)
        for at in (quarter - SECOND, quarter, quarter + SECOND)
    ]

    assert told == [0, 1, 0]
    (call,) = messages(conn, receiver="mail")
    assert (call.loud, call.marks) == (True, ("nobody has acknowledged it for 15 min",))
    take(conn, quarter)
    tell_all(conn, resolved(alert), to=ESCALATING, now=quarter + MINUTE)
    assert owed(conn, receiver="mail", state="pending") == [("resolved", "message", "pending")]


def test_what_its_receiver_never_takes_calls_others_all_the_same(conn: Connection) -> None:
    due = NOON + 10 * SECOND
    tell_all(conn, make_alert(), to=ESCALATING)

    assert tell_all(conn, make_alert(), to=ESCALATING, now=due + 15 * MINUTE - SECOND) == 0
    assert tell_all(conn, make_alert(), to=ESCALATING, now=due + 15 * MINUTE) == 1
    assert owed(conn, receiver="mail") == [("unacknowledged", "message", "pending")]


def test_what_waits_for_its_digest_calls_nobody_before_that(conn: Connection) -> None:
    (route,) = ESCALATING.routes
    to = replace(ESCALATING, routes=(replace(route, **HOURLY),))
    told = [tell_all(conn, make_alert(), to=to, now=NOON + n * MINUTE) for n in (1, 59, 74, 75)]

    assert told == [1, 0, 0, 1]


def test_the_root_shows_when_nobody_has_it_any_more(conn: Connection) -> None:
    alert, to = make_alert(), routing("bot")
    tell_all(conn, alert, to=to)
    take(conn, NOON + 10 * SECOND, "bot")
    ack = silences.acknowledge(conn, alert.key, by="ben", source=Source.SLACK, now=NOON + MINUTE)
    tell_all(conn, alert, to=to, now=NOON + MINUTE)
    take(conn, NOON + MINUTE, "bot")
    silences.end(conn, ack.silence.id, by="ben", source=Source.CLI, now=NOON + 2 * MINUTE)
    edits = [tell_all(conn, alert, to=to, now=NOON + n * MINUTE) for n in (2, 3)]

    assert edits == [1, 0]
    ((root,),) = take(conn, NOON + 3 * MINUTE, "bot")
    assert (root.acknowledged, root.state) == ("", "FIRING")


def test_whoever_was_acknowledged_in_time_calls_nobody(conn: Connection) -> None:
    alert = make_alert()
    tell_all(conn, alert, to=ESCALATING)
    take(conn, NOON + 10 * SECOND)
    silences.acknowledge(conn, alert.key, by="ben", source=Source.CLI, now=NOON + MINUTE)
    tell_all(conn, alert, to=ESCALATING, now=NOON + HOUR)

    assert owed(conn, receiver="mail") == []


def test_a_digest_is_one_message_with_what_is_over_and_what_is_not(conn: Connection) -> None:
    to = routing("hook", **HOURLY)
    gone, stays, report = make_alert(), replace(STALL, subject=make_subject(id="btc_2")), None
    report = make_report(subject=make_subject(id="btc_3"))
    tell_all(conn, gone, stays, report, to=to, now=NOON + MINUTE)
    tell_all(conn, resolved(gone), stays, to=to, now=NOON + 9 * MINUTE)

    assert take(conn, NOON + 59 * MINUTE, "hook") == []
    (digest,) = take(conn, NOON + HOUR, "hook")
    assert {each.state for each in digest} == {"RESOLVED", "FIRING", "INFO"}
    (over,) = (each for each in digest if each.state == "RESOLVED")
    assert "over before it could be told" in over.marks
    assert not any(each.loud for each in digest)


def test_the_end_of_what_one_digest_told_is_in_the_next(conn: Connection) -> None:
    to = routing("bot", **HOURLY)
    tell_all(conn, make_alert(), to=to, now=NOON + MINUTE)
    take(conn, NOON + HOUR, "bot")
    tell_all(conn, resolved(make_alert()), to=to, now=NOON + HOUR + MINUTE)

    assert take(conn, NOON + 2 * HOUR - SECOND, "bot") == []
    ((end,),) = take(conn, NOON + 2 * HOUR, "bot")
    assert end.state == "RESOLVED"
    open_ = conn.execute(select(conversations.c.id).where(conversations.c.closed_at.is_(None)))
    assert len(open_.all()) == 1


def test_what_gets_worse_leaves_the_digest_for_the_route_of_its_weight(conn: Connection) -> None:
    to = Routing(
        routes=(
            Route(name="1", match=(parse_matcher("severity=critical"),), receivers=("hook",)),
            Route(name="2", receivers=("hook",), digest=Digest()),
        ),
        receivers=ALL,
    )
    mild = make_alert(severity=Severity.WARNING)
    tell_all(conn, mild, to=to, now=NOON + MINUTE)
    tell_all(conn, replace(mild, severity=Severity.CRITICAL), to=to, now=NOON + 2 * MINUTE)

    ((told,),) = take(conn, NOON + 2 * MINUTE, "hook")
    assert told.severity == "critical"
    assert take(conn, NOON + 2 * HOUR, "hook") == []


def test_what_waits_for_a_digest_that_its_route_has_no_more_is_told_at_once(
    conn: Connection,
) -> None:
    tell_all(conn, make_alert(), to=routing("hook", **HOURLY))
    tell_all(conn, make_alert(), to=routing("hook"), now=NOON + MINUTE)

    assert len(take(conn, NOON + MINUTE, "hook")) == 1
    assert tell_all(conn, make_alert(), to=routing("hook"), now=NOON + 2 * MINUTE) == 0


def test_whoever_a_digest_told_hears_the_end_also_when_no_route_leads_there_any_more(
    conn: Connection,
) -> None:
    mild = (parse_matcher("severity=warning"),)
    to = Routing(
        routes=(
            Route(name="1", match=mild, receivers=("hook", "bot"), digest=Digest()),
            Route(name="2", receivers=("mail",)),
        ),
        receivers=ALL,
    )
    alert = make_alert(severity=Severity.WARNING)
    report = make_report(severity=Severity.WARNING)
    tell_all(conn, alert, report, to=to)
    take(conn, NOON + HOUR)
    last = replace(settled(report, cost="2 USD"), severity=Severity.CRITICAL)
    tell_all(conn, last, to=to, now=NOON + HOUR + MINUTE)
    worse = replace(alert, severity=Severity.CRITICAL)
    tell_all(conn, worse, to=to, now=NOON + HOUR + MINUTE)
    tell_all(conn, resolved(worse), to=to, now=NOON + HOUR + 2 * MINUTE)

    ends = take(conn, NOON + HOUR + 2 * MINUTE, "hook", "bot")
    assert [each.state for each in itertools.chain(*ends)].count("RESOLVED") == 2


def test_whoever_was_called_hears_the_end_though_a_digest_repeated_it(conn: Connection) -> None:
    (route,) = ESCALATING.routes
    to = replace(ESCALATING, routes=(replace(route, receivers=("bot",), **HOURLY),))
    for minute in range(0, 241, 20):
        tell_all(conn, make_alert(), to=to, now=NOON + minute * MINUTE)
        take(conn, NOON + minute * MINUTE)
    tell_all(conn, resolved(make_alert()), to=to, now=NOON + 5 * HOUR)

    ((end,),) = take(conn, NOON + 5 * HOUR, "mail")
    assert end.state == "RESOLVED"


def episode(n: int, minute: float) -> Alert:
    at = NOON + minute * MINUTE
    return make_alert(episode=n, fired_at=at, since=at)


def test_what_flaps_is_told_as_such_once_and_then_by_the_hour(conn: Connection) -> None:
    to = routing("hook", group_wait=timedelta(0))
    sent: list[tuple[datetime, Message]] = []
    for n in range(1, 15):
        start, length = 8 * (n - 1), 2
        alert = episode(n, start)
        for minute in range(8):
            now = NOON + (start + minute) * MINUTE
            told = alert if minute < length else resolved(alert, after=length * MINUTE)
            if minute <= length:
                tell_all(conn, told, to=to, now=now)
            sent += [(now, each) for (each,) in take(conn, now, "hook")]

    minutes = [((at - NOON) // MINUTE, each.state) for at, each in sent]
    assert minutes == [
        (0, "FIRING"),
        (2, "RESOLVED"),
        (8, "FIRING"),
        (10, "RESOLVED"),
        (16, "FIRING"),
        (18, "RESOLVED"),
        (24, "FIRING"),  # flapping
        (60, "RESOLVED"),  # and how it stands by the hour
    ]
    assert "flapping" in sent[6][1].marks
    assert ("comes and goes", "fired 8 times since 14:00") in sent[7][1].lines
    assert len(views.load_alerts(conn, closed=True)) == 14


def test_a_flapping_alert_that_stays_is_told_within_a_quarter_of_an_hour(
    conn: Connection,
) -> None:
    to = routing("hook", group_wait=timedelta(0))
    for n in range(1, 5):
        tell_all(conn, episode(n, 2 * n), to=to, now=NOON + 2 * n * MINUTE)
        over = resolved(episode(n, 2 * n))
        tell_all(conn, over, to=to, now=NOON + (2 * n + 1) * MINUTE)
    take(conn, NOON + 10 * MINUTE, "hook")
    stays = episode(5, 12)
    tell_all(conn, stays, to=to, now=NOON + 12 * MINUTE)

    assert take(conn, NOON + 26 * MINUTE, "hook") == []
    ((told,),) = take(conn, NOON + 27 * MINUTE, "hook")
    assert (told.state, "flapping" in told.marks, told.loud) == ("FIRING", True, True)


def test_nothing_says_that_it_fires_once_its_end_is_told_elsewhere(conn: Connection) -> None:
    """It flaps, and joins a conversation that stands when it gets worse."""
    to = routing("bot", group_wait=timedelta(0), group_by=("provider",))
    tell_all(conn, STALL, to=to)
    for n in range(1, 5):
        tell_all(conn, episode(n, 2 * n), to=to, now=NOON + 2 * n * MINUTE)
        take(conn, NOON + 2 * n * MINUTE, "bot")
        tell_all(conn, resolved(episode(n, 2 * n)), to=to, now=NOON + (2 * n + 1) * MINUTE)
    take(conn, NOON + 10 * MINUTE, "bot")
    mild = replace(episode(5, 12), severity=Severity.WARNING)
    worse = episode(5, 12)
    tell_all(conn, mild, to=to, now=NOON + 12 * MINUTE)
    tell_all(conn, worse, to=to, now=NOON + 13 * MINUTE)
    tell_all(conn, resolved(worse), to=to, now=NOON + 14 * MINUTE)

    sent = [each for told in take(conn, NOON + 2 * HOUR, "bot") for each in told]
    assert {each.state for each in sent if each.key == worse.key} == {"RESOLVED"}


def storm(n: int, **changes: Any) -> list[Alert]:
    return [make_alert(subject=make_subject(id=f"btc_{i}"), **changes) for i in range(n)]


def test_a_storm_is_a_bounded_number_of_messages_and_every_alert_can_be_reached(
    conn: Connection, *, proof: bool
) -> None:
    many = 10_000 if proof else 80
    to = routing("hook", "bot")
    warnings = storm(many, severity=Severity.WARNING)
    grave = replace(warnings[-1], severity=Severity.CRITICAL)
    told = [*warnings[:-1], grave]
    tell_all(conn, *told, to=to)
    sent = {name: take(conn, NOON + 10 * SECOND, name) for name in ("hook", "bot")}

    for name in ("hook", "bot"):
        assert len(sent[name]) == 21
        assert max(sent[name], key=len)[0].key == grave.key
        keys = conn.execute(
            select(func.count(outbox.c.alert_key.distinct())).where(outbox.c.receiver == name)
        ).scalar_one()
        assert keys == many
    group = conn.execute(
        select(conversations.c.id).where(conversations.c.group_key == "storm:")
    ).scalars()
    assert {len(views.load_group(conn, each)) for each in group} == {many - 20}
    over = [resolved(each) for each in told]
    for start in range(0, many, 100):
        now = NOON + MINUTE + start * SECOND / 100
        tell_all(conn, *over[start : start + 100], to=to, now=now)
    ends = {name: take(conn, NOON + 20 * MINUTE, name) for name in ("hook", "bot")}
    assert {name: len(each) <= 43 for name, each in ends.items()} == {"hook": True, "bot": True}


def test_after_a_storm_alerts_have_conversations_of_their_own_again(conn: Connection) -> None:
    to = routing("hook")
    tell_all(conn, *storm(60), to=to)
    late = make_alert(subject=make_subject(id="late"))
    tell_all(conn, late, to=to, now=NOON + 2 * MINUTE)

    key = conn.execute(
        select(conversations.c.group_key)
        .join(outbox, outbox.c.conversation == conversations.c.id)
        .where(outbox.c.alert_key == late.key)
    ).scalar_one()
    assert key != "storm:"


@pytest.mark.parametrize("made", [make_alert, make_report], ids=["alerts", "reports"])
def test_a_slow_storm_is_bounded_too(conn: Connection, made: Callable[..., Alert]) -> None:
    """Four minutes of it, thirty alerts in each."""
    to = routing("hook")
    sent = 0
    for n, alert in enumerate(made(subject=make_subject(id=f"btc_{i}")) for i in range(120)):
        now = NOON + n * 2 * SECOND
        tell_all(conn, alert, to=to, now=now)
        sent += len(take(conn, now, "hook"))

    assert sent <= 25
    assert len(views.load_alerts(conn, closed=True, limit=400)) == 120


def test_alertmanager_1195_a_firing_message_is_not_sent_again_when_one_member_recovers(
    conn: Connection,
) -> None:
    to = routing("hook", group_by=("provider",))
    tell_all(conn, make_alert(), STALL, to=to)
    take(conn, NOON + 10 * SECOND, "hook")
    tell_all(conn, resolved(make_alert()), STALL, to=to, now=NOON + MINUTE)

    ((only,),) = take(conn, NOON + 10 * MINUTE, "hook")
    assert (only.state, only.rule) == ("RESOLVED", "error_spike")


def test_prometheus_7224_an_end_tells_the_value_of_then_and_of_now(conn: Connection) -> None:
    to = routing("hook")
    alert = make_alert()
    tell_all(conn, alert, to=to)
    fired = Transition(
        alert=alert,
        before=AlertState.PENDING,
        after=AlertState.FIRING,
        reason=Reason.HELD_LONG_ENOUGH,
        at=NOON,
    )
    alerts_store.record(conn, [fired])
    take(conn, NOON + 10 * SECOND, "hook")
    fading = replace(alert, finding=replace(alert.finding, value=25.7))
    tell_all(conn, resolved(fading), to=to, now=NOON + MINUTE)

    ((end,),) = take(conn, NOON + MINUTE, "hook")
    assert "45.2 % when it fired, 5 % at the end" in dict(end.lines)["value"]


def test_alertmanager_878_an_end_without_a_beginning_is_never_told(conn: Connection) -> None:
    assert tell_all(conn, resolved(make_alert())) == 0


def test_alertmanager_1510_the_end_of_a_whole_group_does_not_wait_for_its_interval(
    conn: Connection,
) -> None:
    to = routing("hook", group_interval=HOUR)
    tell_all(conn, make_alert(), to=to)
    take(conn, NOON + 10 * SECOND, "hook")
    tell_all(conn, resolved(make_alert()), to=to, now=NOON + MINUTE)

    assert len(take(conn, NOON + MINUTE, "hook")) == 1


def test_alertmanager_627_another_configuration_repeats_nothing(conn: Connection) -> None:
    """Other routes, other order, other waits: what was told stays told."""
    tell_all(conn, make_alert(), to=routing("hook"))
    take(conn, NOON + 10 * SECOND, "hook")
    other = routing("hook", name="2", group_by=("batch",), group_wait=MINUTE)

    assert tell_all(conn, make_alert(), to=other, now=NOON + MINUTE) == 0


def test_elastalert_2304_another_interval_counts_from_the_last_telling(conn: Connection) -> None:
    tell_all(conn, make_alert(), to=routing("hook"))
    take(conn, NOON + 10 * SECOND, "hook")
    sooner = routing("hook", repeat_interval=5 * MINUTE)

    assert tell_all(conn, make_alert(), to=sooner, now=NOON + 6 * MINUTE) == 1


def test_a_repeat_is_asked_for_by_severity(conn: Connection) -> None:
    to = routing("hook", repeat_by={"critical": HOUR})
    mild = replace(STALL, severity=Severity.WARNING, subject=make_subject(id="btc_2"))
    tell_all(conn, make_alert(), mild, to=to)
    take(conn, NOON + 10 * SECOND, "hook")

    assert tell_all(conn, make_alert(), mild, to=to, now=NOON + 61 * MINUTE) == 1


def test_nothing_that_is_told_depends_on_an_alert_that_does_not_fire_yet(conn: Connection) -> None:
    pending = make_alert(state=AlertState.PENDING, fired_at=None)
    alerts_store.save(conn, [pending])

    assert tell_all(conn, pending) == 0
    assert conn.execute(update(outbox).values(plain=False)).rowcount == 0
