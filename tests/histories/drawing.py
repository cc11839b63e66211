"""What is drawn of one person and one call."""

import hashlib
import random
from typing import Any

from monitor.core.model import AnsweredBy, Contact, ContactStatus, Outcome
from monitor.core.words import BLOCKED
from tests.histories.habits import Habits, Plan

ANSWERED_BY = {
    Outcome.COMPLETED: AnsweredBy.HUMAN,
    Outcome.VOICEMAIL: AnsweredBy.VOICEMAIL,
}


def person(key: str, plan: Plan, phone: str | None = None) -> Contact:
    """Somebody with a number that follows from their key, or who has another's."""
    made = hashlib.sha256((phone or key).encode()).digest()[:16]
    return Contact(
        contact_id=key,
        status=ContactStatus.PENDING,
        phone_hash=made,
        phone=f"••{int.from_bytes(made[:4]) % 10_000:04}",
        country=plan.country,
        timezone=plan.zone if plan.tells_zone else None,
    )


def drawn_end(habits: Habits, draws: random.Random, number: str | None) -> tuple[Outcome, float]:
    """How a call ends, and how long it takes."""
    answered = habits.answered * habits.deaf.get(number or "", 1)
    failed = max(habits.failed, habits.blocked.get(number or "", 0))
    drawn = draws.random()
    shares = (
        (Outcome.FAILED, failed, (1, 4)),
        (Outcome.CANCELLED, habits.cancelled, (1, 4)),
        (Outcome.COMPLETED, answered, (0, 0)),
        (Outcome.VOICEMAIL, habits.voicemail, (16, 32)),
        (Outcome.BUSY, habits.busy, (4, 8)),
    )
    for outcome, share, (least, most) in shares:
        if drawn < share:
            seconds = draws.uniform(least, most) if most else _talk(habits, draws)
            return outcome, seconds * habits.slower
        drawn -= share
    return Outcome.NO_ANSWER, draws.uniform(22, 38) * habits.slower


def _talk(habits: Habits, draws: random.Random) -> float:
    if draws.random() < habits.short:
        return draws.uniform(3, 11)
    return min(max(16.0, draws.lognormvariate(0, 0.5) * habits.talk_s), 1_200)


def details(
    habits: Habits, draws: random.Random, outcome: Outcome, number: str | None
) -> dict[str, Any]:
    """What a vendor tells of a call's end beside how it ended."""
    if outcome is Outcome.FAILED:
        refused = draws.random() < habits.blocked.get(number or "", 0) / max(habits.failed, 0.01)
        return {"error_class": "SIP ###", "hangup_class": BLOCKED if refused else "error"}
    if outcome is not Outcome.COMPLETED:
        return {"hangup_class": None}
    chance = draws.random()
    goal = chance < habits.goal
    silent = chance > 1 - habits.silence
    hangup = "goal_completed" if goal else "silence_timeout" if silent else "user_requested"
    tried = draws.random() < habits.handed
    return {
        "hangup_class": hangup,
        "hangup_by": "assistant" if goal else "user",
        "transferred": draws.random() >= habits.unhanded if tried else None,
    }


def cost_of(habits: Habits, seconds: float | None) -> int:
    """What a conversation costs, in millionths."""
    return int((seconds or 0) / 60 * habits.price * 1_000_000)
