"""Why an alert is told to whom, or is not: everything that decides it, in words.

It asks what telling itself asks, so it cannot say anything else. Only reads.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.alert import Alert
from monitor.core.compose import labels_of
from monitor.core.decision import Why
from monitor.core.destination import matches
from monitor.core.digest import next_slot
from monitor.core.held import opening, opens_at
from monitor.core.instance import RuleInstance
from monitor.core.route import Matcher, Route
from monitor.core.silence import Silence
from monitor.evaluation.cases import Case, cases
from monitor.evaluation.explaining import held_back
from monitor.evaluation.routing import Routing
from monitor.store import alerts as alerts_store


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteView:
    """One route and one alert.

    ``against`` are the matchers that say no. ``reached`` is False behind a route that took
    the alert for good. ``closed_until``: of a closed route; ``digest_at``: when what is told
    now goes out together.
    """

    route: str
    matches: bool
    reached: bool
    against: tuple[str, ...]
    receivers: tuple[str, ...]
    group: Mapping[str, str]
    group_wait: timedelta
    group_interval: timedelta
    repeat_interval: timedelta
    repeat_most: timedelta
    closed_until: datetime | None
    digest_at: datetime | None
    fallback: tuple[str, ...]
    escalate_after: timedelta | None
    escalate_to: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverView:
    """What is decided for one receiver: ``why``, in words, and when.

    ``until``: when the answer may be another. ``told_at``: when it last heard of the alert.
    ``conversation``: the group, digest or storm that the telling would join or begin;
    ``group`` its number once it is there.
    """

    receiver: str
    route: str | None
    tells: bool
    why: str
    words: str
    transition: str
    due: datetime | None
    until: datetime | None
    told_at: datetime | None
    repeats: int
    escalates_at: datetime | None
    conversation: str | None
    group: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The whole answer, for one alert at one time.

    ``unsure`` says for people what of it is as of now, because that of then is not kept.
    """

    at: datetime
    alert: str
    rule: str
    state: str
    labels: Mapping[str, str]
    silenced_by: str | None
    inhibited_by: str | None
    acknowledged_by: str | None
    flapping: str | None
    compliance: bool
    routes: tuple[RouteView, ...]
    receivers: tuple[ReceiverView, ...]
    unsure: tuple[str, ...] = ()


# Of what was asked about an earlier time.
NOT_KEPT = (
    "routes, calendars, rules and receivers are those of the configuration of now",
    "whether its batch was paused then, or calls not permitted, is not kept and holds nothing back",
)
NOT_COME = ("whatever is fired, silenced or acknowledged until then may change it",)


def explain(
    conn: Connection,
    alert: Alert,
    *,
    routing: Routing,
    instances: Sequence[RuleInstance],
    now: datetime,
    zone: str,
) -> Explanation:
    """What would be decided for this alert at ``now``."""
    subject = alert.subject
    beside = alerts_store.load_open(conn, subject.provider, subject.kind, subject.id)
    inhibited = held_back(conn, [alert], beside, instances, routing.inhibitions)
    asked = tuple(
        cases(conn, alerts=[alert], routing=routing, now=now, inhibited=inhibited, zone=zone)
    )
    around = asked[0].around if asked else None
    return Explanation(
        at=now,
        alert=alert.key,
        rule=alert.instance,
        state=alert.state.value,
        labels={name: value for name, value in labels_of(alert).items() if value},
        silenced_by=_silence(around.silence if around else None),
        inhibited_by=inhibited.get(alert.key),
        acknowledged_by=_silence(around.acknowledged if around else None),
        flapping=around.flap.words if around and around.flap else None,
        compliance=alert.rule in routing.compliance,
        routes=tuple(_routes(alert, routing, now)),
        receivers=tuple(_receiver(case) for case in asked),
    )


def _silence(silence: Silence | None) -> str | None:
    if silence is None:
        return None
    return f"{silence.author}: {silence.comment} ({silence.id})"


def _routes(alert: Alert, routing: Routing, now: datetime) -> Iterator[RouteView]:
    labels = labels_of(alert)
    free = alert.rule in routing.compliance
    reached = True
    for route in routing.routes:
        against = tuple(
            _written(each) for each in route.match if not matches(each, labels, alert.rule)
        )
        yield _route(alert, route, routing, now, against=against, reached=reached, free=free)
        if not against and not route.goes_on:
            reached = False


def _route(
    alert: Alert,
    route: Route,
    routing: Routing,
    now: datetime,
    *,
    against: tuple[str, ...],
    reached: bool,
    free: bool,
) -> RouteView:
    opens = now if free else opens_at(route, now)
    digest = None if free else route.digest
    return RouteView(
        route=route.name,
        matches=not against,
        reached=reached,
        against=against,
        receivers=route.receivers,
        group=dict(routing.group_of(alert, route)),
        group_wait=route.group_wait,
        group_interval=route.group_interval,
        repeat_interval=route.repeat_by.get(alert.severity, route.repeat_interval),
        repeat_most=route.repeat_most,
        closed_until=None if opens is None or opens <= now else opens,
        digest_at=None if digest is None else opening(route, next_slot(digest, now)),
        fallback=route.fallback,
        escalate_after=route.escalate_after,
        escalate_to=route.escalate_to,
    )


def _written(matcher: Matcher) -> str:
    return f"{matcher.label}{matcher.operator}{matcher.value}"


def _receiver(case: Case) -> ReceiverView:
    decision, place = case.decision()
    told = case.history.told if case.history else None
    talk = place.conversation if place else case.standing()
    return ReceiverView(
        receiver=case.receiver.name,
        route=case.route.name if case.route else None,
        tells=decision.why.tells,
        why=decision.why.value,
        words=_WORDS[decision.why] + (f": {decision.detail}" if decision.detail else ""),
        transition=decision.transition,
        due=decision.due,
        until=decision.until,
        told_at=told.told_at if told else None,
        repeats=told.repeats if told else 0,
        escalates_at=case.around.unheard_at,
        conversation=place.key if place else (talk.group_key if talk else None),
        group=talk.id if talk else None,
    )


_WORDS = {
    Why.FIRST: "is told",
    Why.ESCALATED: "is told again, because it got worse",
    Why.REPEAT: "is told again, because it still fires",
    Why.UNHEARD: "is told, because nobody has acknowledged it",
    Why.RESOLVED: "its end is told",
    Why.SUMMARY: "its beginning and end are told in one",
    Why.QUIET_EDIT: "the message is put right in its place",
    Why.ACKED: "the message shows who acknowledged it",
    Why.ACK_OVER: "the message shows that nobody has it any more",
    Why.REPORTED: "is reported",
    Why.SETTLED: "its last word is told",
    Why.ALREADY_TOLD: "is told already, or on its way",
    Why.NOT_DUE: "is told, and not to be repeated yet",
    Why.ACKNOWLEDGED: "is told, and not repeated while somebody has it",
    Why.MUTED: "waits until its route opens",
    Why.SILENCED: "is silenced",
    Why.INHIBITED: "is held back by another alert",
    Why.NOT_ROUTED: "no route leads there",
    Why.NEVER_TOLD: "is over, and was never told there",
    Why.RESOLVED_OFF: "is over, and this receiver wants no ends",
    Why.QUIET_CLOSE: "is over, which is no news",
    Why.UNCHANGED: "its last word says what was told",
    Why.PENDING: "does not fire yet",
}
