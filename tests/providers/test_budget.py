"""What a key may ask, at which pace and in which order, and when it is left alone."""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ProviderError
from monitor.providers.budget import CEILING, FLOOR, JITTER, Budget, Circuit, Turn
from tests.builders import HOUR, MINUTE, SECOND
from tests.clocks import ManualClock, SteppedClock

EVERY = 30 * SECOND
SERVER = ProviderError("server", "503: the vendor's server failed")
PATIENCE = ProviderError("rate_limited", "429 Too Many Requests")


def never() -> float:
    return 0.0


def always() -> float:
    return 1.0


# Budget


async def test_a_burst_goes_at_once_and_the_rest_at_the_pace() -> None:
    clock = ManualClock()
    budget = Budget(clock, 600)
    waited = [await budget.turn(Turn.LOOK) for _ in range(70)]

    assert waited[:10] == [0.0] * 10
    assert sum(waited) == pytest.approx(6.0)


@given(
    ceiling=st.integers(6, 6_000),
    gaps=st.lists(st.floats(0, 120, allow_nan=False), min_size=1, max_size=60),
)
def test_no_minute_has_more_than_the_ceiling_and_a_second_of_it(
    ceiling: int, gaps: list[float]
) -> None:
    clock = ManualClock()
    budget = Budget(clock, ceiling)

    async def ask() -> list[float]:
        left = []
        for gap in gaps:
            clock.move(timedelta(seconds=gap))
            await budget.turn(Turn.LOOK)
            left.append(clock.monotonic())
        return left

    left = asyncio.run(ask())
    for at in left:
        in_minute = sum(at <= other < at + 60 for other in left)
        assert in_minute <= ceiling + max(ceiling / 60, 1) + 1


async def test_looks_go_before_the_pages_of_long_lists() -> None:
    clock = SteppedClock()
    budget = Budget(clock, 60)
    gone: list[str] = []

    async def ask(what: str, urgency: Turn) -> None:
        await budget.turn(urgency)
        gone.append(what)

    tasks = [asyncio.create_task(ask("page", Turn.LIST)) for _ in range(5)]
    await clock.pass_for(2 * SECOND)
    tasks.append(asyncio.create_task(ask("hot page", Turn.READ)))
    tasks += [asyncio.create_task(ask("look", Turn.LOOK)) for _ in range(2)]
    await clock.pass_for(MINUTE)
    await asyncio.gather(*tasks)

    assert gone == ["page"] * 3 + ["look"] * 2 + ["hot page"] + ["page"] * 2


async def test_however_many_looks_come_a_list_is_read_to_its_end() -> None:
    clock = SteppedClock()
    budget = Budget(clock, 60)
    gone: Counter[Turn] = Counter()

    async def go_on(urgency: Turn) -> None:
        while True:
            await budget.turn(urgency)
            gone[urgency] += 1

    tasks = [asyncio.create_task(go_on(Turn.LOOK)) for _ in range(4)]
    tasks.append(asyncio.create_task(go_on(Turn.LIST)))
    await clock.pass_for(10 * MINUTE)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert gone[Turn.LIST] >= 30
    assert gone[Turn.LOOK] >= 5 * gone[Turn.LIST]


async def test_who_gives_up_waiting_takes_no_turn() -> None:
    clock = SteppedClock()
    budget = Budget(clock, 60)
    await budget.turn(Turn.LOOK)
    waiting = [asyncio.create_task(budget.turn(Turn.LOOK)) for _ in range(3)]
    await clock.pass_for(SECOND / 2)
    assert budget.waiting == 3
    waiting[0].cancel()
    with suppress(asyncio.CancelledError):
        await waiting[0]
    await clock.pass_for(3 * SECOND)

    assert budget.waiting == 0
    assert await waiting[2] <= 3.0


async def test_patience_asked_for_halves_the_pace_and_good_answers_bring_it_back() -> None:
    clock = ManualClock()
    budget = Budget(clock, 600)
    budget.halve()
    assert budget.per_minute == 300
    for _ in range(60):
        clock.move(SECOND)
        budget.good()
    assert budget.per_minute == pytest.approx(360)
    for _ in range(60):
        clock.move(MINUTE)
        budget.good()

    assert budget.per_minute == 600


@given(
    ceiling=st.floats(6, 60_000),
    story=st.lists(
        st.sampled_from(["halve", "good"]) | st.floats(0, 4_000, allow_nan=False), max_size=40
    ),
)
def test_the_pace_stays_within_the_floor_and_the_ceiling(
    ceiling: float, story: list[str | float]
) -> None:
    clock = ManualClock()
    budget = Budget(clock, ceiling)
    for step in story:
        match step:
            case "halve":
                budget.halve()
            case "good":
                budget.good()
            case seconds:
                clock.move(timedelta(seconds=float(seconds)))
        assert FLOOR <= budget.per_minute <= ceiling


