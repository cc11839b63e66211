"""What a backup owed and the process that it was taken from has told: found in the channel."""

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial

import structlog

from monitor.clock import Clock
from monitor.core.restored import DOUBTFUL, Restored
from monitor.dispatcher.copies import CLOCKS_APART, leave_one
from monitor.errors import DeliveryError
from monitor.notifiers import Notifier
from monitor.store import restoring
from monitor.store.restoring import InDoubt
from monitor.store.writer import Priority, Store

_PATIENCE_S = 10.0  # nothing is sent meanwhile: what is not found by then is told, and says so

log = structlog.get_logger()


async def look_back(
    store: Store, notifiers: Iterable[Notifier], restored: Restored | None, clock: Clock
) -> None:
    """Before anything is sent: close what stands in a channel that can be read.

    Only what has its own key there: of several that went as one, the others are told again.
    """
    if restored is None or clock.now() >= restored.at + DOUBTFUL:
        return
    await asyncio.gather(
        *(_patiently(store, each, restored, clock) for each in notifiers if each.receiver.readable)
    )


async def _patiently(store: Store, notifier: Notifier, restored: Restored, clock: Clock) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await _look_back(store, notifier, restored, clock)
    except TimeoutError:
        log.warning("not_looked_back", receiver=notifier.receiver.name, error="timeout")


async def _look_back(store: Store, notifier: Notifier, restored: Restored, clock: Clock) -> None:
    receiver = notifier.receiver.name
    for in_threads in (False, True):  # a root that is found is where its thread is
        rows = await store.read(partial(restoring.in_doubt, receiver=receiver, restored=restored))
        for root, some in _by_root(rows, in_threads=in_threads).items():
            keys = [each.delivery_key for each in some]
            try:
                places = await notifier.find(keys, restored.made_at - CLOCKS_APART, root)
                found = [(each, at[0]) for each in some if (at := places.get(each.delivery_key))]
                told = partial(restoring.are_told, found=found, at=clock.now())
                if found and (n := await store.write(Priority.OUTBOX, told)):
                    log.info("told_before", receiver=receiver, messages=n)
                for copies in places.values():
                    await leave_one(notifier, copies)
            except DeliveryError as error:  # of one thread, which says nothing of the others
                log.warning("not_looked_back", receiver=receiver, error=str(error))


def _by_root(rows: Iterable[InDoubt], *, in_threads: bool) -> Mapping[str | None, list[InDoubt]]:
    """Those to be looked for in threads, by these, or else those in the channel itself."""
    found: dict[str | None, list[InDoubt]] = {}
    for row in rows:
        if row.is_reply is in_threads and not row.is_edit:
            found.setdefault(row.root if in_threads else None, []).append(row)
    return found
