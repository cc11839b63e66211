"""What keeps a telling back, what it is told afterwards, and what nothing keeps back."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.alert import Alert, Reason
from monitor.core.calendar import Calendar
from monitor.core.decision import Decision, Group, Home, Part, Told, Why
from monitor.core.destination import destinations
from monitor.core.flapping import flapping
from monitor.core.held import Circumstances, is_open_at, opens_at
from monitor.core.hours import parse_hours
from monitor.core.notify import decide
from monitor.core.route import Digest, Receiver, Route
from monitor.core.rule import Severity
from monitor.core.silence import LONGEST, Silence, Source
from tests.builders import HOUR, MINUTE, NOON, SECOND
from tests.delivering import BOT, MAIL, WEBHOOK, make_alert, make_report, resolved, settled

UTC_ZONE = ZoneInfo("UTC")
PAGER = Receiver(name="pager", kind="pagerduty", stateful=True)
NOBODY = Told()
FIRED = Told(
    transitions=frozenset({"fired"}),
    delivered=True,
    severity=Severity.CRITICAL,
    first_at=NOON,
    told_at=NOON,
)
OPEN = Group(opened_at=NOON, told_at=NOON, rooted=True)


def calendar(*hours: str) -> Calendar:
    return Calendar(UTC_ZONE, tuple(parse_hours(each) for each in hours))


LUNCH = calendar("daily 11:00-14:00")
ROUTE = Route(name="1", receivers=("hook",))
MUTED = replace(ROUTE, mute=(LUNCH,))
HOURLY = replace(ROUTE, digest=Digest())


def silence(**changes: Any) -> Silence:
    values: dict[str, Any] = {
        "id": "s1",
        "author": "ann",
        "source": Source.CLI,
        "comment": "known",
        "created_at": NOON - HOUR,
        "starts_at": NOON - HOUR,
        "ends_at": NOON + HOUR,
    }
    return Silence(**values | changes)


def ask(
    alert: Alert,
    told: Told = NOBODY,
    *,
    route: Route | None = ROUTE,
    to: Receiver = WEBHOOK,
    group: Group | None = None,
    now: datetime = NOON,
    **around: Any,
) -> Decision:
    return decide(
        alert=alert,
        receiver=to,
        route=route,
        told=told,
        group=group or Group(),
        now=now,
        around=Circumstances(**around),
    )


@pytest.mark.parametrize(
    ("route", "at", "opens"),
    [
        pytest.param(ROUTE, 12, 12, id="neither muted nor only active"),
        pytest.param(MUTED, 12, 14, id="muted"),
        pytest.param(MUTED, 14, 14, id="the end of a mute is open"),
        pytest.param(replace(ROUTE, active=(LUNCH,)), 9, 11, id="not active yet"),
        pytest.param(replace(ROUTE, active=(LUNCH,)), 12, 12, id="active"),
        pytest.param(
            replace(ROUTE, mute=(LUNCH, calendar("daily 13:00-16:00"))), 12, 16, id="two mutes"
        ),
        pytest.param(
            replace(ROUTE, mute=(LUNCH,), active=(calendar("daily 10:00-12:00"),)),
            12,
            34,
            id="both, so not before tomorrow",
        ),
        pytest.param(
            replace(ROUTE, mute=(LUNCH,), active=(calendar("daily 12:00-13:00"),)),
            9,
            None,
            id="never",
        ),
    ],
)
def test_when_a_route_opens(route: Route, at: int, opens: int | None) -> None:
    midnight = datetime(2026, 6, 10, tzinfo=UTC)

    assert opens_at(route, midnight + at * HOUR) == (
        None if opens is None else midnight + opens * HOUR
    )


@pytest.mark.parametrize(
    ("alert", "told", "to", "why", "due"),
    [
        pytest.param(make_alert(), NOBODY, WEBHOOK, Why.MUTED, None, id="not told meanwhile"),
        pytest.param(
            resolved(make_alert()), NOBODY, WEBHOOK, Why.NEVER_TOLD, None, id="began and ended"
        ),
        pytest.param(
            resolved(make_alert()), FIRED, WEBHOOK, Why.RESOLVED, 2 * HOUR, id="ended, told before"
        ),
        pytest.param(
            resolved(make_alert()), FIRED, BOT, Why.QUIET_EDIT, timedelta(0), id="put right at once"
        ),
        pytest.param(
            resolved(make_alert()), FIRED, PAGER, Why.QUIET_EDIT, timedelta(0), id="closed there"
        ),
        pytest.param(make_report(), NOBODY, WEBHOOK, Why.REPORTED, 2 * HOUR, id="a report is owed"),
        pytest.param(
            make_alert(),
            replace(FIRED, severity=Severity.WARNING),
            WEBHOOK,
            Why.MUTED,
            None,
            id="got worse",
        ),
    ],
)
def test_a_closed_route(
    alert: Alert, told: Told, to: Receiver, why: Why, due: timedelta | None
) -> None:
    decision = ask(alert, told, route=MUTED, to=to, group=OPEN)

    assert decision.why is why
    assert decision.due == (None if due is None else NOON + due)
    if why is Why.MUTED:
        assert decision.until == NOON + 2 * HOUR


def test_what_is_still_wrong_when_the_route_opens_is_told() -> None:
    assert ask(make_alert(), route=MUTED, now=NOON + 2 * HOUR).why is Why.FIRST


@pytest.mark.parametrize(
    ("hour", "by"),
    [
        pytest.param(12, "2", id="another that is open"),
        pytest.param(14, "1", id="the first, once it opens"),
    ],
)
def test_a_closed_route_keeps_nobody_waiting_whom_another_reaches(hour: int, by: str) -> None:
    closed = replace(MUTED, name="1", receivers=("hook", "mail"), goes_on=True)
    routes = (closed, Route(name="2", receivers=("hook",)))
    now = NOON + (hour - 12) * HOUR
    found = destinations(make_alert(), routes, lambda route: is_open_at(route, now))

    assert {name: route.name for name, route in found.items()} == {"hook": by, "mail": "1"}


def test_what_would_wait_into_a_mute_goes_before_it() -> None:
    before = datetime(2026, 6, 10, 10, 59, 55, tzinfo=UTC)

    assert ask(make_alert(), route=MUTED, now=before).due == before


def test_a_route_that_never_opens_holds_nothing_back() -> None:
    never = replace(ROUTE, mute=(calendar("daily 00:00-24:00"),))

    assert ask(make_alert(), route=never).why is Why.FIRST


@pytest.mark.parametrize(
    ("alert", "told", "to", "why"),
    [
        pytest.param(make_alert(), NOBODY, WEBHOOK, Why.SILENCED, id="first"),
        pytest.param(
            make_alert(),
            replace(FIRED, severity=Severity.WARNING),
            WEBHOOK,
            Why.SILENCED,
            id="got worse",
        ),
        pytest.param(
            resolved(make_alert()), NOBODY, WEBHOOK, Why.NEVER_TOLD, id="began and ended inside"
        ),
        pytest.param(resolved(make_alert()), FIRED, BOT, Why.QUIET_EDIT, id="put right at once"),
        pytest.param(resolved(make_alert()), FIRED, WEBHOOK, Why.RESOLVED, id="one recovery"),
        pytest.param(make_report(), NOBODY, WEBHOOK, Why.SILENCED, id="a report"),
        pytest.param(settled(make_report()), NOBODY, MAIL, Why.SILENCED, id="its last word"),
    ],
)
def test_a_silence(alert: Alert, told: Told, to: Receiver, why: Why) -> None:
    decision = ask(alert, told, to=to, group=OPEN, silence=silence())

    assert decision.why is why
    if why is Why.SILENCED:
        assert "ann" in decision.detail
    if why is Why.RESOLVED:
        assert decision.due == NOON + HOUR


@pytest.mark.parametrize(
    "alert",
    [
        pytest.param(make_report(severity=Severity.CRITICAL), id="a report"),
        pytest.param(settled(make_report(severity=Severity.CRITICAL)), id="its last word"),
    ],
)
def test_what_failed_in_a_silence_is_told_when_it_is_over(alert: Alert) -> None:
    decision = ask(alert, silence=silence())

    assert (decision.why.tells, decision.due) == (True, NOON + HOUR)
    endless = ask(alert, silence=silence(ends_at=None))
    assert (endless.why.tells, endless.due) == (True, NOON - HOUR + LONGEST)
    rolled_up = ask(alert, silence=silence(ends_at=None), route=HOURLY)
    assert (rolled_up.why.tells, rolled_up.due) == (True, NOON + HOUR)


def test_what_was_told_of_ends_with_the_silence_or_after_a_week() -> None:
    decision = ask(resolved(make_alert()), FIRED, silence=silence(ends_at=None))

    assert (decision.why, decision.due) == (Why.RESOLVED, NOON - HOUR + LONGEST)


OVER = silence(ends_at=NOON + HOUR, ended_at=NOON + 30 * MINUTE)


@pytest.mark.parametrize(
    ("told_at", "now", "why"),
    [
        pytest.param(0, 31, Why.REPEAT, id="told before it, still wrong after it"),
        pytest.param(31, 32, Why.NOT_DUE, id="once"),
    ],
)
def test_after_a_silence_what_is_still_wrong_is_told_once(told_at: int, now: int, why: Why) -> None:
    told = replace(FIRED, told_at=NOON + told_at * MINUTE)

    assert ask(make_alert(), told, now=NOON + now * MINUTE, ended=OVER).why is why


def test_what_fired_after_a_silence_was_never_held_by_it() -> None:
    late = replace(make_alert(), fired_at=NOON + 40 * MINUTE)
    told = replace(FIRED, told_at=NOON + 20 * MINUTE)

    assert ask(late, told, now=NOON + 41 * MINUTE, ended=OVER).why is Why.NOT_DUE


ACK = silence(alert="k", ends_at=None)


@pytest.mark.parametrize(
    ("told", "to", "why"),
    [
        pytest.param(FIRED, WEBHOOK, Why.ACKNOWLEDGED, id="not repeated"),
        pytest.param(FIRED, BOT, Why.ACKED, id="the root shows it"),
        pytest.param(FIRED, PAGER, Why.ACKED, id="so does what keeps alerts of its own"),
        pytest.param(
            replace(FIRED, transitions=frozenset({"fired", "acked-s1"})),
            BOT,
            Why.ACKNOWLEDGED,
            id="once",
        ),
        pytest.param(replace(FIRED, waiting=True), BOT, Why.ALREADY_TOLD, id="once it stands"),
        pytest.param(
            replace(FIRED, severity=Severity.WARNING),
            BOT,
            Why.ESCALATED,
            id="getting worse is told",
        ),
        pytest.param(NOBODY, WEBHOOK, Why.FIRST, id="who has not heard of it hears"),
    ],
)
def test_an_acknowledgement(told: Told, to: Receiver, why: Why) -> None:
    decision = ask(make_alert(), told, to=to, now=NOON + 5 * HOUR, acknowledged=ACK, group=OPEN)

    assert decision.why is why
    if why is Why.ACKED:
        assert (decision.loud, len(decision.parts)) == (False, 1)


SHOWN = replace(FIRED, transitions=frozenset({"fired", "acked-s1"}))


@pytest.mark.parametrize(
    ("told", "to", "why"),
    [
        pytest.param(SHOWN, BOT, Why.ACK_OVER, id="the root shows that nobody has it any more"),
        pytest.param(SHOWN, WEBHOOK, Why.REPEAT, id="what cannot be edited only repeats"),
        pytest.param(
            replace(SHOWN, transitions=SHOWN.transitions | {"acked-over-1"}),
            BOT,
            Why.REPEAT,
            id="once",
        ),
        pytest.param(
            replace(SHOWN, transitions=SHOWN.transitions | {"acked-over-1", "acked-s2"}),
            BOT,
            Why.ACK_OVER,
            id="once for each that was shown",
        ),
        pytest.param(FIRED, BOT, Why.REPEAT, id="nobody ever had it"),
    ],
)
def test_an_acknowledgement_that_ends_before_its_alert(told: Told, to: Receiver, why: Why) -> None:
    decision = ask(make_alert(), told, to=to, now=NOON + 5 * HOUR, group=OPEN)

    assert decision.why is why
    assert not decision.loud


def test_an_acknowledgement_hides_no_end() -> None:
    assert ask(resolved(make_alert()), FIRED, acknowledged=ACK).why is Why.RESOLVED


DUE = {"unheard_at": NOON + 15 * MINUTE, "unheard_for": 15 * MINUTE}


@pytest.mark.parametrize(
    ("told", "minute", "around", "why"),
    [
        pytest.param(NOBODY, 14, {"summoned": True}, Why.NOT_DUE, id="not yet"),
        pytest.param(NOBODY, 15, {"summoned": True}, Why.UNHEARD, id="called"),
        pytest.param(FIRED, 15, {}, Why.UNHEARD, id="called, though it was told"),
        pytest.param(
            replace(FIRED, transitions=frozenset({"unacknowledged"})),
            16,
            {"summoned": True},
            Why.NOT_DUE,
            id="once",
        ),
        pytest.param(
            NOBODY, 15, {"summoned": True, "acknowledged": ACK}, Why.NOT_DUE, id="somebody has it"
        ),
        pytest.param(
            NOBODY, 15, {"summoned": True, "silence": silence()}, Why.SILENCED, id="silenced"
        ),
    ],
)
def test_escalation(told: Told, minute: int, around: dict[str, Any], why: Why) -> None:
    decision = ask(make_alert(), told, now=NOON + minute * MINUTE, **{**DUE, **around})

    assert decision.why is why
    assert decision.loud is (why is Why.UNHEARD)


def test_reports_are_none_of_those_who_are_called_when_nobody_reacts() -> None:
    assert ask(make_report(), summoned=True).why is Why.NOT_ROUTED


@pytest.mark.parametrize(
    ("alert", "told", "why"),
    [
        pytest.param(make_alert(), NOBODY, Why.FIRST, id="first"),
        pytest.param(resolved(make_alert()), FIRED, Why.RESOLVED, id="end"),
        pytest.param(
            resolved(make_alert()),
            replace(FIRED, delivered=False, waiting=True),
            Why.SUMMARY,
            id="both in one line",
        ),
        pytest.param(make_report(), NOBODY, Why.REPORTED, id="report"),
        pytest.param(
            make_alert(), replace(FIRED, severity=Severity.INFO), Why.ESCALATED, id="got worse"
        ),
    ],
)
def test_a_digest_takes_everything_to_its_time(alert: Alert, told: Told, why: Why) -> None:
    decision = ask(alert, told, route=HOURLY, now=NOON + 20 * MINUTE)

    assert (decision.why, decision.home) == (why, Home.DIGEST)
    assert decision.due == decision.slot == NOON + HOUR
    assert not decision.loud


def test_a_digest_in_a_mute_goes_when_it_is_over() -> None:
    nightly = replace(MUTED, digest=Digest(at=time(12, 30), zone=UTC_ZONE))

    assert ask(make_alert(), route=nightly, now=NOON - 2 * HOUR).due == NOON + 2 * HOUR


def test_a_report_that_settles_first_goes_into_the_digest_after_that() -> None:
    assert ask(make_report(), route=HOURLY, to=MAIL, now=NOON + MINUTE).due == NOON + 2 * HOUR


BOUT = flapping([NOON - n * 10 * MINUTE for n in range(4)], NOON)
FLAPS = replace(make_alert(), fired_at=NOON + 20 * MINUTE)


def test_the_firing_that_makes_it_flap_is_told_as_ever() -> None:
    decision = ask(make_alert(), flap=BOUT)

    assert (decision.why, decision.home) == (Why.FIRST, Home.GROUP)
    assert decision.due == NOON + 10 * SECOND


@pytest.mark.parametrize(
    ("fired", "due"),
    [
        pytest.param(20, 35, id="when it has stayed"),
        pytest.param(50, 60, id="or by the hour, if that is sooner"),
    ],
)
def test_a_firing_that_flaps_is_told(fired: int, due: int) -> None:
    at = NOON + fired * MINUTE
    decision = ask(replace(make_alert(), fired_at=at), flap=BOUT, now=at)

    assert (decision.why, decision.home) == (Why.FIRST, Home.FLAP)
    assert (decision.due, decision.slot) == (NOON + due * MINUTE, NOON + HOUR)


@pytest.mark.parametrize(
    ("told", "to", "why"),
    [
        pytest.param(
            replace(FIRED, delivered=False, waiting=True), WEBHOOK, Why.SUMMARY, id="untold"
        ),
        pytest.param(FIRED, WEBHOOK, Why.RESOLVED, id="told"),
        pytest.param(FIRED, BOT, Why.QUIET_EDIT, id="told where it can be put right"),
    ],
)
def test_the_end_of_what_flaps(told: Told, to: Receiver, why: Why) -> None:
    over = resolved(FLAPS)
    decision = ask(over, told, to=to, flap=BOUT, now=NOON + 22 * MINUTE)

    assert decision.why is why
    if why is not Why.QUIET_EDIT:
        assert (decision.home, decision.due) == (Home.FLAP, NOON + HOUR)


@pytest.mark.parametrize(
    ("route", "around"),
    [
        pytest.param(MUTED, {}, id="mute"),
        pytest.param(HOURLY, {}, id="digest"),
        pytest.param(replace(ROUTE, group_wait=HOUR), {}, id="waiting"),
        pytest.param(ROUTE, {"inhibited": "blind"}, id="another alert"),
        pytest.param(ROUTE, {"flap": BOUT}, id="flapping"),
    ],
)
def test_what_the_law_asks_for_is_told_at_once(route: Route, around: dict[str, Any]) -> None:
    decision = ask(FLAPS, route=route, now=NOON + 20 * MINUTE, compliance=True, **around)

    assert (decision.why, decision.due) == (Why.FIRST, NOON + 20 * MINUTE)
    assert ask(FLAPS, route=route, compliance=True, silence=silence()).why is Why.SILENCED


@pytest.mark.parametrize("severity", [Severity.CRITICAL, Severity.WARNING])
def test_what_the_law_asks_for_is_called_out_in_whatever_company(severity: Severity) -> None:
    group, alert = replace(OPEN, severity=Severity.CRITICAL), replace(FLAPS, severity=severity)

    assert not ask(alert, group=group).loud
    assert ask(alert, group=group, compliance=True).loud is (severity is Severity.CRITICAL)


def test_a_quiet_end_is_told_to_what_keeps_alerts_of_its_own() -> None:
    decision = ask(resolved(make_alert(), Reason.BATCH_ENDED), FIRED, to=PAGER, group=OPEN)

    assert (decision.why, decision.parts) == (Why.QUIET_EDIT, (Part.MESSAGE,))


@pytest.mark.parametrize("heavier", [True, False])
def test_only_what_is_heavier_than_its_group_does_not_wait_for_it(*, heavier: bool) -> None:
    group = replace(OPEN, severity=Severity.WARNING if heavier else Severity.CRITICAL)
    due = ask(make_alert(), group=group, now=NOON + MINUTE).due

    assert due == NOON + (MINUTE if heavier else 5 * MINUTE)


def test_a_storm_has_a_beat_of_its_own() -> None:
    storm = replace(OPEN, crowd=True)
    later = NOON + 7 * MINUTE
    ends = ask(resolved(make_alert()), FIRED, to=BOT, group=storm, now=later)
    joins = ask(make_alert(), group=storm, now=later)

    assert {ends.due, joins.due} == {NOON + 10 * MINUTE}
