from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.core.baseline import Compare
from monitor.core.facts import BatchFacts, EndedCall
from monitor.core.model import BatchStatus, Outcome
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from monitor.core.tally import call_key
from rules.error_spike import ErrorSpike
from tests.builders import (
    EVERYTHING,
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    ListedCalls,
    ListedPeers,
    ended_calls,
    make_batch,
    make_facts,
    make_peer,
)

RULE = ErrorSpike()
GOOD, BAD = Outcome.COMPLETED, Outcome.FAILED


def mixed(failed: int, n: int, bad: Outcome = BAD, **changes: Any) -> tuple[EndedCall, ...]:
    """So many calls within the last minutes, the failed ones first, so that no streak is last."""
    return ended_calls(*[bad] * failed, *[GOOD] * (n - failed), **changes)


def facts_of(*calls: EndedCall, **changes: Any) -> BatchFacts:
    return make_facts(calls=ListedCalls(calls), **changes)


def judged(*calls: EndedCall, rule: ErrorSpike = RULE, **changes: Any) -> Verdict:
    return rule.evaluate(facts_of(*calls, **changes))


def held(*calls: EndedCall, rule: ErrorSpike = RULE, **changes: Any) -> Finding:
    verdict = judged(*calls, rule=rule, **changes)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


def test_the_sentence_says_how_many_why_and_who_waits() -> None:
    calls = mixed(19, 42, error_class="Call failed. SIP ###")
    calls = tuple(c if c.outcome is BAD else c._replace(error_class=None) for c in calls)

    finding = held(*calls, tally={"contact.pending": 404, "call.completed": 119, "call.failed": 23})

    assert finding.summary == (
        "19 of 42 calls failed in 10 min (45 %, usually 4 %, n 100), "
        "all with the same error: Call failed. SIP ###; 404 people wait"
    )
    assert (finding.value, finding.threshold, finding.unit) == (45.2, 25, "%")
    assert (finding.n, finding.affected, finding.waiting) == (42, 19, 404)
    assert finding.evidence == ("c18", "c17", "c16")


@pytest.mark.parametrize(
    ("failed", "n", "kind"),
    [
        pytest.param(5, 20, Holds, id="at every limit"),
        pytest.param(5, 19, Unknown, id="one call too few"),
        pytest.param(4, 20, Unknown, id="just below, not yet recovered"),
        pytest.param(24, 100, Unknown, id="24 %"),
        pytest.param(25, 100, Holds, id="25 %"),
        pytest.param(20, 100, Unknown, id="at the recovery limit"),
        pytest.param(19, 100, Clear, id="below the recovery limit"),
        pytest.param(0, 20, Clear, id="all well"),
        pytest.param(0, 19, Unknown, id="all well, but too few to say so"),
        pytest.param(0, 0, Unknown, id="no call at all"),
    ],
)
def test_the_limits(failed: int, n: int, kind: type[Verdict]) -> None:
    assert isinstance(judged(*mixed(failed, n)), kind)


def test_one_word_for_failures_and_no_answers_says_nothing_of_either() -> None:
    untold = replace(EVERYTHING, tells_failures=False)
    told: dict[str, Any] = {"capabilities": untold, "vendor": "elevenlabs"}

    assert judged(*mixed(20, 20), **told) == Unknown(
        "cannot tell failures from no answers at Elevenlabs"
    )
    errors = mixed(20, 20, Outcome.ERROR)
    assert isinstance(
        judged(*errors, rule=ErrorSpike(statuses=frozenset({Outcome.ERROR})), **told), Holds
    )


def test_few_failures_are_no_spike_however_large_their_share() -> None:
    rule = ErrorSpike(min_failed=6)

    assert isinstance(judged(*mixed(5, 20), rule=rule), Unknown)
    assert isinstance(judged(*mixed(6, 20), rule=rule), Holds)


@pytest.mark.parametrize(
    ("age", "holds"),
    [
        pytest.param(10 * MINUTE - SECOND, True, id="inside the window"),
        pytest.param(10 * MINUTE, False, id="at its edge"),
        pytest.param(11 * MINUTE, False, id="outside"),
    ],
)
def test_only_calls_of_the_window_count(age: timedelta, *, holds: bool) -> None:
    calls = mixed(5, 20, last=NOON - age, gap=timedelta(0))

    assert isinstance(judged(*calls), Holds) is holds


@pytest.mark.parametrize(
    ("outcome", "holds"),
    [
        pytest.param(Outcome.FAILED, True, id="failed"),
        pytest.param(Outcome.ERROR, True, id="error"),
        pytest.param(Outcome.BUSY, False, id="busy"),
        pytest.param(Outcome.NO_ANSWER, False, id="no answer"),
        pytest.param(Outcome.VOICEMAIL, False, id="voicemail"),
        pytest.param(Outcome.CANCELLED, False, id="cancelled by people"),
    ],
)
def test_what_counts_as_failed(outcome: Outcome, *, holds: bool) -> None:
    assert isinstance(judged(*mixed(20, 40, outcome)), Holds) is holds
    assert isinstance(judged(*ended_calls(*[outcome] * 8)), Holds) is holds


