"""Histories with and without an incident: a share of them, or 750, of which 500 have one."""

from collections import Counter
from collections.abc import Iterator

import pytest

import rules
from monitor.app.ruletest.run import Runner, runner
from monitor.core.rule import SubjectKind
from tests.histories.histories import history
from tests.histories.incidents import INCIDENTS
from tests.histories.judging import judged
from tests.histories.many import over

HISTORIES = 750
PROCESSES = 2
# Short ones: two without any incident, the others with one each.
SHARE = (12, 45, 8, 34, 43, 46, 47)

# Said of no batch and no vendor, but of Offhook itself or of a day; or no incident but an end.
NO_INCIDENT = {"batch_completed", "daily_report"}


@pytest.fixture(scope="module")
def played() -> Iterator[Runner]:
    with runner() as made:
        yield made


@pytest.mark.parametrize("seed", SHARE)
def test_what_was_planted_is_told_and_nothing_else(seed: int, played: Runner) -> None:
    found = judged(seed, played)

    assert (found.missed, found.false) == ((), ())


@pytest.mark.proof
def test_what_was_planted_is_told_and_nothing_else_in_all_of_them(*, proof: bool) -> None:
    if not proof:
        pytest.skip("the whole proof: its share is the test above")
    found = over(range(HISTORIES), PROCESSES)

    assert [each for each in found if each.missed or each.false] == []


def test_each_rule_has_an_incident_that_is_its_cause() -> None:
    planted: Counter[str] = Counter()
    for seed in range(HISTORIES):
        cause = history(seed).cause
        planted[cause.rule if cause else ""] += 1
    wanted = {
        name
        for name, rule in rules.catalogue().items()
        if rule.subject is not SubjectKind.SYSTEM and not name.startswith("self_")
    }

    assert set(planted) - {""} == wanted - NO_INCIDENT
    assert planted.total() - planted[""] == 500
    assert min(planted.values()) >= 500 // len(INCIDENTS)


def test_a_history_is_the_same_for_the_same_seed() -> None:
    assert history(7).plans == history(7).plans
