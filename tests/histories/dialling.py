"""Incidents in how a batch is dialled, and when who is called again."""

from datetime import datetime

from tests.histories.dialler import Dialler
from tests.histories.drawn import MINUTE, Draft
from tests.histories.planting import (
    NOT_DIALLING,
    SLOWER,
    habit,
    plant,
    ready,
)


def stands_still(draft: Draft) -> None:
    plan = draft.batch("main", people=(100, 2500), minutes=(30, 100))
    # The last calls end first.
    plant(draft, "batch_stalled", plan, 12, NOT_DIALLING)
    ready(draft, plan, lambda dialler: not dialler.live)
    habit(draft, plan, 0.1, 0.7, dials=False)


def retries_forgotten(draft: Draft) -> None:
    plan = draft.batch(
        "main",
        vendor="graine",
        people=(100, 1200),
        minutes=(30, 70),
        max_retries=2,
        cooldown=draft.draws.choice((10, 15, 20)) * MINUTE,
        grows=False,
    )
    plant(draft, "stalled_retries", plan, 17, NOT_DIALLING)

    def idle(dialler: Dialler) -> bool:
        return not dialler.live and dialler.is_due()

    ready(draft, plan, idle)
    habit(draft, plan, 0.1, 0.4, retries=False)


def lines_rest(draft: Draft) -> None:
    plan = draft.batch(
        "main", vendor=draft.draws.choice(("graine", "bland")), people=(600, 3000), minutes=(50, 90)
    )
    plan.lines = max(plan.lines, 6)
    most = max(1, int(plan.lines * draft.between(0.1, 0.35)))
    plant(draft, "lines_idle", plan, 17, SLOWER | {"stalled_retries", "retry_drift"})
    ready(draft, plan, lambda dialler: dialler.live <= most)
    habit(draft, plan, 0.1, 0.3, most_busy=most)


def calls_hang(draft: Draft) -> None:
    plan = draft.batch(
        "main",
        vendor=draft.draws.choice(("graine", "bland")),
        people=(200, 2500),
        minutes=(80, 140),
    )
    plan.lines = max(plan.lines, 4)
    stuck = draft.draws.randint(1, plan.lines // 3)
    plant(draft, "call_stuck", plan, 37, SLOWER | {"lines_idle", "count_mismatch"})

    def hang(dialler: Dialler, at: datetime) -> None:
        del at
        dialler.stuck = stuck

    draft.at_share(plan, 0.1, 0.4, hang)
    ready(draft, plan, lambda dialler: dialler.stuck < stuck)


def slows_down(draft: Draft) -> None:
    plan = draft.batch("main", people=(600, 2500), minutes=(180, 240))
    plan.habits.price = 0.03
    plant(draft, "pace_drop", plan, 55, NOT_DIALLING | {"answer_rate_drop"})
    habit(draft, plan, 0.35, 0.5, slower=draft.between(4, 7))


def too_slow(draft: Draft) -> None:
    plan = draft.batch("main", people=(1200, 3000), minutes=(960, 1300), max_retries=None)
    plan.calendar, plan.told_calendar = draft.hours, plan.provider != "bland"
    if plan.provider == "bland":
        draft.calendar_of_bland = True
    cause = plant(draft, "batch_overdue", plan, 30)
    cause.since = plan.begins


# Retries


def gives_up(draft: Draft) -> None:
    plan = draft.batch(
        "main",
        vendor="graine",
        people=(200, 2000),
        minutes=(50, 120),
        max_retries=draft.draws.choice((2, 3)),
        cooldown=10 * MINUTE,
        grows=False,
    )
    plant(draft, "retries_exhausted", plan, 2)
    ready(draft, plan, lambda dialler: dialler.given_up >= 5)
    habit(draft, plan, 0.05, 0.3, gives_up=draft.between(0.4, 0.9))


def retries_too_often(draft: Draft) -> None:
    plan = draft.batch(
        "main",
        vendor="graine",
        people=(100, 2000),
        minutes=(40, 100),
        max_retries=draft.draws.choice((0, 1, 2)),
        cooldown=10 * MINUTE,
        grows=False,
    )
    # One retry too many may also be one call too many.
    plant(draft, "too_many_retries", plan, 2, frozenset({"too_many_attempts"}))
    ready(draft, plan, lambda dialler: dialler.over > 0)
    habit(draft, plan, 0.05, 0.3, beyond=draft.draws.choice((1, 2)))


def retries_too_soon(draft: Draft) -> None:
    plan = draft.batch(
        "main",
        vendor="graine",
        people=(150, 2000),
        minutes=(50, 100),
        max_retries=draft.draws.choice((1, 2, 3)),
        cooldown=draft.draws.choice((30, 45)) * MINUTE,
        grows=False,
        habits={"sooner": draft.between(0.2, 0.6)},
    )
    cause = plant(draft, "retry_drift", plan, 3)
    cause.since = plan.begins
    ready(draft, plan, lambda dialler: dialler.early >= 8)
