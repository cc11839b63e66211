"""Incidents around a batch: money, its vendor, and what is expected."""

from datetime import datetime
from zoneinfo import ZoneInfo

from tests.histories.dialler import Dialler
from tests.histories.drawn import MINUTE, Draft
from tests.histories.planting import (
    habit,
    plant,
    ready,
)


def dear(draft: Draft) -> None:
    plan = draft.batch("main", vendor="graine", people=(200, 2500), minutes=(50, 120))
    plant(draft, "cost_overrun", plan, 2)

    def spent(dialler: Dialler) -> bool:
        return dialler.completed >= 20 and dialler.spent / dialler.completed > 620_000

    ready(draft, plan, spent)
    habit(draft, plan, 0.1, 0.3, price=draft.between(2, 6))


def out_of_money(draft: Draft) -> None:
    plan = draft.batch("main", vendor="bland", minutes=(40, 120))  # which tells the balance
    at = plan.begins + draft.between(5, 30) * MINUTE
    draft.told.append((at, plan.provider, "balance", {"amount": f"{draft.between(1, 15):.2f}"}))
    cause = plant(draft, "balance_low", plan, 2)
    cause.on = frozenset({plan.provider})
    cause.since = at


def blind(draft: Draft) -> None:
    plan = draft.batch("main", minutes=(40, 120))
    at = plan.begins + draft.between(5, 40) * MINUTE
    draft.told.append((at, plan.provider, "blind", {"text": "no answer within 30 s"}))
    cause = plant(draft, "provider_blind", plan, 7)
    cause.on = frozenset({plan.provider, plan.name})
    cause.since = at


def nothing_came(draft: Draft) -> None:
    plan = draft.batch("main", minutes=(40, 120))
    due = plan.begins + draft.between(20, 40) * MINUTE
    _expect(draft, due, 100)
    cause = plant(draft, "batch_expected", plan, 32)
    cause.on = frozenset({"reminders"})
    cause.since = _minute(due)


def half_came(draft: Draft) -> None:
    plan = draft.batch("reminders", people=(60, 800), minutes=(30, 60))
    due = plan.begins + draft.between(-15, 20) * MINUTE
    _expect(draft, due, int(plan.people * draft.draws.choice((0.3, 4))))
    cause = plant(draft, "batch_expected", plan, 32)
    cause.on = frozenset({"reminders"})
    cause.since = min(plan.begins, _minute(due))


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _expect(draft: Draft, due: datetime, people: int) -> None:
    local = due.astimezone(ZoneInfo(draft.place[0]))
    draft.expects.append(
        {
            "name": "reminders",
            "match": ["batch_name=~Reminders.*"],
            "at": f"{local:%Y-%m-%d %H:%M}",
            "timezone": draft.place[0],
            "within": "30m",
            "people": people,
        }
    )


def expected_comes(draft: Draft) -> None:
    """What is expected, comes, about as large as usual: no incident."""
    plan = draft.batch("reminders", people=(60, 800), minutes=(30, 60))
    due = plan.begins + draft.between(-15, 20) * MINUTE
    _expect(draft, due, int(plan.people * draft.between(0.7, 1.6)))
