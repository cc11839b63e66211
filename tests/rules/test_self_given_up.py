from monitor.core.facts import SystemFacts
from monitor.core.rule import Clear, Finding, Holds, Severity
from rules.self_given_up import SelfGivenUp
from tests.builders import MINUTE, NOON, make_trouble

RULE = SelfGivenUp()


def test_it_holds_for_as_long_as_there_is_a_trouble_of_its_name() -> None:
    trouble = make_trouble(RULE.id, since=NOON - MINUTE, todo="Look at the log.")

    verdict = RULE.evaluate(SystemFacts(now=NOON, troubles={RULE.id: trouble}))

    assert verdict == Holds(
        Finding(summary="something is wrong", since=NOON - MINUTE, todo="Look at the log.")
    )


def test_it_is_clear_without_one_or_with_one_of_another_name() -> None:
    other = make_trouble("self_something_else")

    assert isinstance(RULE.evaluate(SystemFacts(now=NOON)), Clear)
    assert isinstance(RULE.evaluate(SystemFacts(now=NOON, troubles={other.rule: other})), Clear)


def test_what_it_is() -> None:
    assert RULE.severity is Severity.WARNING
    assert RULE.one_shot is False
    assert RULE.calm is True
