"""A history played through the real pipeline, by the engine that plays tests of rules."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from monitor.app.ruletest.configured import own_config
from monitor.app.ruletest.deeds import Deed
from monitor.app.ruletest.described import Described
from monitor.app.ruletest.files import Story
from monitor.app.ruletest.lines import Line, Origin
from monitor.app.ruletest.run import Runner
from monitor.app.ruletest.vendors import Vendors
from monitor.app.ruletest.watch import Watch
from monitor.config import Config
from monitor.config.document import Document
from monitor.core.alert import Transition
from monitor.core.calendar import permitted_between
from monitor.core.model import RetryPolicy
from monitor.evaluation.context import Context
from tests.histories.dialler import Dialler
from tests.histories.drawing import person
from tests.histories.drawn import MINUTE, Cause, Diallers, Draft
from tests.histories.habits import Plan

LONGEST = timedelta(days=6)
AFTER = 25 * MINUTE  # an end is looked at for so long
NOWHERE = Line("a history", None, "")

# What the rules that run only where they are written are given.
WRITTEN: dict[str, Any] = {
    "batch_overdue": {"max_duration": "9h"},
    "cost_overrun": {"per_completed": "0.60 USD"},
    "balance_low": {"least": "20 USD"},
    "outcome_rate": {"outcome": [], "hangup": ["silence_timeout"], "threshold": 0.4},
    "expression": {"when": "cancelled_share > 0.3 and finished >= 20"},
}


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a history. ``deadline``: by when its incident must have been told."""

    transitions: Sequence[Transition]
    diallers: Diallers
    until: datetime
    deadline: datetime | None


# What is asked of the database once all of a history has been played.
Then = Callable[[Connection, Context, Played], None]


def play(draft: Draft, runner: Runner, then: Then | None = None) -> Played:
    """All of it, and ``then`` while it stands. Nothing is kept of it in the database."""
    story = _story(draft)
    context = runner._context(story)
    runner._contexts.clear()
    with runner._engine.connect() as conn:
        vendors = Vendors(context.providers, story.batches, story.origin)
        watch = Watch(conn, context, vendors, draft.start, poll=story.poll, tick=story.tick)
        played = _Course(draft, story, vendors, watch).run()
        if then is not None:
            then(conn, context, played)
        return played


class _Course:
    """One history under way."""

    def __init__(self, draft: Draft, story: Story, vendors: Vendors, watch: Watch) -> None:
        self._draft, self._vendors, self._watch = draft, vendors, watch
        self._tick = story.tick
        self._told = sorted(draft.told)
        self._diallers = {
            name: Dialler(plan, vendors.worlds[name], f"{draft.seed} {name}")
            for name, plan in draft.plans.items()
        }
        for name, plan in draft.plans.items():
            if plan.shares is not None:
                self._diallers[name].at(
                    plan.begins, _sharing(self._diallers[name], self._diallers[plan.shares[0]])
                )
        for stage in draft.staged:
            stage(self._diallers)
        self._deadline: datetime | None = None

    def run(self) -> Played:
        """Until everything has ended, or what was planted must have been told."""
        draft, now = self._draft, self._draft.start
        transitions: list[Transition] = []
        while not self._over(now):
            while self._told and self._told[0][0] <= now:
                self._vendors.do(_deed(*self._told.pop(0)))
            for dialler in self._diallers.values():
                dialler.advance(now)
            self._mark(draft.cause, now)
            for followed in self._watch.tick(now):
                transitions += followed.transitions
            self._watch.delivered(now)
            now += self._step(now)
        return Played(transitions, self._diallers, now, self._deadline)

    def _mark(self, cause: Cause | None, now: datetime) -> None:
        """Note when the incident is beyond its rule's limit, and by when it must be told."""
        if cause is None or cause.since is None or now < cause.since:
            return
        if cause.begins is None and cause.ready():
            cause.begins = now
            self._deadline = _later(cause, now)

    def _over(self, now: datetime) -> bool:
        if now > self._draft.start + LONGEST:
            return True
        if self._deadline is not None:
            return now > self._deadline
        if self._draft.cause is not None and self._draft.cause.begins is None and self._told:
            return False
        ends = [each.world.ended_at for each in self._diallers.values()]
        last = max((at for at in ends if at), default=now)
        waits = any(each.next_at for each in self._diallers.values())
        return all(ends) and not waits and now > last + AFTER

    def _step(self, now: datetime) -> timedelta:
        """As often as the daemon judges while anything happens; less often in the night."""
        nexts = [each.next_at for each in self._diallers.values() if each.next_at]
        nexts += [each[0] for each in self._told[:1]]
        quiet = min(nexts, default=now + MINUTE) - now
        whole = MINUTE - (now - self._draft.start) % MINUTE
        if quiet <= MINUTE:
            return min(self._tick, whole)
        planted = self._draft.cause is not None and self._draft.cause.since is not None
        if quiet > 12 * MINUTE and not planted:
            return whole + 4 * MINUTE
        return whole


