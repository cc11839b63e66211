"""From alerts to what is owed: decide for every receiver, compose, put into the outbox.

Runs inside the evaluation's transaction, so an alert and its notification are kept together
or not at all. Asked again with the same alerts it tells nothing twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from monitor.core.alert import Alert, AlertState
from monitor.core.compose import TITLE, Line, compose, plain
from monitor.core.decision import Decision, Home, Part, Why
from monitor.core.flapping import LASTING
from monitor.core.held import opening
from monitor.core.message import Message
from monitor.core.pacing import silence_ended_since
from monitor.core.route import Route
from monitor.core.rule import SubjectKind
from monitor.core.wording import clock, span, zone_named
from monitor.evaluation.cases import Case, Place, cases
from monitor.evaluation.routing import Routing
from monitor.store import conversations, moves, outbox, series, waiting
from monitor.store.conversations import DIGEST, FLAP, Conversation, Member

__all__ = ["Routing", "log_decision", "tell"]

log = structlog.get_logger()

# Several times as long as until it is asked again.
HELD_FOR = timedelta(minutes=1)


def tell(
    conn: Connection,
    *,
    alerts: Sequence[Alert],
    routing: Routing,
    now: datetime,
    inhibited: Mapping[str, str],
    default_zone: str,
    decided: Callable[[Decision], None] | None = None,
) -> int:
    """Owe what these alerts call for now; how many parts that put into the outbox.

    ``alerts``, which are already stored, are those of one subject that fire, and those that
    closed in this evaluation. ``inhibited`` says by alert key why one is held back.
    ``decided`` hears of every decision; without it they are logged at once.
    """
    asked = cases(
        conn, alerts=alerts, routing=routing, now=now, inhibited=inhibited, zone=default_zone
    )
    parts = sum(_settle(case, decided or log_decision) for case in list(asked))
    for alert in alerts:
        if alert.state is AlertState.RESOLVED:
            waiting.drop_strays(conn, alert.key, tuple(routing.receivers))
    return parts


def _settle(case: Case, decided: Callable[[Decision], None]) -> int:
    """Decide, and put what was decided; how many parts."""
    decision, place = case.decision()
    decided(decision)
    parts = _put(case, decision, place) if place and decision.why.tells else 0
    if decision.why.holds and case.history is not None and case.history.told.waiting:
        _hold(case, decision.until)
    if decision.why is Why.ALREADY_TOLD and case.alert.state is AlertState.FIRING:
        _leave_digest(case)
    if case.alert.state is AlertState.RESOLVED:
        _close(case)
    return parts


def _hold(case: Case, until: datetime | None) -> None:
    """What holds the alert back holds what waits of it as well, as long as this is asked."""
    soon = case.now + HELD_FOR
    waiting.hold(
        case.conn,
        receiver=case.receiver.name,
        alert=case.alert.key,
        until=soon if until is None else min(soon, until),
    )


def _leave_digest(case: Case) -> None:
    """What waits for a digest that its route has no more waits no longer."""
    due, route = case.history.due_at if case.history else None, case.route
    if due is None or route is None or route.digest is not None:
        return
    if due - case.now <= max(route.group_interval, LASTING):
        return  # as long as anything may wait; most of a storm does
    talk = case.standing()
    if talk is not None and talk.group_key.startswith(DIGEST):
        waiting.let_go(case.conn, talk.id, alert=case.alert.key, now=case.now)


def _close(case: Case) -> None:
    """Nothing joins a group once all of it is clear; what is told at its time stays so."""
    talk = case.standing()
    if talk is None or talk.is_slot or talk.closed_at is not None:
        return
    if not conversations.is_clear(case.conn, talk.id):
        return
    conversations.close(case.conn, talk.id, case.now)
    route = case.route or Route(name="")
    if opening(case.route, case.now) == case.now or case.around.compliance:
        held = case.alert.key if case.around.silence else None
        waits = max(route.group_wait, route.group_interval)
        waiting.hasten(case.conn, talk.id, now=case.now, waits=waits, but=held)


def _put(case: Case, decision: Decision, place: Place) -> int:
    home = place.conversation or _open(case, place, decision)
    if decision.home is Home.FLAP:
        conversations.keep_newest(case.conn, home.id, alert=case.alert.key)
    if case.history and case.history.told.waiting and Part.THREAD not in decision.parts:
        # What goes elsewhere without a reply takes the place of a reply that still waits, too.
        waiting.drop(
            case.conn,
            receiver=case.receiver.name,
            alert=case.alert.key,
            part=Part.THREAD.value,
        )
    message = replace(message_of(case, decision, place), series=_series(case, decision))
    return sum(
        outbox.put(
            case.conn,
            conversation=home.id,
            receiver=case.receiver.name,
            transition=decision.transition,
            part=part.value,
            message=message,
            now=case.now,
            due=decision.due or case.now,
            first=case.history is None,
        )
        for part in decision.parts
    )


def _series(case: Case, decision: Decision) -> tuple[series.Slot, ...]:
    """How its batch's calls ended over time, as far as there is something to see."""
    subject = case.alert.subject
    if subject.kind is not SubjectKind.BATCH or decision.home is Home.DIGEST:
        return ()
    return series.load(case.conn, subject.provider, subject.id, case.now)


