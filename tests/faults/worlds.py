"""The vendors as a trial needs them, and the batches that they run meanwhile."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.simulator.answers import Manners
from monitor.simulator.ids import Vendor
from monitor.simulator.script import DialStop, Incident, Mix, Plan
from monitor.simulator.world import Account

START = datetime(2026, 5, 11, 9, tzinfo=UTC)
KEY = "gat_trial"
NAME = "renewals"


VENDORS: tuple[Vendor, ...] = ("graine", "bland", "vogent", "svalync", "elevenlabs")

_MIX = Mix(no_answer=0.2, busy=0.05, failed=0.0)
# Nobody is dialled before the first look: what was under way then is on no list of Vogent's.
BEGINS_S = 8.0
_SPANS: dict[str, Any] = {
    "starts_after": BEGINS_S,
    "concurrency": 1,
    "ring": (2.0, 8.0),
    "talk": (20.0, 40.0),
    "mix": _MIX,
}

ENDING = Plan(name="Ending", contacts=8, pace=95.0, **_SPANS)
STUCK = Plan(name="Stuck", contacts=3, pace=30.0, **_SPANS)
# Somebody is always in a call.
LONG = Plan(
    name="Ending",
    contacts=32,
    starts_after=BEGINS_S,
    pace=40.0,
    concurrency=3,
    ring=(2.0, 8.0),
    talk=(80.0, 100.0),
    mix=Mix(no_answer=0.0, busy=0.0, failed=0.0),
)
# In seconds of the world: when the stuck batch dials again, when it is looked at before the
# fault begins, how long it is watched once all is mended; and the same for a batch that lasts.
LET_GO_S = 850.0
FIRST_LOOKS_S = (5.0, 65.0, 115.0, 240.0)
FAULT_S = 240.0
AFTER_S = 600.0
LASTING_LET_GO_S = 1550.0
LASTING_END_S = 2250.0
# Who shows no calls under way may have some at the end of a batch: its end is told later.
LATE: frozenset[Vendor] = frozenset({"vogent"})
LATER = timedelta(seconds=900)


Batches = tuple[tuple[Plan, tuple[Incident, ...]], ...]
USUAL: Batches = ((ENDING, ()), (STUCK, (DialStop(after=BEGINS_S + 1, lasts=LET_GO_S),)))
LASTING: Batches = ((LONG, ()), (STUCK, (DialStop(after=BEGINS_S + 1, lasts=LASTING_LET_GO_S),)))


@dataclass(frozen=True)
class Story:
    """A vendor and its batches: one ends amid the fault, or lasts; one stands still."""

    vendor: Vendor
    manners: Manners = field(default_factory=Manners)
    batches: Batches = USUAL
    let_go: float = LET_GO_S


def open_story(account: Account, story: Story) -> None:
    """Order the batches."""
    for plan, incidents in story.batches:
        account.open(plan, *incidents)
