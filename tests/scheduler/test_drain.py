"""What webhooks change, whom they make Offhook ask, and what is never taken from them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from monitor.core.instance import RuleInstance
from monitor.core.model import BatchStatus
from monitor.dispatcher import Dispatcher
from monitor.errors import NotFoundError, ProviderError, StoreError
from monitor.notifiers import Envelope
from monitor.providers import Told
from monitor.providers.facts import Event, Proof, Scheme, VendorFacts, Webhooks
from monitor.scheduler.desk import (
    AGAIN_S,
    BATCHES_AT_MOST,
    CALLS_AT_MOST,
    ENDED_TRIES,
    GIVEN_UP_AFTER,
    UNKNOWN_TRIES,
)
from monitor.scheduler.drain import AT_ONCE
from monitor.store import inbox
from monitor.store.batches import BatchRow
from monitor.store.writer import Priority
from rules.batch_completed import BatchCompleted
from rules.error_spike import ErrorSpike
from tests.builders import HOUR, MINUTE, NOON, SECOND
from tests.delivering import Channel, MovedClock
from tests.fakes import item_of
from tests.lookout import Lookout
from tests.notices import arrived, person, record, standing
from tests.stories import OPS, run

AGAIN = timedelta(seconds=AGAIN_S)
SPIKE = run(ErrorSpike())
DONE = run(BatchCompleted())
NAMES_BATCHES = Webhooks(
    scheme=Scheme.HMAC_SHA256_HEX,
    header="x",
    events=(Event(name="call", match={}, proves=Proof.CALL, batch_id="batch_id"),),
    register="",
    retries="",
)


async def begin(at: Lookout, *rules: RuleInstance, people: int = 25, **batch: Any) -> BatchRow:
    """One batch, seen and read; nothing is due for a while."""
    at.vendor.add(people=people, **batch)
    if rules:
        at.rules = rules
        await at.restart()
    await at.poll()
    at.vendor.told()
    return await at.row()


def written_by(at: Lookout) -> list[Priority]:
    """Who writes from now on, in turn."""
    written: list[Priority] = []
    write = at.store.write

    async def counted(priority: Priority, fn: Any) -> Any:
        written.append(priority)
        return await write(priority, fn)

    at.store.write = counted  # type: ignore[method-assign]  # to see who writes
    return written


# What is proven


async def test_records_of_calls_are_judged_at_once_and_nobody_is_asked(at: Lookout) -> None:
    await begin(at, SPIKE)

    asked = await at.bring(*(record(n) for n in range(12)))

    assert asked == []
    assert await at.alerts() == {"error_spike": "firing"}
    assert at.woken == 1
    assert len(await at.calls()) == 12
    assert set(await at.inbox()) == {("done", None)}


async def test_from_the_inbox_to_the_outbox_is_one_transaction(at: Lookout) -> None:
    await begin(at, SPIKE)
    await at.store.write(
        Priority.INBOX, lambda conn: inbox.put(conn, [record(n) for n in range(12)])
    )
    written = written_by(at)
    stop = asyncio.Event()
    at.on_wake = stop.set
    await at.drain.run(stop)

    assert written == [Priority.INGEST, Priority.NEWS]  # the first adopts, once


async def test_from_the_inbox_to_the_channel_is_one_transaction(at: Lookout) -> None:
    await begin(at, SPIKE)
    channel, clock, stop = Channel(OPS), MovedClock(), asyncio.Event()
    dispatcher = Dispatcher(at.store, {"ops": channel}, clock)
    at.ahead = dispatcher.ahead
    running = asyncio.create_task(dispatcher.run(stop))
    async with asyncio.timeout(5):
        while not clock.slept:  # noqa: ASYNC110 - until it rests
            await asyncio.sleep(0)
    written = written_by(at)
    before: list[Priority] = []

    async def look(envelope: Envelope) -> None:
        del envelope
        before.extend(written)

    channel.before = look
    await at.bring(*(record(n) for n in range(12)))
    stop.set()
    await running

    assert before == [Priority.INBOX, Priority.NEWS]
    assert len(channel.sent) == 1


async def test_a_record_that_comes_twice_and_again_by_a_poll_counts_once(at: Lookout) -> None:
    batch = await begin(at)
    at.vendor.batches["b1"].people[3] = person(3)

    await at.bring(record(3), record(3))
    before = (await at.row()).tally
    await at.poll(HOUR)

    assert (await at.row()).tally == before != batch.tally


async def test_that_a_batch_has_begun_is_believed_and_is_no_look(at: Lookout) -> None:
    before = await begin(at, status="scheduled")

    asked = await at.bring(standing(BatchStatus.RUNNING, NOON + MINUTE), after=MINUTE)

    row = await at.row()
    assert asked == []
    assert (row.look.status, row.fresh_at) == (BatchStatus.RUNNING, before.fresh_at)


@pytest.mark.parametrize("told", [BatchStatus.SCHEDULED, BatchStatus.RUNNING])
async def test_an_early_status_that_comes_late_is_left_alone(
    at: Lookout, told: BatchStatus
) -> None:
    before = await begin(at)

    assert await at.bring(standing(told, NOON + MINUTE), after=MINUTE) == []
    assert await at.row() == before


async def test_a_record_that_names_no_batch_goes_to_whom_the_lists_know(at: Lookout) -> None:
    await begin(at, people=5)

    asked = await at.bring(record(3, batch_id=None), record(99, batch_id=None))

    assert asked == []
    assert await at.calls() == {"p003.1"}


# Ends


async def test_an_end_that_is_told_ends_nothing_until_it_is_confirmed(at: Lookout) -> None:
    await begin(at, DONE, people=2)
    batch = at.vendor.batches["b1"]
    batch.status = "completed"
    batch.people = [person(0, "completed"), person(1, "completed")]

    asked = await at.bring(standing(BatchStatus.COMPLETED, NOON + SECOND), after=SECOND)
    row = await at.row()

    assert "look b1" in asked
    assert (row.ended, row.terminal_again_at) == (True, None)
    assert await at.owed() == []

    await at.poll_for(MINUTE)
    assert await at.owed() == [("batch_completed", "reported")]


async def test_an_end_that_the_vendor_does_not_know_of_yet_is_asked_about_again(
    at: Lookout,
) -> None:
    await begin(at)

    assert "look b1" in await at.bring(standing(BatchStatus.COMPLETED))
    assert not (await at.row()).ended
    assert await at.inbox() == [("asked", None)]
    at.vendor.batches["b1"].status = "completed"
    assert "look b1" in await at.bring(after=AGAIN)

    assert (await at.row()).ended
    assert await at.inbox() == [("done", None)]


async def test_an_end_is_asked_about_again_when_the_look_changed_nothing(
    at: Lookout, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begin(at)
    at.vendor.batches["b1"].status = "completed"

    async def in_doubt(look: Any, *, baseline: bool) -> bool:
        del look, baseline
        return True

    with monkeypatch.context() as patch:
        patch.setattr(at.reader, "take", in_doubt)
        await at.bring(standing(BatchStatus.COMPLETED))
    assert await at.inbox() == [("asked", None)]
    await at.bring(after=AGAIN)

    assert (await at.row()).ended
    assert await at.inbox() == [("done", None)]


async def test_an_end_that_never_comes_true_is_given_up(at: Lookout) -> None:
    await begin(at)
    await at.bring(standing(BatchStatus.FAILED))
    for _ in range(ENDED_TRIES):
        await at.bring(after=HOUR)

    assert await at.inbox() == [("done", None)]
    assert at.drain.owed == 0
    row = await at.row()
    assert (row.run, row.look.status) == (1, BatchStatus.RUNNING)


@pytest.mark.parametrize("late", [BatchStatus.RUNNING, BatchStatus.COMPLETED])
async def test_a_late_notice_never_opens_an_ended_batch_again(
    at: Lookout, late: BatchStatus
) -> None:
    await begin(at, DONE, people=1)
    at.vendor.batches["b1"].status = "completed"
    at.vendor.batches["b1"].people = [person(0, "completed")]
    await at.poll_for(2 * HOUR, MINUTE)
    before = await at.row()
    assert not before.open
    told = await at.owed()

    now = at.clock.now()
    await at.bring(standing(late, now), record(0, "failed", now), record(7, "failed", now))
    await at.bring(after=MINUTE)

    after = await at.row()
    assert (after.run, after.open, after.tally) == (1, False, before.tally)
    assert await at.owed() == told
    assert {state for state, _ in await at.inbox()} == {"done"}


# Asking


async def test_a_thousand_hints_about_one_batch_are_one_look(at: Lookout) -> None:
    await begin(at)

    asked = await at.bring(*(arrived("hint", "b1") for _ in range(1_000)))

    assert [one for one in asked if one.startswith("look")] == ["look b1"]
    assert set(await at.inbox()) == {("done", None)}


async def test_what_was_just_asked_for_is_asked_for_again_a_little_later(at: Lookout) -> None:
    await begin(at)
    await at.bring(arrived("hint", "b1"))

    assert await at.bring(arrived("hint", "b1"), after=SECOND) == []
    assert at.drain.owed == 1
    assert "look b1" in await at.bring(after=AGAIN)
    assert at.drain.owed == 0


async def test_an_end_does_not_wait_for_that(at: Lookout) -> None:
    await begin(at)
    await at.bring(arrived("hint", "b1"))

    assert "look b1" in await at.bring(standing(BatchStatus.COMPLETED), after=SECOND)


async def test_a_hint_in_the_same_words_is_a_new_one(at: Lookout) -> None:
    await begin(at)
    await at.bring(arrived("hint", "b1", key="moved"))

    assert "look b1" in await at.bring(arrived("hint", "b1", key="moved"), after=AGAIN)
    assert await at.inbox() == [("done", None)]


async def test_a_hint_that_names_nothing_is_a_look_at_all_that_is_open_and_for_new_ones(
    at: Lookout,
) -> None:
    at.vendor.add("b2")
    await begin(at)
    at.vendor.add("b3")

    assert "look b1 b2" in await at.bring(arrived("hint"))
    assert "discover" in await at.poll(20 * SECOND)
    assert await at.known() == {"b1", "b2", "b3"}


async def test_what_is_of_no_use_asks_for_nothing(at: Lookout) -> None:
    await begin(at)

    assert await at.bring(arrived("nothing", call_id="c1")) == []
    assert await at.inbox() == [("done", None)]


# Batches that nobody has seen


async def test_an_unknown_batch_is_looked_at_and_is_news(at: Lookout) -> None:
    await begin(at)
    at.vendor.add("b2", people=3)
    at.vendor.add("b3", people=3, status="completed")

    await at.bring(record(0, batch_id="b2"), arrived("hint", "b3"))

    assert ((await at.row("b2")).news, (await at.row("b2")).listed_at) == (True, NOON)
    assert (await at.row("b3")).news


async def test_an_unknown_batch_is_no_news_before_anything_else_is_known(at: Lookout) -> None:
    at.vendor.add("b2", people=3, status="completed")

    await at.bring(arrived("hint", "b2"))

    assert not (await at.row("b2")).news


async def test_an_unknown_batch_that_is_not_to_be_watched_is_left_out(at: Lookout) -> None:
    at.vendor.add(people=2)
    await at.restart(match=["batch=b1"])
    await at.poll()
    at.vendor.add("b2")

    await at.bring(arrived("hint", "b2"))

    assert await at.known() == {"b1"}
    assert await at.inbox() == [("done", None)]


async def test_what_the_vendor_does_not_know_is_set_aside_after_a_while(at: Lookout) -> None:
    await begin(at)
    at.vendor.alone = {}

    await at.bring(arrived("hint", "forged"), arrived("hint", call_id="forged"), record(1))
    assert await at.inbox() == [("asked", None), ("asked", None), ("done", None)]
    asked = [await at.bring(after=30 * SECOND) for _ in range(20)]

    assert await at.inbox() == [
        ("unanswered", "the vendor does not know the batch"),
        ("unanswered", "the vendor does not know the call"),
        ("done", None),
    ]
    assert sum(map(len, asked)) == 2 * (UNKNOWN_TRIES - 1)
    assert at.drain.owed == 0


async def test_a_batch_that_the_vendor_knows_a_little_later_is_found(at: Lookout) -> None:
    await begin(at)
    await at.bring(arrived("hint", "b2"))
    at.vendor.add("b2")

    assert "look b2" in await at.bring(after=AGAIN)
    assert await at.known() == {"b1", "b2"}
    assert await at.inbox() == [("done", None)]


async def test_what_the_vendor_did_not_know_is_asked_for_when_it_is_named_again(
    at: Lookout,
) -> None:
    await begin(at)
    await at.bring(arrived("hint", "b2", key="b2 moved"))
    for _ in range(UNKNOWN_TRIES):
        await at.bring(after=HOUR)
    at.vendor.add("b2")

    assert "look b2" in await at.bring(arrived("hint", "b2", key="b2 moved"), after=HOUR)
    assert await at.inbox() == [("done", None)]


async def test_a_vendor_that_was_away_is_asked_as_often_about_what_it_does_not_know(
    at: Lookout,
) -> None:
    await begin(at)
    at.vendor.refuse = ProviderError("server", "502 Bad Gateway")
    await at.bring(arrived("hint", "b2"))
    for _ in range(GIVEN_UP_AFTER):
        await at.bring(after=HOUR)
    at.vendor.refuse = None
    await at.bring(after=HOUR)

    assert await at.inbox() == [("asked", None)]


async def test_a_known_batch_that_is_gone_is_the_polls_affair(at: Lookout) -> None:
    await begin(at)
    at.vendor.refuse_looks["b1"] = NotFoundError("404")

    await at.bring(arrived("hint", "b1"))

    assert (await at.row()).gone_times == 1
    assert await at.inbox() == [("done", None)]


# Calls


async def test_calls_are_asked_for_by_their_ids_once_each(at: Lookout) -> None:
    await begin(at, SPIKE)
    at.vendor.alone = {f"c{n}": Told("b1", item_of(person(n), NOON)) for n in range(10)}

    asked = await at.bring(*(arrived("call_status", call_id=f"c{n % 10}") for n in range(50)))

    assert sorted(asked) == [f"call c{n}" for n in range(10)]
    assert len(await at.calls()) == 10
    assert await at.alerts() == {"error_spike": "firing"}
    assert set(await at.inbox()) == {("done", None)}


async def test_too_many_calls_are_a_look_at_what_is_open(at: Lookout) -> None:
    await begin(at)
    at.vendor.alone = {}

    asked = await at.bring(*(arrived("hint", call_id=f"c{n}") for n in range(CALLS_AT_MOST + 1)))

    assert [one for one in asked if not one.startswith("page")] == ["look b1"]
    assert set(await at.inbox()) == {("done", None)}


async def test_a_stream_of_calls_costs_a_bounded_number_of_questions(at: Lookout) -> None:
    await begin(at)
    at.vendor.alone = {f"c{n}": Told("b1", item_of(person(n), NOON)) for n in range(300)}

    asked = []
    for n in range(0, 300, 10):  # ten a second, for half a minute
        some = (arrived("hint", call_id=f"c{call}") for call in range(n, n + 10))
        asked += await at.bring(*some, after=SECOND)

    assert len([one for one in asked if one.startswith("call")]) <= CALLS_AT_MOST
    assert len([one for one in asked if one.startswith("look")]) == 1
    await at.bring(after=MINUTE)
    assert set(await at.inbox()) == {("done", None)}


async def test_calls_of_no_batch_cost_looks_only_now_and_then(at: Lookout) -> None:
    for n in range(2, 6):
        at.vendor.add(f"b{n}")
    await begin(at, people=5)
    at.vendor.alone = {f"c{n}": Told(None, item_of(person(n + 100), NOON)) for n in range(20)}

    asked = []
    for n in range(20):  # in five seconds
        hint = arrived("hint", call_id=f"c{n}")
        asked += await at.bring(hint, after=timedelta(seconds=0.25))

    assert len([one for one in asked if one.startswith("look")]) == 1
    assert "look b1 b2 b3 b4 b5" in await at.bring(after=MINUTE)
    assert set(await at.inbox()) == {("done", None)}


async def test_a_flood_of_names_is_asked_for_a_part_at_a_time(at: Lookout) -> None:
    await begin(at)

    asked = await at.bring(
        *(arrived("hint", f"forged{n}") for n in range(150)), standing(BatchStatus.RUNNING)
    )

    (again,) = await at.bring(after=AGAIN)
    named = [set(one.split()[1:]) for one in (*asked, again)]
    assert [len(each) for each in named] == [BATCHES_AT_MOST] * 2
    # Those that waited come before those that are asked for once more.
    assert named[0] | named[1] == {f"forged{n}" for n in range(150)}


async def test_a_call_of_a_batch_that_nobody_has_seen_makes_it_known(at: Lookout) -> None:
    await begin(at)
    at.vendor.add("b2", people=3)
    at.vendor.alone = {"c0": Told("b2", item_of(person(0), NOON))}

    assert "look b2" in await at.bring(arrived("hint", call_id="c0"))
    assert await at.known() == {"b1", "b2"}


async def test_a_call_whose_batch_is_not_told_goes_to_whom_the_lists_know(at: Lookout) -> None:
    await begin(at, people=5)
    at.vendor.alone = {"c3": Told(None, item_of(person(3), NOON))}

    assert await at.bring(arrived("hint", call_id="c3")) == ["call c3"]
    assert await at.calls() == {"p003.1"}


@pytest.mark.parametrize(
    ("names_batches", "looks"),
    [pytest.param(False, ["look b1"], id="never told"), pytest.param(True, [], id="of no batch")],
)
async def test_a_call_of_no_known_batch_is_looked_for_only_where_no_batch_is_ever_told(
    at: Lookout, names_batches: bool, looks: list[str]
) -> None:
    if names_batches:
        at.vendor.facts = VendorFacts(documented_at=(), webhooks=NAMES_BATCHES)
        await at.restart()
    await begin(at, people=5)
    at.vendor.alone = {"c9": Told(None, item_of(person(99), NOON))}

    asked = await at.bring(arrived("hint", call_id="c9"))

    assert asked == ["call c9", *looks]
    assert await at.inbox() == [("done", None)]


# What goes wrong


async def test_what_cannot_be_asked_is_asked_once_the_vendor_is_back(at: Lookout) -> None:
    await begin(at)
    at.vendor.refuse = ProviderError("unreachable", "connection refused")

    await at.bring(arrived("hint", "b1"), record(1))
    assert await at.inbox() == [("asked", None), ("done", None)]
    await at.bring(after=HOUR)
    at.vendor.refuse = None
    await at.bring(after=HOUR)

    assert await at.inbox() == [("done", None)] * 2
    assert (await at.provider()).failure is None


async def test_what_was_being_asked_about_at_the_end_is_asked_about_after_the_start(
    at: Lookout,
) -> None:
    await begin(at)
    at.vendor.refuse = ProviderError("unreachable", "connection refused")
    await at.bring(arrived("hint", "b1"))
    at.vendor.refuse = None
    await at.restart()

    assert await at.bring() == []
    await at.drain.adopt()
    assert "look b1" in await at.bring()


async def test_an_answer_that_is_never_of_use_is_given_up(at: Lookout) -> None:
    await begin(at)
    at.vendor.alone = {"c1": ProviderError("garbage", "a call: the answer has no id in it")}
    await at.bring(arrived("hint", call_id="c1"))
    for _ in range(GIVEN_UP_AFTER):
        await at.bring(after=HOUR)

    assert await at.inbox() == [("unanswered", "the vendor's answers about it cannot be used")]
    assert at.drain.owed == 0


async def test_what_cannot_be_taken_in_is_set_aside_alone(at: Lookout) -> None:
    await begin(at, SPIKE)
    broken = arrived("call", "b1", "c1", told='{"event": 3')

    await at.bring(*(record(n) for n in range(6)), broken, *(record(n) for n in range(6, 12)))

    states = await at.inbox()
    assert states[6] == ("poison", "it cannot be taken in (ValidationError)")
    assert set(states[:6] + states[7:]) == {("done", None)}
    assert await at.alerts() == {"error_spike": "firing"}


async def test_what_came_for_a_provider_that_is_configured_no_more_is_set_aside(
    at: Lookout,
) -> None:
    at.vendor.name = "another"
    at.drain = type(at.drain)(at.store, at.clock, at.judge, [at.poller])

    await at.bring(record(1))

    assert await at.inbox() == [("unanswered", "no provider of this name is configured")]


async def test_what_makes_an_adapter_fail_keeps_no_other_from_being_asked_for(
    at: Lookout, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begin(at)
    at.vendor.add("b2")
    at.vendor.alone = {"c1": Told("b1", item_of(person(1), NOON))}
    call, looks = at.vendor.call, at.vendor.looks

    async def odd_call(call_id: str) -> Told | None:
        if call_id == "odd":
            raise TypeError("an answer that nobody foresaw")
        return await call(call_id)

    async def odd_looks(known: Any) -> Any:
        if "odd" in {each.batch_id for each in known}:
            raise TypeError("an answer that nobody foresaw")
        async for look in looks(known):
            yield look

    monkeypatch.setattr(at.vendor, "call", odd_call)
    monkeypatch.setattr(at.vendor, "looks", odd_looks)
    hints = [arrived("hint", "odd"), arrived("hint", "b2"), arrived("hint", call_id="odd")]
    await at.bring(*hints, arrived("hint", call_id="c1"))

    assert [state for state, _ in await at.inbox()] == ["asked", "done", "asked", "done"]
    assert await at.known() == {"b1", "b2"}
    assert len(await at.calls()) == 1


async def test_an_account_that_is_refused_is_asked_no_more(at: Lookout) -> None:
    await begin(at)
    refused = ProviderError("auth", "401 Unauthorized")
    at.vendor.alone = {f"c{n}": refused for n in range(9)}

    await at.bring(*(arrived("hint", call_id=f"c{n}") for n in range(9)))

    assert at.circuit.refused is not None
    assert at.circuit.refused.kind == "auth"
    assert not at.poller.asking.may_ask()
    assert (await at.provider()).failure is not None


async def test_nothing_is_forgotten_when_it_cannot_be_written(at: Lookout) -> None:
    await begin(at)
    answered = inbox.answered

    def fails(conn: Connection, ids: Any, now: Any) -> None:
        raise StoreError("the disk is full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inbox, "answered", fails)
        with pytest.raises(StoreError):
            await at.bring(arrived("hint", "b1"))
    assert answered is inbox.answered
    assert at.drain.owed == 1
    await at.bring(after=MINUTE)

    assert await at.inbox() == [("done", None)]


async def test_it_runs_until_it_is_told_to_stop_and_goes_on_after_a_failure(at: Lookout) -> None:
    await begin(at)
    together = at.judge.together
    failures = [StoreError("the disk is full"), StoreError("the disk is full")]

    async def fails(take: Any) -> Any:
        if failures:
            raise failures.pop()
        return await together(take)

    at.judge.together = fails  # type: ignore[method-assign]  # the disk is full for a while
    stop = asyncio.Event()
    running = asyncio.create_task(at.drain.run(stop))
    await at.store.write(Priority.INBOX, lambda conn: inbox.put(conn, [arrived("hint", "b1")]))
    at.drain.wake()
    at.vendor.on_look = stop.set
    async with asyncio.timeout(10):
        await running

    assert at.vendor.told("look") == ["look b1"]
    assert failures == []


async def test_it_rests_while_nothing_comes_and_nothing_is_due(at: Lookout) -> None:
    stop = asyncio.Event()
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        stop.set()

    at.clock.sleep = rest  # type: ignore[method-assign]  # to see for how long
    await at.drain.run(stop)

    assert rests == [60.0]


async def test_a_storm_that_never_ends_keeps_nothing_from_being_asked_for(
    at: Lookout, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begin(at)
    take = at.drain._take

    async def storm() -> int:
        await take()
        return AT_ONCE  # as much again has come meanwhile

    monkeypatch.setattr(at.drain, "_take", storm)
    await at.store.write(Priority.INBOX, lambda conn: inbox.put(conn, [arrived("hint", "b1")]))
    stop = asyncio.Event()
    at.vendor.on_look = stop.set
    async with asyncio.timeout(5):
        await at.drain.run(stop)

    assert at.vendor.told("look") == ["look b1"]
