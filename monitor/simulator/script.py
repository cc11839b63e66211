"""What is to happen in the simulated world: plans of batches, and incidents with their times.

All spans are seconds. An incident's ``after`` counts from the moment its batch is opened, or
from the moment of ``Batch.script`` for what is added later.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

from monitor.core.model import BatchStatus
from monitor.simulator.hours import WorkingHours


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """How calls end, as shares of all calls; what is left over is a conversation."""

    no_answer: float = 0.2
    busy: float = 0.05
    voicemail: float = 0.0
    failed: float = 0.02
    error: float = 0.0  # the vendor's own queue failed: no call was made


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One batch as its owner ordered it, and how the world will answer its calls.

    ``pace`` is the least time between two starts, ``head_start`` the share of people who are
    through before the batch is opened, ``details_after`` how long after a call its cost,
    sentiment and answering party stay unknown. ``follow_up`` is the share of conversations
    that end with an appointment for another call after ``follow_up_after``.
    """

    name: str
    contacts: int
    batch_id: str | None = None
    campaign: str | None = None  # batches with the same word share one campaign
    starts_after: float = 0.0
    concurrency: int = 5
    pace: float = 0.0
    ring: tuple[float, float] = (2.0, 8.0)
    talk: tuple[float, float] = (20.0, 180.0)
    mix: Mix = field(default_factory=Mix)
    max_retries: int = 0
    cooldown: float = 1800.0
    strategy: Literal["fixed", "exponential"] = "fixed"
    exhausted_word: bool = False  # say max_retries_reached instead of the last outcome
    follow_up: float = 0.0
    follow_up_after: float = 3600.0
    details_after: float = 0.0
    cost_per_minute: float = 0.09
    hours: WorkingHours | None = None
    head_start: float = 0.0
    rejected: int = 0  # rows that the vendor refused to dial
    from_numbers: int = 2
    legacy: bool = False  # Bland: the first generation of its batches
    queued_visible: bool = True  # Bland: calls are listed before they are dialled


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBurst:
    """Calls that start in the span fail with probability ``share``, all with one error."""

    after: float
    lasts: float
    share: float = 0.8
    error: str | None = None  # None: what the vendor usually says


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriesStall:
    """Retries that fall due in the span are not dialled, though lines are free."""

    after: float
    lasts: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class DialStop:
    """Nothing is dialled in the span, though the batch says that it runs."""

    after: float
    lasts: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The vendor ends the batch early; people who still waited are never dialled."""

    after: float
    status: BatchStatus = BatchStatus.FAILED
    code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Somebody pauses the batch at the vendor; live calls finish."""

    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Somebody lets a paused batch go on."""

    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Somebody ends the batch at the vendor; who still waited is skipped."""

    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """A batch that ended gets more people and dials again."""

    after: float
    contacts: int = 10


Incident = ErrorBurst | RetriesStall | DialStop | End | Pause | Resume | Cancel | Reopen
