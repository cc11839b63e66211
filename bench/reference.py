"""The reference: what reading everything costs at the least. A fixed file.

Lean structs with the fields that a snapshot needs, times as datetimes; what is not named is
skipped in the bytes.
"""

from datetime import datetime

import msgspec


class Call(msgspec.Struct, gc=False):
    """One attempt."""

    execution_id: str
    call_status: str
    duration_seconds: int = 0
    sentiment: str | None = None
    hangup_by: str | None = None
    hangup_reason: str | None = None
    total_cost: float | None = None
    retry_count: int = 0
    is_follow_up: bool = False
    created_at: datetime | None = None


class Person(msgspec.Struct, gc=False):
    """One person of a page."""

    contact_id: str
    phone_number: str
    status: str
    retry_count: int
    follow_up_count: int
    last_attempted_at: datetime | None
    next_retry_at: datetime | None
    call_records: list[Call]


decode = msgspec.json.Decoder(list[Person]).decode


def decode_all(pages: list[bytes]) -> int:
    """Decode every page, keeping none; how many people there were."""
    return sum(len(decode(page)) for page in pages)
