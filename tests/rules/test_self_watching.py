from monitor.core.facts import SystemFacts
from monitor.core.rule import Clear, Finding, Holds, Severity
from rules.self_watching import SelfWatching
from tests.builders import NOON, make_trouble

RULE = SelfWatching()


def test_it_says_what_there_is_to_say_line_by_line() -> None:
    lines = (("renewals (graine)", "2 open batches, 611 people"),)
    found = make_trouble(RULE.id, details=lines, todo="See offhook backfill.")

    verdict = RULE.evaluate(SystemFacts(now=NOON, troubles={RULE.id: found}))

    assert verdict == Holds(
        Finding(
            summary="something is wrong", since=NOON, details=lines, todo="See offhook backfill."
        )
    )


def test_it_is_clear_without_anything_to_say_or_with_a_trouble_of_another_name() -> None:
    other = make_trouble("self_something_else")

    assert isinstance(RULE.evaluate(SystemFacts(now=NOON)), Clear)
    assert isinstance(RULE.evaluate(SystemFacts(now=NOON, troubles={other.rule: other})), Clear)


def test_what_it_is() -> None:
    assert RULE.severity is Severity.INFO
    assert RULE.one_shot is True
