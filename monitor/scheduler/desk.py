"""What one provider is to be asked because of webhooks, and when: each thing once."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from monitor.core.pace import URGENT
from monitor.scheduler.poller import Poller

# The same thing is asked for again no sooner than this, however often it is named.
AGAIN_S = URGENT.total_seconds()
# More calls than these within a while are not asked for one by one: the open batches are looked
# at, and that no sooner again than after the same while. It would cost more than polls do.
CALLS_AT_MOST = 20
ANYTHING_AGAIN_S = 30.0
# So many batches are asked for at once; others that are named wait.
BATCHES_AT_MOST = 100
# What could not be asked for is tried again after this, then after longer and longer.
RETRY_S, RETRY_MOST_S = AGAIN_S, 300.0
# A batch that is said to have ended and goes on by the vendor's answer: it is asked so often.
ENDED_TRIES = 4
# A webhook may come before the vendor's own answers know its batch or call: what it does not
# know is asked for so often, over about two minutes.
UNKNOWN_TRIES = 6
# What is answered by nothing that can be used, though the vendor answers, is given up then.
GIVEN_UP_AFTER = 10
BATCH, CALL, ANYTHING = "batch", "call", "anything"

Key = tuple[str, str]  # what kind of thing, and its id


@dataclass(slots=True)
class Owed:
    """One thing that is to be asked for, and the notices that are settled by the answer."""

    due: float  # monotonic
    rows: list[int] = field(default_factory=list)
    tries: int = 0
    unknown: int = 0  # how often the vendor said that there is no such thing
    ended: bool = False


@dataclass(slots=True)
class Desk:
    """What one provider is to be asked."""

    poller: Poller
    owed: dict[Key, Owed] = field(default_factory=dict)
    asked_at: dict[Key, float] = field(default_factory=dict)  # monotonic, of late
    calls_at: deque[float] = field(default_factory=lambda: deque(maxlen=CALLS_AT_MOST + 1))
    task: asyncio.Task[bool] | None = None

    def owe(self, key: Key, rows: Sequence[int], now: float, *, ended: bool = False) -> None:
        """Ask for it, at once unless it was just asked for. That it ended does not wait."""
        last = self.asked_at.get(key)
        due = now if ended or last is None else max(now, last + _again(key))
        owed = self.owed.setdefault(key, Owed(due))
        owed.rows += rows
        owed.ended |= ended
        if ended or owed.tries == 0:
            owed.due = min(owed.due, due)

    def due(self, now: float) -> dict[Key, Owed]:
        """What is to be asked for now, taken out."""
        self.asked_at = {key: at for key, at in self.asked_at.items() if now < at + _again(key)}
        self._gather_calls(now)
        found = {key: owed for key, owed in self.owed.items() if owed.due <= now}
        for key in [key for key in found if key[0] == BATCH][BATCHES_AT_MOST:]:
            found.pop(key).due = now + AGAIN_S
        for key in found:
            del self.owed[key]
            self.asked_at[key] = now
        return found

    def _gather_calls(self, now: float) -> None:
        """Too many calls are a look at all that is open."""
        calls = [key for key, owed in self.owed.items() if key[0] == CALL and owed.due <= now]
        self.calls_at.extend(now for _ in calls)
        many = len(self.calls_at) > CALLS_AT_MOST and now - self.calls_at[0] < ANYTHING_AGAIN_S
        for key in calls if many else ():
            self.owe((ANYTHING, ""), self.owed.pop(key).rows, now)

    def elsewhere(self, calls: Iterable[str], due: dict[Key, Owed], now: float) -> None:
        """Nothing tells whose these calls are: a look at all that is open may, in its turn."""
        anything = due.get((ANYTHING, ""))
        for call_id in calls:
            rows = due.pop((CALL, call_id)).rows
            if anything is None:
                self.owe((ANYTHING, ""), rows, now)
            else:
                anything.rows += rows

    def put_off(self, key: Key, owed: Owed, now: float, *, asked: bool) -> None:
        """It was not answered, or could not be asked."""
        owed.tries += asked
        wait = min(RETRY_S * 2 ** max(owed.tries - 1, 0), RETRY_MOST_S)
        newer = self.owed.pop(key, None)
        if newer is not None:
            owed.rows += newer.rows
            owed.ended |= newer.ended
        owed.due = now + wait
        self.owed[key] = owed


def _again(key: Key) -> float:
    """Seconds after which the same may be asked for again."""
    return ANYTHING_AGAIN_S if key[0] == ANYTHING else AGAIN_S
