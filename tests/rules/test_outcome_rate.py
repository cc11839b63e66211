from dataclasses import replace
from typing import Any

import pytest

from monitor.core.baseline import Compare
from monitor.core.calls import EndedCall
from monitor.core.model import BatchStatus, Outcome, Sentiment
from monitor.core.rates import Direction
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from rules.outcome_rate import OutcomeRate
from tests.builders import (
    EVERYTHING,
    HOUR,
    NOON,
    ListedCalls,
    ListedPeers,
    ended_calls,
    make_batch,
    make_facts,
    make_peer,
)

DONE, BOX = Outcome.COMPLETED, Outcome.VOICEMAIL


def words(*some: str) -> frozenset[str]:
    return frozenset(some)


RULE = OutcomeRate(outcome=words("voicemail"), threshold=0.5)


def some(n: int, of: int, **changes: Any) -> tuple[EndedCall, ...]:
    """So many completed calls, of which so many have these fields instead."""
    calls = ended_calls(*[DONE] * of)
    return tuple(
        call._replace(**changes) if place < n else call for place, call in enumerate(calls)
    )


def judged(*calls: EndedCall, rule: OutcomeRate = RULE, **changes: Any) -> Verdict:
    return rule.evaluate(make_facts(calls=ListedCalls(calls), **changes))


def held(*calls: EndedCall, **changes: Any) -> Finding:
    verdict = judged(*calls, **changes)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


@pytest.mark.parametrize(
    ("n", "of", "kind"),
    [
        pytest.param(19, 19, Unknown, id="one call too few"),
        pytest.param(10, 20, Holds, id="at the limit"),
        pytest.param(9, 20, Unknown, id="just below"),
        pytest.param(7, 20, Clear, id="well below"),
        pytest.param(0, 0, Unknown, id="no calls"),
    ],
)
def test_above_a_limit(n: int, of: int, kind: type[Verdict]) -> None:
    assert isinstance(judged(*some(n, of, outcome=BOX)), kind)


@pytest.mark.parametrize(
    ("n", "kind"),
    [
        pytest.param(20, Holds, id="at the limit"),
        pytest.param(21, Unknown, id="just above"),
        pytest.param(26, Clear, id="well above"),
        pytest.param(0, Holds, id="none at all"),
    ],
)
def test_below_a_limit(n: int, kind: type[Verdict]) -> None:
    rule = OutcomeRate(disposition=words("sold"), threshold=0.2, direction=Direction.BELOW)
    calls = [
        call._replace(disposition="sold" if place < n else "lost")
        for place, call in enumerate(some(0, 100))
    ]

    assert isinstance(judged(*calls, rule=rule), kind)


@pytest.mark.parametrize(
    ("rule", "changes", "text"),
    [
        pytest.param(
            OutcomeRate(outcome=words("busy", "no_answer")),
            {"outcome": Outcome.BUSY},
            "ended as busy or no_answer",
            id="outcome",
        ),
        pytest.param(
            OutcomeRate(hangup=words("*silence*")),
            {"hangup": "LONG_SILENCE_HANGUP"},
            "hung up with *silence*",
            id="hang-up reason, with a pattern",
        ),
        pytest.param(
            OutcomeRate(error=words("SIP ###")),
            {"error_class": "SIP ###"},
            "had the error SIP ###",
            id="error class",
        ),
        pytest.param(
            OutcomeRate(sentiment=words("negative")),
            {"sentiment": Sentiment.NEGATIVE},
            "were negative",
            id="sentiment",
        ),
    ],
)
def test_each_kind_of_call_has_its_words(rule: OutcomeRate, changes: Any, text: str) -> None:
    calls = some(30, 30, **changes)

    assert held(*calls, rule=rule).summary == f"30 of 30 calls {text} in 30 min (100 %)"


