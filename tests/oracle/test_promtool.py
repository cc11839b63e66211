"""The life of an alert beside Prometheus's: ``for`` and ``keep_firing_for`` mean the same here.

What differs, and why:

- What cannot be judged stays as it is. In Prometheus a series that is not there resolves its
  alert, so a window that empties would tell people that things are well.
- Facts must be as new as the pending time asks, and newer than those it fired on. Prometheus
  takes a sample of up to five minutes ago for a new one, so that one look can fire an alert.
- ``keep_firing_for`` has run out once the facts say so for that long, Prometheus's own
  counts from the evaluation; where every evaluation has new facts this is the same.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from monitor.core.alert import Alert, AlertState, Subject, Timing
from monitor.core.facts import BatchFacts
from monitor.core.instance import RuleInstance, Settings
from monitor.core.lifecycle import Judged, advance
from monitor.core.rule import (
    BatchRule,
    Clear,
    Finding,
    Holds,
    Severity,
    SubjectKind,
    Unknown,
    Verdict,
)
from tests.builders import MINUTE, NOON
from tests.oracle.promtool import PROMTOOL, SEED, UNSEEN, Case, ask, random_cases

KEPT = json.loads(Path(__file__).with_name("promtool.json").read_text())
ANSWERS = [(Case(wait, keep, series), said) for wait, keep, series, said in KEPT["cases"]]
SUBJECT = Subject(kind=SubjectKind.BATCH, provider="renewals", id="b1", title="Renewals May")
LETTER = {AlertState.PENDING: "p", AlertState.FIRING: "f"}


@dataclass(frozen=True, kw_only=True)
class Over(BatchRule):
    id: ClassVar[str] = "over"
    severity: ClassVar[Severity] = Severity.WARNING

    def judge(self, facts: BatchFacts) -> Verdict:
        raise NotImplementedError


def instance(case: Case) -> RuleInstance:
    timing = Timing(
        pending_for=timedelta(seconds=case.wait), keep_firing_for=timedelta(seconds=case.keep)
    )
    settings = Settings(rule=Over(), severity=Severity.WARNING, timing=timing)
    return RuleInstance(name="over", settings=settings)


def verdict(letter: str, *, gone: Verdict) -> Verdict:
    if letter == "o":
        return Holds(Finding(summary="0.9", value=0.9, threshold=0.5))
    return gone if letter == "-" else Clear(Finding(summary="0.1", value=0.1))


def played(case: Case, *, gone: Verdict | None = None) -> str:
    """The state after each minute; what is ``_`` was not looked at, so the facts are older."""
    rule = instance(case)
    gone = gone or Clear(Finding(summary="it is not there"))
    alert: Alert | None = None
    episode, seen, last = 0, 0, ""
    states = ""
    for minute, letter in enumerate(case.series):
        if letter != "_":
            seen, last = minute, letter
        step = advance(
            alert,
            Judged(
                instance=rule,
                settings=rule.settings,
                subject=SUBJECT,
                verdict=verdict(last, gone=gone),
                now=NOON + minute * MINUTE,
                observed_at=NOON + seen * MINUTE,
            ),
            episode,
        )
        alert = step.alert
        episode = alert.episode if alert else episode
        if alert is not None and alert.state is AlertState.RESOLVED:
            alert = None
        states += LETTER[alert.state] if alert else "n"
    return states


def differing(answers: Iterator[tuple[Case, str]]) -> list[tuple[Case, str, str]]:
    played_too = ((case, said, played(case)) for case, said in answers)
    return [each for each in played_too if each[1] != each[2]]


def of_looked_at() -> Iterator[tuple[Case, str]]:
    return (each for each in ANSWERS if "_" not in each[0].series)


def test_every_minute_of_every_series_is_as_prometheus_says() -> None:
    assert sum(len(said) for _, said in of_looked_at()) >= 10_000
    assert differing(of_looked_at()) == []


def test_the_series_meet_every_state_and_both_times() -> None:
    """An oracle that is never asked the hard question proves nothing."""
    said = "".join(said for _, said in of_looked_at())
    kept = [
        (case, at)
        for case, states in of_looked_at()
        for at, (letter, state) in enumerate(zip(case.series, states, strict=True))
        if letter in "ue-" and state == "f"
    ]

    assert min(said.count(state) for state in "npf") > 1_000
    assert len(kept) > 1_000
    assert {case.wait for case, _ in of_looked_at()} == {0, 60, 90, 120, 300, 600}
    assert {case.keep for case, _ in kept} >= {60, 150, 300, 600}


def test_what_cannot_be_judged_stays_as_it_is() -> None:
    """The first difference, over the same series: theirs end there, ours do not."""
    others = 0
    for case, said in of_looked_at():
        states = played(case, gone=Unknown("no calls"))
        before = "n" + states
        for at, letter in enumerate(case.series):
            if letter == "-":
                assert states[at] == before[at]
                others += states[at] != said[at]
    assert others > 100


OURS = {
    "o____uuu": "pppppnnn",  # one look fires nothing, however long it stands
    "oo_____oo": "pppppppff",  # the second is not late enough, the third is
    "oooou____uu": "ppfffffffnn",  # calm is counted from the first look that shows it
    "uo___________": "npppppppppppp",
}


@pytest.mark.parametrize("series", UNSEEN)
def test_an_old_look_is_not_taken_for_a_new_one(series: str) -> None:
    """The second difference, with what Prometheus says beside it."""
    [(case, said)] = [each for each in ANSWERS if each[0].series == series]

    assert played(case) == OURS[series]
    assert said != played(case)


def test_prometheus_itself_still_says_so(proof: bool) -> None:
    if not PROMTOOL:
        pytest.skip("promtool is not installed here (Debian: apt install prometheus)")
    cases = random_cases(SEED + 1, n=400 if proof else 20)

    assert differing(iter(zip(cases, ask(cases), strict=True))) == []
