"""Forgetting a person: what they are known by, and what is left of them.

Of somebody who was erased a *tombstone* is kept, a keyed digest from which nobody is found
again, so that whoever still stands in a vendor's list is forgotten anew whenever they are
read. What is left in the snapshot is a *stub*: that somebody was called, when, and how it
ended, so that the batch's numbers stay right. It has no number, no place and no id of the
vendor's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from monitor.core.model import Contact, Item

# How the id of a stub, or of a call of theirs, begins.
STUB = "erased-"
_DIGEST = 16  # bytes
_SHOWN = 16  # hex digits


@dataclass(frozen=True, slots=True)
class Tombstones:
    """Makes the tombstones of one installation, under its own key."""

    key: bytes

    def number(self, phone_hash: bytes) -> bytes:
        """That of a number, given by its keyed hash."""
        return self._digest(b"number", phone_hash)

    def contact(self, provider: str, batch_id: str, contact_id: str) -> bytes:
        """That of one contact of one batch: who has no number is known by nothing else."""
        return self._digest(b"contact", provider, batch_id, contact_id)

    def stub_id(self, provider: str, batch_id: str, contact_id: str) -> str:
        """What a contact is called once it is erased."""
        return _named(self.contact(provider, batch_id, contact_id))

    def call_ids(self, provider: str, ids: Iterable[str]) -> dict[str, str]:
        """What calls of theirs are, by what the vendor calls them."""
        return {key: _named(self._digest(b"call", provider, key)) for key in ids}

    def stub(self, provider: str, batch_id: str, item: Item) -> Item:
        """What is left of a person and their calls."""
        contact, calls = item
        name = self.stub_id(provider, batch_id, contact.contact_id)
        named = self.call_ids(provider, (call.call_id for call in calls))
        return Item(
            _nobody(contact, name),
            tuple(call._replace(call_id=named[call.call_id], contact_id=name) for call in calls),
        )

    def _digest(self, kind: bytes, *parts: bytes | str) -> bytes:
        made = blake2b(kind, key=self.key, digest_size=_DIGEST)
        for part in parts:
            value = part.encode() if isinstance(part, str) else part
            made.update(len(value).to_bytes(4, "big") + value)
        return made.digest()


def _named(digest: bytes) -> str:
    return STUB + digest.hex()[:_SHOWN]


def _nobody(contact: Contact, name: str) -> Contact:
    return contact._replace(
        contact_id=name, phone_hash=None, phone=None, country=None, area=None, timezone=None
    )


def is_stub(key: str) -> bool:
    """Whether this is the id of somebody erased, or of a call of theirs."""
    return key.startswith(STUB)
