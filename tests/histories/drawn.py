"""What a history is made of, drawn from its seed: vendors, batches, and the days they run on."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from monitor.core.calendar import Calendar
from monitor.core.hours import parse_hours
from tests.histories.dialler import Dialler
from tests.histories.habits import Habits, Plan

WEDNESDAY = datetime(2026, 6, 10, tzinfo=UTC).date()
VENDORS = ("graine", "bland", "vogent")
PLACES = (
    ("Europe/Berlin", "DE"),
    ("Asia/Kolkata", "IN"),
    ("Europe/London", "GB"),
    ("America/New_York", "US"),
)
HOURS = (
    ["mon-fri 09:00-20:00"],
    ["daily 09:00-20:30"],
    ["mon-sat 09:00-12:30", "mon-fri 13:30-19:00"],
)
MINUTE = timedelta(minutes=1)

Diallers = dict[str, Dialler]


@dataclass(slots=True, kw_only=True)
class Cause:
    """A planted incident: which rule must fire, about what, and how soon.

    ``since`` is when the incident begins, before which the rule must be silent; ``begins`` is
    when it is beyond the rule's limit as far as time and numbers need not be waited for any
    more, from when ``within`` of calling time counts. ``follows`` are the rules that may fire,
    too, on the subjects ``on``, because the same trouble shows there.
    """

    rule: str
    on: frozenset[str]
    within: timedelta
    follows: frozenset[str] = frozenset()
    ready: Callable[[], bool] = lambda: True
    since: datetime | None = None
    begins: datetime | None = None
    calendar: Calendar | None = None


@dataclass(slots=True)
class Draft:
    """A history under way."""

    seed: int
    draws: random.Random = field(init=False)
    day: int = field(init=False)
    calendar_of_bland: bool = field(init=False)
    place: tuple[str, str] = field(init=False)
    hours: Calendar = field(init=False)
    hour_texts: list[str] = field(init=False)
    tick_s: int = field(init=False)
    poll_s: int = field(init=False)
    plans: dict[str, Plan] = field(default_factory=dict)
    written: dict[str, Any] = field(default_factory=dict)  # rules that the configuration writes
    expects: list[dict[str, Any]] = field(default_factory=list)
    told: list[tuple[datetime, str, str, dict[str, str]]] = field(default_factory=list)
    staged: list[Callable[[Diallers], None]] = field(default_factory=list)
    cause: Cause | None = None

    def __post_init__(self) -> None:
        self.draws = random.Random(f"history {self.seed}")
        self.day = self.draws.choice((0, 1, 2))
        self.calendar_of_bland = self.draws.random() < 0.5
        self.place = self.draws.choice(PLACES)
        self.hour_texts = self.draws.choice(HOURS)
        self.hours = Calendar(ZoneInfo(self.place[0]), tuple(map(parse_hours, self.hour_texts)))
        self.tick_s = self.draws.choice((10, 30, 30, 30, 60, 60, 60, 60))
        self.poll_s = max(self.tick_s, self.draws.choice((30, 60)))

    @property
    def start(self) -> datetime:
        """Before anything of it is there."""
        return min(each.begins for each in self.plans.values()) - 2 * MINUTE

    def between(self, least: float, most: float) -> float:
        return self.draws.uniform(least, most)

    def morning(self, days: int, least: float = 9.2, most: float = 11.5) -> datetime:
        """Some time in the morning, so many days after the first."""
        local = datetime.combine(WEDNESDAY + timedelta(days=days), time(), ZoneInfo(self.place[0]))
        at = local + timedelta(seconds=int(self.between(least, most) * 3600))
        return at.astimezone(UTC)

    # Batches

    def batch(
        self,
        name: str,
        *,
        vendor: str | None = None,
        people: tuple[int, int] = (30, 3000),
        minutes: tuple[float, float] = (20, 120),
        tricky: bool = False,
        **given: Any,
    ) -> Plan:
        """One more batch; ``minutes`` is about how long its first round takes."""
        vendor = vendor or self.draws.choice(VENDORS)
        n = int(math.exp(self.between(math.log(people[0]), math.log(people[1]))))
        habits = self._habits(vendor, given.pop("habits", {}))
        plan = Plan(
            name=name,
            provider=vendor,
            title=f"{name.title()} {self.seed}",
            campaign=f"Campaign {name}",
            people=n,
            lines=1,
            begins=self.morning(self.day),
            habits=habits,
            zone=self.place[0],
            country=self.place[1],
            heard=self.draws.random() < 0.5,
            tells_zone=self.draws.random() < 0.5,
        )
        self._course(plan, vendor)
        for key, value in given.items():
            setattr(plan, key, value)
        plan.lines = _lines(plan, self.between(*minutes))
        if tricky:
            self._tricks(plan)
        self.plans[name] = plan
        return plan

    def _habits(self, vendor: str, given: dict[str, Any]) -> Habits:
        answered = self.between(0.35, 0.65)
        habits = Habits(
            answered=answered,
            voicemail=0 if vendor == "graine" else self.between(0.03, 0.15),
            busy=self.between(0.02, 0.08),
            failed=self.between(0.0, 0.04),
            talk_s=self.between(45, 110),
            short=self.between(0.01, 0.08),
            goal=self.between(0.55, 0.85),
            silence=self.between(0, 0.05),
            gap_s=self.between(1, 4),
        )
        if vendor != "graine":
            count = self.draws.randint(1, 4)
            habits.numbers = tuple(f"…{self.draws.randrange(10_000):04}" for _ in range(count))
            habits.handed = self.between(0, 0.3) if vendor == "bland" else 0
        for key, value in given.items():
            setattr(habits, key, value)
        return habits

    def _course(self, plan: Plan, vendor: str) -> None:
        draws = self.draws
        # At Bland the configuration says the hours; where nobody does, a day is enough.
        kept = self.calendar_of_bland if vendor == "bland" else draws.random() < 0.7
        if kept:
            plan.calendar = self.hours
            plan.told_calendar = vendor != "bland"
        if vendor == "graine":
            plan.max_retries = draws.choice((0, 1, 2, 3))
            plan.cooldown = timedelta(minutes=draws.choice((10, 15, 30, 45)))
            plan.grows = draws.random() < 0.3 and plan.cooldown <= 15 * MINUTE
            plan.cost_late_s = draws.choice((0, 0, 90, 300))
        if vendor == "bland":
            plan.answer_late_s = draws.choice((0, 20, 80))

    def _tricks(self, plan: Plan) -> None:
        """What may look like trouble, and is none."""
        draws = self.draws
        if draws.random() < 0.1 and plan.calendar is not None:
            # It begins late in the day, and goes on the next morning or after the weekend.
            plan.begins += timedelta(hours=7)
        if draws.random() < 0.3:
            plan.pauses = ((self.between(0.1, 0.8), self.between(2, 50) * MINUTE),)
        if draws.random() < 0.2:
            plan.scheduled_at = plan.begins + self.between(5, 60) * MINUTE
            plan.late_start = self.between(0, 9) * MINUTE
        if draws.random() < 0.15 and plan.people >= 200:
            plan.undialled, plan.skips = min(4, plan.people // 101), True

    def before(self, plan: Plan, batches: int = 1) -> None:
        """Batches of the same campaign on the days before, so that it is known what is usual."""
        for n in range(1, batches + 1):
            earlier = self.batch(
                f"{plan.name}-{n}-before",
                vendor=plan.provider,
                people=(70, 200),
                minutes=(12, 25),
                campaign=plan.campaign,
                calendar=plan.calendar,
                told_calendar=plan.told_calendar,
                max_retries=plan.max_retries and 1,
                cooldown=10 * MINUTE,
                grows=False,
                cost_late_s=0.0,
                begins=self.morning(self.day - n, 9.6, 11),
            )
            earlier.habits = Habits(
                **{name: getattr(plan.habits, name) for name in Habits.__slots__}
            )

    # Trouble

    def at_share(
        self, plan: Plan, least: float, most: float, do: "Callable[[Dialler, datetime], None]"
    ) -> None:
        """Let the incident begin once so many are done."""
        share = self.between(least, most)

        def stage(diallers: Diallers) -> None:
            dialler = diallers[plan.name]

            def begin(at: datetime) -> None:
                self.began(at)
                do(dialler, at)

            dialler.when_done(share, begin)

        self.staged.append(stage)

    def began(self, at: datetime) -> None:
        """The incident has begun."""
        if self.cause is not None and self.cause.since is None:
            self.cause.since = at


def _lines(plan: Plan, minutes: float) -> int:
    habits, tried = plan.habits, 1.0
    miss = 1 - habits.answered - habits.voicemail
    for retry in range(plan.max_retries or 0):
        tried += miss ** (retry + 1)
    a_call = habits.answered * habits.talk_s * 1.15 + habits.voicemail * 24 + miss * 27
    return max(1, round(plan.people * tried * (a_call + habits.gap_s) / (minutes * 60)))
