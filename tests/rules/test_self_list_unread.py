import pytest

from monitor.core.facts import Unread
from monitor.core.rule import Clear, Finding, Holds, Unknown
from rules.self_list_unread import SelfListUnread
from tests.builders import MINUTE, NOON, make_failure, make_provider_facts

RULE = SelfListUnread()


def unread(title: str, minutes: int = 6, why: str = "garbage: not JSON") -> Unread:
    return Unread(title=title, why=why, since=NOON - minutes * MINUTE)


def told(*batches: Unread) -> Finding:
    verdict = RULE.evaluate(make_provider_facts(unlisted=batches, open_batches=9))
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


def test_one_batch_is_named_with_the_reason() -> None:
    finding = told(unread("Renewals May"))

    assert finding.summary == "the people of Renewals May cannot all be read: garbage: not JSON"


@pytest.mark.parametrize(
    "fails",
    [
        pytest.param({"stale_batches": 2}, id="all are silent"),
        pytest.param(
            {"failure": make_failure(), "failing_since": NOON - MINUTE}, id="the account fails"
        ),
    ],
)
def test_what_the_provider_explains_is_not_told_twice(fails: dict[str, object]) -> None:
    facts = make_provider_facts(unlisted=(unread("A"), unread("B")), **fails)

    assert isinstance(RULE.evaluate(facts), Unknown)


def test_it_is_clear_when_all_lists_can_be_read() -> None:
    assert isinstance(RULE.evaluate(make_provider_facts()), Clear)