def _later(cause: Cause, at: datetime) -> datetime:
    """The time until which so much calling time passes."""
    until = at + cause.within
    while permitted_between(cause.calendar, at, until) < cause.within:
        until += MINUTE
    return until


def _sharing(dialler: Dialler, other: Dialler) -> Any:
    assert dialler.plan.shares is not None
    _, n = dialler.plan.shares

    def share(at: datetime) -> None:
        del at
        keys = [f"{other.plan.name}-{k:04}" for k in range(other.plan.people)][-n:]
        own = [f"{dialler.plan.name}-{k:04}" for k in range(n)]
        for mine, theirs in zip(own, keys, strict=True):
            dialler.put(person(mine, dialler.plan, theirs))

    return share


def _deed(at: datetime, where: str, what: str, given: dict[str, str]) -> Deed:
    if what == "balance":
        return Deed(at=at, line=NOWHERE, where=where, what=what, word="USD", given=given)
    return Deed(at=at, line=NOWHERE, where=where, what="vendor", word=what, given=given)


# The configuration


def _story(draft: Draft) -> Story:
    config = _config(draft)
    zone = ZoneInfo(draft.place[0])
    return Story(
        name=f"history {draft.seed}",
        line=None,
        config=config,
        rules=tuple(each.name for each in config.rules),
        origin=Origin(draft.start, zone),
        poll=timedelta(seconds=draft.poll_s),
        tick=timedelta(seconds=draft.tick_s),
        batches=tuple(map(_described, draft.plans.values())),
        deeds=(),
        expected=(),
    )


def _config(draft: Draft) -> Config:
    used = {plan.provider for plan in draft.plans.values()}
    providers: dict[str, dict[str, Any]] = {name: {"vendor": name} for name in sorted(used)}
    if "svalync" in providers:  # which lists no batches
        named = [each.name for each in draft.plans.values() if each.provider == "svalync"]
        providers["svalync"] |= {"batches": named, "url": "http://127.0.0.1:9/result"}
    values: dict[str, Any] = {
        "monitor": {"timezone": draft.place[0]},
        "providers": providers,
        "rules": WRITTEN | draft.written,
    }
    if "bland" in providers and draft.calendar_of_bland:
        providers["bland"]["calendar"] = "office"
        values["calendars"] = {"office": {"timezone": draft.place[0], "hours": draft.hour_texts}}
    if draft.expects:
        values["expect"] = draft.expects
    return own_config(Document("a history", values, {}), None)


def _described(plan: Plan) -> Described:
    retry = None
    if plan.max_retries is not None:
        retry = RetryPolicy(
            max_retries=plan.max_retries,
            cooldown_s=plan.cooldown.total_seconds(),
            grows=plan.grows,
        )
    return Described(
        name=plan.name,
        provider=plan.provider,
        batch_id=plan.name,
        title=plan.title,
        campaign=plan.campaign,
        timezone=plan.zone,
        calendar=plan.calendar if plan.told_calendar else None,
        scheduled_at=plan.scheduled_at,
        concurrency=plan.lines,
        retry=retry,
    )
