"""Batches as the configuration reads them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from monitor.core.model import Batch, BatchStatus, ContactStatus, Counts
from monitor.providers.answers import identity, raw_word, reason, title, whole
from monitor.providers.http_json.expressions import Expression
from monitor.providers.http_json.fields import BatchFields
from monitor.providers.http_json.values import Values, key_of, label, told

_COUNTS = ("total", "finished", "succeeded", "failed", "live", "waiting", "requested", "rejected")


class Listed(NamedTuple):
    """A row of the list of batches."""

    batch_id: str
    created_at: datetime | None
    batch: Batch


class BatchReading:
    """Reads a batch from a row of the list, or from the answer about it."""

    def __init__(self, provider: str, fields: BatchFields, values: Values) -> None:
        self._provider = provider
        self._fields = fields
        self._values = values
        self._counts = [
            (name, at) for name in _COUNTS if (at := getattr(fields.counts, name)) is not None
        ]

    def listed(self, row: Any, seen_at: datetime) -> Listed | None:
        """A row of the list; None when it cannot be read."""
        try:
            batch = self.batch(row, seen_at)
        except ValueError:
            return None
        return Listed(batch.batch_id, batch.created_at, batch)

    def batch(self, row: Any, seen_at: datetime) -> Batch:
        """One look; ValueError without an id."""
        at = self._fields
        said = at.status.find(row)
        status = told(self._values.batch, said) or BatchStatus.UNKNOWN

        def time(where: Expression | None) -> datetime | None:
            return None if where is None else self._values.time(where.find(row), seen_at)

        return Batch(
            provider=self._provider,
            batch_id=identity(at.id.find(row)),
            status=status,
            seen_at=seen_at,
            raw_status=unknown(said) if status is BatchStatus.UNKNOWN else None,
            name=title(label(found(at.name, row))),
            campaign=title(label(found(at.campaign, row))),
            counts=self._counted(row),
            version=time(at.version),
            created_at=time(at.created_at),
            scheduled_at=time(at.scheduled_at),
            started_at=time(at.started_at),
            ended_at=time(at.ended_at) if status.terminal else None,
            concurrency=whole(found(at.concurrency, row)),
            timezone=label(found(at.timezone, row), 64),
            reason=reason(found(at.reason, row)),
            reason_code=raw_word(found(at.reason_code, row)),
        )

    def _counted(self, row: Any) -> Counts:
        numbers: dict[str, Any] = {name: whole(at.find(row)) for name, at in self._counts}
        by_status = self._by_status(found(self._fields.counts.by_status, row))
        return Counts(**numbers, by_status=by_status)

    def _by_status(self, table: Any) -> Mapping[ContactStatus, int]:
        """People by status, where each of the vendor's words is known: else none."""
        counted: dict[ContactStatus, int] = {}
        for said, n in table.items() if isinstance(table, dict) else ():
            status, number = self._values.contact.get(key_of(said) or ""), whole(n)
            if status is None or number is None:
                return {}
            counted[status] = counted.get(status, 0) + number
        return counted


def found(at: Expression | None, row: Any) -> Any:
    """What stands there; None where nothing does, or nothing is configured."""
    return None if at is None else at.find(row)


def unknown(said: Any) -> str | None:
    """A word that is not listed, as it may be kept and shown."""
    return raw_word(said if isinstance(said, str) else key_of(said))
