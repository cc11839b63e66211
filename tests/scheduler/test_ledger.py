"""What is written down of asking, and how rarely accounts are read."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.core.model import AccountState
from monitor.errors import ProviderError
from monitor.http import HttpClient
from monitor.providers.budget import Budget
from monitor.providers.line import Line
from monitor.scheduler.ledger import ACCOUNT_EVERY, Ledger, Page
from monitor.store import processes
from monitor.store.provider_views import ProviderView, load_providers
from monitor.store.writer import Store
from tests.builders import MINUTE, NOON, SECOND
from tests.clocks import ManualClock
from tests.fakes import Vendor
from tests.stories import hurried


@dataclass
class Kept:
    """A ledger with one provider, and what it has written."""

    path: Path
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.store = Store(hurried(self.path), self.path)
        self.http = HttpClient(self.clock)
        budget = Budget(self.clock, chance=lambda: 0.0)
        self.line = Line(self.http, budget, self.clock, every=30 * SECOND)
        self.vendor = Teller(self.clock)
        page = Page(self.vendor, self.line)
        self.ledger = Ledger([page], self.store, self.clock, chance=lambda: 0.0, started_at=NOON)

    async def view(self) -> ProviderView:
        (view,) = await self.store.read(load_providers)
        return view


class Teller(Vendor):
    """A vendor that tells of its account, or fails to."""

    broken: ProviderError | None = None
    read = 0

    async def state(self) -> AccountState | None:
        self.read += 1
        if self.broken is not None:
            raise self.broken
        return AccountState(seen_at=self.clock.now(), balance_micros=1_000_000)


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    made = Kept(tmp_path / "offhook.db")
    yield made
    made.store.close()
    await made.http.aclose()


async def test_traffic_and_account_stand_in_the_row_before_anything_else_does(kept: Kept) -> None:
    kept.line.count.add(kept.clock.monotonic(), received=10)
    await kept.ledger.keep()
    view = await kept.view()

    assert view.traffic is not None
    assert view.account is not None
    assert (view.traffic.total.requests, view.traffic.at) == (1, NOON)
    assert (view.account.balance_micros, view.account.seen_at) == (1_000_000, NOON)
    assert (view.fresh_at, view.baseline_at) == (None, None)


async def test_an_account_is_read_rarely_and_its_traffic_kept_every_time(kept: Kept) -> None:
    for _ in range(30):
        await kept.ledger.keep()
        kept.clock.move(MINUTE)

    view = await kept.view()
    assert kept.vendor.read == 2
    assert view.account is not None
    assert view.account.seen_at == NOON + ACCOUNT_EVERY
    assert view.traffic is not None
    assert view.traffic.at == NOON + 29 * MINUTE


async def test_an_account_that_cannot_be_read_hides_nothing_and_fails_nothing(kept: Kept) -> None:
    await kept.ledger.keep()
    kept.vendor.broken = ProviderError("server", "503")
    kept.clock.move(ACCOUNT_EVERY)
    await kept.ledger.keep()
    view = await kept.view()

    assert kept.vendor.read == 2
    assert view.account is not None
    assert view.account.seen_at == NOON
    assert view.failure_kind is None


async def test_a_refused_key_is_not_asked_for_its_account(kept: Kept) -> None:
    kept.line.budget.circuit.refuse(ProviderError("auth", "401"), timedelta(minutes=5))
    await kept.ledger.keep()
    assert kept.vendor.read == 0
    kept.clock.move(timedelta(minutes=5))
    await kept.ledger.keep()

    assert kept.vendor.read == 1


async def test_what_was_counted_last_is_written_at_the_end(kept: Kept) -> None:
    await kept.ledger.keep()
    kept.line.count.add(kept.clock.monotonic())
    await kept.ledger.close()
    view = await kept.view()

    assert view.traffic is not None
    assert view.traffic.total.requests == 1


async def test_until_when_the_process_ran_is_known_with_what_is_written(kept: Kept) -> None:
    kept.clock.move(5 * MINUTE)
    await kept.ledger.keep()
    kept.clock.move(30 * SECOND)
    await kept.ledger.close()
    ((start, end),) = await kept.store.read(processes.ran)

    assert (start, end - end.resolution) == (NOON, NOON + 5 * MINUTE + 30 * SECOND)


async def test_who_only_looks_once_is_no_process_that_ran(kept: Kept) -> None:
    await kept.ledger.close()

    assert await kept.store.read(processes.ran) == []