async def test_another_ceiling_holds_from_then_on() -> None:
    clock = ManualClock()
    budget = Budget(clock)
    assert budget.per_minute == CEILING
    budget.limit(60)
    assert budget.per_minute == 60
    budget.limit(600)
    clock.move(MINUTE)
    budget.good()

    assert budget.per_minute == 120


# Circuit


def test_a_refused_key_is_left_alone_for_longer_each_time() -> None:
    clock = ManualClock()
    circuit = Circuit(clock, never)
    quiet = []
    for _ in range(5):
        assert circuit.refuse(SERVER, EVERY)
        quiet.append(circuit.quiet_s)
        assert not circuit.may_ask()
        clock.move(timedelta(seconds=circuit.quiet_s))
        assert circuit.may_ask()

    assert quiet == [30, 30, 60, 60, 60]


def test_waits_are_drawn_out_so_that_not_all_come_back_at_once() -> None:
    circuit = Circuit(ManualClock(), always)
    circuit.refuse(ProviderError("rate_limited", "429", retry_after=600), EVERY)

    assert circuit.quiet_s == pytest.approx(600 * (1 + JITTER))


def test_answers_to_requests_on_their_way_count_once_but_a_named_time_is_kept() -> None:
    clock = ManualClock()
    circuit = Circuit(clock, never)
    assert circuit.refuse(PATIENCE, EVERY)
    assert not circuit.refuse(PATIENCE, EVERY)
    assert circuit.quiet_s == 30
    assert not circuit.refuse(ProviderError("rate_limited", "429", retry_after=90), EVERY)
    assert circuit.quiet_s == 90
    clock.move(HOUR)
    circuit.well()
    circuit.refuse(PATIENCE, EVERY)

    assert circuit.quiet_s == 30


def test_outages_in_a_row_open_it_and_one_good_answer_between_does_not_let_them() -> None:
    circuit = Circuit(ManualClock(), never)
    for _ in range(4):
        circuit.failed(SERVER, EVERY)
    circuit.answered()
    for _ in range(4):
        circuit.failed(ProviderError("timeout", "no whole answer"), EVERY)
    assert circuit.may_ask()
    circuit.failed(ProviderError("unreachable", "refused"), EVERY)

    assert not circuit.may_ask()
    assert circuit.refused is not None
    assert circuit.refused.kind == "unreachable"


@pytest.mark.parametrize("kind", ["not_found", "garbage", "contract", "forbidden", "auth"])
def test_what_a_vendor_answers_is_no_outage(kind: str) -> None:
    circuit = Circuit(ManualClock(), never)
    for _ in range(20):
        circuit.failed(ProviderError(kind, "why"), EVERY)

    assert circuit.may_ask()


async def ask(circuit: Circuit, outcome: ProviderError | None, log: list[str]) -> None:
    async with circuit.passing():
        log.append("asked")
        await asyncio.sleep(0)
        if outcome is None:
            circuit.answered()
        else:
            circuit.failed(outcome, EVERY)


@pytest.mark.parametrize(
    ("outcome", "asked"),
    [pytest.param(None, 4, id="back"), pytest.param(SERVER, 1, id="still away")],
)
async def test_after_a_pause_one_tries_for_all_others(
    outcome: ProviderError | None, asked: int
) -> None:
    clock = ManualClock()
    circuit = Circuit(clock, never)
    circuit.refuse(SERVER, EVERY)
    log: list[str] = []
    with pytest.raises(ProviderError, match="503"):
        await ask(circuit, None, log)
    clock.move(EVERY)
    found = await asyncio.gather(
        *(ask(circuit, outcome, log) for _ in range(4)), return_exceptions=True
    )

    assert len(log) == asked
    assert sum(isinstance(each, ProviderError) for each in found) == 4 - asked


async def test_who_tries_and_is_cut_off_leaves_it_to_the_next() -> None:
    clock = ManualClock()
    circuit = Circuit(clock, never)
    circuit.refuse(SERVER, EVERY)
    clock.move(EVERY)
    held = asyncio.Event()

    async def hold() -> None:
        async with circuit.passing():
            await held.wait()

    first = asyncio.create_task(hold())
    await asyncio.sleep(0)
    log: list[str] = []
    second = asyncio.create_task(ask(circuit, None, log))
    await asyncio.sleep(0)
    assert log == []
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await second

    assert log == ["asked"]
