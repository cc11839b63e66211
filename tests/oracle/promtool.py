"""Prometheus as an oracle for ``for`` and ``keep_firing_for``: what it says of random series.

A series is a text, a letter a minute: ``o`` over the threshold, ``e`` exactly on it, ``u``
under it, ``-`` no longer there, ``_`` not looked at. Its answer is a text too: ``n`` nothing,
``p`` pending, ``f`` firing after the evaluation of that minute.

    python -m tests.oracle.promtool > tests/oracle/promtool.json
"""

import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

PROMTOOL = shutil.which("promtool")
SEED = 20_260_610
MINUTES = 80
CASES = 180
WAITS = (0, 60, 90, 120, 300, 600)  # seconds
KEEPS = (0, 60, 150, 300, 600)
# ``_`` is shown only in series of their own: Prometheus takes an old sample for a new one then.
LETTERS = "ouuuoe-"
VALUES = {"o": "0.9", "e": "0.5", "u": "0.1", "-": "stale", "_": "_"}
UNSEEN = ("o____uuu", "oo_____oo", "oooou____uu", "uo___________")


@dataclass(frozen=True)
class Case:
    """One series under one rule; times in seconds."""

    wait: int
    keep: int
    series: str


def random_cases(seed: int, n: int = CASES, minutes: int = MINUTES) -> list[Case]:
    """Series whose runs are about as long as the times of their rules, and some longer."""
    dice = random.Random(seed)
    return [_case(dice, minutes) for _ in range(n)]


def _case(dice: random.Random, minutes: int) -> Case:
    wait, keep = dice.choice(WAITS), dice.choice(KEEPS)
    typical = max(1.0, max(wait, keep) / 60)
    series = ""
    while len(series) < minutes:
        series += dice.choice(LETTERS) * (1 + int(dice.expovariate(1 / typical)))
    return Case(wait, keep, series[:minutes])


def ask(cases: Sequence[Case]) -> list[str]:
    """What Prometheus says of each minute of each series."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        (place / "rules.json").write_text(json.dumps(_rules(cases)))
        (place / "test.json").write_text(json.dumps(_test(cases)))
        ran = subprocess.run(
            [str(PROMTOOL), "test", "rules", "test.json"],
            cwd=place,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,  # it fails on purpose: the failure says what it got
        )
    return _states(ran.stdout + ran.stderr, cases)


def version() -> str:
    """Of the installed promtool, its first line."""
    said = subprocess.run(
        [str(PROMTOOL), "--version"], capture_output=True, text=True, timeout=30, check=True
    )
    return (said.stdout + said.stderr).splitlines()[0]


def _rules(cases: Iterable[Case]) -> object:
    return {
        "groups": [
            {
                "name": "all",
                "rules": [
                    {
                        "alert": f"w{wait}k{keep}",
                        "expr": f'v{{wait="{wait}",keep="{keep}"}} > 0.5',
                        "for": f"{wait}s",
                        "keep_firing_for": f"{keep}s",
                    }
                    for wait, keep in sorted({(case.wait, case.keep) for case in cases})
                ],
            }
        ]
    }


def _test(cases: Sequence[Case]) -> object:
    """Expects nothing at any minute, so that every answer is written out as a failure."""
    minutes = max(len(case.series) for case in cases)
    return {
        "rule_files": ["rules.json"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {
                        "series": f'v{{wait="{case.wait}",keep="{case.keep}",case="{n}"}}',
                        "values": " ".join(VALUES[each] for each in case.series),
                    }
                    for n, case in enumerate(cases)
                ],
                "promql_expr_test": [
                    {"expr": "ALERTS", "eval_time": f"{minute}m"} for minute in range(minutes)
                ],
            }
        ],
    }


_TIME = re.compile(r'expr: "ALERTS", time: (?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?,')
_ALERT = re.compile(r'alertstate="(firing|pending)", case="(\d+)"')


def _states(said: str, cases: Sequence[Case]) -> list[str]:
    found = [["n"] * len(case.series) for case in cases]
    if "FAILED" not in said:
        raise ValueError(f"promtool said nothing of alerts: {said[:300]}")
    minute = 0
    for line in said.splitlines():
        if time := _TIME.search(line):
            hours, minutes, _ = (int(each or 0) for each in time.groups())
            minute = hours * 60 + minutes
        elif "got:" in line:
            for state, case in _ALERT.findall(line):
                if minute < len(found[int(case)]):
                    found[int(case)][minute] = state[0]
    return ["".join(each) for each in found]


def written() -> str:
    """The vectors as they are kept."""
    cases = random_cases(SEED)
    unseen = [Case(120, 180, series) for series in UNSEEN]
    rows = zip([*cases, *unseen], ask(cases) + ask(unseen), strict=True)
    lines = ",\n".join(json.dumps([case.wait, case.keep, case.series, said]) for case, said in rows)
    head = json.dumps({"promtool": version(), "seed": SEED})[:-1]
    return f'{head}, "cases": [\n{lines}\n]}}\n'


if __name__ == "__main__":
    sys.stdout.write(written())
