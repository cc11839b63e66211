"""What a replay tells beside what was told, and what that says of a rule."""

from datetime import timedelta
from typing import Any

import pytest

from monitor.core.backtest import Fired, compare, entries
from monitor.core.flapping import TIMES
from monitor.core.ledger import Episode
from tests.builders import HOUR, MINUTE, NOON, SECOND


def fired(at: timedelta = timedelta(0), lasting: timedelta = HOUR, **changes: Any) -> Fired:
    instance = changes.pop("instance", "error_spike")
    batch = changes.pop("batch", "b1")
    of = {
        "recovered": changes.pop("recovered", True),
        "report": changes.pop("report", False),
        "silenced": changes.pop("silenced", False),
    }
    episode = Episode(
        key=f"{instance}{batch}{at}",
        fingerprint=f"{instance}{batch}",
        instance=instance,
        since=NOON + at,
        fired_at=NOON + at,
        closed_at=NOON + at + lasting,
        **of,
    )
    values: dict[str, Any] = {
        "instance": instance,
        "provider": "renewals",
        "batch": batch,
        "title": "Renewals May",
        "episode": episode,
        "severity": "critical",
        "reason": "recovered",
        "batch_ended_at": NOON + 3 * HOUR,
    }
    return Fired(**values | changes)


@pytest.mark.parametrize(
    ("told", "replayed", "same"),
    [
        pytest.param(fired(), fired(), True, id="equal"),
        pytest.param(fired(), fired(30 * SECOND), True, id="a look later"),
        pytest.param(fired(), fired(20 * MINUTE), True, id="later, while it fired"),
        pytest.param(fired(), fired(HOUR), False, id="when it was over"),
        pytest.param(fired(), fired(HOUR - SECOND), True, id="just before it was over"),
        pytest.param(fired(), fired(batch="b2"), False, id="of another batch"),
        pytest.param(fired(), fired(instance="strict"), False, id="of another rule"),
    ],
)
def test_an_alert_is_the_same_by_rule_batch_and_time(
    told: Fired, replayed: Fired, same: bool
) -> None:
    found = compare([told], [replayed])

    assert len(found.same) == same
    assert (found.new, found.gone) == (() if same else (replayed,), () if same else (told,))


def test_one_alert_is_the_same_as_one_other_at_most() -> None:
    found = compare([fired()], [fired(), fired(10 * MINUTE)])

    assert (len(found.same), len(found.new), len(found.gone)) == (1, 1, 0)


def test_a_rule_in_numbers() -> None:
    quick = fired(2 * HOUR, MINUTE, spent={"USD": 5})
    long = fired(instance="error_spike", spent={"USD": 70})
    (entry,) = entries(compare([long], [long, quick]), ["error_spike"], NOON + 9 * HOUR)

    assert (entry.fires, entry.batches, entry.same, entry.new, entry.gone) == (2, 1, 1, 1, 0)
    assert (entry.noisy, entry.brief, entry.noise) == (1, 1, 0.5)
    assert entry.lead == 2 * HOUR
    assert entry.firing == HOUR + MINUTE
    assert entry.spent == {"USD": 70}  # once a batch, after the first


def test_what_was_silenced_when_it_was_told_is_noise() -> None:
    (entry,) = entries(compare([fired(silenced=True)], [fired()]), ["error_spike"], NOON)

    assert (entry.noisy, entry.silenced) == (1, 1)


def test_what_came_and_went_is_noise_once() -> None:
    bout = [fired(n * 10 * MINUTE, MINUTE) for n in range(TIMES)]
    (entry,) = entries(compare([], bout), ["error_spike"], NOON)

    assert (entry.fires, entry.noisy, entry.brief, entry.flapped) == (TIMES,) * 4


def test_a_rule_that_would_tell_nothing_is_there_with_what_it_told() -> None:
    found = entries(compare([fired(instance="old")], []), ["error_spike", "old"], NOON)

    assert [(each.instance, each.fires, each.gone) for each in found] == [
        ("old", 0, 1),
        ("error_spike", 0, 0),
    ]
    assert found[0].noise is None


def test_a_report_has_no_lead_and_fires_for_no_time() -> None:
    report = fired(3 * HOUR, timedelta(0), instance="batch_completed", report=True)
    (entry,) = entries(compare([report], [report]), ["batch_completed"], NOON)

    assert (entry.lead, entry.firing, entry.noisy) == (None, timedelta(0), 0)