def test_only_calls_that_tell_it_count() -> None:
    rule = OutcomeRate(sentiment=words("negative"), threshold=0.5)
    calls = (
        *some(12, 12, sentiment=Sentiment.NEGATIVE),
        *some(12, 60, sentiment=Sentiment.NEUTRAL),
    )

    assert held(*calls, rule=rule).summary.startswith("12 of 24 calls were negative")
    verdict = judged(*some(9, 60, sentiment=Sentiment.NEGATIVE), rule=rule)
    assert isinstance(verdict, Unknown)
    assert verdict.reason == "only 9 calls of which that is told"


def test_only_calls_of_certain_outcomes_may_count() -> None:
    rule = OutcomeRate(hangup=words("user"), threshold=0.9, among=frozenset({DONE}))
    calls = (*some(20, 20, hangup="user"), *some(20, 20, outcome=Outcome.FAILED, hangup="carrier"))

    assert isinstance(judged(*calls, rule=rule), Holds)


def test_compared_it_must_be_unusual() -> None:
    rule = OutcomeRate(outcome=words("voicemail"), threshold=0.1, compare=Compare.PREVIOUS_BATCHES)

    def usually(n: int) -> ListedPeers:
        old = some(n, 300, outcome=DONE)
        back = tuple(
            call._replace(outcome=BOX if place < n else DONE, ended_at=call.ended_at - 30 * HOUR)
            for place, call in enumerate(old)
        )
        return ListedPeers((make_peer(*back),))

    calls = tuple(
        call._replace(outcome=BOX) if place < 40 else call
        for place, call in enumerate(some(0, 100))
    )
    assert isinstance(judged(*calls, rule=rule, peers=usually(60)), Holds)
    assert isinstance(judged(*calls, rule=rule, peers=usually(61)), Unknown)
    assert isinstance(judged(*calls, rule=rule, peers=usually(120)), Clear)


def test_it_says_nothing_until_a_kind_is_written() -> None:
    verdict = judged(*some(30, 30), rule=OutcomeRate())

    assert isinstance(verdict, Unknown)
    assert OutcomeRate.written_only


def test_a_paused_batch_is_not_judged() -> None:
    batch = make_batch(status=BatchStatus.PAUSED)

    assert isinstance(judged(*some(30, 30, outcome=BOX), batch=batch), Unknown)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        pytest.param({"outcome": words("voicemial")}, "outcome has no 'voicemial'", id="misspelt"),
        pytest.param({"sentiment": words("angry")}, "sentiment has no 'angry'", id="no such word"),
        pytest.param(
            {"outcome": words("busy"), "error": words("x")}, "error and outcome are both", id="two"
        ),
        pytest.param({"among": frozenset()}, "among is empty", id="no outcomes"),
        pytest.param({"threshold": 0}, "threshold is 0", id="nothing"),
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(parameters: Any, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        OutcomeRate(**parameters)

    assert says in str(caught.value)


def test_old_calls_do_not_count() -> None:
    calls = tuple(call._replace(ended_at=NOON - HOUR) for call in some(30, 30, outcome=BOX))

    assert isinstance(judged(*calls), Unknown)


@pytest.mark.parametrize(
    ("kind", "lacks", "reason"),
    [
        pytest.param(
            {"outcome": words("voicemail")}, "voicemail", "cannot see voicemail at Graine", id="box"
        ),
        pytest.param(
            {"sentiment": words("neg*")}, "sentiment", "cannot see sentiment at Graine", id="mood"
        ),
        pytest.param(
            {"outcome": words("busy", "no_answer")},
            "tells_failures",
            "cannot tell failures from no answers at Graine",
            id="no answer",
        ),
        pytest.param({"outcome": words("busy", "voicemail")}, "voicemail", None, id="one of two"),
        pytest.param({"outcome": words("busy")}, "voicemail", None, id="another"),
    ],
)
def test_what_a_vendor_cannot_tell_is_said_and_never_clear(
    kind: Any, lacks: str, reason: str | None
) -> None:
    untold: Any = {lacks: False}
    blind = replace(EVERYTHING, **untold)

    verdict = judged(*ended_calls(*[DONE] * 60), rule=OutcomeRate(**kind), capabilities=blind)

    assert (verdict.reason if isinstance(verdict, Unknown) else None) == reason
