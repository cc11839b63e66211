from typing import Any

import pytest

from monitor.core.answering import By
from monitor.core.baseline import Compare
from monitor.core.calls import EndedCall
from monitor.core.model import BatchStatus, Outcome
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from monitor.core.words import BLOCKED
from rules.answer_rate_drop import AnswerRateDrop
from tests.builders import (
    HOUR,
    MINUTE,
    NOON,
    ListedCalls,
    ListedPeers,
    ended_calls,
    make_batch,
    make_facts,
    make_peer,
)

RULE = AnswerRateDrop()
OLD = NOON - 30 * HOUR
DONE, RANG = Outcome.COMPLETED, Outcome.NO_ANSWER


def dialled(taken: int, n: int, other: Outcome = RANG, **changes: Any) -> tuple[EndedCall, ...]:
    """So many calls, of which so many were answered, the others first."""
    return ended_calls(*[other] * (n - taken), *[DONE] * taken, **changes)


def before(*calls: EndedCall) -> ListedPeers:
    old = tuple(call._replace(ended_at=call.ended_at - 30 * HOUR) for call in calls)
    return ListedPeers((make_peer(*old),))


def judged(
    *calls: EndedCall,
    rule: AnswerRateDrop = RULE,
    peers: ListedPeers | None = None,
    **changes: Any,
) -> Verdict:
    peers = before(*dialled(74, 310)) if peers is None else peers
    return rule.evaluate(make_facts(calls=ListedCalls(calls), peers=peers, **changes))


def held(*calls: EndedCall, **changes: Any) -> Finding:
    verdict = judged(*calls, **changes)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


def test_the_sentence_says_how_many_answer_and_what_is_usual() -> None:
    finding = held(*dialled(3, 84, last=NOON - MINUTE), tally={"contact.pending": 404})

    assert finding.summary == (
        "3 of 84 calls were answered in 30 min (4 %, usually 24 %, n 310); 404 people wait"
    )
    assert (finding.value, finding.threshold, finding.unit) == (3.6, 11.9, "%")
    assert (finding.n, finding.affected, finding.waiting) == (84, 81, 404)
    assert len(finding.evidence) == 3


@pytest.mark.parametrize(
    ("taken", "n", "kind"),
    [
        pytest.param(0, 39, Unknown, id="one call too few"),
        pytest.param(0, 40, Holds, id="nobody of forty"),
        pytest.param(3, 84, Holds, id="surely less than half"),
        pytest.param(8, 84, Unknown, id="less than half, but it may be chance"),
        pytest.param(47, 400, Holds, id="just below half of what is usual"),
        pytest.param(48, 400, Unknown, id="just above half"),
        pytest.param(60, 400, Clear, id="15 %: well above half of what is usual"),
        pytest.param(96, 400, Clear, id="as usual"),
        pytest.param(300, 400, Clear, id="more than ever"),
    ],
)
def test_the_limits(taken: int, n: int, kind: type[Verdict]) -> None:
    assert isinstance(judged(*dialled(taken, n)), kind)


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        pytest.param(Outcome.NO_ANSWER, True, id="nobody answers"),
        pytest.param(Outcome.VOICEMAIL, True, id="mailboxes"),
        pytest.param(Outcome.BUSY, True, id="busy lines"),
        pytest.param(Outcome.FAILED, True, id="failures"),
        pytest.param(Outcome.CANCELLED, False, id="called off"),
        pytest.param(Outcome.ERROR, False, id="lost by the vendor"),
    ],
)
def test_what_is_no_answer(outcome: Outcome, *, counts: bool) -> None:
    assert isinstance(judged(*dialled(0, 100, outcome)), Holds if counts else Unknown)


def test_the_limit_alone_can_be_asked_for() -> None:
    rule = AnswerRateDrop(compare=Compare.ABSOLUTE, threshold=0.1)

    assert isinstance(judged(*dialled(10, 100), rule=rule), Holds)
    assert isinstance(judged(*dialled(11, 100), rule=rule), Unknown)
    assert isinstance(judged(*dialled(13, 100), rule=rule), Clear)


def test_with_nothing_to_compare_with_it_says_so() -> None:
    verdict = judged(*dialled(0, 100), peers=ListedPeers())

    assert isinstance(verdict, Unknown)
    assert verdict.reason == "only 0 calls to compare with (earlier in this batch), 40 are needed"


def test_an_emptied_window_never_looks_like_recovery() -> None:
    verdict = judged(*dialled(0, 100, last=NOON - HOUR))

    assert isinstance(verdict, Unknown)
    assert verdict.reason == "no calls since 11:00"


def test_a_paused_batch_is_not_judged() -> None:
    batch = make_batch(status=BatchStatus.PAUSED)

    assert isinstance(judged(*dialled(0, 100), batch=batch), Unknown)


BAD, WELL = "••0134", "••0135"


