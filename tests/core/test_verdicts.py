"""What a verdict saw is put together when somebody reads it."""

from collections.abc import Hashable

import pytest

from monitor.core.rule import Clear, Finding, Unknown, Verdict

SEEN = Finding(summary="all is well")


def test_what_is_seen_is_put_together_only_for_who_reads_it() -> None:
    asked = []

    def seen() -> Finding:
        asked.append(1)
        return SEEN

    clear, unknown = Clear(seen), Unknown("too few calls", seen)
    assert not asked

    assert (clear.finding, unknown.finding) == (SEEN, SEEN)
    assert len(asked) == 2


def test_verdicts_are_equal_that_say_the_same() -> None:
    assert Clear(lambda: SEEN) == Clear(SEEN)
    assert Clear(SEEN) != Clear(Finding(summary="nobody waits"))
    assert Unknown("why", lambda: SEEN) == Unknown("why", SEEN)
    assert Unknown("why", SEEN) != Unknown("why")
    assert Unknown("why", SEEN) != Unknown("another", SEEN)


@pytest.mark.parametrize(
    "verdict",
    [Clear(SEEN), Clear(lambda: SEEN), Unknown("why", lambda: SEEN)],
    ids=["clear", "clear, yet unsaid", "unknown"],
)
def test_verdicts_that_may_be_equal_have_no_hash(verdict: Verdict) -> None:
    assert not isinstance(verdict, Hashable)


def test_a_clear_verdict_is_matched_by_its_finding() -> None:
    match Clear(lambda: SEEN):
        case Clear(finding):
            assert finding is SEEN
