"""The scenarios on Offhook: its decisions, its store and its claims, second by second."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from monitor.core.alert import Alert, AlertState, Reason, Subject
from monitor.core.calendar import Calendar
from monitor.core.explained import inhibited_by
from monitor.core.hours import parse_hours
from monitor.core.identity import alert_key, fingerprint
from monitor.core.inhibit import Inhibition
from monitor.core.route import Receiver, Route, parse_matcher
from monitor.core.rule import Finding, Severity, SubjectKind
from monitor.core.silence import Source
from monitor.core.wish import Wish
from monitor.evaluation.routing import Routing
from monitor.evaluation.telling import tell
from monitor.store import alerts, claims, outcomes, silences
from monitor.store.outcomes import Note
from monitor.store.schema import outbox
from tests.alertmanager.heard import Heard, Sending, heard
from tests.alertmanager.scenarios import LAST, MINUTE_AT, SCENARIOS, Scenario, Step, Way

BEGAN = datetime(2026, 6, 10, 12, 0, 60 - MINUTE_AT, tzinfo=UTC)
_UTC = ZoneInfo("UTC")
_MINUTE = (BEGAN + timedelta(seconds=MINUTE_AT)).strftime("%H:%M")


def _calendar(hours: str) -> Calendar:
    return Calendar(_UTC, (parse_hours(hours),))


_HOURS = {
    "always": _calendar("daily 00:00-24:00"),
    "never": Calendar(_UTC, ()),
    "until": _calendar(f"daily 00:00-{_MINUTE}"),
    "from": _calendar(f"daily {_MINUTE}-24:00"),
}


def _route(case: str, name: str, way: Way) -> Route:
    def hours(word: str | None) -> tuple[Calendar, ...]:
        return (_HOURS[word],) if word else ()

    return Route(
        name=name,
        match=tuple(map(parse_matcher, (f"case={case}", *way.match))),
        receivers=tuple(f"{case}/{to}" for to in way.to),
        goes_on=way.goes_on,
        group_by=way.group_by,
        group_wait=timedelta(seconds=way.wait),
        group_interval=timedelta(seconds=way.interval),
        repeat_interval=timedelta(seconds=way.repeat),
        mute=hours(way.mute),
        active=hours(way.active),
    )


def routing_of(cases: Mapping[str, Scenario]) -> Routing:
    """One for all scenarios: each has routes and receivers of its own."""
    routes = [
        _route(case, f"{case}-{place}", way)
        for case, scenario in cases.items()
        for place, way in enumerate(scenario.ways)
    ]
    return Routing(
        routes=tuple(routes),
        receivers={
            name: Receiver(
                name=name,
                kind="webhook",
                send_resolved=not cases[name.partition("/")[0]].no_ends,
            )
            for route in routes
            for name in route.receivers
        },
        inhibitions=tuple(
            Inhibition(
                source=tuple(map(parse_matcher, (f"case={case}", each.source))),
                target=tuple(map(parse_matcher, (f"case={case}", each.target))),
                equal=each.equal,
            )
            for case, scenario in cases.items()
            for each in scenario.holds
        ),
    )


@dataclass
class World:
    """What fires, and what was told."""

    conn: Connection
    routing: Routing
    open: dict[str, Alert] = field(default_factory=dict)  # by fingerprint
    episodes: dict[str, int] = field(default_factory=dict)
    silences: dict[str, str] = field(default_factory=dict)
    sent: list[tuple[str, Sending]] = field(default_factory=list)

    def pass_second(self, second: int, steps: list[tuple[str, Step]]) -> None:
        """Do what the second brings, tell, and send what is due."""
        now = BEGAN + timedelta(seconds=second)
        for case, scenario in SCENARIOS.items():
            if second == scenario.last + 1:
                self.open = {key: each for key, each in self.open.items() if _case(each) != case}
        closed = [over for case, step in steps if (over := self._do(case, step, now))]
        moved = [*self.open.values(), *closed]
        alerts.save(self.conn, moved)
        firing = list(self.open.values())
        found = {each.key: inhibited_by(each, firing, self.routing.inhibitions) for each in firing}
        tell(
            self.conn,
            alerts=moved,
            routing=self.routing,
            now=now,
            inhibited={key: why for key, why in found.items() if why},
            default_zone="UTC",
        )
        self._send(second, now)

    def _do(self, case: str, step: Step, now: datetime) -> Alert | None:
        match step.what:
            case "silence":
                matchers = tuple(map(parse_matcher, (f"case={case}", *step.matchers)))
                wish = Wish(
                    author="ann",
                    source=Source.API,
                    comment="known",
                    matchers=matchers,
                    ends_at=BEGAN + timedelta(seconds=step.until),
                )
                self.silences[case] = silences.add(self.conn, wish, now).silence.id
            case "expire":
                id_ = self.silences[case]
                silences.end(self.conn, id_, by="ann", source=Source.API, now=now)
            case "fire":
                self._fire(case, step, now)
            case "end":
                return self._end(case, step, now)
        return None

    def _fire(self, case: str, step: Step, now: datetime) -> None:
        print_ = _print(case, step)
        if print_ not in self.open:
            self.episodes[print_] = self.episodes.get(print_, 0) + 1
            self.open[print_] = _alert(case, step, print_, self.episodes[print_], now)

    def _end(self, case: str, step: Step, now: datetime) -> Alert | None:
        alert = self.open.pop(_print(case, step), None)
        if alert is None:
            return None
        return replace(alert, state=AlertState.RESOLVED, reason=Reason.RECOVERED, closed_at=now)

    def _send(self, second: int, now: datetime) -> None:
        due = select(outbox.c.receiver).where(outbox.c.state == "pending", outbox.c.due_at <= now)
        for receiver in self.conn.execute(due.distinct()).scalars().all():
            while claim := claims.claim(
                self.conn, receiver=receiver, now=now, lease=timedelta(minutes=1)
            ):
                outcomes.mark_sent(
                    self.conn, claim, remote_id=None, note=Note(at=now, outcome="sent")
                )
                states = tuple((each.rule, each.state.lower()) for each in claim.messages)
                self.sent.append((receiver, Sending(second, states)))


def _case(alert: Alert) -> str:
    return alert.labels["case"]


def _print(case: str, step: Step) -> str:
    return fingerprint(case, step.name, step.labels["batch"])


def _alert(case: str, step: Step, print_: str, episode: int, now: datetime) -> Alert:
    own = {name: each for name, each in step.labels.items() if name not in {"batch", "severity"}}
    return Alert(
        key=alert_key(print_, episode),
        fingerprint=print_,
        episode=episode,
        rule=step.name,
        instance=step.name,
        subject=Subject(
            kind=SubjectKind.BATCH,
            provider=case.replace("-", "_"),
            id=step.labels["batch"],
            title="a batch",
        ),
        severity=Severity(step.labels.get("severity", "critical")),
        state=AlertState.FIRING,
        since=now,
        fired_at=now,
        finding=Finding(summary="fails"),
        labels={"case": case, **own},
    )


def run(conn: Connection) -> dict[str, Heard]:
    """What each receiver heard in each scenario."""
    world = World(conn, routing_of(SCENARIOS))
    for second in range(LAST + 1):
        steps = [
            (case, step)
            for case, scenario in SCENARIOS.items()
            for step in scenario.steps
            if step.at == second
        ]
        world.pass_second(second, steps)
    return {
        case: heard(
            (receiver.partition("/")[2], each)
            for receiver, each in world.sent
            if receiver.partition("/")[0] == case
        )
        for case in SCENARIOS
    }