def _open(case: Case, place: Place, decision: Decision) -> Conversation:
    if decision.slot is not None:
        kind = FLAP if decision.home is Home.FLAP else DIGEST
        conversations.close_past(case.conn, case.receiver.name, kind, case.now)
    return conversations.put(
        case.conn,
        receiver=case.receiver.name,
        group_key=place.key,
        route=case.route.name if case.route else "",
        now=case.now,
        alone=place.alone,
    )


def message_of(case: Case, decision: Decision, place: Place) -> Message:
    """The decision as people are to read it, when they are to read it."""
    digest = decision.home is Home.DIGEST
    at = max(decision.due or case.now, case.now) if digest else case.now
    ack = case.around.acknowledged
    zone = zone_named(case.alert.subject.zone, case.zone)
    closed = case.alert.state is AlertState.RESOLVED
    return compose(
        case.alert,
        at=at,
        default_zone=case.zone,
        repeat=decision.repeat,
        untold=decision.untold,
        loud=decision.loud,
        remarks=tuple(_remarks(case, decision)),
        beside=tuple(_beside(case, place)),
        link=case.routing.link_to(case.alert),
        acknowledged=f"{ack.author}, {clock(ack.created_at, zone, at)}" if ack else "",
        fired=moves.fired_with(case.conn, case.alert.key) if closed else None,
    )


def _remarks(case: Case, decision: Decision) -> Iterator[str]:
    around = case.around
    if _is_flapping(case):
        yield "flapping"
    if decision.why is Why.UNHEARD:
        yield f"nobody has acknowledged it for {span(around.unheard_for)}"
    zone = zone_named(case.alert.subject.zone, case.zone)
    yield from case.routing.doubts(case.now, zone)
    over = around.ended.over_at() if around.ended else None
    told = case.history.told if case.history else None
    fired = case.alert.fired_at
    held = fired is not None and over is not None and fired < over
    if told is not None:
        held = silence_ended_since(case.alert, told, around.ended, case.now)
    if held and around.ended and over and decision.why in {Why.FIRST, Why.REPEAT, Why.ESCALATED}:
        yield f"silence of {around.ended.author} ended {clock(over, zone, case.now)}"


def _beside(case: Case, place: Place) -> Iterator[Line]:
    zone = zone_named(case.alert.subject.zone, case.zone)
    flap = case.around.flap
    if flap is not None and _is_flapping(case):
        yield "comes and goes", f"{flap.words} since {clock(flap.since, zone, case.now)}"
    if place.company:
        since = (
            f"{_named(each, case.alert)} since {clock(each.fired_at, zone, case.now)}"
            for each in place.company
            if each.fired_at
        )
        yield "together with", ", ".join(since)


def _named(member: Member, alert: Alert) -> str:
    """By its rule; where it is about something else, by that as well."""
    its, ours = member.subject, alert.subject
    if (its.provider, its.id) == (ours.provider, ours.id):
        return member.instance
    return f"{plain(its.title, TITLE) or plain(its.id, TITLE)} ({member.instance})"


def _is_flapping(case: Case) -> bool:
    flap, fired = case.around.flap, case.alert.fired_at
    if flap is None or fired is None or case.around.compliance:
        return False
    return fired >= flap.tipped_at


def log_decision(decision: Decision) -> None:
    """What is told is news; a no is asked for again every few seconds."""
    write = log.info if decision.why.tells else log.debug
    write(
        "decided",
        alert=decision.alert,
        receiver=decision.receiver,
        why=decision.why.value,
        transition=decision.transition,
        due=decision.due,
        detail=decision.detail,
    )