def test_what_counts_as_failed_can_be_said() -> None:
    rule = ErrorSpike(statuses=frozenset({Outcome.BUSY}))

    assert isinstance(judged(*mixed(20, 40, Outcome.BUSY), rule=rule), Holds)
    assert isinstance(judged(*mixed(20, 40), rule=rule), Clear)


@pytest.mark.parametrize(
    ("outcomes", "holds"),
    [
        pytest.param([BAD] * 7, False, id="seven"),
        pytest.param([BAD] * 8, True, id="eight"),
        pytest.param([GOOD, *[BAD] * 8], True, id="the last eight"),
        pytest.param([*[BAD] * 8, GOOD], False, id="then one that went well"),
        pytest.param([*[BAD] * 7, Outcome.CANCELLED], False, id="then one that was cancelled"),
    ],
)
def test_a_streak_sees_what_a_small_batch_would_hide(
    outcomes: list[Outcome], *, holds: bool
) -> None:
    assert isinstance(judged(*ended_calls(*outcomes)), Holds) is holds


def test_a_streak_says_so() -> None:
    calls = ended_calls(*[BAD] * 8, error_class="carrier block")

    first = held(*calls, tally={"call.failed": 8, "contact.pending": 1})
    later = held(*calls, tally={"call.failed": 8, "call.completed": 30})

    assert first.summary == (
        "the first 8 calls all failed, all with the same error: carrier block; 1 person waits"
    )
    assert later.summary.startswith("the last 8 calls all failed")
    assert (first.value, first.threshold, first.n) == (8, 8, 8)
    assert first.since == calls[0].ended_at
    assert first.evidence == ("c7", "c6", "c5")


def test_calls_that_ended_at_one_moment_are_no_streak_by_their_order() -> None:
    at_once = ended_calls(*[GOOD] * 9, *[BAD] * 8, gap=0 * SECOND)

    assert not isinstance(judged(*at_once), Holds)
    assert isinstance(judged(*ended_calls(*[BAD] * 8, gap=0 * SECOND)), Holds)


def test_a_streak_of_zero_is_turned_off() -> None:
    rule = ErrorSpike(streak=0)

    assert isinstance(judged(*ended_calls(*[BAD] * 12), rule=rule), Unknown)
    assert isinstance(judged(rule=rule), Unknown)


@pytest.mark.parametrize(
    ("failed", "confidence", "holds"),
    [
        pytest.param(5, 0, True, id="not asked for"),
        pytest.param(5, 0.95, False, id="5 of 20 may be 11 %, under half the threshold"),
        pytest.param(6, 0.95, True, id="6 of 20 are at least 14 %"),
        pytest.param(6, 0.99, False, id="at 99 % they may be 11 %"),
    ],
)
def test_a_small_sample_must_be_sure_when_confidence_is_asked(
    failed: int, confidence: float, *, holds: bool
) -> None:
    rule = ErrorSpike(confidence=confidence)

    assert isinstance(judged(*mixed(failed, 20), rule=rule), Holds) is holds


def test_recovery_has_a_limit_of_its_own() -> None:
    rule = ErrorSpike(recover=0.05)

    assert isinstance(judged(*mixed(1, 20), rule=rule), Unknown)
    assert isinstance(judged(*mixed(0, 20), rule=rule), Clear)


def test_an_emptied_window_never_clears_and_says_since_when() -> None:
    calls = mixed(9, 20, last=NOON - 30 * MINUTE)

    verdict = judged(*calls, default_zone="Europe/Berlin")

    assert isinstance(verdict, Unknown)
    assert verdict.reason == "no calls since 13:30"


def test_calls_that_people_cancelled_are_no_sign_of_recovery() -> None:
    calls = (*mixed(4, 15), *ended_calls(*[Outcome.CANCELLED] * 60, last=NOON - 2 * MINUTE))

    assert isinstance(judged(*calls), Unknown)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(BatchStatus.PAUSED, id="paused"),
        pytest.param(BatchStatus.SCHEDULED, id="not begun"),
        pytest.param(BatchStatus.COMPLETED, id="completed"),
        pytest.param(BatchStatus.CANCELLED, id="cancelled"),
    ],
)
def test_a_batch_that_does_not_run_is_not_judged(status: BatchStatus) -> None:
    batch = make_batch(status=status)

    assert isinstance(judged(*mixed(20, 20), batch=batch), Unknown)
    assert isinstance(judged(*mixed(0, 20), batch=batch), Unknown)


