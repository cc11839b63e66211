"""The fewest requests that show every move within one poll interval, by what vendors document.

What asks for less must leave some moves to a later look, or be told of them. For Graine it is
counted out on what moved in the simulated world: one list tells how all batches stand, and
lists of people hold 100 rows a request, the documented default; whoever knew beforehand who
moves would still have to ask for every stretch of 100 places on which somebody does.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from monitor.providers.graine.places import stretches
from monitor.simulator.ids import Vendor
from monitor.simulator.truth import What
from monitor.simulator.world import Account, World

_ROWS = 100
# So many requests for each batch and interval, and why.
_A_BATCH: Mapping[Vendor, tuple[int, str]] = {
    "bland": (2, "the status stands in the log, and who moved in the list of calls"),
    "svalync": (1, "the one answer holds the whole batch"),
    "elevenlabs": (1, "one answer holds all people of a batch"),
}


def least(
    account: Account, world: World, since: datetime, span: timedelta, every: timedelta
) -> tuple[float, str] | None:
    """How many requests all batches of an account need in this time, and why; None: unknown."""
    intervals = span / every
    if account.vendor in _A_BATCH:
        each, why = _A_BATCH[account.vendor]
        return intervals * each * len(tuple(account)), why
    if account.vendor != "graine":
        return None
    moved = _moved(account, world, since, span, every)
    asked = sum(len(stretches(sorted(places), _ROWS)) for places in moved)
    a_batch = asked / intervals / len(tuple(account))
    why = f"who moved stands on {a_batch:.1f} stretches of {_ROWS} rows, each to be asked for"
    return intervals + asked, why


def _moved(
    account: Account, world: World, since: datetime, span: timedelta, every: timedelta
) -> Iterable[set[int]]:
    """Where people stand who moved, for each batch and interval."""
    begun, length = since.timestamp(), every.total_seconds()
    places = {
        batch.person_id(place): place for batch in account for place in range(len(batch.people))
    }
    found: dict[tuple[str, int], set[int]] = defaultdict(set)
    for entry in world.truth.entries:
        after = entry.t - begun
        if entry.what is What.CONTACT and 0 <= after < span.total_seconds():
            found[entry.batch, int(after // length)].update(places[each] for each in entry.ids)
    return found.values()
