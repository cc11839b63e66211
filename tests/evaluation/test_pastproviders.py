"""A provider laid out once more is judged as it was when it was the present."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Connection, select
from structlog.testing import capture_logs

from monitor.app.backtest import Asked, backtest
from monitor.core.alert import Alert
from monitor.core.model import AccountState, BatchStatus, Cap
from monitor.core.money import parse_amount
from monitor.core.pastwatch import Watched, watched
from monitor.core.rule import SubjectKind
from monitor.evaluation.context import Context
from monitor.evaluation.pastproviders import retold_provider
from monitor.ingest.sweeps import fail_sweep
from monitor.store import alerts, batches, history, processes, providers, states
from monitor.store.schema import alerts as table
from rules.balance_low import BalanceLow
from rules.provider_blind import ProviderBlind
from rules.self_batch_unread import SelfBatchUnread
from rules.self_list_unread import SelfListUnread
from tests.builders import HOUR, MINUTE, NOON, SECOND
from tests.stories import Story, make_context, run

TICK, POLL = 20 * SECOND, 60 * SECOND
USD = 1_000_000
RULES = (
    run(ProviderBlind()),
    run(ProviderBlind(), "blind_for", pending_for=MINUTE, keep_firing_for=2 * MINUTE),
    run(SelfBatchUnread()),
    run(SelfListUnread()),
    run(BalanceLow()),
    run(BalanceLow(least=parse_amount("50 USD")), "floor"),
    run(BalanceLow(calls_per_day=40), "plan"),
)


class Day:
    """A tick after the other: polls every minute, an account read every 15."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.answers = self.lists = self.running = True
        self.broken = False  # its list cannot be read at all
        self.refused = ""
        self.silent: set[str] = set()  # batches that cannot be looked at
        self.status = {"b1": BatchStatus.RUNNING}
        self.seen = {"b1"}
        self.balance = 0.0
        self.told = True
        self.dials = 0  # each minute
        self.used = 0
        self._n = 0

    def passes(self, length: timedelta) -> None:
        """So much time."""
        for _ in range(length // TICK):
            self.story.wait(TICK)
            self._n += 1
            if not self.running:
                continue
            if self._n % 45 == 1 and self.told and self.answers:
                self._account()
            if self._n % 3 == 0:
                self._poll()
            self._alive()
            self.story.judge_provider()

    def _alive(self) -> None:
        with self.story.engine.begin() as conn:
            processes.alive(conn, self.story.context.started_at, self.story.now)

    def _account(self) -> None:
        state = AccountState(
            seen_at=self.story.now,
            balance_micros=round(self.balance * USD),
            caps=(Cap(name="calls this month", limit=100, used=self.used),),
        )
        with self.story.engine.begin() as conn:
            providers.save_account(conn, "renewals", "graine", state)

    def _poll(self) -> None:
        story = self.story
        if self.refused:
            story.refuse(self.refused, self.refused)
            return
        if not self.answers:
            for batch in self.status:
                self._fails(batch)
            return
        if self.dials and self._n % 3 == 0 and "b1" not in self.silent:
            story.dial(self.dials, cost_micros=USD // 2, currency="USD", detail_at=story.now)
        for batch, word in self.status.items():
            if batch in self.silent:
                self._fails(batch)
                continue
            # Nobody watches one that is first seen ended.
            status = word if batch in self.seen else BatchStatus.RUNNING
            self.seen.add(batch)
            story.look(batch_id=batch, status=status, name=batch)
            if batch == "b1":
                self._read()

    def _fails(self, batch: str) -> None:
        with self.story.engine.begin() as conn:
            row = batches.find(conn, "renewals", batch)
            if row is not None:
                batches.save(conn, replace(row, failure="500 from the vendor"), "failure")

    def _read(self) -> None:
        story = self.story
        if self.broken:
            with story.engine.begin() as conn:
                fail_sweep(conn, story.batch, "no answer", story.now)
        else:
            story.read(unread=0 if self.lists else 2)

    def restart(self) -> None:
        """Another process begins."""
        self.running = True
        story = self.story
        story.context = replace(story.context, started_at=story.now)
        with story.engine.begin() as conn:
            processes.alive(conn, story.now, story.now)
        story.judge_provider()


def well(day: Day) -> None:
    day.passes(30 * MINUTE)


def refused(day: Day) -> None:
    day.passes(5 * MINUTE)
    day.refused = "auth"
    day.passes(20 * MINUTE)
    day.refused = ""
    day.passes(5 * MINUTE)


def fails_now_and_then(day: Day) -> None:
    for kind in ("timeout", "server", "rate_limited"):
        day.refused = kind
        day.passes(4 * MINUTE)
        day.refused = ""
        day.passes(MINUTE)
    day.refused = "server"
    day.passes(9 * MINUTE)


def silent(day: Day) -> None:
    day.passes(3 * MINUTE)
    for minutes in (2, 6, 17):
        day.answers = False
        day.passes(minutes * MINUTE)
        day.answers = True
        day.passes(3 * MINUTE)


def silent_to_the_end(day: Day) -> None:
    day.passes(3 * MINUTE)
    day.answers = False
    day.passes(22 * MINUTE)


def one_batch_unread(day: Day) -> None:
    day.status["b2"] = BatchStatus.RUNNING
    day.passes(4 * MINUTE)
    day.silent = {"b2"}
    day.passes(12 * MINUTE)
    day.silent = set()
    day.passes(4 * MINUTE)
    day.silent = {"b1", "b2"}
    day.passes(9 * MINUTE)
    day.status["b2"] = day.status["b1"] = BatchStatus.COMPLETED
    day.silent = set()
    day.passes(5 * MINUTE)


def rows_unread(day: Day) -> None:
    day.passes(2 * MINUTE)
    day.lists = False
    day.passes(10 * MINUTE)
    day.lists = True
    day.passes(3 * MINUTE)


def list_breaks(day: Day) -> None:
    day.passes(2 * MINUTE)
    day.broken = True
    day.passes(8 * MINUTE)
    day.lists = day.broken = False
    day.passes(3 * MINUTE)
    day.lists = True
    day.passes(3 * MINUTE)


def restarted(day: Day) -> None:
    day.restart()
    day.passes(3 * MINUTE)
    day.running = False
    day.passes(30 * MINUTE)
    day.restart()
    day.answers = False
    day.passes(4 * MINUTE)
    day.answers = True
    day.passes(3 * MINUTE)
    day.answers = False
    day.passes(6 * MINUTE)
    day.running = False
    day.passes(10 * MINUTE)
    day.restart()
    day.passes(6 * MINUTE)


def runs_dry(day: Day) -> None:
    day.balance, day.dials = 90.0, 2
    day.passes(14 * MINUTE)
    day.balance = 8.0
    day.passes(15 * MINUTE)
    day.balance, day.used = 300.0, 79
    day.passes(16 * MINUTE)


def untold(day: Day) -> None:
    """The account cannot be read for hours."""
    runs_dry(day)
    day.used = 80
    day.told = False
    day.passes(80 * MINUTE)
    day.told = True
    day.passes(20 * MINUTE)


def ends_in_time(day: Day) -> None:
    """The balance never moves, and what is needed does."""
    day.balance, day.dials = 15.0, 4
    day.passes(40 * MINUTE)
    day.status["b1"] = BatchStatus.COMPLETED
    day.passes(5 * MINUTE)


def anything(seed: int) -> Callable[[Day], None]:
    def happens(day: Day) -> None:
        some = Random(seed)
        day.balance = 60.0
        for _ in range(12):
            day.answers = some.random() < 0.8
            day.refused = some.choice(("", "", "", "auth", "server", "rate_limited"))
            day.lists = some.random() < 0.8
            day.silent = {each for each in day.status if some.random() < 0.3}
            day.dials = some.choice((0, 1, 3))
            day.balance = some.choice((day.balance, 0.0, 20.0, 55.0, 200.0))
            day.used = some.choice((10, 79, 85))
            if some.random() < 0.3:
                day.status["b2"] = some.choice((BatchStatus.RUNNING, BatchStatus.COMPLETED))
            if some.random() < 0.2:
                day.running = False
                day.passes(some.randrange(1, 60) * MINUTE)
                day.restart()
            day.passes(some.randrange(1, 45) * TICK)

    happens.__name__ = f"seed {seed}"
    return happens


FIRED = {
    "refused": {"provider_blind", "blind_for"},
    "silent": {"provider_blind", "blind_for"},
    "silent_to_the_end": {"provider_blind", "blind_for"},
    "one_batch_unread": {"self_batch_unread", "provider_blind", "blind_for"},
    "rows_unread": {"self_list_unread"},
    "list_breaks": {"self_list_unread"},
    "runs_dry": {"balance_low", "floor", "plan"},
    "untold": {"balance_low", "floor", "plan"},
    "ends_in_time": {"balance_low", "floor", "plan"},
}


@pytest.mark.parametrize(
    "happens",
    [silent, one_batch_unread, list_breaks, restarted, runs_dry],
    ids=lambda happens: happens.__name__,
)
def test_what_was_told_live_is_told_again(story: Story, happens: Callable[[Day], None]) -> None:
    happens(Day(story))

    assert beside(story) >= FIRED.get(happens.__name__, set())


def test_a_backtest_holds_it_beside_what_was_told(story: Story) -> None:
    day = Day(story)
    day.balance = 1.0
    day.passes(MINUTE)
    day.answers = False
    day.passes(8 * MINUTE)
    day.answers = True
    day.passes(2 * MINUTE)
    asked = Asked(database=story.path, context=story.context, since=NOON - HOUR, until=story.now)

    same = backtest(asked, lambda done, of: None, workers=1)
    stricter = make_context(run(ProviderBlind(), pending_for=5 * MINUTE), *RULES[1:4])
    other = backtest(replace(asked, context=stricter), lambda done, of: None, workers=1)

    assert (same.differences.new, same.differences.gone, same.untold) == ((), (), {})
    found = {each.instance: each.same for each in same.entries}
    assert found == {**dict.fromkeys(found, 0), "provider_blind": 1, "blind_for": 1, "floor": 1}
    assert {each.batches for each in same.entries} == {0}
    gone = sorted(each.instance for each in other.differences.gone)
    assert gone == ["floor", "provider_blind"]
    assert [each.instance for each in other.differences.new] == []


def test_what_was_told_before_it_is_known_how_a_provider_stood_is_no_difference(
    story: Story,
) -> None:
    day = Day(story)
    day.refused = "auth"
    day.passes(5 * MINUTE)
    day.refused = ""
    day.passes(5 * MINUTE)
    with story.engine.begin() as conn:
        states.prune(conn, story.now)
    blind = replace(story.context, instances=RULES[:1])
    asked = Asked(database=story.path, context=blind, since=NOON - HOUR, until=story.now)

    done = backtest(asked, lambda done, of: None, workers=1)

    assert "provider_blind" in {each.instance for each in live(story)}
    assert "provider_blind" not in {each.instance for each in done.differences.gone}


def test_what_was_told_of_a_provider_that_is_configured_no_more_is_no_difference(
    story: Story,
) -> None:
    Day(story).passes(MINUTE)  # its balance is below the least
    bare = replace(story.context, providers={})
    asked = Asked(database=story.path, context=bare, since=NOON - HOUR, until=story.now)

    done = backtest(asked, lambda done, of: None, workers=1)

    assert live(story)
    assert (done.differences.new, done.differences.gone) == ((), ())


def test_after_the_clock_was_set_back_nothing_is_told_of_a_time_to_come(story: Story) -> None:
    day = Day(story)
    day.refused = "auth"
    day.passes(5 * MINUTE)
    assert {each.instance for each in again(story)} >= {"provider_blind"}

    story.now = NOON - MINUTE

    assert again(story) == []


@pytest.fixture
def _whole(*, proof: bool) -> None:
    if not proof:
        pytest.skip("the whole proof: its share are the tests above")


@pytest.mark.proof
@pytest.mark.usefixtures("_whole")  # before a database is made
@pytest.mark.parametrize(
    "happens",
    [
        well,
        refused,
        rows_unread,
        fails_now_and_then,
        silent_to_the_end,
        untold,
        ends_in_time,
        *map(anything, range(40)),
    ],
    ids=lambda happens: happens.__name__,
)
def test_so_it_is_whatever_happens(story: Story, happens: Callable[[Day], None]) -> None:
    happens(Day(story))

    assert beside(story) >= FIRED.get(happens.__name__, set())


def beside(story: Story) -> set[str]:
    """The rules that fired, live as in the replay."""
    then, now = live(story), again(story)

    assert near(then, now), (list(map(shown, then)), list(map(shown, now)))
    return {each.instance for each in then}


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    made = Story(tmp_path / "offhook.db", make_context(*RULES))
    made.invite(50)
    made.see()
    with capture_logs():
        yield made
    made.engine.dispose()


def live(story: Story) -> list[Alert]:
    with story.engine.connect() as conn:
        keys = conn.execute(
            select(table.c.key).where(table.c.subject_kind == str(SubjectKind.PROVIDER))
        ).scalars()
        found = alerts.load_keys(conn, keys.all())
    return fired(found)


def fired(found: list[Alert]) -> list[Alert]:
    return sorted(
        (each for each in found if each.fired_at is not None),
        key=lambda each: (each.instance, each.episode),
    )


def again(story: Story, context: Context | None = None) -> list[Alert]:
    context = context or story.context
    with story.engine.connect() as conn:
        some = [seen(conn, batch) for batch in history.open_now(conn, "renewals")]
        some += [seen(conn, batch) for batch in history.ended_since(conn, "renewals", NOON)]
        view = context.providers["renewals"]
        moved = retold_provider(conn, view, context, some, NOON - HOUR, story.now)
    return fired(list({each.alert.key: each.alert for each in moved}.values()))


def seen(conn: Connection, batch: int) -> Watched:
    row = batches.load(conn, batch)
    return watched(batch, history.past(conn, row, POLL), row.fresh_at, money=True)


def near(then: list[Alert], now: list[Alert]) -> bool:
    """The same alerts for the same reasons, within a look and a tick."""
    if len(then) != len(now):
        return False
    return all(
        (one.key, one.state, one.reason) == (other.key, other.state, other.reason)
        and close(one.fired_at, other.fired_at)
        and close(one.closed_at, other.closed_at)
        for one, other in zip(then, now, strict=True)
    )


def close(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= POLL + TICK


def shown(each: Alert) -> str:
    return (
        f"{each.instance} {each.episode} {each.state} {each.reason} {each.severity} "
        f"fired {at(each.fired_at)} closed {at(each.closed_at)}"
    )


def at(when: datetime | None) -> str:
    return "-" if when is None else str((when - NOON) / TICK)
