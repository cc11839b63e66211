"""What Offhook does while it is being killed: a vendor is watched, and what comes of it is told."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from monitor.dispatcher import Dispatcher
from monitor.errors import ProviderError
from monitor.http import HttpClient
from monitor.providers.facts import Proof
from monitor.providers.notices import Notice
from monitor.store.coding import encode
from monitor.store.inbox import Arrived
from rules.batch_completed import BatchCompleted
from rules.error_spike import ErrorSpike
from rules.provider_blind import ProviderBlind
from tests.builders import MINUTE, NOON, SECOND
from tests.clocks import ManualClock, SteppedClock
from tests.crash_plays import SOON, Play, make_notifier, routing_to
from tests.fakes import CallRow, Person, Vendor, VendorBatch, item_of
from tests.lookout import Lookout
from tests.notices import arrived
from tests.stories import run

BAD, GOOD, PEOPLE = 20, 40, 60
BLIND_FROM, BLIND_UNTIL, DONE_AT, END = 9 * MINUTE, 20 * MINUTE, 23 * MINUTE, 30 * MINUTE
STEP = 20 * SECOND
AGAIN = MINUTE  # for which the vendor sends its webhooks again
DOWN = 20 * SECOND  # between a death and the next start


def vendor_at(vendor: Vendor, now: datetime) -> None:
    """The vendor as it stands then: calls fail, then go well; silence; the end."""
    since = now - NOON
    ended = [NOON + 30 * SECOND + n * SECOND for n in range(BAD)]
    ended += [NOON + 3 * MINUTE + n * 8 * SECOND for n in range(GOOD)]
    people = []
    for n, at in enumerate(ended):
        person = Person(id=f"p{n:03}")
        if at <= now:
            status = "failed" if n < BAD else "completed"
            call = CallRow(id=f"c{n:03}", status=status, ended=at, error="carrier block")
            person = Person(id=person.id, status="completed", attempts=1, calls=[call])
        people.append(person)
    status = "completed" if since >= DONE_AT else "running"
    vendor.batches["b1"] = VendorBatch("b1", status=status, people=people)
    silent = BLIND_FROM <= since < BLIND_UNTIL
    vendor.refuse = ProviderError("timeout", "no answer within 30 s") if silent else None


async def watch(path: Path, kind: str, port: int, nth: int) -> None:
    """Watch the vendor from wherever its time stands to the end, and pay everything."""
    del nth
    await _watch(path, kind, port, ManualClock(_resumed(path)), _drained)


async def hear(path: Path, kind: str, port: int, nth: int) -> None:
    """The same; the vendor tells of every call, more than once, and a dispatcher is at work."""
    del nth
    await _watch(path, kind, port, SteppedClock(_resumed(path)), _heard)


Living = Callable[[Lookout, Dispatcher], AbstractAsyncContextManager[Callable[[], Awaitable[None]]]]


async def _watch(path: Path, kind: str, port: int, clock: ManualClock, living: Living) -> None:
    http = HttpClient(clock)
    notifier = make_notifier(kind, port, http)
    lookout = Lookout(
        path,
        clock=clock,
        settings={"poll_every": STEP, "discover_every": MINUTE, "blind_after": MINUTE},
        rules=(
            run(ErrorSpike(window=2 * MINUTE, min_calls=5)),
            run(ProviderBlind(critical_after=3 * MINUTE)),
            run(BatchCompleted(confirm_after=10 * SECOND, settle_after=MINUTE)),
        ),
        routing=routing_to(notifier),
    )
    dispatcher = Dispatcher(lookout.store, {"ops": notifier}, clock, timing=SOON)
    async with living(lookout, dispatcher) as step:
        while clock.now() - NOON <= END:
            vendor_at(lookout.vendor, clock.now())
            await step()
            await lookout.poll()
            await lookout.judge.everything()
            await dispatcher.drain_once("ops")
            clock.move(STEP)
            _keep(path, clock.now())
    await http.aclose()
    lookout.store.close()


@asynccontextmanager
async def _drained(
    lookout: Lookout, dispatcher: Dispatcher
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Nothing happens but what is done by hand."""
    del lookout, dispatcher

    async def nothing() -> None:
        pass

    yield nothing


@asynccontextmanager
async def _heard(
    lookout: Lookout, dispatcher: Dispatcher
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Webhooks come, and what is news is claimed where it is owed."""
    lookout.ahead, lookout.on_wake = dispatcher.ahead, dispatcher.wake
    stop = asyncio.Event()
    running = asyncio.create_task(dispatcher.run(stop))

    async def step() -> None:
        await lookout.bring(*_records(lookout.vendor, lookout.clock.now()))

    yield step
    stop.set()
    await running


def _records(vendor: Vendor, now: datetime) -> Iterator[Arrived]:
    for person in vendor.batches["b1"].people:
        for call in person.calls:
            if call.ended is None or call.ended < now - AGAIN:
                continue
            item = item_of(person, call.ended)
            notice = Notice(event="call", proves=Proof.CALL, batch_id="b1", item=item)
            yield arrived("call", "b1", call.id, encode(notice), now, key=call.id)


def _resumed(path: Path) -> datetime:
    kept = path.with_name(f"{path.name}.clock")
    return datetime.fromisoformat(kept.read_text()) + DOWN if kept.exists() else NOON


def _keep(path: Path, now: datetime) -> None:
    written = path.with_name("clock.new")
    written.write_text(now.isoformat())
    os.replace(written, path.with_name(f"{path.name}.clock"))  # noqa: PTH105 - atomic, and says so


WATCHING = Play(
    name="watching",
    live=watch,
    ends={
        "error_spike": r"RESOLVED \(recovered\)",
        "provider_blind": r"RESOLVED \(recovered\)",
        "batch_completed": r"settled",
    },
    webhook_ends={
        "error_spike": r"RESOLVED \(recovered\)",
        "provider_blind": r"RESOLVED \(recovered\)",
        "batch_completed": r"completed, 40 of 60",
    },
    kinds=("bot", "webhook"),
)
HEARING = replace(WATCHING, name="hearing", live=hear)
