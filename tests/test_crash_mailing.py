"""Killed while it mails to several people: one point, or with ``--proof`` at 300 of them."""

from typing import Any

import pytest

from tests.crash_judging import Verdict
from tests.crash_mailing import ALWAYS, LATER, NEVER, enumerate_points, judge

SHARE, ALL = 1, 300
SPIKE, DONE = ("error_spike", "RESOLVED"), ("batch_completed", "INFO")


def mail(*to: str, told: tuple[str, str] = SPIKE, subject: str = "it is over") -> dict[str, Any]:
    return {"to": to, "id": f"<{told[0]}@x>", "subject": subject, "told": list(told)}


ENDS = [mail(ALWAYS, LATER), mail(ALWAYS, LATER, told=DONE)]


def test_nobody_misses_a_mail_and_none_comes_twice_unsaid_wherever_it_dies(*, proof: bool) -> None:
    points = ALL if proof else SHARE

    total, wrong = enumerate_points(points)

    assert wrong == []
    assert total.killed >= points * 9 // 10


@pytest.mark.parametrize(
    ("mails", "found"),
    [
        pytest.param(ENDS, Verdict(), id="all of it"),
        pytest.param(ENDS[:1], Verdict(lost=2), id="an end that nobody heard"),
        pytest.param([*ENDS[:1], mail(ALWAYS, told=DONE)], Verdict(lost=1), id="one has it"),
        pytest.param([*ENDS, mail(LATER)], Verdict(doubled=1), id="twice"),
        pytest.param(
            [*ENDS, mail(LATER, subject="possible repeat: over")], Verdict(marked=1), id="says so"
        ),
        pytest.param([*ENDS, mail(NEVER)], Verdict(false=1), id="to somebody who was refused"),
    ],
)
def test_the_judge_of_mails(mails: list[dict[str, Any]], found: Verdict) -> None:
    assert judge(mails) == found
