"""How a fault befalls a vendor: some time of health, the fault, and the time after it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from monitor.core.model import Batch, Item
from monitor.providers import Known, Provider
from monitor.simulator.faults.vendors import SHAPES
from monitor.simulator.ids import Vendor
from tests.faults.check import expected, harmless, lost
from tests.faults.rows import Row, Scene
from tests.faults.trial import SOON, Moved, Snapshot, Trial, at, trial
from tests.faults.worlds import (
    AFTER_S,
    FAULT_S,
    FIRST_LOOKS_S,
    LASTING,
    LASTING_END_S,
    LASTING_LET_GO_S,
    LATE,
    LATER,
    NAME,
    Story,
)

_FRESH: dict[tuple[Vendor, bool], Snapshot] = {}


@dataclass(frozen=True)
class Played:
    """A trial that is over."""

    one: Trial
    moves: list[Moved]
    known: Snapshot


async def play(folder: Path, vendor: Vendor, row: Row) -> Played:
    """Let one row of the table befall a vendor."""
    async with trial(folder, _story(vendor, row), tls=row.tls) as one:
        for seconds in FIRST_LOOKS_S:
            await one.run(at(seconds), timedelta(seconds=seconds))
        ids = {batch.plan.name: batch.batch_id for batch in one.account}
        await one.begin(row.make(Scene(SHAPES[vendor], one.server.given, ids)))
        await one.step(SOON)
        await one.run(at(FAULT_S) + row.lasts, row.step)
        await one.mend()
        await one.run(_end(row))
        if vendor in LATE:
            await one.run(_end(row) + LATER)
        return Played(one, await one.moves(), await one.snapshot())


async def wrong(folder: Path, vendor: Vendor, row: Row) -> list[str]:
    """All that is not as the row and the promise say; nothing, when all is well."""
    fresh = await fresh_reading(folder, vendor, row)
    played = await play(folder, vendor, row)
    return [
        *harmless(played.one, played.moves, row),
        *expected(played.one, played.moves, row),
        *lost(played.known, fresh),
    ]


def _story(vendor: Vendor, row: Row) -> Story:
    if row.lasting:
        return Story(vendor, row.manners, LASTING, LASTING_LET_GO_S)
    return Story(vendor, row.manners)


def _end(row: Row) -> datetime:
    return at(LASTING_END_S if row.lasting else FAULT_S + AFTER_S) + (
        timedelta(0) if row.lasting else row.lasts
    )


async def fresh_reading(folder: Path, vendor: Vendor, row: Row) -> Snapshot:
    """What the adapter reads when all is over, which never met a fault."""
    key = (vendor, row.lasting)
    if key not in _FRESH:
        async with trial(folder, _story(vendor, row)) as one:
            one.clock.at = at(LASTING_END_S) + LATER
            _FRESH[key] = await read_all(one)
    return _FRESH[key]


async def read_all(one: Trial) -> Snapshot:
    """All that the vendor tells now, read by the adapter and put into no database."""
    provider = one.runtime.providers[NAME]
    one.account.world.advance(one.clock.at)
    asked = [Known(batch_id=batch.batch_id) for batch in one.account]
    looks = [look async for look in provider.looks(asked)]
    read = Snapshot({}, {}, {})
    for look in looks:
        assert isinstance(look, Batch), look
        items = await _items(provider, look)
        calls = [call for item in items.values() for call in item.calls]
        read.statuses[look.batch_id] = str(look.status)
        read.people[look.batch_id] = {key: str(items[key].contact.status) for key in items}
        read.calls[look.batch_id] = {
            call.call_id: str(call.outcome) for call in calls if call.outcome
        }
    return read


async def _items(provider: Provider, batch: Batch) -> dict[str, Item]:
    found: dict[str, Item] = {}
    async for page in provider.sweep(batch):
        read = [provider.decode(batch, page, raw) for raw in provider.split(page)]
        found |= {item.contact.contact_id: item for item in read}
        lacking = [(n, item) for n, item in enumerate(read) if provider.lacks_calls(batch, item)]
        if lacking:
            found |= await provider.calls(batch, page, lacking)
    return found
