"""Counting what would have been told: as the pipeline tells it, without a channel."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.core.alert import Alert, AlertState, Reason, Subject
from monitor.core.identity import alert_key
from monitor.core.route import Receiver, Route, parse_matcher
from monitor.core.rule import Finding, Severity, SubjectKind
from monitor.evaluation.telling import Routing
from monitor.evaluation.tellings import Tellings
from tests.builders import HOUR, MINUTE, NOON, SECOND

HOOK = Receiver(name="hook", kind="slack")
BOT = Receiver(name="bot", kind="slack", edits=True, readable=True)
MAIL = Receiver(name="mail", kind="email", settled_only=True)
EVERYTHING = Route(name="1", receivers=("hook", "bot", "mail"))

Moved = tuple[datetime, Alert]


def alert(name: str = "error_spike", batch: str = "b1", episode: int = 1) -> Alert:
    return Alert(
        key=alert_key(f"{name} {batch}", episode),
        fingerprint=f"{name} {batch}",
        episode=episode,
        rule=name,
        instance=name,
        subject=Subject(
            kind=SubjectKind.BATCH, provider="renewals", id=batch, title=batch, vendor="graine"
        ),
        severity=Severity.CRITICAL,
        state=AlertState.PENDING,
        since=NOON,
        finding=Finding(summary="calls fail"),
    )


def fired(of: Alert, at: timedelta = timedelta(0)) -> Moved:
    return NOON + at, replace(
        of, state=AlertState.FIRING, fired_at=NOON + at, reason=Reason.HELD_LONG_ENOUGH
    )


def closed(of: Alert, at: timedelta, reason: Reason = Reason.RECOVERED) -> Moved:
    return NOON + at, replace(
        of, state=AlertState.RESOLVED, fired_at=NOON, closed_at=NOON + at, reason=reason
    )


def reported(of: Alert, at: timedelta = timedelta(0), *marks: str) -> Moved:
    finding = Finding(summary="completed", marks=marks)
    return NOON + at, replace(
        of, state=AlertState.INFO, reason=Reason.REPORTED, finding=finding, closed_at=NOON + at
    )


def settled(of: Alert, at: timedelta) -> Moved:
    return NOON + at, replace(of, state=AlertState.INFO, reason=Reason.SETTLED, closed_at=NOON)


def told(
    *moved: Moved, receivers: tuple[Receiver, ...] = (HOOK,), routes: tuple[Route, ...] = ()
) -> dict[str, int]:
    known = {receiver.name: receiver for receiver in receivers}
    tellings = Tellings(Routing(routes=routes or (EVERYTHING,), receivers=known))
    tellings.hear(moved)
    return dict(tellings.told())


SPIKE = alert()
REPORT = alert("batch_completed")
STORIES = [
    pytest.param([fired(SPIKE), closed(SPIKE, HOUR)], 2, id="fires and recovers"),
    pytest.param(
        [fired(SPIKE), closed(SPIKE, HOUR, Reason.BATCH_ENDED)], 1, id="ends with its batch"
    ),
    pytest.param([fired(SPIKE), closed(SPIKE, 5 * SECOND)], 1, id="over before it could be told"),
    pytest.param([fired(SPIKE), closed(SPIKE, 13 * HOUR)], 4, id="told again after 4 and 12 hours"),
    pytest.param([(NOON, SPIKE)], 0, id="pending"),
    pytest.param([(NOON, SPIKE), closed(SPIKE, HOUR, Reason.NO_LONGER_HOLDS)], 0, id="never fired"),
    pytest.param([reported(REPORT)], 1, id="report"),
    pytest.param(
        [reported(REPORT, timedelta(0), "settling"), settled(REPORT, 5 * MINUTE)],
        1,
        id="report that settles as it was",
    ),
]


@pytest.mark.parametrize(("moved", "count"), STORIES)
@pytest.mark.parametrize("receiver", [HOOK, BOT, MAIL], ids=lambda each: each.name)
def test_one_alert_makes_so_many_messages(
    moved: list[Moved], count: int, receiver: Receiver
) -> None:
    assert sum(told(*moved, receivers=(receiver,)).values()) == count


def test_what_several_channels_are_told_is_one_message() -> None:
    everybody = (HOOK, BOT, MAIL)

    assert told(fired(SPIKE), closed(SPIKE, HOUR), receivers=everybody) == {"error_spike": 2}


def test_a_second_episode_is_told_too() -> None:
    again = alert(episode=2)

    moved = (fired(SPIKE), closed(SPIKE, HOUR), fired(again, 2 * HOUR), closed(again, 3 * HOUR))

    assert told(*moved) == {"error_spike": 4}


def test_what_no_route_leads_anywhere_is_told_nobody() -> None:
    elsewhere = Route(name="1", match=(parse_matcher("rule=batch_failed"),), receivers=("hook",))

    assert told(fired(SPIKE), closed(SPIKE, HOUR), routes=(elsewhere,)) == {}


def test_a_receiver_that_wants_no_ends_hears_of_none() -> None:
    quiet = replace(HOOK, send_resolved=False)

    assert told(fired(SPIKE), closed(SPIKE, HOUR), receivers=(quiet,)) == {"error_spike": 1}


def test_an_escalation_is_told() -> None:
    at, firing = fired(SPIKE)
    mild = (at, replace(firing, severity=Severity.WARNING))
    worse = (at + HOUR, replace(firing, reason=Reason.ESCALATED))

    assert told(mild, worse, closed(SPIKE, 2 * HOUR)) == {"error_spike": 3}


def test_company_in_a_group_waits_and_ends_with_it() -> None:
    """The second alert comes within the group's interval, and is over with the first."""
    other = alert(batch="b2")
    grouped = replace(EVERYTHING, group_by=("rule",))

    moved = (
        fired(SPIKE),
        fired(other, MINUTE),
        closed(other, 2 * MINUTE),
        closed(SPIKE, 3 * MINUTE),
    )

    assert told(*moved, routes=(grouped,)) == {"error_spike": 3}
    assert told(*moved) == {"error_spike": 4}


def test_many_receivers_with_repeats_come_to_an_end() -> None:
    receivers = tuple(replace(HOOK, name=f"hook{n}") for n in range(6))
    routes = tuple(
        Route(
            name=str(n),
            receivers=(each.name,),
            goes_on=True,
            repeat_interval=HOUR + n * MINUTE,
        )
        for n, each in enumerate(receivers)
    )

    found = told(fired(SPIKE), closed(SPIKE, 48 * HOUR), receivers=receivers, routes=routes)

    assert found["error_spike"] == 2 + len(("1 h", "3 h", "7 h", "15 h", "31 h"))
