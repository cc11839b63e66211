"""Who is told, when, and why: one table for each question."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.core.alert import Alert, AlertState, Reason
from monitor.core.decision import Decision, Group, Part, Told, Why
from monitor.core.held import Circumstances
from monitor.core.notify import SETTLING_PATIENCE, decide
from monitor.core.route import Receiver, Route
from monitor.core.rule import Severity
from tests.builders import HOUR, MINUTE, NOON, SECOND
from tests.delivering import BOT, MAIL, WEBHOOK, make_alert, make_report, resolved, settled

ROUTE = Route(name="1", receivers=("hook", "bot", "mail"))
NOTHING = Told()
FIRED = Told(
    transitions=frozenset({"fired"}),
    delivered=True,
    severity=Severity.CRITICAL,
    told_at=NOON,
)
UNSENT = replace(FIRED, delivered=False, waiting=True)
OPEN = Group(opened_at=NOON, told_at=NOON, rooted=True)
CLEAR = replace(OPEN, clear=True)


def ask(
    alert: Alert,
    told: Told = NOTHING,
    *,
    to: Receiver = WEBHOOK,
    route: Route | None = ROUTE,
    group: Group | None = None,
    inhibited: str | None = None,
    now: datetime = NOON,
) -> Decision:
    return decide(
        alert=alert,
        receiver=to,
        route=route,
        told=told,
        group=group or Group(),
        now=now,
        around=Circumstances(inhibited=inhibited),
    )


def test_a_new_group_waits_for_company() -> None:
    decision = ask(make_alert())

    assert (decision.why, decision.due) == (Why.FIRST, NOON + 10 * SECOND)


def test_a_group_that_is_still_waiting_takes_company_along() -> None:
    group = Group(opened_at=NOON - 4 * SECOND)

    assert ask(make_alert(), group=group).due == NOON + 6 * SECOND


@pytest.mark.parametrize(
    ("told_ago", "wait"),
    [
        pytest.param(MINUTE, 4 * MINUTE, id="told a minute ago"),
        pytest.param(HOUR, timedelta(0), id="told long ago"),
    ],
)
def test_a_later_addition_keeps_its_distance_from_the_last_telling(
    told_ago: timedelta, wait: timedelta
) -> None:
    group = Group(opened_at=NOON - 2 * HOUR, told_at=NOON - told_ago, rooted=True)

    assert ask(make_alert(), group=group).due == NOON + wait


@pytest.mark.parametrize(
    ("told", "more", "why"),
    [
        pytest.param(FIRED, {}, Why.NOT_DUE, id="told and not yet to be repeated"),
        pytest.param(UNSENT, {}, Why.ALREADY_TOLD, id="on its way"),
        pytest.param(FIRED, {"now": NOON + 4 * HOUR}, Why.REPEAT, id="still firing after 4 h"),
        pytest.param(
            UNSENT, {"now": NOON + 4 * HOUR}, Why.ALREADY_TOLD, id="unsent is not repeated"
        ),
        pytest.param(NOTHING, {"inhibited": "blind"}, Why.INHIBITED, id="held back"),
        pytest.param(
            FIRED,
            {"inhibited": "blind", "now": NOON + 4 * HOUR},
            Why.INHIBITED,
            id="no repeat while held back",
        ),
        pytest.param(NOTHING, {"route": None}, Why.NOT_ROUTED, id="leads nowhere"),
        pytest.param(
            replace(FIRED, severity=Severity.WARNING), {}, Why.ESCALATED, id="got heavier"
        ),
        pytest.param(
            replace(UNSENT, severity=Severity.WARNING), {}, Why.ESCALATED, id="heavier, unsent"
        ),
        pytest.param(
            replace(FIRED, severity=Severity.WARNING),
            {"inhibited": "blind"},
            Why.INHIBITED,
            id="heavier but held back",
        ),
    ],
)
def test_firing(told: Told, more: dict[str, Any], why: Why) -> None:
    assert ask(make_alert(), told, **more).why is why


def test_an_alert_that_got_lighter_is_not_told_again() -> None:
    assert ask(make_alert(severity=Severity.WARNING), FIRED).why is Why.NOT_DUE


def test_repeats_are_counted() -> None:
    decision = ask(make_alert(), replace(FIRED, repeats=2), now=NOON + 16 * HOUR)

    assert (decision.transition, decision.repeat, decision.loud) == ("repeat-3", 3, False)


@pytest.mark.parametrize(
    ("told", "reason", "receiver", "why"),
    [
        pytest.param(FIRED, Reason.RECOVERED, WEBHOOK, Why.RESOLVED, id="recovered"),
        pytest.param(NOTHING, Reason.RECOVERED, WEBHOOK, Why.NEVER_TOLD, id="never told"),
        pytest.param(UNSENT, Reason.RECOVERED, WEBHOOK, Why.SUMMARY, id="all of it unsent"),
        pytest.param(
            UNSENT, Reason.BATCH_ENDED, WEBHOOK, Why.SUMMARY, id="unsent and ended quietly"
        ),
        pytest.param(
            replace(FIRED, waiting=True),
            Reason.RECOVERED,
            WEBHOOK,
            Why.SUMMARY,
            id="an escalation unsent",
        ),
        pytest.param(
            replace(FIRED, transitions=frozenset({"fired", "resolved"})),
            Reason.RECOVERED,
            WEBHOOK,
            Why.ALREADY_TOLD,
            id="told before",
        ),
        pytest.param(FIRED, Reason.BATCH_ENDED, WEBHOOK, Why.QUIET_CLOSE, id="ended, hook"),
        pytest.param(FIRED, Reason.BATCH_PAUSED, MAIL, Why.QUIET_CLOSE, id="paused, mail"),
        pytest.param(FIRED, Reason.BATCH_ENDED, BOT, Why.QUIET_EDIT, id="ended, bot"),
        pytest.param(FIRED, Reason.BATCH_PAUSED, BOT, Why.QUIET_EDIT, id="paused, bot"),
        pytest.param(FIRED, Reason.RULE_CHANGED, BOT, Why.QUIET_EDIT, id="rule changed, bot"),
        pytest.param(
            FIRED,
            Reason.RECOVERED,
            replace(WEBHOOK, send_resolved=False),
            Why.RESOLVED_OFF,
            id="resolves are not wanted",
        ),
        pytest.param(
            UNSENT,
            Reason.RECOVERED,
            replace(WEBHOOK, send_resolved=False),
            Why.SUMMARY,
            id="not wanted, but nothing was told",
        ),
        pytest.param(
            FIRED,
            Reason.RECOVERED,
            replace(BOT, send_resolved=False),
            Why.QUIET_EDIT,
            id="not wanted, the root is still put right",
        ),
    ],
)
def test_resolved(told: Told, reason: Reason, receiver: Receiver, why: Why) -> None:
    decision = ask(resolved(make_alert(), reason), told, to=receiver, group=CLEAR)

    assert decision.why is why
    assert not decision.loud


def test_an_end_is_owed_to_whoever_was_told_also_when_no_route_leads_there_now() -> None:
    decision = ask(resolved(make_alert()), FIRED, route=None, group=CLEAR)

    assert decision.why is Why.RESOLVED


@pytest.mark.parametrize(
    ("receiver", "group", "wait"),
    [
        pytest.param(WEBHOOK, CLEAR, timedelta(0), id="the whole group is clear"),
        pytest.param(WEBHOOK, OPEN, 4 * MINUTE, id="others still fire"),
        pytest.param(BOT, OPEN, timedelta(0), id="an edit calls nobody"),
    ],
)
def test_when_a_resolve_goes(receiver: Receiver, group: Group, wait: timedelta) -> None:
    now = NOON + MINUTE
    decision = ask(resolved(make_alert()), FIRED, to=receiver, group=group, now=now)

    assert decision.due == now + wait


@pytest.mark.parametrize(
    ("alert", "told", "group", "parts"),
    [
        pytest.param(make_alert(), NOTHING, Group(), (Part.ROOT,), id="first"),
        pytest.param(make_alert(), NOTHING, OPEN, (Part.ROOT, Part.THREAD), id="joins"),
        pytest.param(resolved(make_alert()), FIRED, CLEAR, (Part.ROOT, Part.THREAD), id="resolved"),
        pytest.param(
            resolved(make_alert(), Reason.BATCH_ENDED), FIRED, CLEAR, (Part.ROOT,), id="ended"
        ),
        pytest.param(
            make_alert(),
            replace(FIRED, severity=Severity.INFO),
            OPEN,
            (Part.ROOT, Part.THREAD),
            id="escalated",
        ),
        pytest.param(
            settled(make_report()),
            replace(FIRED, transitions=frozenset({"reported"})),
            OPEN,
            (Part.ROOT,),
            id="settled",
        ),
    ],
)
def test_where_it_goes_in_a_channel_that_can_be_edited(
    alert: Alert, told: Told, group: Group, parts: tuple[Part, ...]
) -> None:
    assert ask(alert, told, to=BOT, group=group).parts == parts


REPORTED = Told(transitions=frozenset({"reported"}), delivered=True, told_at=NOON)


@pytest.mark.parametrize(
    ("alert", "told", "receiver", "why"),
    [
        pytest.param(make_report(), NOTHING, WEBHOOK, Why.REPORTED, id="first"),
        pytest.param(make_report(), REPORTED, WEBHOOK, Why.ALREADY_TOLD, id="again"),
        pytest.param(settled(make_report()), REPORTED, BOT, Why.SETTLED, id="edited"),
        pytest.param(settled(make_report()), REPORTED, WEBHOOK, Why.SETTLED, id="changed"),
        pytest.param(
            settled(make_report()),
            replace(REPORTED, changed=False),
            WEBHOOK,
            Why.UNCHANGED,
            id="unchanged",
        ),
        pytest.param(
            settled(make_report()),
            replace(REPORTED, delivered=False, waiting=True, changed=False),
            MAIL,
            Why.SETTLED,
            id="instead of the unsent first",
        ),
        pytest.param(
            settled(make_report()),
            replace(REPORTED, transitions=frozenset({"reported", "settled"})),
            BOT,
            Why.ALREADY_TOLD,
            id="settled before",
        ),
        pytest.param(settled(make_report()), NOTHING, MAIL, Why.SETTLED, id="never reported"),
    ],
)
def test_reports(alert: Alert, told: Told, receiver: Receiver, why: Why) -> None:
    assert ask(alert, told, to=receiver, group=OPEN).why is why


@pytest.mark.parametrize(
    ("receiver", "marks", "wait"),
    [
        pytest.param(WEBHOOK, ("settling",), timedelta(0), id="a hook hears at once"),
        pytest.param(MAIL, ("settling",), SETTLING_PATIENCE, id="mail waits for what settles"),
        pytest.param(MAIL, (), timedelta(0), id="mail does not wait for what never settles"),
    ],
)
def test_when_a_report_goes(receiver: Receiver, marks: tuple[str, ...], wait: timedelta) -> None:
    report = make_report()
    report = replace(report, finding=replace(report.finding, marks=marks))

    assert ask(report, to=receiver).due == NOON + wait


def test_a_report_comes_once_so_nothing_inhibits_it() -> None:
    assert ask(make_report(), inhibited="blind").why is Why.REPORTED


def test_a_pending_alert_is_nobodys_business() -> None:
    decision = ask(make_alert(state=AlertState.PENDING))

    assert (decision.why, decision.why.tells) == (Why.PENDING, False)


def test_the_reasons_that_tell_are_known() -> None:
    telling = {why for why in Why if why.tells}

    assert telling == {
        Why.FIRST,
        Why.ESCALATED,
        Why.REPEAT,
        Why.UNHEARD,
        Why.RESOLVED,
        Why.SUMMARY,
        Why.QUIET_EDIT,
        Why.ACKED,
        Why.ACK_OVER,
        Why.REPORTED,
        Why.SETTLED,
    }


@pytest.mark.parametrize(
    ("group", "loud"),
    [
        pytest.param(Group(), True, id="a conversation of its own"),
        pytest.param(Group(rooted=True, severity=Severity.WARNING), True, id="it makes it graver"),
        pytest.param(Group(rooted=True, severity=Severity.CRITICAL), False, id="it merely joins"),
        pytest.param(Group(rooted=True), True, id="the others are over"),
    ],
)
def test_only_what_makes_a_conversation_graver_is_called_out(group: Group, *, loud: bool) -> None:
    assert ask(make_alert(), Told(), to=BOT, group=group).loud is loud
