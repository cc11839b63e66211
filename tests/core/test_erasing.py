"""What is left of somebody, and under which names."""

import pytest

from monitor.core.erasing import Tombstones, is_stub
from monitor.core.model import ContactStatus, Item
from tests.builders import make_call, make_contact

MADE = Tombstones(b"a key")
SOMEBODY = make_contact(
    contact_id="con_111",
    status=ContactStatus.COMPLETED,
    phone_hash=b"\x01" * 16,
    phone="••4567",
    country="US",
    area="415",
    timezone="America/Los_Angeles",
)


def test_a_stub_says_what_came_of_the_calls_and_of_nobody() -> None:
    call = make_call(call_id="call_1", contact_id="con_111", duration_s=31.0)
    contact, (kept,) = MADE.stub("renewals", "b1", Item(SOMEBODY, (call,)))

    assert is_stub(contact.contact_id)
    assert is_stub(kept.call_id)
    assert kept.contact_id == contact.contact_id
    assert (kept.status, kept.ended_at, kept.duration_s) == (call.status, call.ended_at, 31.0)
    assert contact.status is SOMEBODY.status
    told = (contact.phone_hash, contact.phone, contact.country, contact.area, contact.timezone)
    assert told == (None,) * 5


@pytest.mark.parametrize("other", [("bulk", "b1"), ("renewals", "b2")])
def test_one_contact_has_one_stub_and_another_of_the_same_id_has_another(
    other: tuple[str, str],
) -> None:
    mine = MADE.stub_id("renewals", "b1", "7")

    assert MADE.stub_id("renewals", "b1", "7") == mine
    assert MADE.stub_id(*other, "7") != mine
    assert Tombstones(b"another key").stub_id("renewals", "b1", "7") != mine


def test_parts_do_not_run_into_each_other() -> None:
    assert MADE.contact("a", "bc", "d") != MADE.contact("ab", "c", "d")
