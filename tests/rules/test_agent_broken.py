from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.core.baseline import Compare
from monitor.core.calls import EndedCall, Peer
from monitor.core.model import BatchStatus, Outcome
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from rules.agent_broken import AgentBroken
from tests.builders import (
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

RULE = AgentBroken()
LAST = NOON - 3 * MINUTE
DONE = Outcome.COMPLETED


def talked(short: int, n: int, last: Any = LAST, **changes: Any) -> tuple[EndedCall, ...]:
    """So many answered calls, of which so many were over in 8 s; the short ones first."""
    calls = ended_calls(*[DONE] * n, last=last, **changes)
    return tuple(
        call._replace(duration_s=8.0 if place < short else 90.0) for place, call in enumerate(calls)
    )


def before(*calls: EndedCall) -> ListedPeers:
    old = tuple(call._replace(ended_at=call.ended_at - 30 * HOUR) for call in calls)
    return ListedPeers((make_peer(*old),))


USUAL = before(*talked(4, 31))
NOTHING = ListedPeers()


def judged(
    *calls: EndedCall, rule: AgentBroken = RULE, peers: ListedPeers = USUAL, **changes: Any
) -> Verdict:
    return rule.evaluate(make_facts(calls=ListedCalls(calls), peers=peers, **changes))


def held(*calls: EndedCall, **changes: Any) -> Finding:
    verdict = judged(*calls, **changes)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


def test_the_sentence_names_the_short_calls_and_the_agent_that_changed() -> None:
    calls = (
        *talked(0, 9, last=NOON - 15 * MINUTE, agent_version="v3"),
        *talked(19, 21, last=NOON - 5 * MINUTE, agent_version="v4"),
    )

    finding = held(*calls, tally={"contact.pending": 1})

    assert finding.summary == (
        "19 of 30 answered calls under 15 s in 28 min (63 %, usually 13 %, n 31), "
        "19 of 19 with agent version v4 (2 of 11 others), "
        "agent v4 since 11:54, v3 before; 1 person waits"
    )
    assert ("agent version", "v4 since 11:54, v3 before") in finding.details
    assert (finding.value, finding.threshold, finding.n) == (63.3, 30, 30)
    assert len(finding.evidence) == 3


def test_an_agent_that_is_new_in_this_batch_is_named_by_the_batch_before() -> None:
    peers = before(*talked(4, 31, agent_version="v3"))
    finding = held(*talked(25, 30, agent_version="v4"), peers=peers)

    assert "agent v4 since 11:56, v3 before" in finding.summary
    same = held(*talked(25, 30, agent_version="v3"), peers=peers)
    assert "since" not in same.summary


@pytest.mark.parametrize(
    ("short", "n", "kind"),
    [
        pytest.param(19, 19, Unknown, id="one call too few"),
        pytest.param(19, 20, Holds, id="at least twenty"),
        pytest.param(11, 20, Holds, id="surely more than is usual"),
        pytest.param(8, 20, Unknown, id="it may be chance"),
        pytest.param(35, 100, Holds, id="35 %"),
        pytest.param(29, 100, Unknown, id="just below the limit"),
        pytest.param(23, 100, Clear, id="23 %"),
        pytest.param(0, 20, Clear, id="all well"),
    ],
)
def test_the_limits(short: int, n: int, kind: type[Verdict]) -> None:
    peers = before(*talked(40, 310))

    assert isinstance(judged(*talked(short, n), peers=peers), kind)


@pytest.mark.parametrize(
    ("usual", "kind"),
    [
        pytest.param((80, 310), Unknown, id="just not twice as many"),
        pytest.param((77, 310), Holds, id="twice as many"),
        pytest.param((150, 310), Clear, id="people always hang up soon here"),
        pytest.param((0, 310), Holds, id="usually none"),
    ],
)
def test_what_is_usual_here_is_no_fault_of_the_agent(
    usual: tuple[int, int], kind: type[Verdict]
) -> None:
    assert isinstance(judged(*talked(100, 200), peers=before(*talked(*usual))), kind)


@pytest.mark.parametrize(
    ("short", "kind"),
    [
        pytest.param(60, Holds, id="at the limit"),
        pytest.param(59, Unknown, id="just below"),
        pytest.param(20, Clear, id="well below"),
    ],
)
def test_with_nothing_to_compare_with_it_must_be_most_of_them(
    short: int, kind: type[Verdict]
) -> None:
    assert isinstance(judged(*talked(short, 100), peers=NOTHING), kind)


@pytest.mark.parametrize(
    ("length", "holds"),
    [
        pytest.param(14.9, True, id="just below"),
        pytest.param(15.0, False, id="at the limit"),
        pytest.param(None, False, id="of unknown length"),
    ],
)
def test_how_short_is_short(length: float | None, *, holds: bool) -> None:
    calls = tuple(call._replace(duration_s=length) for call in talked(0, 30))

    assert isinstance(judged(*calls), Holds) is holds


def test_mailboxes_and_calls_that_nobody_took_do_not_count() -> None:
    calls = tuple(call._replace(outcome=Outcome.VOICEMAIL) for call in talked(30, 30))

    assert judged(*calls) == Unknown("only 0 answered calls of known length, 20 are needed")


@pytest.mark.parametrize(
    ("age", "holds"),
    [
        pytest.param(2 * MINUTE - SECOND, False, id="who answered may still be told"),
        pytest.param(2 * MINUTE, True, id="settled"),
    ],
)
def test_the_newest_calls_do_not_count_yet(age: timedelta, *, holds: bool) -> None:
    calls = talked(30, 30, last=NOON - age, gap=timedelta(0))

    assert isinstance(judged(*calls), Holds) is holds


def goals(reached: int, n: int, **changes: Any) -> tuple[EndedCall, ...]:
    return tuple(
        call._replace(hangup="goal_completed" if place < reached else "user_hangup")
        for place, call in enumerate(talked(0, n, **changes))
    )


@pytest.mark.parametrize(
    ("reached", "kind"),
    [
        pytest.param(40, Holds, id="half of what is usual"),
        pytest.param(41, Unknown, id="just above half"),
        pytest.param(80, Clear, id="as usual"),
    ],
)
def test_goals_that_are_no_longer_reached(reached: int, kind: type[Verdict]) -> None:
    verdict = judged(*goals(reached, 200), peers=before(*goals(120, 300)))

    assert isinstance(verdict, kind)


def test_the_sentence_of_goals() -> None:
    finding = held(*goals(6, 60), peers=before(*goals(124, 310)))

    assert finding.summary.startswith(
        "6 of 60 answered calls reached their goal in 30 min (10 %, usually 40 %, n 310)"
    )
    assert (finding.affected, finding.threshold) == (54, 20)


def test_a_goal_may_be_a_disposition() -> None:
    def said(calls: tuple[EndedCall, ...]) -> tuple[EndedCall, ...]:
        return tuple(
            call._replace(
                hangup=None, disposition="sold" if call.hangup == "goal_completed" else "lost"
            )
            for call in calls
        )

    rule = AgentBroken(goal=frozenset({"sold"}))

    assert isinstance(
        judged(*said(goals(4, 60)), peers=before(*said(goals(124, 310))), rule=rule), Holds
    )


class _Unasked(ListedPeers):
    def previous(self, n: int) -> tuple[Peer, ...]:
        raise AssertionError(f"{n} batches were asked for")


@pytest.mark.parametrize("usual", [0, 124, 250, 310], ids="{} of 310".format)
def test_no_usual_share_makes_enough_goals_too_few(usual: int) -> None:
    enough = goals(38, 60)  # above half of all by the quarter that a recovery needs

    assert isinstance(judged(*enough, peers=before(*goals(usual, 310))), Clear)
    assert isinstance(judged(*enough, peers=_Unasked()), Clear)


@pytest.mark.parametrize(
    ("rule", "peers"),
    [
        pytest.param(replace(RULE, goal=frozenset()), before(*goals(124, 310)), id="not asked for"),
        pytest.param(replace(RULE, compare=Compare.ABSOLUTE), before(*goals(124, 310)), id="alone"),
        pytest.param(RULE, before(*talked(4, 310)), id="goals are not told here"),
        pytest.param(RULE, NOTHING, id="nothing to compare with"),
    ],
)
def test_goals_say_nothing_where_none_are_known(rule: AgentBroken, peers: ListedPeers) -> None:
    assert isinstance(judged(*goals(0, 60), rule=rule, peers=peers), Clear)


def test_a_batch_that_does_not_run_is_not_judged() -> None:
    batch = make_batch(status=BatchStatus.PAUSED)

    assert isinstance(judged(*talked(30, 30), batch=batch), Unknown)


def test_an_emptied_window_never_looks_like_recovery() -> None:
    assert isinstance(judged(*talked(0, 30, last=NOON - HOUR)), Unknown)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        pytest.param({"alone": 0.2}, "alone is 0.2", id="alone below the limit"),
        pytest.param({"threshold": 30}, "threshold is 30", id="percent"),
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(parameters: Any, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        AgentBroken(**parameters)

    assert says in str(caught.value)
