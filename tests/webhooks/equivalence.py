"""What is told in the end, whichever way it was learnt: the same, and nothing twice.

Compared are the alerts that were ever told, by their identity, with the state and the reason
in which they ended, the messages owed for them, how the batches stand, what is counted in
them, and how each call ended. Times are not: a webhook comes sooner than a poll, and the
record of a call later. Costs are where both know them: lists have none, records may be lost.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, select

from monitor.core.alert import Subject
from monitor.core.tally import trimmed
from monitor.simulator.webhooks import Webhook
from monitor.store import inbox
from monitor.store.batches import load
from monitor.store.coding import decode
from monitor.store.schema import alerts, batches, outbox
from monitor.store.snapshot import every_call
from monitor.store.writer import Priority
from tests.webhooks.watching import STEP, Site, watching
from tests.webhooks.worlds import LONGEST, START, history

# After the vendor's last word everything is told by then: reports have settled.
AFTERWARDS = timedelta(minutes=3)
LATEST_S = 120.0  # a webhook is held back, or sent again, for no longer
FORGOTTEN = timedelta(seconds=30)  # where webhooks are replayed, the inbox remembers no longer


class Way(StrEnum):
    """How an installation learns of what happens."""

    POLL = "poll"
    WEBHOOK = "webhook"  # and questions about single batches
    BOTH = "both"


class Mischief(StrEnum):
    """What the network, or somebody, does to webhooks."""

    DROP = "drop"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    REPLAY = "replay"  # also of what is no longer remembered


ALL = tuple(Mischief)


class Told(NamedTuple):
    """One alert by its identity, with how it ended."""

    rule: str
    subject: str
    run: int
    state: str
    reason: str


class Owed(NamedTuple):
    """One message that was owed."""

    rule: str
    subject: str
    transition: str
    part: str


class Ended(NamedTuple):
    """How one call stands."""

    batch: str
    call: str
    status: str
    answered_by: str | None


_ABOUT_BATCHES = alerts.c.rule.not_like("self_webhook_%")


@dataclass(frozen=True)
class Outcome:
    """What an installation knows and has told once everything is over."""

    alerts: Counter[Told]
    messages: Counter[Owed]
    batches: Counter[tuple[str, str, int]]  # id, status, run
    tallies: Counter[tuple[str, str, int]] = field(default_factory=Counter)  # id, counter, n
    calls: Counter[Ended] = field(default_factory=Counter)
    costs: Mapping[str, int] = field(default_factory=dict)  # micros, by the call's id

    def differences(self, other: "Outcome") -> list[str]:
        """What the other one has besides, or lacks; for people."""
        found: list[str] = []
        for name in ("alerts", "messages", "batches", "tallies", "calls"):
            mine, others = getattr(self, name), getattr(other, name)
            found += [f"lacks {' '.join(map(str, each))}" for each in (mine - others).elements()]
            found += [f"has {' '.join(map(str, each))}" for each in (others - mine).elements()]
        both = self.costs.keys() & other.costs.keys()
        found += [f"has another cost of {x}" for x in both if self.costs[x] != other.costs[x]]
        return found


@dataclass
class Meddler:
    """Who stands between the vendor and Offhook."""

    chance: random.Random
    kinds: tuple[Mischief, ...]
    held: list[tuple[float, int, Webhook]] = field(default_factory=list)
    passed: int = 0

    def pass_on(self, some: list[Webhook], now: float) -> list[Webhook]:
        """What arrives now, of what was sent now and of what was held back."""
        for each in some:
            for wait in self._waits():
                self.passed += 1
                self.held.append((now + wait, self.passed, each))
        self.held.sort(key=lambda each: each[:2])
        arrived = [each for t, _, each in self.held if t <= now]
        self.held = [each for each in self.held if each[0] > now]
        if Mischief.REORDER in self.kinds:
            self.chance.shuffle(arrived)
        return arrived

    def _waits(self) -> Iterator[float]:
        """For how long each copy of a webhook is held back."""
        chance = self.chance
        if not (Mischief.DROP in self.kinds and chance.random() < 0.3):
            late = Mischief.REORDER in self.kinds and chance.random() < 0.4
            yield chance.uniform(0.0, LATEST_S) if late else 0.0
        if Mischief.DUPLICATE in self.kinds and chance.random() < 0.4:
            yield 0.0
        if Mischief.REPLAY in self.kinds and chance.random() < 0.3:
            yield chance.uniform(5.0, LATEST_S)


async def disagreements(seed: int, *more: tuple[Way, tuple[Mischief, ...]]) -> list[str]:
    """How the ways of watching a seed's history differ from polling it; for people."""
    polled = await run(seed, Way.POLL)
    found = [f"seed {seed} poll: {text}" for text in untold(seed, polled)]
    for way, kinds in ((Way.WEBHOOK, ()), (Way.BOTH, ()), *more):
        other = await run(seed, way, *kinds)
        name = " ".join((f"seed {seed} {way}", *kinds))
        found += [f"{name}: {text}" for text in polled.differences(other)]
    return found


