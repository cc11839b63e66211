"""The rows of providers: since when they are known, how fresh, and what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from types import SimpleNamespace

from sqlalchemy import Connection, Insert, Update, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from monitor.core.facts import Failure
from monitor.core.model import AccountState
from monitor.core.traffic import Traffic
from monitor.store import hot, states
from monitor.store.coding import decode, encode
from monitor.store.schema import providers, to_micros
from monitor.store.states import SILENT_FOR, Stood


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRow:
    """One configured provider as kept."""

    name: str
    vendor: str
    baseline_at: datetime | None = None
    discovered_at: datetime | None = None
    fresh_at: datetime | None = None
    failing_since: datetime | None = None
    failure: Failure | None = None
    failures: int = 0  # in a row, of this kind
    showed_at: datetime | None = None
    unknown_words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    memory: Mapping[str, str] = field(default_factory=dict)
    webhook_at: datetime | None = None  # written by ``save_webhook`` alone
    refused_at: datetime | None = None  # written by ``save_refusal`` alone
    account: AccountState | None = None  # written by ``save_account`` alone
    # Of this transaction alone: as it was loaded, and when it was last heard of or failed.
    before: "ProviderRow | None" = field(default=None, compare=False, repr=False)
    seen_at: datetime | None = field(default=None, compare=False, repr=False)


def load(conn: Connection, name: str, vendor: str) -> ProviderRow:
    """A provider's row; a blank one when it was never kept."""
    found = hot.read(conn, _ONE, name=name)
    if not found:
        return ProviderRow(name=name, vendor=vendor)
    kept = _of(name, vendor, *found)
    return replace(kept, before=kept)


def _of(name: str, vendor: str, row: SimpleNamespace) -> ProviderRow:
    failure = Failure(kind=row.failure_kind, text=row.failure_text) if row.failure_kind else None
    return ProviderRow(
        name=name,
        vendor=vendor,
        baseline_at=row.baseline_at,
        discovered_at=row.discovered_at,
        fresh_at=row.fresh_at,
        failing_since=row.failing_since,
        failure=failure,
        failures=row.failures,
        showed_at=row.showed_at,
        unknown_words=decode(dict[str, tuple[str, ...]], row.unknown_words),
        memory=decode(dict[str, str], row.memory),
        webhook_at=row.webhook_at,
        refused_at=row.refused_at,
        account=None if row.account is None else decode(AccountState, row.account),
    )


# Made once: every evaluation of a provider asks.
_ONE = select(providers).where(providers.c.name == bindparam("name"))


def save(conn: Connection, row: ProviderRow) -> None:
    """Write a provider's row, but for what others write alone; and that it stands otherwise."""
    stood = _stood(row, row.before or ProviderRow(name=row.name, vendor=row.vendor))
    if stood is not None:
        states.add_standing(conn, row.name, stood)
    values = {
        "name": row.name,
        "vendor": row.vendor,
        "baseline_at": _micros(row.baseline_at),
        "discovered_at": _micros(row.discovered_at),
        "fresh_at": _micros(row.fresh_at),
        "failing_since": _micros(row.failing_since),
        "failure_kind": row.failure.kind if row.failure else None,
        "failure_text": row.failure.text if row.failure else None,
        "failures": row.failures,
        "showed_at": _micros(row.showed_at),
        "unknown_words": encode(dict(row.unknown_words)),
        "memory": encode(dict(row.memory)),
    }
    hot.change(conn, _saving(conn.dialect.name, tuple(values)), values)


def _stood(row: ProviderRow, before: ProviderRow) -> Stood | None:
    """How it stands from now on; None where that is as before, or nothing was heard."""
    at, heard, last = row.seen_at, row.fresh_at, before.fresh_at
    if at is None:
        return None
    silent = last is not None and heard is not None and heard - last > SILENT_FOR
    if not silent and (last is None) == (heard is None) and _standing(row) == _standing(before):
        return None
    return Stood(
        at=at,
        fresh_at=heard,
        silent_since=last if silent else None,
        failure=row.failure,
        failing_since=row.failing_since,
        failures=min(row.failures, 2),
        discovered_at=_patient_at(row),
        missing=decode_missing(row.memory),
    )


def _standing(row: ProviderRow) -> tuple[object, ...]:
    """What of it is worth remembering, beside when it was heard of.

    Not the words of a failure: vendors put another request's number into each.
    """
    kind = row.failure.kind if row.failure else None
    missing = {each: since for each, (since, _) in decode_missing(row.memory).items()}
    return kind, row.failing_since, row.failures > 1, missing, _patient_at(row)


