from monitor.core.facts import Unread
from monitor.core.rule import Finding
from monitor.core.unread import unread_finding
from tests.builders import MINUTE, NOON, make_provider_facts


def told(*found: Unread) -> Finding:
    facts = make_provider_facts(unseen=found, open_batches=9)
    return unread_finding(facts, found, "{batches} cannot be read", "Look.")


def unread(title: str, minutes: int = 6, why: str = "garbage: not JSON") -> Unread:
    return Unread(title=title, why=why, since=NOON - minutes * MINUTE)


def test_one_batch_is_named_with_the_reason() -> None:
    finding = told(unread("Renewals May"))

    assert finding.summary == "Renewals May cannot be read: garbage: not JSON"
    assert (finding.affected, finding.total, finding.since) == (1, 9, NOON - 6 * MINUTE)
    assert (finding.details, finding.todo) == ((), "Look.")


def test_many_are_one_finding_which_counts_them_and_names_three() -> None:
    finding = told(unread("A"), unread("B", 9, "timeout: none"), unread("C"), unread("D"))

    assert finding.summary == "B and 3 more batches cannot be read: timeout: none"
    assert finding.affected == 4
    assert [title for title, _ in finding.details] == ["A", "B", "C"]


def test_a_batch_named_like_the_place_for_its_name_is_told_as_it_is() -> None:
    assert told(unread("{batches}")).summary.startswith("{batches} cannot be read")
