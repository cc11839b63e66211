"""Beside Debian's Alertmanager: the same happens to both, and people hear the same.

What the real one did is kept in ``recorded.json``; ``--proof`` runs it again. Offhook may be
sooner, and may say in one message what the other says in two. Whatever else is different is
in ``DIFFERENCES``, with the reason in the scenario: each is a decision.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.store.engine import open_engine
from tests.alertmanager import live, ours
from tests.alertmanager.heard import Alerted, AtReceiver, Heard
from tests.alertmanager.scenarios import SCENARIOS
from tests.stories import unsynced

RECORDED = Path(__file__).with_name("recorded.json")
LATER = 1.5  # seconds that a busy machine may take
SILENT: AtReceiver = {"messages": 0, "alerts": {}}
UNHEARD: Alerted = {"fired": None, "resolved": None, "repeats": 0}

# What is different, by scenario: receiver, alert, and what Alertmanager and Offhook do.
DIFFERENCES = {
    "two-routes-to-one-receiver": {"x: 2 messages, 1", "x a repeats: 1, 0"},
    "over-before-the-first-message": {"x: 0 messages, 1", "x a resolved: never, 1"},
    "recovers-and-fires-again": {
        "x: 1 messages, 3",
        "x a resolved: never, 4",
        "x a repeats: 0, 1",
    },
    "repeat": {"x: 4 messages, 3", "x a repeats: 3, 2"},
    "members-are-repeated": {"x: 4 messages, 5"},
    "told-then-ended-in-a-silence": {"x: 1 messages, 2", "x a resolved: never, 20"},
    "told-then-silenced-and-still-there": {"x: 2 messages, 3", "x a repeats: 0, 1"},
    "held-back-by-what-both-lack": {"x dst fired: never, 2"},
    "told-then-ended-while-held-back": {"x: 2 messages, 3", "x dst resolved: never, 14"},
    "two-that-hold-back-each-other-by-two-rules": {
        "x: 0 messages, 1",
        "x a fired: never, 2",
        "x b fired: never, 2",
    },
    "always-muted": {"x: 0 messages, 1", "x a fired: never, 2"},
    "never-active": {"x: 0 messages, 1", "x a fired: never, 2"},
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Heard]]:
    path = tmp_path_factory.mktemp("beside") / "offhook.db"
    engine = unsynced(open_engine(path, create=True))
    with engine.begin() as conn, capture_logs():
        found = ours.run(conn)
    yield found
    engine.dispose()


def apart(case: str, theirs: Heard, mine: Heard) -> Iterator[str]:
    """How what was heard differs; sooner or in fewer messages is not different by itself."""
    known = case in DIFFERENCES
    for name in sorted({*theirs, *mine}):
        one, other = theirs.get(name, SILENT), mine.get(name, SILENT)
        if other["messages"] > one["messages"] or (known and one["messages"] != other["messages"]):
            yield f"{name}: {one['messages']} messages, {other['messages']}"
        for alert in sorted({*one["alerts"], *other["alerts"]}):
            told, ours_ = one["alerts"].get(alert, UNHEARD), other["alerts"].get(alert, UNHEARD)
            yield from _apart(f"{name} {alert}", told, ours_)


def _apart(who: str, theirs: Alerted, mine: Alerted) -> Iterator[str]:
    for what, one, other in (
        ("fired", theirs["fired"], mine["fired"]),
        ("resolved", theirs["resolved"], mine["resolved"]),
    ):
        both = one is not None and other is not None
        late = one is not None and other is not None and other > one + LATER
        if late or (not both and one is not other):
            yield f"{who} {what}: {_second(one)}, {_second(other)}"
    if theirs["repeats"] != mine["repeats"]:
        yield f"{who} repeats: {theirs['repeats']}, {mine['repeats']}"


def _second(at: float | None) -> str:
    return "never" if at is None else str(int(at))


@pytest.mark.parametrize("case", SCENARIOS)
def test_people_hear_what_alertmanager_would_tell(case: str, told: dict[str, Heard]) -> None:
    recorded = json.loads(RECORDED.read_text())

    assert set(apart(case, recorded[case], told[case])) == DIFFERENCES.get(case, set())


def test_every_difference_is_a_decision() -> None:
    assert {name for name, each in SCENARIOS.items() if each.differs} == set(DIFFERENCES)
    assert len(SCENARIOS) >= 50


def test_the_real_one_still_does_what_was_recorded(
    tmp_path: Path, told: dict[str, Heard], *, proof: bool
) -> None:
    if not proof:
        pytest.skip("takes two minutes: --proof")
    if shutil.which(live.BINARY) is None:
        pytest.skip(f"{live.BINARY} is not installed")
    found = live.run(tmp_path)

    wrong = {
        case: difference
        for case in SCENARIOS
        if (difference := set(apart(case, found[case], told[case]))) != DIFFERENCES.get(case, set())
    }
    assert wrong == {}
