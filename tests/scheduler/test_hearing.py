"""Polls lean on webhooks that have proved good, and look more often once these go quiet."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.core.hearing import Expected, Refusals
from monitor.ingest.notices import take_notices
from monitor.providers.bland.facts import FACTS as BLAND
from monitor.providers.facts import Proof, VendorFacts
from monitor.providers.graine.facts import FACTS as GRAINE
from monitor.providers.notices import Notice
from monitor.providers.svalync.facts import FACTS as SVALYNC
from monitor.providers.vogent.facts import FACTS as VOGENT
from monitor.scheduler.hearing import expected
from monitor.store import inbox
from monitor.store.coding import encode
from monitor.store.inbox import Arrived
from monitor.store.webhook_views import WebhooksView, load_webhooks
from monitor.store.writer import Priority
from rules.self_webhook_rejected import SelfWebhookRejected
from rules.self_webhook_silent import SelfWebhookSilent
from tests.builders import MINUTE, NOON, SECOND
from tests.fakes import CallRow, Person, VendorBatch, item_of
from tests.lookout import Lookout
from tests.stories import run

EVERY = 30 * SECOND
RULES = (run(SelfWebhookSilent()), run(SelfWebhookRejected()))


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Lookout]:
    with capture_logs():
        made = Lookout(tmp_path / "offhook.db", listening=True, rules=RULES, threads=False)
        yield made
        made.store.close()


async def batch_of(at: Lookout, people: int = 100) -> VendorBatch:
    """A batch that has been read for the first time."""
    batch = at.vendor.add(people=people)
    await at.poll()
    await at.poll(EVERY)
    return batch


async def end_calls(
    at: Lookout,
    batch: VendorBatch,
    n: int,
    *,
    told: bool = True,
    every: timedelta = 10 * SECOND,
) -> None:
    """So many calls end, one after the other, and are polled for; a webhook tells of each."""
    waiting = [each for each in batch.people if each.status == "pending"][:n]
    for person in waiting:
        now = at.clock.now()
        person.status, person.attempts = "completed", 1
        person.calls = [CallRow(id=f"call {person.id}", ended=now)]
        if told:
            await hear(at, batch, person)
        await at.poll(every)
        await at.judge.everything()


async def hear(at: Lookout, batch: VendorBatch, person: Person) -> None:
    """A webhook with the call's record comes and is taken in."""
    now = at.clock.now()
    call_id = person.calls[0].id
    notice = Notice(
        event="record",
        proves=Proof.CALL,
        batch_id=batch.batch_id,
        call_id=call_id,
        item=item_of(person, now),
    )
    arrived = Arrived(
        provider="renewals",
        unique_key=call_id.encode(),
        received_at=now,
        event=notice.event,
        proves=str(notice.proves),
        digest=b"d" * 32,
        batch_id=batch.batch_id,
        call_id=call_id,
        told=encode(notice),
    )
    await at.store.write(Priority.INBOX, lambda conn: inbox.put(conn, [arrived]))
    await at.store.write(
        Priority.INBOX,
        lambda conn: take_notices(conn, "renewals", inbox.waiting(conn, 10), now),
    )


async def wait(at: Lookout) -> timedelta:
    """How long the batch is left alone after its last look."""
    row = await at.row()
    return row.due_at - row.fresh_at


async def figures(at: Lookout) -> WebhooksView:
    now = at.clock.now()
    found = await at.store.read(lambda conn: load_webhooks(conn, {"renewals": True}, now))
    return found["renewals"]


async def test_polls_are_fewer_while_webhooks_are_good_and_more_when_they_stop(
    at: Lookout,
) -> None:
    batch = await batch_of(at)
    await end_calls(at, batch, 3)
    assert await wait(at) == EVERY

    await end_calls(at, batch, 40)
    assert await wait(at) == 4 * EVERY
    found = await figures(at)
    assert (found.missed, found.late) == (0, 0)
    assert found.both >= 30
    assert found.webhook_delays is not None
    assert found.webhook_delays.p95_s == 0

    await end_calls(at, batch, 36, told=False)
    assert await wait(at) == EVERY
    assert (await figures(at)).missed > 10


async def test_nothing_is_noted_or_slowed_where_nobody_listens(tmp_path: Path) -> None:
    with capture_logs():
        at = Lookout(tmp_path / "offhook.db", rules=RULES)
        batch = await batch_of(at)
        await end_calls(at, batch, 20, told=False)

        assert await wait(at) == EVERY
        assert (await figures(at)).missed == 0
        at.store.close()


