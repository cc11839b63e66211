"""Whoever was erased stays so: of what a vendor still tells of them only the stub is taken in."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from monitor.core.erasing import Tombstones, is_stub
from monitor.core.model import Item
from monitor.store import arrivals, inbox, pages, tombstones
from monitor.store.batches import BatchRow


def honoured(
    conn: Connection, provider: str, batch_id: str, items: Sequence[Item], at: datetime
) -> Sequence[Item]:
    """The items, with the stubs of all who were erased in the place of them.

    Who is known by their number alone gets a tombstone as this contact, too: the vendor may
    tell of them without a number another time. What webhooks told of their calls by the
    vendor's ids, while nobody knew whose these are, is forgotten with them.
    """
    made = tombstones.load(conn)
    if made is None:
        return items
    contacts = [made.contact(provider, batch_id, item.contact.contact_id) for item in items]
    numbers = [_number(made, item) for item in items]
    known = tombstones.known(conn, [*contacts, *filter(None, numbers)])
    if not known:
        return items
    pairs = enumerate(zip(contacts, numbers, strict=True))
    gone = [n for n, (contact, number) in pairs if contact in known or number in known]
    tombstones.keep(conn, [contacts[n] for n in gone], at)
    calls = (call.call_id for n in gone for call in items[n].calls)
    forget_calls(conn, provider, made.call_ids(provider, calls))
    kept = list(items)
    for n in gone:
        kept[n] = made.stub(provider, batch_id, items[n])
    return kept


def forget_calls(conn: Connection, provider: str, calls: Mapping[str, str]) -> None:
    """No row of a webhook names the calls any more, and none of when it came by their ids.

    Beside each is what it is called instead.
    """
    arrivals.rename(conn, provider, calls)
    inbox.forget_calls(conn, provider, calls)


def _number(made: Tombstones, item: Item) -> bytes | None:
    number = item.contact.phone_hash
    return None if number is None else made.number(number)


def called(made: Tombstones | None, provider: str, batch_id: str, contact_id: str) -> list[str]:
    """What a contact may be called in the snapshot: by the vendor's id, or as a stub."""
    names = [contact_id]
    return names if made is None else [*names, made.stub_id(provider, batch_id, contact_id)]


def unlisted(conn: Connection, row: BatchRow, listed: set[str]) -> set[str]:
    """Those of the known people of a batch whom its list does not show, by either name."""
    provider, batch_id = row.look.provider, row.look.batch_id
    missing = pages.contact_ids(conn, row.id) - listed
    stubs = {key for key in missing if is_stub(key)}
    made = tombstones.load(conn) if stubs else None
    if made is None:
        return missing
    return missing - {made.stub_id(provider, batch_id, each) for each in listed}
