"""How an incident is put into a history."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from tests.histories.dialler import Dialler
from tests.histories.drawn import MINUTE, Cause, Diallers, Draft
from tests.histories.habits import Plan

Incident = Callable[[Draft], None]

# What nobody reaches shows in what is reached, and in how long the rest will take.
SLOWER = frozenset({"pace_drop", "batch_overdue"})
UNREACHED = SLOWER | {"answer_rate_drop", "retries_exhausted"}
NOT_DIALLING = SLOWER | {"lines_idle", "stalled_retries", "batch_stalled", "retry_drift"}
CALLED_TWICE = frozenset({"too_many_attempts", "duplicate_contact"})


def plant(
    draft: Draft, rule: str, plan: Plan, within: float, follows: frozenset[str] = frozenset()
) -> Cause:
    draft.cause = Cause(
        rule=rule,
        on=frozenset({plan.name}),
        within=within * MINUTE,
        follows=follows,
        calendar=plan.calendar,
    )
    return draft.cause


def habit(draft: Draft, plan: Plan, least: float, most: float, **habits: Any) -> None:
    """From then on calls go otherwise."""

    def change(dialler: Dialler, at: datetime) -> None:
        del at
        for name, value in habits.items():
            setattr(dialler.habits, name, value)

    draft.at_share(plan, least, most, change)


def ready(draft: Draft, plan: Plan, ready: Callable[[Dialler], bool]) -> None:
    """When the limit is passed beyond doubt."""

    def stage(diallers: Diallers) -> None:
        assert draft.cause is not None
        draft.cause.ready = partial(ready, diallers[plan.name])

    draft.staged.append(stage)


def known(draft: Draft, plan: Plan) -> None:
    if draft.draws.random() < 0.7:
        draft.before(plan, draft.draws.choice((1, 2)))
