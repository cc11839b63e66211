"""Incidents in how calls end."""

from tests.histories.dialler import Dialler
from tests.histories.drawn import Draft
from tests.histories.planting import (
    SLOWER,
    UNREACHED,
    habit,
    known,
    plant,
)


def error_spike(draft: Draft) -> None:
    plan = draft.batch("main", people=(250, 2500), minutes=(40, 120))
    known(draft, plan)
    # A window of ten minutes, of which at first most went well.
    plant(draft, "error_spike", plan, 14, UNREACHED | {"lines_idle"})
    habit(draft, plan, 0.15, 0.4, failed=draft.between(0.4, 0.95))


def error_streak(draft: Draft) -> None:
    plan = draft.batch("main", people=(30, 60), minutes=(30, 60))
    cause = plant(draft, "error_spike", plan, 1.5, UNREACHED | {"lines_idle"})
    draft.at_share(plan, 0.1, 0.5, lambda dialler, _: _fail_all(draft, dialler))
    assert cause.rule


def _fail_all(draft: Draft, dialler: Dialler) -> None:
    dialler.habits.failed = 1.0
    begun = dialler.calls + 8 + dialler.live  # those under way may still go well
    assert draft.cause is not None
    draft.cause.ready = lambda: dialler.calls - dialler.live >= begun or dialler.ended


def answers_drop(draft: Draft) -> None:
    plan = draft.batch("main", people=(400, 2500), minutes=(90, 140))
    habits = plan.habits
    known(draft, plan)
    less = draft.between(0.1, 0.3)
    plant(draft, "answer_rate_drop", plan, 36, UNREACHED | {"lines_idle"})
    habit(draft, plan, 0.15, 0.35, answered=habits.answered * less, voicemail=0.02)


def number_blocked(draft: Draft) -> None:
    numbers = tuple(f"…{draft.draws.randrange(10_000):04}" for _ in range(3))
    plan = draft.batch(
        "main",
        vendor=draft.draws.choice(("bland", "vogent")),
        people=(400, 2500),
        minutes=(60, 140),
        habits={"numbers": numbers},
    )
    known(draft, plan)
    plant(draft, "answer_rate_drop", plan, 20, UNREACHED | {"error_spike"})
    habit(draft, plan, 0.15, 0.4, blocked={numbers[0]: draft.between(0.3, 0.9)})


def number_unheard(draft: Draft) -> None:
    numbers = tuple(f"…{draft.draws.randrange(10_000):04}" for _ in range(2))
    plan = draft.batch(
        "main",
        vendor=draft.draws.choice(("bland", "vogent")),
        people=(700, 2500),
        minutes=(90, 140),
        habits={"numbers": numbers, "answered": draft.between(0.45, 0.65)},
    )
    known(draft, plan)
    plant(draft, "answer_rate_drop", plan, 40, SLOWER)
    habit(draft, plan, 0.1, 0.25, deaf={numbers[0]: draft.between(0.03, 0.15)})


def agent_silent(draft: Draft) -> None:
    plan = draft.batch("main", people=(300, 2500), minutes=(80, 140))
    known(draft, plan)
    plant(draft, "agent_broken", plan, 33, frozenset({"lines_idle"}))
    habit(draft, plan, 0.15, 0.35, short=draft.between(0.8, 0.97), version="v2")


def goal_missed(draft: Draft) -> None:
    plan = draft.batch("main", people=(500, 2500), minutes=(80, 140))
    known(draft, plan)
    plant(draft, "agent_broken", plan, 35)
    habit(draft, plan, 0.15, 0.3, goal=draft.between(0.02, 0.12), version="v2")


def transfers_fail(draft: Draft) -> None:
    plan = draft.batch(
        "main",
        vendor="bland",
        people=(300, 2500),
        minutes=(80, 140),
        habits={"handed": draft.between(0.3, 0.6), "unhanded": draft.between(0, 0.03)},
    )
    plant(draft, "transfers_failing", plan, 30)
    habit(draft, plan, 0.15, 0.35, unhanded=draft.between(0.7, 1))


def nobody_speaks(draft: Draft) -> None:
    plan = draft.batch("main", people=(300, 2500), minutes=(80, 140))
    plant(draft, "outcome_rate", plan, 33, frozenset({"agent_broken"}))
    habit(draft, plan, 0.15, 0.35, goal=0.08, silence=draft.between(0.7, 0.9))


def calls_off(draft: Draft) -> None:
    plan = draft.batch("main", people=(300, 2500), minutes=(80, 140))
    plant(draft, "expression", plan, 33, UNREACHED | {"lines_idle"})
    habit(draft, plan, 0.1, 0.3, cancelled=draft.between(0.6, 0.9))