async def test_webhooks_that_stop_are_told_once_and_resolve_when_they_come_again(
    at: Lookout,
) -> None:
    batch = await batch_of(at)
    await end_calls(at, batch, 6)
    await end_calls(at, batch, 25, told=False, every=MINUTE)
    assert await at.owed() == []

    await end_calls(at, batch, 10, told=False, every=MINUTE)
    assert await at.owed() == [("self_webhook_silent", "fired")]

    await at.live_for(60 * MINUTE, MINUTE)
    assert await at.owed() == [("self_webhook_silent", "fired")]

    await end_calls(at, batch, 1)
    await at.live_for(3 * MINUTE, MINUTE)
    assert await at.owed() == [
        ("self_webhook_silent", "fired"),
        ("self_webhook_silent", "resolved"),
    ]


async def test_a_restart_is_no_silence_of_the_vendors(at: Lookout) -> None:
    batch = await batch_of(at)
    await end_calls(at, batch, 6, told=False)
    await at.restart()
    at.clock.move(60 * MINUTE)
    await at.restart()
    await end_calls(at, batch, 12, told=False)

    assert await at.owed() == []


async def test_what_ended_while_nobody_listened_is_not_missed(at: Lookout) -> None:
    batch = await batch_of(at)
    for person in batch.people[:9]:
        person.status = "completed"
        person.calls = [CallRow(id=f"call {person.id}", ended=at.clock.now())]
    at.clock.move(2 * MINUTE)
    await at.restart()
    await at.poll()
    at.clock.move(5 * MINUTE)

    assert (await figures(at)).missed == 0


async def refuse(at: Lookout, n: int, *, signed: bool = True) -> None:
    """So many webhooks are refused, one a second."""
    refusals = at.refusals.setdefault("renewals", Refusals())
    for _ in range(n):
        refusals.refused(at.clock.now(), signed=signed)
        await at.poll(SECOND)
        await at.judge.everything()


async def test_webhooks_that_are_refused_are_told_once_and_resolve_with_a_good_one(
    at: Lookout,
) -> None:
    batch = await batch_of(at)
    await refuse(at, 12)
    assert await at.owed() == [("self_webhook_rejected", "fired")]

    at.refusals["renewals"].accepted(at.clock.now())
    await end_calls(at, batch, 1)
    await at.live_for(7 * MINUTE)
    assert await at.owed() == [
        ("self_webhook_rejected", "fired"),
        ("self_webhook_rejected", "resolved"),
    ]


async def rejections(at: Lookout) -> list[str]:
    return [how for rule, how in await at.owed() if rule == "self_webhook_rejected"]


async def test_neither_quiet_nor_a_restart_is_a_recovery(at: Lookout) -> None:
    batch = await batch_of(at)
    await end_calls(at, batch, 3)
    await end_calls(at, batch, 20, told=False)
    await refuse(at, 12)
    assert await rejections(at) == ["fired"]

    await at.live_for(30 * MINUTE, MINUTE)
    at.refusals.clear()
    await at.restart()
    await at.live_for(30 * MINUTE, MINUTE)
    assert await rejections(at) == ["fired"]

    await end_calls(at, batch, 1)
    assert await rejections(at) == ["fired", "resolved"]


async def test_what_anybody_sends_is_no_alert_while_good_ones_come(at: Lookout) -> None:
    batch = await batch_of(at)
    await end_calls(at, batch, 3)
    await refuse(at, 30)
    at.refusals.clear()
    await at.restart()
    await refuse(at, 30)
    await refuse(at, 30, signed=False)

    assert await at.owed() == []


async def test_webhooks_that_miss_half_are_told_once_and_resolve_once_they_miss_little(
    at: Lookout,
) -> None:
    batch = await batch_of(at)
    for _ in range(12):
        await end_calls(at, batch, 1)
        await end_calls(at, batch, 2, told=False)
        await at.live_for(3 * MINUTE, MINUTE)
    assert await at.owed() == [("self_webhook_silent", "fired")]

    for _ in range(12):
        await end_calls(at, batch, 2)
        await at.live_for(5 * MINUTE, MINUTE)
    assert await at.owed() == [
        ("self_webhook_silent", "fired"),
        ("self_webhook_silent", "resolved"),
    ]


@pytest.mark.parametrize(
    ("facts", "calls", "batches", "named"),
    [
        pytest.param(BLAND, True, True, True, id="bland"),
        pytest.param(VOGENT, True, False, True, id="vogent"),
        pytest.param(SVALYNC, True, True, False, id="svalync"),
        pytest.param(GRAINE, True, True, False, id="graine"),
    ],
)
def test_what_a_vendors_webhooks_tell_is_what_it_documents(
    facts: VendorFacts, calls: bool, batches: bool, named: bool
) -> None:
    assert expected(facts.webhooks, NOON) == Expected(
        since=NOON, calls=calls, batches=batches, named=named
    )
