"""Webhooks as the inbox keeps them, once they are read."""

import itertools
from datetime import datetime
from hashlib import sha256

from monitor.core.model import BatchStatus
from monitor.providers.facts import Proof
from monitor.providers.notices import Notice
from monitor.store.coding import encode
from monitor.store.inbox import Arrived
from tests.builders import NOON, make_batch
from tests.fakes import CallRow, Person, item_of

_numbers = itertools.count()


def arrived(
    proves: str,
    batch_id: str | None = None,
    call_id: str | None = None,
    told: str | None = None,
    at: datetime = NOON,
    key: str | None = None,
) -> Arrived:
    """One webhook; ``key`` is the same for what is sent again."""
    digest = sha256((key or f"number {next(_numbers)}").encode()).digest()
    return Arrived(
        provider="renewals",
        unique_key=digest,
        received_at=at,
        event=proves,
        proves=proves,
        digest=digest,
        batch_id=batch_id,
        call_id=call_id,
        told=told,
    )


def person(n: int, status: str = "failed", at: datetime = NOON) -> Person:
    """Somebody who was called once, and how that ended."""
    contact = "completed" if status == "completed" else "exhausted"
    call = CallRow(id=f"p{n:03}.1", status=status, ended=at)
    return Person(id=f"p{n:03}", status=contact, attempts=1, calls=[call])


def record(
    n: int, status: str = "failed", at: datetime = NOON, batch_id: str | None = "b1"
) -> Arrived:
    """The whole record of one call."""
    item = item_of(person(n, status, at), at)
    notice = Notice(event="call", proves=Proof.CALL, batch_id=batch_id, item=item)
    return arrived("call", batch_id, item.calls[0].call_id, encode(notice), at)


def standing(status: BatchStatus, at: datetime = NOON, batch_id: str = "b1") -> Arrived:
    """How a batch stands."""
    look = make_batch(batch_id=batch_id, status=status, seen_at=at, name=None)
    notice = Notice(event="batch", proves=Proof.BATCH, batch_id=batch_id, look=look)
    return arrived("batch", batch_id, None, encode(notice), at)
