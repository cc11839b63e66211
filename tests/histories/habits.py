"""How a batch is dialled: who answers, how long they talk, what is tried again and when."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.core.calendar import Calendar


@dataclass(slots=True, kw_only=True)
class Habits:
    """What an incident changes. Shares are of all calls, or of the answered ones (``of``)."""

    answered: float = 0.5
    voicemail: float = 0.1
    busy: float = 0.05
    failed: float = 0.02
    cancelled: float = 0.0  # what is left of one is not answered
    talk_s: float = 70.0  # half of the conversations are shorter
    slower: float = 1.0  # so many times as long is every call
    short: float = 0.04  # of: over within seconds
    goal: float = 0.7  # of: did what they were made for
    silence: float = 0.02  # of: ended because nobody spoke
    handed: float = 0.0  # of: were to be handed to somebody ...
    unhanded: float = 0.02  # ... of which so many were not
    price: float = 0.1  # a minute
    numbers: tuple[str, ...] = ()
    deaf: dict[str, float] = field(default_factory=dict)  # by number: answered so much less
    blocked: dict[str, float] = field(default_factory=dict)  # by number: refused by carriers
    version: str = "v1"
    gap_s: float = 3.0  # between two calls on a line
    most_busy: int = 10_000  # lines that are used
    sooner: float = 1.0  # so much of the cooldown is waited for
    beyond: int = 0  # so many retries more than the policy has
    gives_up: float = 0.0  # of those who were called twice, so many are given up too early
    dials: bool = True
    retries: bool = True


@dataclass(slots=True, kw_only=True)
class Plan:
    """One batch, from before it is made until it ends."""

    name: str
    provider: str
    people: int
    lines: int
    begins: datetime
    habits: Habits
    zone: str = "Europe/Berlin"
    country: str = "DE"
    title: str = ""
    campaign: str = ""
    calendar: Calendar | None = None
    told_calendar: bool = False  # by the vendor
    scheduled_at: datetime | None = None
    late_start: timedelta = timedelta(0)
    max_retries: int | None = None  # None: the vendor tries nobody again
    cooldown: timedelta = timedelta(minutes=30)
    grows: bool = False
    answer_late_s: float = 0.0  # that a mailbox answered is told so much later
    cost_late_s: float = 0.0
    pauses: tuple[tuple[float, timedelta], ...] = ()  # when so many are done, for so long
    heard: bool = True  # whatever moves is seen at once, as webhooks have it
    undialled: int = 0  # left over at the end ...
    skips: bool = False  # ... or left out from the beginning
    tells_zone: bool = False
    shares: tuple[str, int] | None = None  # so many people of another batch