def test_the_one_number_that_a_carrier_blocks_is_named() -> None:
    calls = (*dialled(2, 84, from_number=BAD), *dialled(52, 200, from_number=WELL))
    peers = before(*dialled(74, 310, from_number=BAD), *dialled(80, 310, from_number=WELL))

    finding = held(*calls, peers=peers)

    assert finding.summary == (
        f"2 of 84 calls from {BAD} were answered in 30 min "
        "(2 %, usually 24 %, n 310; other numbers 26 %, n 200)"
    )
    assert (finding.n, finding.affected) == (84, 82)
    assert isinstance(judged(*calls, peers=peers, rule=AnswerRateDrop(by=By.BATCH)), Clear)


def test_a_number_without_a_past_is_held_against_the_others() -> None:
    calls = (*dialled(0, 60, from_number=BAD), *dialled(60, 200, from_number=WELL))

    finding = held(*calls, peers=before(*dialled(74, 310, from_number=WELL)))

    assert "(0 %, usually 30 %, n 200; other numbers 30 %, n 200)" in finding.summary
    assert finding.details[1][1].endswith("(the other numbers now)")


def test_of_several_numbers_the_worst_is_named() -> None:
    calls = (
        *dialled(4, 100, from_number=BAD),
        *dialled(1, 100, from_number="••0136"),
        *dialled(60, 200, from_number=WELL),
    )

    assert held(*calls).summary.startswith("1 of 100 calls from ••0136 were answered")


def test_where_all_numbers_do_badly_it_is_the_batch() -> None:
    calls = (*dialled(2, 100, from_number=BAD), *dialled(2, 100, from_number=WELL))
    peers = before(*dialled(74, 310, from_number=BAD), *dialled(80, 310, from_number=WELL))

    assert held(*calls, peers=peers).summary.startswith("4 of 200 calls were answered")


def test_a_number_that_is_not_twice_as_bad_as_the_others_stands_not_apart() -> None:
    peers = before(*dialled(89, 182, from_number=BAD), *dialled(89, 182, from_number=WELL))
    mine = dialled(8, 46, from_number=BAD)

    verdict = judged(*mine, *dialled(16, 48, from_number=WELL), peers=peers)
    assert isinstance(verdict, Unknown), verdict
    apart = held(*mine, *dialled(20, 48, from_number=WELL), peers=peers)
    assert apart.summary.startswith("8 of 46 calls from ••0134 were answered")


@pytest.mark.parametrize(
    ("n", "kind"),
    [
        pytest.param(39, Clear, id="too few to be judged apart"),
        pytest.param(0, Clear, id="only one number calls"),
    ],
)
def test_a_number_of_few_calls_is_not_judged(n: int, kind: type[Verdict]) -> None:
    calls = (*dialled(0, n, from_number=BAD), *dialled(160, 400, from_number=WELL))

    assert isinstance(judged(*calls), kind)


def test_a_number_that_did_badly_and_is_no_longer_used_is_not_well() -> None:
    calls = (
        *dialled(0, 90, from_number=BAD, last=NOON - 40 * MINUTE),
        *dialled(60, 200, from_number=WELL, last=NOON - 35 * MINUTE),
        *dialled(60, 200, from_number=WELL),
    )

    verdict = judged(*calls)

    assert isinstance(verdict, Unknown)
    assert verdict.reason == f"only 0 calls from {BAD} since"


def refused(n: int, of: int, **changes: Any) -> tuple[EndedCall, ...]:
    bad = ended_calls(*[Outcome.FAILED] * n, hangup=BLOCKED, **changes)
    return (*bad, *ended_calls(*[DONE] * (of - n), **changes))


def test_three_calls_that_carriers_refuse_as_spam_are_enough() -> None:
    calls = (*refused(3, 12, from_number=BAD), *dialled(30, 100, from_number=WELL))

    finding = held(*calls)

    assert finding.summary == f"carriers blocked 3 of 12 calls from {BAD} as spam in 30 min"
    assert (finding.value, finding.threshold, finding.n) == (3, 3, 12)
    assert len(finding.evidence) == 3


@pytest.mark.parametrize(
    ("n", "of", "holds"),
    [
        pytest.param(2, 12, False, id="two"),
        pytest.param(3, 60, True, id="5 %"),
        pytest.param(3, 61, False, id="a few of many are blocked anyway"),
    ],
)
def test_a_few_blocked_calls_of_many_are_nothing_new(n: int, of: int, *, holds: bool) -> None:
    assert isinstance(judged(*refused(n, of, from_number=BAD)), Holds) is holds
    rule = AnswerRateDrop(blocks=0)
    assert not isinstance(judged(*refused(n, of, from_number=BAD), rule=rule), Holds)


def test_blocked_calls_of_no_known_number_are_told_of_the_batch() -> None:
    finding = held(*refused(5, 20))

    assert finding.summary == "carriers blocked 5 of 20 calls as spam in 30 min"


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        pytest.param({"threshold": 50}, "threshold is 50", id="percent"),
        pytest.param({"times": 0.5}, "times is 0.5", id="half instead of twice"),
        pytest.param({"window": 0 * MINUTE}, "window is empty", id="no window"),
        pytest.param({"min_usual": 0}, "min_usual is 0", id="nothing to compare with"),
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(parameters: Any, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        AnswerRateDrop(**parameters)

    assert says in str(caught.value)
