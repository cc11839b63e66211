"""A history for each seed: two of three have an incident, the others have none."""

from tests.histories.around import expected_comes
from tests.histories.drawn import MINUTE, Draft
from tests.histories.incidents import INCIDENTS

QUIET_EVERY = 3
MORE = (0, 0, 1, 1, 2, 3)  # other batches beside the one that matters


def history(seed: int) -> Draft:
    """The same for the same seed."""
    draft = Draft(seed)
    if seed % QUIET_EVERY == 0:
        _quiet(draft)
    else:
        planted = seed - seed // QUIET_EVERY - 1
        INCIDENTS[planted % len(INCIDENTS)](draft)
    for n in range(draft.draws.choice(MORE)):
        draft.batch(f"aside-{n}", people=(30, 400), minutes=(20, 60), tricky=True)
    return draft


def _quiet(draft: Draft) -> None:
    draws = draft.draws
    if draws.random() < 0.2:
        expected_comes(draft)
    else:
        plan = draft.batch("main", minutes=(20, 150), tricky=True)
        if draws.random() < 0.5:
            draft.before(plan, draws.choice((1, 2)))
    if draws.random() < 0.3:
        _blip(draft)
    if draws.random() < 0.3:
        plan = next(iter(draft.plans.values()))
        draft.told.append((plan.begins, plan.provider, "balance", {"amount": "5000"}))


def _blip(draft: Draft) -> None:
    """A vendor does not answer for some minutes."""
    plan = next(iter(draft.plans.values()))
    at = plan.begins + draft.between(1, 60) * MINUTE
    draft.told.append((at, plan.provider, "blind", {"text": "503 Service Unavailable"}))
    draft.told.append((at + draft.between(0.5, 4) * MINUTE, plan.provider, "back", {}))
