"""What a batch is used to, and what is more than that."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from monitor.core.model import ContactStatus, Counts, Outcome
from monitor.core.steady import goes_on
from monitor.core.tally import Tally, call_key, contact_key

READ = {
    ContactStatus.PENDING: 900,
    ContactStatus.IN_CALL: 25,
    ContactStatus.COMPLETED: 60,
    ContactStatus.FAILED: 15,
}
# Three in four of its calls have reached somebody.
TALLY: Tally = {
    contact_key(ContactStatus.COMPLETED): 60,
    call_key(Outcome.COMPLETED): 60,
    call_key(Outcome.NO_ANSWER): 20,
}


def counts(by_status: Mapping[ContactStatus, int]) -> Counts:
    return Counts(total=1000, by_status=by_status)


def moved(**by: int) -> Counts:
    """So many more people in each status, and as many fewer who wait."""
    found = {ContactStatus(name): n for name, n in by.items()}
    later = {each: READ.get(each, 0) + found.get(each, 0) for each in ContactStatus}
    later[ContactStatus.PENDING] -= sum(found.values())
    return counts({each: n for each, n in later.items() if n or each in READ})


@pytest.mark.parametrize(
    ("now", "retried", "expected"),
    [
        pytest.param(moved(completed=12, failed=4), 0, True, id="as many as usual"),
        pytest.param(moved(completed=12, failed=5), 0, True, id="a little more, by chance"),
        pytest.param(moved(completed=12, failed=6), 0, False, id="more than by chance"),
        pytest.param(moved(completed=12, no_answer=4, busy=3), 0, False, id="of several kinds"),
        pytest.param(moved(completed=12, voicemail=6), 0, False, id="machines answer"),
        pytest.param(moved(completed=12, retrying=7), 0, False, id="they are to be called again"),
        pytest.param(moved(completed=12, failed=1), 6, False, id="hidden by who is called again"),
        pytest.param(moved(completed=12, retrying=-8), 6, True, id="retries are called"),
        pytest.param(moved(follow_up=12, failed=4), 0, True, id="reached, and called once more"),
        pytest.param(moved(in_call=5), 0, True, id="begun alone"),
        pytest.param(moved(failed=1), 0, False, id="nobody reached"),
        pytest.param(moved(completed=-1, failed=1), 0, False, id="fewer are reached than were"),
        pytest.param(moved(completed=12, in_call=-11), 0, False, id="calls end at once"),
        pytest.param(moved(completed=12, in_call=-10), 0, True, id="a few calls less"),
        pytest.param(moved(completed=12, skipped=1), 0, False, id="somebody was skipped"),
        pytest.param(moved(completed=12, in_call=-13, failed=-1), 0, False, id="some wait again"),
        pytest.param(moved(completed=180), 0, False, id="an end is near"),
        pytest.param(moved(completed=179), 0, True, id="an end is not near yet"),
        pytest.param(replace(moved(completed=12), total=1001), 0, False, id="people were added"),
        pytest.param(Counts(total=1000), 0, False, id="nobody is counted by status"),
    ],
)
def test_what_a_batch_is_used_to_may_wait(now: Counts, retried: int, *, expected: bool) -> None:
    assert goes_on(counts(READ), now, TALLY, retried=retried) is expected


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        pytest.param(49, False, id="not yet known"),
        pytest.param(50, True, id="known"),
    ],
)
def test_what_is_usual_is_known_after_some_calls(calls: int, *, expected: bool) -> None:
    tally = {contact_key(ContactStatus.COMPLETED): calls, call_key(Outcome.COMPLETED): calls}

    assert goes_on(counts(READ), moved(completed=12), tally, retried=0) is expected


def test_without_counts_of_before_nothing_is_known() -> None:
    assert not goes_on(Counts(total=1000), counts(READ), TALLY, retried=0)
