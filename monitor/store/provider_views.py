"""How each provider stands, as plain values for the command line and for metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, func, select

from monitor.core.model import AccountState
from monitor.core.traffic import Traffic
from monitor.store.coding import decode
from monitor.store.schema import batches, providers


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderView:
    """One provider. ``failing_since`` is set while it cannot be read.

    ``complete_at`` is when a list was last read completely, of whichever batch; ``traffic``
    and ``account`` are as the process that asks last wrote them down.
    """

    name: str
    vendor: str
    baseline_at: datetime | None
    discovered_at: datetime | None
    fresh_at: datetime | None
    complete_at: datetime | None
    failing_since: datetime | None
    failure_kind: str | None
    failure_text: str | None
    unknown_words: Mapping[str, Sequence[str]]
    open_batches: int
    traffic: Traffic | None
    account: AccountState | None


def load_providers(conn: Connection) -> tuple[ProviderView, ...]:
    """Every provider that was ever watched, by name."""
    of_batches = (
        select(
            batches.c.provider,
            func.count(case((batches.c.open, 1))).label("open_batches"),
            func.max(batches.c.complete_at, type_=batches.c.complete_at.type).label("complete_at"),
        )
        .group_by(batches.c.provider)
        .subquery()
    )
    rows = conn.execute(
        select(
            providers,
            func.coalesce(of_batches.c.open_batches, 0).label("open_batches"),
            of_batches.c.complete_at,
        )
        .outerjoin(of_batches, of_batches.c.provider == providers.c.name)
        .order_by(providers.c.name)
    )
    return tuple(_view(row) for row in rows)


def _view(row: Row[Any]) -> ProviderView:
    decoded: dict[str, Any] = {
        "unknown_words": decode(dict[str, list[str]], row.unknown_words),
        "traffic": None if row.traffic is None else decode(Traffic, row.traffic),
        "account": None if row.account is None else decode(AccountState, row.account),
    }
    names = set(ProviderView.__dataclass_fields__) - set(decoded)
    return ProviderView(**{name: getattr(row, name) for name in names}, **decoded)
