from datetime import UTC, datetime
from typing import Any

import pytest

from monitor.core.model import BatchStatus, Capabilities, Outcome
from monitor.core.people import LONG_AGO, PlacedCall
from monitor.core.rule import Clear, Finding, Holds, Severity, Unknown, Verdict
from rules.outside_calling_hours import OutsideCallingHours
from tests.builders import (
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    ListedCalls,
    ListedPeople,
    ended_calls,
    make_batch,
    make_facts,
    placed_call,
    somebody,
)

RULE = OutsideCallingHours()
NINE = datetime(2026, 6, 10, 21, tzinfo=UTC)  # when it becomes too late in UTC
EIGHT = datetime(2026, 6, 10, 8, tzinfo=UTC)
INDIA, BOTH = ("Asia/Kolkata",), ("America/New_York", "America/Los_Angeles")


def judged(*calls: PlacedCall, rule: OutsideCallingHours = RULE, **changes: Any) -> Verdict:
    """Each call is to somebody else; it is asked right after the last of them."""
    last = max((call.at for call in calls), default=NOON)
    people = [somebody(call) for call in calls]
    facts = {"now": last + MINUTE, "persons": ListedPeople(people)}
    return rule.evaluate(make_facts(**facts | changes))


def held(*calls: PlacedCall, **changes: Any) -> Finding:
    found = judged(*calls, **changes)
    assert isinstance(found, Holds), found
    return found.finding


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        pytest.param(placed_call(NINE - SECOND), Clear, id="just in time"),
        pytest.param(placed_call(NINE), Holds, id="as they close"),
        pytest.param(placed_call(NINE + HOUR), Holds, id="late"),
        pytest.param(placed_call(EIGHT - SECOND), Holds, id="early"),
        pytest.param(placed_call(EIGHT), Clear, id="as they open"),
        pytest.param(placed_call(NOON, zones=INDIA), Clear, id="half past five in India"),
        pytest.param(placed_call(NOON + 4 * HOUR, zones=INDIA), Holds, id="half past nine there"),
        pytest.param(
            placed_call(NOON + 2 * MINUTE, zones=BOTH), Clear, id="morning in one of two zones"
        ),
        pytest.param(placed_call(NOON - 5 * HOUR, zones=BOTH), Holds, id="night in both"),
        pytest.param(placed_call(NINE, zones=()), Clear, id="nobody knows where"),
        pytest.param(placed_call(NINE, here=False), Clear, id="another batch's call"),
        pytest.param(placed_call(NINE, placed=False), Clear, id="only made to wait"),
        pytest.param(placed_call(LONG_AGO), Clear, id="nobody knows when"),
        pytest.param(
            placed_call(NINE, exact=False, until=NINE + 11 * HOUR), Clear, id="it may have waited"
        ),
        pytest.param(
            placed_call(NINE, exact=False, until=NINE + HOUR), Holds, id="too late in any case"
        ),
    ],
)
def test_the_limits(call: PlacedCall, kind: type[Verdict]) -> None:
    assert isinstance(judged(call), kind)


def test_the_sentence_says_how_many_when_and_whether_it_goes_on() -> None:
    calls = [placed_call(NINE + n * MINUTE) for n in range(14)]

    finding = held(*calls)

    assert finding.summary == "14 people called after 21:00 their time; still dialling"
    assert (finding.affected, finding.since, finding.severity) == (14, NINE, None)
    assert finding.evidence == (calls[13].call_id, calls[12].call_id, calls[11].call_id)


def test_both_ends_of_the_day_are_told_and_a_pause_is() -> None:
    calls = [placed_call(NINE), placed_call(NINE + MINUTE), placed_call(NINE - 14 * HOUR)]

    finding = held(*calls, batch=make_batch(status=BatchStatus.PAUSED))

    assert finding.summary == (
        "3 people called after 21:00 or before 08:00 their time; the batch is paused"
    )


@pytest.mark.parametrize(
    ("exact", "severity"),
    [
        pytest.param([True], None, id="the vendor's own times"),
        pytest.param([False], Severity.WARNING, id="estimates"),
        pytest.param([False, True], None, id="one of them the vendor's own"),
    ],
)
def test_only_the_vendors_own_start_times_page(
    exact: list[bool], severity: Severity | None
) -> None:
    finding = held(*(placed_call(NINE + n * MINUTE, exact=is_) for n, is_ in enumerate(exact)))

    assert (finding.severity, finding.estimate) == (severity, severity is not None)


def test_dates_can_be_closed() -> None:
    rule = OutsideCallingHours(hours=("daily 08:00-21:00", "2026-06-10 closed"))

    finding = held(placed_call(NOON), rule=rule)

    assert finding.summary == "1 person called on a closed day their time; still dialling"


def test_it_goes_on_for_an_hour_and_counts_since_the_batch_began() -> None:
    first, last = placed_call(NINE), placed_call(NINE + 5 * HOUR)
    over = last.at + HOUR
    calls = ListedCalls(ended_calls(Outcome.COMPLETED, last=over - MINUTE))

    assert held(first, last, now=over - SECOND).affected == 2
    assert isinstance(judged(first, last, now=over), Unknown)
    assert isinstance(judged(first, last, now=over, calls=calls), Clear)


def test_where_no_times_are_told_it_says_nothing() -> None:
    blind = Capabilities(contacts=True, calls=True)

    assert isinstance(judged(placed_call(NINE), capabilities=blind), Unknown)


@pytest.mark.parametrize(
    "hours",
    [
        pytest.param((), id="none"),
        pytest.param(("2026-06-10 closed",), id="never open"),
        pytest.param(("daily 8-21",), id="none that can be read"),
    ],
)
def test_what_cannot_be_meant_is_refused(hours: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="hours"):
        OutsideCallingHours(hours=hours)
