"""Who waited for a retry then, and who held a line."""

from monitor.core.instants import to_micros
from monitor.core.pastpeople import KnownPeople
from tests.builders import MINUTE, NOON


def test_who_waits_is_late_once_the_retry_is_due() -> None:
    people = KnownPeople()
    people.moved("p1", "pending", "retrying", to_micros(NOON))
    people.scheduled("p1", to_micros(NOON + 5 * MINUTE))

    assert people.overdue(NOON + 4 * MINUTE).n == 0
    assert people.scheduled_after(NOON + 4 * MINUTE) == 1
    (late,) = people.overdue(NOON + 5 * MINUTE).oldest
    assert (late.contact_id, late.due_at) == ("p1", NOON + 5 * MINUTE)
    assert people.last_due() == NOON + 5 * MINUTE


def test_who_waits_without_a_time_has_waited_since_they_came_to() -> None:
    people = KnownPeople()
    people.moved("p1", "in_call", "retrying", to_micros(NOON))

    (lost,) = people.unscheduled(NOON).oldest
    assert (lost.due_at, lost.since) == (None, NOON)
    people.scheduled("p1", to_micros(NOON + MINUTE))
    assert people.unscheduled(NOON + MINUTE).n == 0
    people.scheduled("p1", None)
    assert people.unscheduled(NOON + MINUTE).n == 1


def test_who_is_called_waits_no_longer_and_holds_a_line() -> None:
    people = KnownPeople()
    people.scheduled("p1", to_micros(NOON))
    people.moved("p1", "busy", "retrying", to_micros(NOON))
    people.moved("p1", "retrying", "in_call", to_micros(NOON + MINUTE))

    assert people.overdue(NOON + MINUTE).n == 0
    (held,) = people.held(NOON + MINUTE).oldest
    assert (held.contact_id, held.since) == ("p1", NOON + MINUTE)
    people.moved("p1", "in_call", "vanished", to_micros(NOON + 2 * MINUTE))
    assert people.held(NOON + 2 * MINUTE).n == 0


def test_no_more_are_counted_than_asked_and_three_are_named() -> None:
    people = KnownPeople()
    for n in range(9):
        people.moved(f"p{n}", "pending", "dispatched", to_micros(NOON + n * MINUTE))

    found = people.held(NOON + 6 * MINUTE, most=5)
    assert found.n == 5
    assert [each.contact_id for each in found.oldest] == ["p0", "p1", "p2"]
