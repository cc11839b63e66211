"""The row of a provider: who writes which part of it."""

from dataclasses import replace

from sqlalchemy import Connection

from monitor.core.facts import Failure
from monitor.core.model import AccountState
from monitor.store import providers
from monitor.store.providers import ProviderRow
from tests.builders import MINUTE, NOON

FAILED = ProviderRow(
    name="sales",
    vendor="bland",
    baseline_at=NOON - MINUTE,
    failing_since=NOON,
    failure=Failure(kind="timeout", text="no answer within 30 s"),
    failures=3,
    unknown_words={"batch": ("odd",)},
    memory={"since": "yesterday"},
)


def test_it_is_read_as_it_was_written(conn: Connection) -> None:
    providers.save(conn, FAILED)
    assert providers.load(conn, "sales", "bland") == FAILED

    well = replace(providers.answered(FAILED, NOON), discovered_at=NOON)
    providers.save(conn, well)
    assert providers.load(conn, "sales", "bland") == well


def test_what_others_write_alone_is_kept(conn: Connection) -> None:
    account = AccountState(seen_at=NOON, balance_micros=7, currency="USD")
    providers.save_account(conn, "sales", "bland", account)
    providers.save_webhook(conn, "sales", NOON)
    providers.save(conn, FAILED)
    providers.save_account(conn, "sales", "bland", replace(account, balance_micros=6))

    found = providers.load(conn, "sales", "bland")

    told = replace(account, balance_micros=6)
    assert found == replace(FAILED, account=told, webhook_at=NOON)