def _patient_at(row: ProviderRow) -> datetime | None:
    """When its lists were last read, though it asks for patience."""
    slow = row.failure is not None and row.failure.kind == "rate_limited"
    return row.discovered_at if slow else None


def _micros(at: datetime | None) -> int | None:
    return None if at is None else to_micros(at)


@cache
def _saving(dialect: str, names: tuple[str, ...]) -> Insert:
    """Made once: every look writes that the provider was heard of."""
    module = sqlite if dialect == "sqlite" else postgresql
    made = module.insert(providers).values({name: bindparam(name) for name in names})
    new = {name: made.excluded[name] for name in names}
    saving: Insert = made.on_conflict_do_update(index_elements=["name"], set_=new)
    return saving


def heard(row: ProviderRow, at: datetime) -> ProviderRow:
    """The row after a good answer about something; what fails beside it goes on failing."""
    return replace(row, fresh_at=at, seen_at=at)


def showed(row: ProviderRow, at: datetime) -> ProviderRow:
    """The row after its lists showed a batch known of old: it still is the same account."""
    return replace(row, showed_at=at)


def answered(row: ProviderRow, at: datetime) -> ProviderRow:
    """The row when nothing fails any more."""
    return replace(heard(row, at), failing_since=None, failure=None, failures=0)


def failed(row: ProviderRow, failure: Failure, at: datetime, *, again: bool = True) -> ProviderRow:
    """The row after a failure of the whole account; not ``again`` if it is one known already."""
    alike = row.failure is not None and row.failure.kind == failure.kind
    return replace(
        row,
        seen_at=at,
        failure=failure,
        failing_since=row.failing_since or at,
        failures=row.failures + again if alike else 1,
    )


def save_traffic(conn: Connection, name: str, vendor: str, traffic: Traffic) -> None:
    """Keep how a provider is asked, and nothing else of its row."""
    _note(conn, name, vendor, {"traffic": encode(traffic)})


def save_account(conn: Connection, name: str, vendor: str, account: AccountState) -> None:
    """Keep what the vendor tells of the account itself, and nothing else of its row."""
    states.add_account(conn, name, load(conn, name, vendor).account, account)
    _note(conn, name, vendor, {"account": encode(account)})


def save_webhook(conn: Connection, name: str, at: datetime) -> None:
    """Keep when the last of its webhooks was taken in, and nothing else of its row."""
    hot.change(conn, _HEARD, {"of": name, "at": to_micros(at)})


def save_refusal(conn: Connection, name: str, at: datetime) -> None:
    """Keep when the last of what looked like its webhooks was refused, and nothing else."""
    hot.change(conn, _REFUSED, {"of": name, "at": to_micros(at)})


def _noting(column: str) -> Update:
    """Sets a time that never goes back."""
    known = providers.c[column]
    return (
        update(providers)
        .where(providers.c.name == bindparam("of"), or_(known.is_(None), known < bindparam("at")))
        .values({column: bindparam("at")})
    )


_HEARD = _noting("webhook_at")
_REFUSED = _noting("refused_at")


def _note(conn: Connection, name: str, vendor: str, told: Mapping[str, str]) -> None:
    values = {"name": name, "vendor": vendor, **told}
    hot.change(conn, _saving(conn.dialect.name, tuple(values)), values)


# A memory key of our own: batches that the configuration names and that were never seen.
MISSING = "missing"
Missing = dict[str, tuple[datetime, str]]  # by id: since when, and why


def decode_missing(memory: Mapping[str, str]) -> Missing:
    """What is remembered of them."""
    return decode(Missing, memory[MISSING]) if MISSING in memory else {}


def encode_missing(missing: Missing) -> str:
    """The text to remember."""
    return encode(missing)


def learn(conn: Connection, name: str, vendor: str, words: frozenset[tuple[str, str]]) -> None:
    """Remember status words that were never seen before, by what they name."""
    row = load(conn, name, vendor)
    known = {kind: set(found) for kind, found in row.unknown_words.items()}
    for kind, word in words:
        known.setdefault(kind, set()).add(word[:60])
    merged = {kind: tuple(sorted(found)) for kind, found in known.items()}
    if merged != row.unknown_words:
        save(conn, replace(row, unknown_words=merged))
