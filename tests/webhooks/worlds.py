"""Histories of Bland batches by seed: who is called when, what goes wrong, and how it ends."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from monitor.core.model import BatchStatus
from monitor.simulator.answers import Manners
from monitor.simulator.script import Cancel, DialStop, End, ErrorBurst, Incident, Mix, Plan
from monitor.simulator.telling import Habits
from monitor.simulator.world import Account, World
from tests.webhooks import doubts

START = datetime(2026, 5, 11, 9, tzinfo=UTC)
KEY = "sk-histories"
NAME = "surveys"

LONGEST = timedelta(minutes=25)

# In seconds: a spike fills most of its window, and a standstill is much longer than is allowed.
BURST_S, STOP_S = (100.0, 130.0), (200.0, 240.0)


@dataclass(frozen=True)
class Ordered:
    """One batch, when it is opened, and what befalls it."""

    plan: Plan
    incidents: tuple[Incident, ...]
    after: float


@dataclass(frozen=True)
class History:
    """Everything that a seed decides; the world's own chances follow from it too."""

    seed: int
    batches: tuple[Ordered, ...]
    manners: Manners
    habits: Habits

    def open(self, account: Account) -> None:
        """Order the batches."""
        for each in self.batches:
            account.open(each.plan, *each.incidents, after=each.after)


def history(seed: int) -> History:
    """The history of a seed: the first of its chances that leaves no rule in doubt."""
    chance = random.Random(f"history {seed}")
    while in_doubt(drawn := _drawn(seed, chance)):
        pass
    return drawn


def _drawn(seed: int, chance: random.Random) -> History:
    return History(
        seed=seed,
        batches=tuple(_ordered(chance, n) for n in range(chance.choice((1, 1, 1, 2)))),
        manners=Manners(
            max_limit=chance.choice((None, 50)), order=chance.choice(("created", "newest"))
        ),
        habits=Habits(signs_status=chance.random() < 0.7, in_call=chance.random() < 0.5),
    )


def _ordered(chance: random.Random, number: int) -> Ordered:
    contacts = chance.randint(20, 120)
    plan = Plan(
        name=f"Survey {number}",
        contacts=contacts,
        concurrency=chance.randint(4, 8),
        pace=chance.uniform(1.5, 3.0),
        ring=(2.0, 6.0),
        talk=(4.0, chance.choice((10.0, 20.0))),
        mix=Mix(no_answer=0.15, busy=0.05, voicemail=chance.choice((0.0, 0.2)), failed=0.0),
        details_after=chance.choice((0.0, 20.0)),
        starts_after=chance.choice((0.0, 0.0, 0.0, 60.0)),
        queued_visible=chance.random() < 0.7,
        rejected=chance.choice((0, 0, 3)),
    )
    incidents = [*_troubles(chance), *_end(chance)]
    return Ordered(plan, tuple(incidents), chance.choice((0.0, chance.uniform(10.0, 60.0))))


def _troubles(chance: random.Random) -> list[Incident]:
    kind = chance.choice(("none", "none", "burst", "burst", "stop", "both"))
    found: list[Incident] = []
    if kind in {"burst", "both"}:
        lasts = chance.uniform(*BURST_S)
        found.append(ErrorBurst(after=chance.uniform(20.0, 60.0), lasts=lasts, share=1.0))
    if kind in {"stop", "both"}:
        found.append(DialStop(after=chance.uniform(20.0, 60.0), lasts=chance.uniform(*STOP_S)))
    return found


def _end(chance: random.Random) -> list[Incident]:
    """An early end, perhaps; most batches are dialled through."""
    after = chance.uniform(40.0, 300.0)
    match chance.choice(("through", "through", "through", "failed", "partial", "stopped")):
        case "failed":
            return [End(after=after, status=BatchStatus.FAILED)]
        case "partial":
            return [End(after=after, status=BatchStatus.PARTIAL)]
        case "stopped":
            return [Cancel(after=after)]
        case _:
            return []


def in_doubt(drawn: History) -> bool:
    """Whether it hangs on the moment of looking what is to be told of this history."""
    world = World(drawn.seed, START)
    account = world.account(NAME, "bland", KEY)
    drawn.open(account)
    world.advance(START + LONGEST)
    return any(
        not batch.status.terminal or doubts.in_doubt(batch, world.truth.of(batch.batch_id))
        for batch in account
    )
