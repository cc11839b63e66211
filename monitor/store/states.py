"""How each provider stood, append-only: a row whenever that was another than before.

What a vendor tells of the account, what failed and since when, and when a process of Offhook's
ran: for looking back. Between two rows of a kind everything stood as the first of them says,
but for the words of a failure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, bindparam, delete, func, select

from monitor.core.facts import Failure
from monitor.core.model import AccountState
from monitor.store import hot
from monitor.store.coding import decode, encode
from monitor.store.schema import provider_states

# That nothing was heard of a provider, or of its account, for so long is worth remembering.
SILENT_FOR = timedelta(minutes=3)
UNTOLD_FOR = timedelta(minutes=30)
_STANDING, _ACCOUNT, _RUN = "standing", "account", "run"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """How a provider stood from ``at`` on. ``failures`` are counted to two.

    ``silent_since``: it was heard of at ``at``, and not between. ``missing`` are the batches that
    the configuration names and that were never seen: since when, and why. ``discovered_at`` is
    kept along while the vendor asks for patience alone.
    """

    at: datetime
    fresh_at: datetime | None = None
    silent_since: datetime | None = None
    failure: Failure | None = None
    failing_since: datetime | None = None
    failures: int = 0
    discovered_at: datetime | None = None
    missing: Mapping[str, tuple[datetime, str]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a vendor told of an account; ``before`` is when it last told what stood until then."""

    account: AccountState
    before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A process that judges began; the one before it was last known to run ``before``."""

    at: datetime
    before: datetime | None = None


def add_standing(conn: Connection, provider: str, stood: Stood) -> None:
    """From now on it stands so."""
    _add(conn, provider, _STANDING, stood.at, stood)


def add_account(
    conn: Connection, provider: str, known: AccountState | None, told: AccountState
) -> None:
    """Keep what is told of an account, where ``known`` was otherwise or is long ago."""
    before = None if known is None else known.seen_at
    if known is not None and told.seen_at - known.seen_at <= UNTOLD_FOR and _same(known, told):
        return
    _add(conn, provider, _ACCOUNT, told.seen_at, Told(account=told, before=before))


def _same(one: AccountState, other: AccountState) -> bool:
    """Whether they tell the same, whenever they were seen."""
    told = ((each.balance_micros, each.currency, each.caps) for each in (one, other))
    return next(told) == next(told)


def add_run(conn: Connection, at: datetime, before: datetime | None) -> None:
    """A process begins to judge."""
    _add(conn, "", _RUN, at, Run(at=at, before=before))


def _add(conn: Connection, provider: str, kind: str, at: datetime, value: object) -> None:
    row = {"provider": provider, "kind": kind, "at": at, "value": encode(value)}
    hot.add(conn, provider_states, row)


def standings(conn: Connection, provider: str) -> list[Stood]:
    """How a provider stood, oldest first."""
    return _all(conn, provider, _STANDING, Stood)


def accounts(conn: Connection, provider: str) -> list[Told]:
    """What its vendor told of the account, oldest first."""
    return _all(conn, provider, _ACCOUNT, Told)


def runs(conn: Connection) -> list[Run]:
    """When processes that judge began, oldest first."""
    return _all(conn, "", _RUN, Run)


def _all(conn: Connection, provider: str, kind: str, of: type[T]) -> list[T]:
    rows = hot.ask(conn, _OF, provider=provider, kind=kind)
    return [decode(of, text) for (text,) in rows]


_OF = (
    select(provider_states.c.value)
    .where(
        provider_states.c.provider == bindparam("provider"),
        provider_states.c.kind == bindparam("kind"),
    )
    .order_by(provider_states.c.id)
)


def prune(conn: Connection, before: datetime, piece: int = 5_000) -> int:
    """Drop some of what stood no more by then; how many. What still did is kept."""
    of = provider_states.c
    last = (
        select(func.max(of.id).label("id")).where(of.at <= before).group_by(of.provider, of.kind)
    ).subquery()
    stands = select(last.c.id)
    old = select(of.id).where(of.at < before, of.id.not_in(stands)).order_by(of.id).limit(piece)
    return conn.execute(delete(provider_states).where(of.id.in_(old))).rowcount