def meddled(seed: int) -> tuple[Way, tuple[Mischief, ...]]:
    """One mischief by itself, or all together: what a seed is tried with."""
    kinds = [(each,) for each in Mischief]
    return Way.BOTH, [*kinds, ALL][seed % (len(kinds) + 1)]


async def run(seed: int, way: Way, *kinds: Mischief) -> Outcome:
    """Watch the history of a seed to its end."""
    meddler = Meddler(random.Random(f"{seed} {kinds}"), kinds)
    async with watching(history(seed), listens=way is not Way.POLL) as site:
        await site.poll()
        until = START + LONGEST + AFTERWARDS
        while site.clock.now() < until:
            await _step(site, way, meddler)
            if _is_over(site, meddler):
                until = min(until, site.clock.now() + AFTERWARDS)
        site.raise_error()
        return await site.store.read(outcome)


async def _step(site: Site, way: Way, meddler: Meddler) -> None:
    site.clock.move(STEP)
    now = site.clock.now()
    site.world.advance(now)
    if way is not Way.POLL:
        if Mischief.REPLAY in meddler.kinds:
            before = now - FORGOTTEN
            await site.store.write(Priority.RETENTION, lambda conn: inbox.prune(conn, before))
        for each in meddler.pass_on(site.webhooks.due(), now.timestamp()):
            await site.post(each)
        await site.runtime.drain.drain()
        await site.settle()
    if way is not Way.WEBHOOK:
        await site.poll()
    else:
        await site.ask()
    await site.judge()


def _is_over(site: Site, meddler: Meddler) -> bool:
    ordered = site.account.by_number.values()
    return not meddler.held and all(
        each.history and each.status.terminal and not each.live for each in ordered
    )


def untold(seed: int, seen: Outcome) -> list[str]:
    """Ends of batches that polling did not tell of: then nothing would be compared."""
    del seed
    told = {
        each.subject for each in seen.alerts if each.rule in {"batch_completed", "batch_failed"}
    }
    silent = {key for key, status, _ in seen.batches if status != "unknown"} - told
    return [f"nothing was told of the end of {key}" for key in sorted(silent)]


def outcome(conn: Connection) -> Outcome:
    """What is known and told. Alerts that never fired are nobody's.

    A report that is told once more as its numbers settle is no other message: webhooks tell
    of costs that lists do not have, and they may come after the report. Alerts about webhooks
    themselves are told only by who listens to them, and rightly so when they are dropped.
    """
    lived = select(alerts).where(
        alerts.c.fired_at.is_not(None) | (alerts.c.state == "info"), _ABOUT_BATCHES
    )
    told = [
        Told(row.instance, row.subject_id, decode(Subject, row.subject).run, row.state, row.reason)
        for row in conn.execute(lived)
    ]
    owed = (
        select(alerts.c.instance, alerts.c.subject_id, outbox.c.transition, outbox.c.part)
        .join(outbox, outbox.c.alert_key == alerts.c.key)
        .where(outbox.c.transition != "settled", _ABOUT_BATCHES)
    )
    known = conn.execute(select(batches.c.id, batches.c.batch_id, batches.c.status, batches.c.run))
    rows = [(load(conn, row.id), row) for row in known.all()]
    calls = [(row.batch_id, each) for _, row in rows for each in every_call(conn, row.id)]
    return Outcome(
        Counter(told),
        Counter(Owed(*row) for row in conn.execute(owed)),
        Counter((row.batch_id, row.status, row.run) for _, row in rows),
        Counter(
            (row.batch_id, key, n)
            for kept, row in rows
            for key, n in trimmed(kept.tally).items()
            if not key.startswith("cost.")
        ),
        Counter(Ended(key, x.call_id, x.status, x.answered_by) for key, x in calls),
        {x.call_id: x.cost_micros for _, x in calls if x.cost_micros is not None},
    )
