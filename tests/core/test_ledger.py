"""What a rule was worth, and the advice that its numbers give."""

from datetime import timedelta
from typing import Any

import pytest

from monitor.core.ledger import (
    ENOUGH,
    Entry,
    Episode,
    Proposal,
    Spent,
    advise,
    entries,
    flapped,
)
from tests.builders import HOUR, MINUTE, NOON


def episode(n: int = 0, *, lasts: timedelta | None = 2 * HOUR, **changes: Any) -> Episode:
    """One that fires ``n`` days after NOON and recovers by itself two hours later."""
    fired = changes.pop("fired_at", NOON + n * 24 * HOUR)
    values: dict[str, Any] = {
        "key": f"k{n}",
        "fingerprint": "f",
        "instance": "error_spike",
        "since": fired,
        "fired_at": fired,
        "closed_at": None if lasts is None else fired + lasts,
        "recovered": lasts is not None,
        "sent": 2,
    }
    return Episode(**values | changes)


def entry(*episodes: Episode) -> Entry:
    [made] = entries(episodes, {}, ())
    return made


def acted(n: int, **changes: Any) -> Episode:
    fired = NOON + n * 24 * HOUR
    return episode(n, acknowledged_at=fired + 2 * MINUTE, acted_at=fired + 10 * MINUTE, **changes)


def test_the_numbers_of_a_rule() -> None:
    made = entry(
        acted(0),
        episode(1, acknowledged_at=NOON + 24 * HOUR + 4 * MINUTE, lasts=None),
        episode(2, lasts=5 * MINUTE, silenced=True),
        episode(3, acted_at=NOON + 3 * 24 * HOUR + HOUR + MINUTE),
    )

    assert (made.episodes, made.sent) == (4, 8)
    assert (made.acknowledged, made.acknowledged_after) == (2, 3 * MINUTE)
    assert made.acted == 1  # what comes an hour later comes of something else
    assert (made.silenced, made.brief) == (1, 1)
    assert made.firing == 2 * HOUR
    assert made.unwanted == 2


def test_rules_that_did_not_fire_stand_last_and_the_busiest_first() -> None:
    some = [episode(n, instance="batch_stalled") for n in range(2)]
    made = entries([episode(), *some], {"error_spike": Spent(micros={"USD": 1})}, ("a", "b"))

    assert [each.instance for each in made] == ["batch_stalled", "error_spike", "a", "b"]
    assert made[1].spent.micros == {"USD": 1}


def test_four_episodes_of_one_condition_in_an_hour_are_a_bout() -> None:
    bout = [episode(n, fired_at=NOON + n * 15 * MINUTE, lasts=MINUTE) for n in range(5)]
    spread = [episode(n, fingerprint="g", fired_at=NOON + n * 25 * MINUTE) for n in range(5)]

    assert flapped([*bout, *spread]) == [bout]
    assert flapped(bout[:3]) == []
    assert entry(*bout, *spread).flapped_gap == 14 * MINUTE


@pytest.mark.parametrize(
    ("episodes", "proposal", "reason"),
    [
        pytest.param([], Proposal.NOTHING, "it did not fire", id="never"),
        pytest.param(
            [episode(n) for n in range(ENOUGH - 1)],
            Proposal.NOTHING,
            "too few to say: 4 episodes",
            id="too few",
        ),
        pytest.param(
            [episode(n, lasts=4 * MINUTE) for n in range(14)] + [acted(14)],
            Proposal.RAISE,
            "14 of 15 episodes were over by themselves within 5 min and nobody did anything: "
            "raise for to 5 min, or its threshold",
            id="brief",
        ),
        pytest.param(
            [episode(n, silenced=True) for n in range(14)] + [acted(14)],
            Proposal.TURN_OFF,
            "14 of 15 episodes were silenced: turn it off, or narrow its match",
            id="silenced",
        ),
        pytest.param(
            [episode(n, fired_at=NOON + n * 15 * MINUTE, lasts=2 * MINUTE) for n in range(6)],
            Proposal.SMOOTH,
            "6 of 6 episodes came and went, 4 or more of one thing in an hour: "
            "set keep_firing_for to 15 min",
            id="flapped",
        ),
        pytest.param(
            [acted(n) for n in range(9)] + [episode(9)],
            Proposal.KEEP,
            "9 of 10 episodes were acted on, 9 acknowledged after 2 min",
            id="useful",
        ),
        pytest.param(
            [acted(n, since=NOON + n * 24 * HOUR - 10 * MINUTE) for n in range(5)],
            Proposal.LOWER,
            "5 of 5 episodes were acted on, 5 acknowledged after 2 min, and it waits 10 min "
            "before it tells: lower for",
            id="useful and late",
        ),
        pytest.param(
            [episode(n) for n in range(5)],
            Proposal.LOWER,
            "nobody acknowledged or acted on 5 of 5 episodes: lower its severity, or raise its "
            "threshold",
            id="ignored",
        ),
        pytest.param(
            [episode(n, report=True, recovered=False) for n in range(5)],
            Proposal.KEEP,
            "nobody acknowledged or acted on 5 of 5 episodes, and reports ask for nothing: "
            "a digest would do",
            id="reports",
        ),
        pytest.param(
            [acted(n) for n in range(2)] + [episode(n) for n in range(2, 6)],
            Proposal.KEEP,
            "of 6 episodes 2 were acknowledged and 2 acted on",
            id="nothing stands out",
        ),
    ],
)
def test_what_the_numbers_propose(episodes: list[Episode], proposal: Proposal, reason: str) -> None:
    [made] = entries(episodes, {}, ("error_spike",))

    advice = advise(made)

    assert advice.proposal is proposal
    assert advice.reason.startswith(reason)
