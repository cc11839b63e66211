from dataclasses import replace

from monitor.core.model import Capabilities
from monitor.core.report import report_lines
from tests.builders import EVERYTHING, make_report


def test_each_number_stands_beside_the_batch_before() -> None:
    now = make_report(
        batch_id="b1", title="Renewals May", reached=50, cost_micros={"USD": 20_000_000}
    )

    lines = dict(report_lines(now, make_report(), EVERYTHING, "graine"))

    assert lines == {
        "people": "100; before: 100",
        "reached": "50 (50 %); before: 70 (70 %)",
        "completed": "70 (70 %); before: 70 (70 %)",
        "failed": "0; before: 0",
        "no answer": "30 (30 %); before: 30 (30 %)",
        "busy": "0; before: 0",
        "voicemail": "0; before: 0",
        "never dialled": "0; before: 0",
        "retries": "30; before: 30",
        "calls": "130; before: 130",
        "talk time": "1 h 10 min; before: 1 h 10 min",
        "cost": "20.00 USD; before: 12.34 USD",
        "sentiment": "40 positive; before: 40 positive",
        "duration": "2 h; before: 2 h",
        "compared with": "Renewals April (b0)",
    }


def test_what_a_vendor_cannot_tell_is_said_and_not_shown_as_zero() -> None:
    blank = make_report(retries=0, cost_micros={}, sentiment={}, duration_s=None)

    lines = dict(report_lines(blank, None, Capabilities(), "bland"))

    for label in ("retries", "cost", "sentiment", "voicemail"):
        assert lines[label] == "cannot see it at Bland"
    assert "duration" not in lines


def test_where_one_word_stands_for_failures_and_no_answers_the_report_says_both() -> None:
    mixed = make_report(
        contacts={"completed": 70, "failed": 30},
        outcomes={"completed": 70, "failed": 30},
        calls=100,
    )
    untold = replace(EVERYTHING, tells_failures=False)

    lines = dict(report_lines(mixed, None, untold, "elevenlabs"))

    assert lines["failed or not answered"] == "30 (30 %)"
    assert lines["calls"] == "100, 30 of them failed or not answered"
    assert lines["no answer"] == lines["busy"] == "cannot see it at Elevenlabs"


def test_a_cost_from_your_own_rates_is_shown_as_an_estimate() -> None:
    estimated = make_report(cost_estimated=True)

    lines = dict(report_lines(estimated, None, Capabilities(), "bland"))

    assert lines["cost"] == "12.34 USD (estimate)"


def test_a_number_of_people_that_no_vendor_told_is_shown_as_an_estimate() -> None:
    estimated = make_report(people_estimated=True)

    lines = dict(report_lines(estimated, None, Capabilities(), "vogent"))

    assert lines["people"] == f"{estimated.people:,} (estimate)"


def test_why_people_were_never_dialled_is_told_apart() -> None:
    mixed = make_report(never_dialled=37, rejected=22, contacts={"exhausted": 4})

    lines = dict(report_lines(mixed, None, EVERYTHING, "bland"))

    assert lines["never dialled"] == "37 (22 rejected by the vendor, 15 not called)"
    assert lines["out of retries"] == "4 (4 %)"


def test_a_duration_that_is_derived_says_so() -> None:
    guessed = make_report(duration_estimated=True)

    lines = dict(report_lines(guessed, None, Capabilities(), "graine"))

    assert lines["duration"] == "2 h (estimate)"
