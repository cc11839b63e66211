"""Webhooks of Bland: the record of a call after it, how a batch stands, and mere signs of life."""

from datetime import datetime
from typing import Any

import msgspec

from monitor.core.model import Batch, Counts
from monitor.providers.answers import decoded, identity
from monitor.providers.bland.facts import WEBHOOKS
from monitor.providers.bland.generations import Entry, standing
from monitor.providers.bland.rows import Reading
from monitor.providers.facts import Proof
from monitor.providers.notices import Notice, open_body


class _Status(msgspec.Struct):
    batch_id: Any = None
    status: Any = None
    timestamp: Any = None
    code: Any = None
    reason: Any = None
    calls_total: Any = None
    calls_successful: Any = None
    calls_failed: Any = None


_STATUS = msgspec.json.Decoder(_Status)


def read_notice(body: bytes, seen_at: datetime, *, provider: str, reading: Reading) -> Notice:
    """What one body says; ValueError when it cannot be read."""
    opened = open_body(WEBHOOKS, body)
    match opened.event.proves:
        case Proof.CALL:
            item = reading.item(body, seen_at, certain=True)
            if not item.calls or not item.calls[0].status.terminal:
                # A record that does not say how the call ended proves only that it moved.
                return opened.notice(proves=Proof.HINT)
            return opened.notice(item=item, at=item.calls[0].ended_at)
        case Proof.BATCH:
            look = _batch(decoded(_STATUS, body), provider, seen_at)
            return opened.notice(look=look, at=look.ended_at)
        case _:
            return opened.notice()


def _batch(row: _Status, provider: str, seen_at: datetime) -> Batch:
    """How the batch stands: as an entry of its log would say it."""
    payload = {name: getattr(row, name) for name in row.__struct_fields__} | {
        "state_change": row.status
    }
    entry = Entry(event_type="lifecycle", timestamp=row.timestamp, payload=payload)
    told = standing([entry], seen_at)
    finished = None
    if told.succeeded is not None and told.failed is not None:
        finished = told.succeeded + told.failed
    return Batch(
        provider=provider,
        batch_id=identity(row.batch_id),
        status=told.status,
        raw_status=told.raw_status,
        seen_at=seen_at,
        counts=Counts(
            total=told.total, finished=finished, succeeded=told.succeeded, failed=told.failed
        ),
        ended_at=told.at if told.status.terminal else None,
        reason=told.reason,
        reason_code=told.code,
        shape="v2",
    )
