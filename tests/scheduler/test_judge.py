"""Everything is judged on time, one subject at a time, and Offhook's own troubles with it."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

import pytest

from monitor.core.facts import BatchFacts, Trouble
from monitor.core.route import Matcher
from monitor.core.rule import BatchRule, Clear, Finding, Holds, Severity, Verdict
from monitor.core.silence import Source
from monitor.core.wish import Wish
from monitor.store import audit, silences
from monitor.store.writer import Priority
from rules.error_spike import ErrorSpike
from rules.self_clock_jumped import SelfClockJumped
from rules.self_config_rejected import SelfConfigRejected
from rules.self_rule_failed import SelfRuleFailed
from tests.builders import HOUR, MINUTE, NOON, SECOND
from tests.lookout import Lookout
from tests.stories import run


@dataclass(frozen=True, kw_only=True)
class Broken(BatchRule):
    id: ClassVar[str] = "broken"
    severity: ClassVar[Severity] = Severity.WARNING

    def judge(self, facts: BatchFacts) -> Verdict:
        raise ZeroDivisionError("oh")


@dataclass(frozen=True, kw_only=True)
class Mended(BatchRule):
    id: ClassVar[str] = "broken"
    severity: ClassVar[Severity] = Severity.WARNING

    def judge(self, facts: BatchFacts) -> Verdict:
        return Clear(Finding(summary="fine"))


@dataclass(frozen=True, kw_only=True)
class Always(BatchRule):
    id: ClassVar[str] = "always"
    severity: ClassVar[Severity] = Severity.WARNING

    def judge(self, facts: BatchFacts) -> Verdict:
        return Holds(Finding(summary="is as it is"))


async def watching(at: Lookout, *names: str) -> Lookout:
    for name in names or ("b1",):
        at.vendor.add(name, people=3)
    await at.poll()
    return at


async def test_a_round_judges_every_batch_and_says_when_it_ended(at: Lookout) -> None:
    at.rules = (run(Always()),)
    await at.restart()
    await watching(at, "b1", "b2")
    assert at.judge.judged_at is None
    await at.judge.everything()

    assert len(await at.owed()) == 2
    assert at.judge.judged_at == at.clock.monotonic()


async def test_a_rule_that_breaks_is_told_once_and_is_over_when_it_works_again(
    at: Lookout,
) -> None:
    at.rules = (run(Broken(), "odd"), run(Always()), run(SelfRuleFailed()))
    await at.restart()
    await watching(at, "b1", "b2")
    for _ in range(3):
        await at.judge.everything()
        at.clock.move(10 * SECOND)
    assert (await at.alerts())["self_rule_failed"] == "firing"
    assert (await at.owed()).count(("self_rule_failed", "fired")) == 1
    assert (await at.owed()).count(("always", "fired")) == 2

    at.rules = (run(Mended(), "odd"), run(Always()), run(SelfRuleFailed()))
    await at.restart()
    for _ in range(3):
        await at.poll(MINUTE)
        await at.judge.everything()
    assert (await at.alerts())["self_rule_failed"] == "resolved"


async def test_rules_that_are_gone_close_at_the_start(at: Lookout) -> None:
    at.rules = (run(Always()),)
    await at.restart()
    await watching(at)
    await at.judge.everything()
    at.rules = (run(ErrorSpike()),)
    await at.restart()
    await at.judge.begin()

    assert await at.alerts() == {"always": "resolved"}


async def test_whoever_delivers_is_woken_only_for_something(at: Lookout) -> None:
    at.rules = (run(Always()),)
    await at.restart()
    await watching(at)
    woken = at.woken
    await at.judge.everything()
    await at.judge.everything()

    assert woken >= 1
    assert at.woken == woken


async def test_what_waits_to_fire_is_known(at: Lookout) -> None:
    at.rules = (run(Always(), pending_for=5 * MINUTE),)
    await at.restart()
    await watching(at)
    batch = (await at.row()).id
    assert at.judge.is_pending(batch)
    assert at.judge.anything_pending
    await at.poll_for(6 * MINUTE)

    assert not at.judge.is_pending(batch)
    assert await at.alerts() == {"always": "firing"}


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["forward", "back"])
async def test_a_jump_of_the_clock_is_told_and_over_after_a_while(
    at: Lookout, by: timedelta
) -> None:
    at.rules = (run(SelfClockJumped()),)
    await at.restart()
    await at.judge.everything()
    at.clock.set_wall(by)
    await at.judge.everything()
    assert await at.alerts() == {"self_clock_jumped": "firing"}
    for _ in range(11):
        at.clock.move(MINUTE)
        await at.judge.everything()

    assert await at.alerts() == {"self_clock_jumped": "resolved"}
    assert await at.owed() == [("self_clock_jumped", "fired"), ("self_clock_jumped", "resolved")]


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["forward", "back"])
async def test_after_a_jump_nothing_moves_until_something_is_seen(
    at: Lookout, by: timedelta
) -> None:
    at.rules = (run(Always(), pending_for=20 * SECOND),)
    await at.restart()
    await watching(at)
    assert await at.alerts() == {"always": "pending"}
    at.clock.set_wall(by)
    at.clock.move(25 * SECOND)
    await at.judge.everything()
    assert await at.alerts() == {"always": "pending"}
    await at.poll_for(2 * MINUTE)

    assert await at.alerts() == {"always": "firing"}


async def test_a_small_correction_of_the_clock_is_no_jump(at: Lookout) -> None:
    at.rules = (run(SelfClockJumped()),)
    await at.restart()
    for _ in range(5):
        at.clock.set_wall(29 * SECOND)
        await at.judge.everything()

    assert await at.alerts() == {}


async def test_a_trouble_lasts_until_it_is_seen_to_be_over(at: Lookout) -> None:
    at.rules = (run(SelfConfigRejected()),)
    await at.restart()
    trouble = Trouble(
        rule="self_config_rejected", subject="configuration", since=NOON, summary="line 3: no"
    )
    at.judge.trouble("configuration", trouble)
    await at.judge.itself()
    assert await at.alerts() == {"self_config_rejected": "firing"}
    at.judge.trouble("configuration", None)
    at.clock.move(MINUTE)
    await at.judge.itself()

    assert await at.alerts() == {"self_config_rejected": "resolved"}


async def test_a_trouble_noted_again_keeps_its_beginning(at: Lookout) -> None:
    for since in (NOON, NOON + HOUR):
        at.judge.trouble(
            "receiver ops",
            Trouble(rule="self_delivery_failed", subject="ops", since=since, summary="no"),
        )

    assert at.judge._troubles["receiver ops"].since == NOON


async def test_a_batch_of_no_provider_is_not_judged(at: Lookout) -> None:
    await watching(at)
    at.judge._context = replace(at.judge.context, providers={})

    assert await at.judge.batch((await at.row()).id) is None


async def test_a_round_ends_the_silences_that_are_over(at: Lookout) -> None:
    wish = Wish(
        author="ada",
        source=Source.CLI,
        comment="known",
        matchers=(Matcher("rule", "=", "always"),),
        lasts=MINUTE,
    )
    await at.store.write(Priority.INGEST, lambda conn: silences.add(conn, wish, at.clock.now()))
    await at.judge.everything()
    assert len(await at.store.read(silences.load)) == 1

    at.clock.move(MINUTE)
    await at.judge.everything()

    assert await at.store.read(silences.load) == ()
    assert [each.who for each in await at.store.read(audit.load)] == ["offhook", "ada"]