def test_a_batch_of_a_status_that_nobody_knows_is_judged_by_its_calls() -> None:
    held(*mixed(20, 20), batch=make_batch(status=BatchStatus.UNKNOWN))


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        pytest.param({"threshold": 25}, "threshold is 25", id="percent"),
        pytest.param({"threshold": 0}, "threshold is 0", id="nothing"),
        pytest.param({"confidence": 1}, "confidence is 1", id="certainty"),
        pytest.param({"recover": 0.3}, "recover is 0.3", id="recovers above the threshold"),
        pytest.param({"streak": -1}, "streak is -1", id="negative"),
        pytest.param({"statuses": frozenset()}, "statuses is empty", id="no statuses"),
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(parameters: Any, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        ErrorSpike(**parameters)

    assert says in str(caught.value)


@pytest.mark.parametrize("n", [pytest.param(30, id="a spike"), pytest.param(8, id="a streak")])
def test_what_failed_before_it_was_resumed_no_longer_counts(n: int) -> None:
    calls = ended_calls(*[BAD] * n)
    assert isinstance(judged(*calls), Holds)
    assert isinstance(judged(*calls, idle_at=NOON - HOUR), Holds)

    verdict = judged(*calls, idle_at=NOON)
    assert verdict == Unknown("no calls since 12:00", verdict.finding)


@pytest.mark.parametrize(
    ("earlier", "says"),
    [
        pytest.param(19, ", usually 19 %, n 100", id="what it was before"),
        pytest.param(20, "", id="the same trouble, longer than the window"),
    ],
)
def test_a_trouble_that_lasts_is_not_called_usual(earlier: int, says: str) -> None:
    calls = mixed(30, 100)
    tally = {call_key(BAD): 30 + earlier, call_key(GOOD): 170 - earlier}

    assert held(*calls, tally=tally).summary == f"30 of 100 calls failed in 10 min (30 %{says})"


def before(failed: int, n: int) -> dict[str, Any]:
    """Peers of a batch: one batch before it, in which so many calls failed."""
    old = mixed(failed, n, last=NOON - 30 * HOUR)
    return {"peers": ListedPeers((make_peer(*old),))}


COMPARED = ErrorSpike(compare=Compare.PREVIOUS_BATCHES, threshold=0.1)


@pytest.mark.parametrize(
    ("failed", "usual", "kind"),
    [
        pytest.param(12, (10, 200), Holds, id="12 % surely more than 5 %"),
        pytest.param(20, (20, 200), Holds, id="twice as many as 10 %"),
        pytest.param(20, (21, 200), Unknown, id="not twice 10.5 %"),
        pytest.param(12, (40, 200), Clear, id="less than is usual"),
        pytest.param(12, (0, 200), Holds, id="usually none: the limit and the certainty decide"),
        pytest.param(12, (0, 39), Unknown, id="too few to compare with"),
        pytest.param(12, (2, 40), Unknown, id="few, so that it is not sure"),
        pytest.param(9, (0, 200), Unknown, id="below its own limit"),
        pytest.param(7, (0, 200), Clear, id="well below its own limit"),
    ],
)
def test_compared_it_must_also_be_unusual(
    failed: int, usual: tuple[int, int], kind: type[Verdict]
) -> None:
    assert isinstance(judged(*mixed(failed, 100), rule=COMPARED, **before(*usual)), kind)


def test_what_is_usual_stands_in_the_sentence_and_its_limit_beside_the_value() -> None:
    finding = held(*mixed(30, 100), rule=COMPARED, **before(24, 310))

    assert finding.summary == "30 of 100 calls failed in 10 min (30 %, usually 8 %, n 310)"
    assert (finding.value, finding.threshold) == (30, 15.5)
    assert finding.details == (
        ("share", "30 % of 100 calls, 22 % to 40 % at 95 % confidence"),
        ("usual", "8 % of 310 calls, 5 % to 11 % at 95 % confidence (the batch before)"),
    )


def test_with_too_few_to_compare_with_it_says_so_and_a_streak_still_fires() -> None:
    verdict = judged(*mixed(30, 100), rule=COMPARED, **before(2, 30))

    assert isinstance(verdict, Unknown)
    assert verdict.reason == ("only 0 calls to compare with (earlier in this batch), 40 are needed")
    held(*ended_calls(*[GOOD] * 30, *[BAD] * 8), rule=COMPARED, **before(2, 30))


@pytest.mark.parametrize("compare", [Compare.EARLIER, Compare.SIBLINGS])
def test_a_long_trouble_that_looks_usual_by_now_is_not_over(compare: Compare) -> None:
    calls = mixed(60, 100, last=NOON - 11 * MINUTE)
    now = tuple(call._replace(call_id=f"n{call.call_id}") for call in mixed(60, 100))
    other = make_peer(*now)
    rule = replace(COMPARED, compare=compare)

    verdict = judged(*calls, *now, rule=rule, peers=ListedPeers(open_=(other,)))

    assert isinstance(verdict, Unknown)
    assert verdict.reason == "not surely higher than usual"
