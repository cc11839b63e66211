from typing import Any

import pytest

from monitor.core.model import Outcome
from monitor.core.people import LONG_AGO, PlacedCall
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from rules.called_after_opt_out import CalledAfterOptOut
from tests.builders import (
    HOUR,
    NOON,
    ListedCalls,
    ListedPeople,
    ended_calls,
    make_facts,
    placed_call,
    somebody,
)

RULE = CalledAfterOptOut()
DAY = 24 * HOUR


def judged(*calls: PlacedCall, rule: CalledAfterOptOut = RULE, **changes: Any) -> Verdict:
    return rule.evaluate(make_facts(persons=ListedPeople([somebody(*calls)]), **changes))


def held(*calls: PlacedCall, **changes: Any) -> Finding:
    found = judged(*calls, **changes)
    assert isinstance(found, Holds), found
    return found.finding


def refused(**changes: Any) -> PlacedCall:
    values: dict[str, Any] = {
        "at": NOON - DAY,
        "here": False,
        "batch": "Renewals April",
        "disposition": "dnc",
    }
    return placed_call(**values | changes)


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        pytest.param(refused(), Holds, id="dnc"),
        pytest.param(refused(disposition="DO_NOT_CALL"), Holds, id="do not call"),
        pytest.param(refused(disposition="Customer opted out"), Holds, id="in a phrase"),
        pytest.param(
            refused(disposition=None, hangup="user_requested_dnc"), Holds, id="a hang-up reason"
        ),
        pytest.param(
            refused(disposition=None, hangup="DNC_SKIPPED", placed=False),
            Holds,
            id="the vendor knows it and did not call",
        ),
        pytest.param(refused(here=True), Holds, id="in the same batch"),
        pytest.param(refused(disposition="converted"), Clear, id="another word"),
        pytest.param(refused(disposition="sdnconnect"), Clear, id="the letters within a word"),
        pytest.param(refused(disposition="no_opt_out"), Clear, id="no opt-out"),
        pytest.param(refused(disposition="Not on the DNC list"), Clear, id="not on the list"),
        pytest.param(refused(disposition="please do not call"), Holds, id="a not of its own"),
        pytest.param(refused(disposition=None), Clear, id="nothing said"),
        pytest.param(refused(at=LONG_AGO, ended_at=None), Holds, id="nobody knows when"),
    ],
)
def test_what_counts_as_an_opt_out(first: PlacedCall, kind: type[Verdict]) -> None:
    assert isinstance(judged(first, placed_call(NOON)), kind)


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(placed_call(NOON, placed=False), id="only made to wait"),
        pytest.param(placed_call(NOON, here=False), id="another batch's call"),
        pytest.param(placed_call(NOON - 2 * DAY), id="the call before"),
    ],
)
def test_what_is_no_call_after_it(second: PlacedCall) -> None:
    assert isinstance(judged(refused(), second), Clear)


def test_the_call_itself_is_none_after_it() -> None:
    assert isinstance(judged(placed_call(NOON, disposition="dnc")), Clear)


def test_the_sentence_says_how_many_and_from_where() -> None:
    finding = held(refused(), placed_call(NOON))

    assert finding.summary == (
        "1 person was called who had asked not to be; "
        "••4821 was called by Renewals May 23 h 59 min after the opt-out in Renewals April"
    )
    assert finding.evidence == (placed_call(NOON).call_id, refused().call_id)


def test_the_words_are_the_users() -> None:
    rule = CalledAfterOptOut(opt_out=("outcome=completed",))

    assert isinstance(judged(refused(), placed_call(NOON), rule=rule), Clear)
    first = refused(disposition=None, outcome=Outcome.COMPLETED)
    assert isinstance(judged(first, placed_call(NOON), rule=rule), Holds)


def test_it_goes_on_for_an_hour_and_is_well_once_others_are_called() -> None:
    calls = refused(), placed_call(NOON)
    over = NOON + HOUR
    others = ListedCalls(ended_calls(Outcome.COMPLETED, last=over))

    assert isinstance(judged(*calls, now=over), Unknown)
    assert isinstance(judged(*calls, now=over, calls=others), Clear)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param((), id="none"),
        pytest.param(("dnc",), id="no matcher"),
        pytest.param(("area=415",), id="what no call has"),
        pytest.param(("disposition=~(",), id="no pattern"),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="opt_out"):
        CalledAfterOptOut(opt_out=wrong)
