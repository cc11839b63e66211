"""What each kind of fault of a vendor brings about: the one alert, when, and its end."""

from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.core.model import Counts
from monitor.dates import Dates
from monitor.errors import NotFoundError, ProviderError
from tests.builders import HOUR, MINUTE, NOON, SECOND
from tests.lookout import Lookout
from tests.stories import every_rule

GONE = NotFoundError("404 Not Found")
BROKEN = ProviderError("garbage", "a batch: the answer is not JSON")
POLLS = 30 * SECOND


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Lookout]:
    with capture_logs():
        rules = tuple(each for each in every_rule() if each.name != "batch_stalled")
        made = Lookout(tmp_path / "offhook.db", rules=rules, threads=False)
        yield made
        made.store.close()


async def running(watch: Lookout, *names: str, people: int = 5) -> None:
    """These batches are watched and well."""
    for name in names or ("b1",):
        watch.vendor.add(name, people=people, name=f"Batch {name}")
    await watch.live_for(MINUTE)
    assert await watch.owed() == []


# A batch that is gone


async def test_a_batch_that_vanished_is_told_once_and_asked_for_ever_less(watch: Lookout) -> None:
    await running(watch, "b1", "b2")
    kept = watch.vendor.batches.pop("b1")
    await watch.live_for(9 * MINUTE, every=MINUTE)
    assert await watch.owed() == []

    await watch.live_for(4 * MINUTE, every=MINUTE)
    assert await watch.owed() == [("batch_vanished", "fired")]
    asked = await watch.poll_for(6 * HOUR, every=5 * MINUTE)
    assert len([one for one in asked if "b1" in one]) <= 12

    watch.vendor.batches["b1"] = kept
    await watch.live_for(HOUR, every=5 * MINUTE)
    assert await watch.owed() == [("batch_vanished", "fired"), ("batch_vanished", "resolved")]


async def test_a_batch_that_stays_gone_is_given_up_after_a_day(watch: Lookout) -> None:
    await running(watch, "b1", "b2")
    kept = watch.vendor.batches.pop("b1")
    await watch.live_for(26 * HOUR, every=30 * MINUTE)
    row = await watch.row("b1")
    asked = await watch.poll_for(3 * HOUR, every=10 * MINUTE)

    assert not row.open
    assert not any("b1" in one for one in asked)
    assert await watch.reasons() == {"batch_vanished": "batch_vanished"}

    watch.vendor.batches["b1"] = kept
    await watch.live_for(10 * MINUTE, every=MINUTE)
    row = await watch.row("b1")
    assert (row.open, row.gone_at, row.gone_times) == (True, None, 0)


async def test_what_else_was_said_of_a_vanished_batch_is_over_without_a_word(
    watch: Lookout,
) -> None:
    await running(watch, "b1", "b2")
    counts = watch.vendor.batches["b1"].counted()
    watch.vendor.batches["b1"].counts = Counts(total=9, by_status=counts.by_status)
    await watch.live_for(20 * MINUTE, every=MINUTE)
    assert await watch.owed() == [("count_mismatch", "fired")]

    del watch.vendor.batches["b1"]
    await watch.live_for(15 * MINUTE, every=MINUTE)
    assert await watch.reasons() == {
        "count_mismatch": "batch_vanished",
        "batch_vanished": "held_long_enough",
    }


async def test_a_batch_that_is_missing_now_and_then_has_not_vanished(watch: Lookout) -> None:
    await running(watch, "b1", "b2")
    for _ in range(4):
        watch.vendor.refuse_looks["b1"] = GONE
        watch.vendor.unlisted.add("b1")
        await watch.live_for(3 * MINUTE, every=MINUTE)
        watch.vendor.refuse_looks.clear()
        await watch.live_for(5 * MINUTE, every=MINUTE)

    assert await watch.owed() == []


async def test_how_long_a_batch_is_gone_survives_restarts(watch: Lookout) -> None:
    await running(watch, "b1", "b2")
    del watch.vendor.batches["b1"]
    for _ in range(4):
        await watch.live_for(3 * MINUTE, every=MINUTE)
        await watch.restart()

    assert await watch.owed() == [("batch_vanished", "fired")]


async def test_when_every_batch_is_gone_the_account_is_in_doubt(watch: Lookout) -> None:
    await running(watch, "b1", "b2")
    kept = dict(watch.vendor.batches)
    watch.vendor.batches.clear()
    await watch.live_for(20 * MINUTE, every=MINUTE)

    assert await watch.owed() == [
        ("provider_blind", "fired"),
        ("provider_blind", "escalated-critical"),
    ]
    watch.vendor.batches |= kept
    await watch.live_for(5 * MINUTE, every=MINUTE)
    assert (await watch.owed())[2:] == [("provider_blind", "resolved")]
    assert set(await watch.alerts()) == {"provider_blind"}


async def test_batches_of_another_account_are_no_witnesses(watch: Lookout) -> None:
    await running(watch, "b1", "b2")
    watch.vendor.batches.clear()
    watch.vendor.add("other", people=3)
    await watch.live_for(25 * MINUTE, every=MINUTE)

    assert await watch.owed() == [("self_batch_unread", "fired")]


async def test_the_last_open_batch_vanishes_where_ended_ones_are_still_listed(
    watch: Lookout,
) -> None:
    watch.vendor.add("old", status="completed")
    await running(watch, "b1")
    watch.vendor.batches.pop("b1")
    await watch.live_for(15 * MINUTE, every=MINUTE)

    assert await watch.owed() == [("batch_vanished", "fired")]


# Batches that cannot be looked at


async def test_one_batch_that_cannot_be_looked_at_is_told_while_others_can(
    watch: Lookout,
) -> None:
    await running(watch, "b1", "b2")
    watch.vendor.refuse_looks["b1"] = BROKEN
    watch.vendor.unlisted |= {"b1", "b2"}
    await watch.live_for(4 * MINUTE, every=POLLS)
    assert await watch.owed() == []
    await watch.live_for(2 * MINUTE, every=POLLS)
    assert await watch.owed() == [("self_batch_unread", "fired")]

    await watch.live_for(20 * MINUTE, every=POLLS)
    watch.vendor.refuse_looks.clear()
    await watch.live_for(2 * MINUTE, every=POLLS)
    assert await watch.owed() == [("self_batch_unread", "fired"), ("self_batch_unread", "resolved")]


async def test_many_of_them_are_one_alert(watch: Lookout) -> None:
    names = [f"b{n:02}" for n in range(5)]
    await running(watch, *names, people=1)
    watch.vendor.unlisted |= set(names)
    watch.vendor.refuse_looks |= dict.fromkeys(names[1:], BROKEN)
    watch.vendor.refuse_pages |= dict.fromkeys(names[1:], BROKEN)
    await watch.live_for(12 * MINUTE, every=MINUTE)

    assert await watch.owed() == [("self_batch_unread", "fired")]


async def test_a_batch_that_answers_only_with_old_answers_is_not_fresh(watch: Lookout) -> None:
    await running(watch, "b1", "b2")
    batch = watch.vendor.batches["b1"]
    batch.version = NOON + HOUR
    await watch.live_for(MINUTE)
    batch.version = NOON
    batch.status = "completed"
    await watch.live_for(10 * MINUTE, every=POLLS)

    assert await watch.owed() == [("self_batch_unread", "fired")]
    batch.status, batch.version = "running", NOON + 2 * HOUR
    await watch.live_for(2 * MINUTE, every=POLLS)
    assert (await watch.owed())[1:] == [("self_batch_unread", "resolved")]


async def test_after_a_restart_a_batch_is_given_time(watch: Lookout) -> None:
    await running(watch, "b1", "b2")
    watch.clock.move(HOUR)
    await watch.restart()
    watch.vendor.refuse_looks["b1"] = BROKEN
    watch.vendor.unlisted |= {"b1", "b2"}
    await watch.live_for(4 * MINUTE, every=POLLS)

    assert await watch.owed() == []


# Lists that cannot be read


async def test_many_lists_that_cannot_be_read_are_one_alert_that_outlives_a_restart(
    watch: Lookout,
) -> None:
    names = [f"b{n:02}" for n in range(3)]
    await running(watch, *names)
    for name in names:
        watch.vendor.refuse_pages[name] = ProviderError("contract", "the list does not end")
        watch.vendor.batches[name].people[0].status = "completed"
    await watch.live_for(8 * MINUTE, every=MINUTE)
    assert await watch.owed() == [("self_list_unread", "fired")]

    await watch.restart()
    await watch.live_for(2 * MINUTE, every=MINUTE)
    watch.vendor.refuse_pages.clear()
    await watch.live_for(12 * MINUTE, every=MINUTE)
    assert await watch.owed() == [("self_list_unread", "fired"), ("self_list_unread", "resolved")]


async def test_an_outage_is_one_alert_whatever_fails_in_it(watch: Lookout) -> None:
    names = [f"b{n:02}" for n in range(3)]
    await running(watch, *names)
    for name in names:
        watch.vendor.batches[name].people[0].status = "completed"
    down = ProviderError("server", "503: the vendor's server failed")
    watch.vendor.refuse_pages |= dict.fromkeys(names, down)
    await watch.poll(POLLS)
    watch.vendor.refuse = down
    await watch.live_for(14 * MINUTE, every=MINUTE)
    assert await watch.owed() == [("provider_blind", "fired")]

    watch.vendor.refuse = None
    watch.vendor.refuse_pages.clear()
    await watch.live_for(12 * MINUTE, every=MINUTE)
    assert await watch.owed() == [("provider_blind", "fired"), ("provider_blind", "resolved")]


# The account


@pytest.mark.parametrize("kind", ["auth", "forbidden", "payment"])
async def test_a_refused_key_is_told_at_the_second_refusal(watch: Lookout, kind: str) -> None:
    await running(watch)
    watch.vendor.refuse = ProviderError(kind, "the key is not accepted")
    asked = len(await watch.poll(POLLS))
    while asked < 2 and watch.clock.now() < NOON + 3 * MINUTE:
        assert await watch.owed() == []
        asked += len(await watch.poll(5 * SECOND))

    assert await watch.owed() == [("provider_blind", "fired")]
    assert await watch.severities() == {"provider_blind": "critical"}
    hourly = await watch.poll_for(HOUR)
    assert 8 <= len(hourly) <= 30, "lists and looks about every five minutes"

    watch.vendor.refuse = None
    await watch.live_for(6 * MINUTE)
    assert (await watch.owed())[1:] == [("provider_blind", "resolved")]


async def test_a_key_that_is_refused_once_is_an_accident(watch: Lookout) -> None:
    await running(watch)
    for _ in range(5):
        watch.vendor.refuse = ProviderError("auth", "401 Unauthorized")
        while not await watch.poll(5 * SECOND):
            pass
        watch.vendor.refuse = None
        await watch.live_for(MINUTE)

    assert await watch.owed() == []


async def test_a_certificate_is_told_at_once_and_gets_critical_later(watch: Lookout) -> None:
    await running(watch)
    watch.vendor.refuse = ProviderError("tls", "the certificate is not trusted: expired")
    await watch.live_for(2 * MINUTE)
    assert await watch.severities() == {"provider_blind": "warning"}
    await watch.live_for(15 * MINUTE, every=MINUTE)
    assert await watch.severities() == {"provider_blind": "critical"}


async def test_a_vendor_that_asks_for_patience_is_not_blind_while_it_is_heard(
    watch: Lookout,
) -> None:
    await running(watch)
    busy = ProviderError("rate_limited", "429 Too Many Requests", retry_after=30)
    for _ in range(8):
        watch.vendor.refuse = busy
        await watch.live_for(40 * SECOND)
        watch.vendor.refuse = None
        await watch.live_for(40 * SECOND)
    assert await watch.owed() == []

    watch.vendor.refuse = busy
    await watch.live_for(7 * MINUTE)
    assert await watch.owed() == [("provider_blind", "fired")]


# Counts


async def test_counts_that_contradict_the_lists_are_told_and_hold_the_end_back(
    watch: Lookout,
) -> None:
    await running(watch)
    batch = watch.vendor.batches["b1"]
    batch.counts = Counts(total=7, by_status=batch.counted().by_status)
    await watch.live_for(10 * MINUTE, every=POLLS)
    assert await watch.owed() == []
    await watch.live_for(6 * MINUTE, every=POLLS)
    assert await watch.owed() == [("count_mismatch", "fired")]

    batch.counts = None
    await watch.live_for(3 * MINUTE, every=POLLS)
    assert (await watch.owed())[1:] == [("count_mismatch", "resolved")]


async def test_people_who_are_taken_out_of_a_batch_are_no_contradiction(watch: Lookout) -> None:
    await running(watch, people=12)
    del watch.vendor.batches["b1"].people[4:6]
    await watch.live_for(15 * MINUTE, every=POLLS)

    assert await watch.owed() == []
    assert len(await watch.people()) == 10


async def test_counters_that_fall_are_believed_at_the_second_look(watch: Lookout) -> None:
    await running(watch)
    batch = watch.vendor.batches["b1"]
    true = batch.counted()
    batch.counts = Counts(total=5, finished=4, by_status=true.by_status)
    await watch.live_for(2 * MINUTE)
    batch.counts = Counts(total=5, finished=2, by_status=true.by_status)
    await watch.poll(POLLS)
    doubted = await watch.row()
    assert doubted.look.counts.finished == 4
    assert doubted.fresh_at < watch.clock.now()
    await watch.poll(10 * SECOND)
    assert (await watch.row()).look.counts.finished == 2

    await watch.live_for(9 * MINUTE, every=POLLS)
    assert await watch.owed() == []
    await watch.live_for(3 * MINUTE, every=POLLS)
    assert await watch.owed() == [("count_mismatch", "fired")]
    batch.counts = Counts(total=5, finished=4, by_status=true.by_status)
    await watch.live_for(3 * MINUTE, every=POLLS)
    assert (await watch.owed())[1:] == [("count_mismatch", "resolved")]


async def test_a_cache_that_answers_now_and_then_moves_nothing_back(watch: Lookout) -> None:
    await running(watch, people=40)
    batch = watch.vendor.batches["b1"]
    for n, person in enumerate(batch.people[:20]):
        old = batch.counted()
        person.status = "completed"
        await watch.poll(POLLS)
        if n % 2:
            batch.counts = old
            await watch.poll(10 * SECOND)
            batch.counts = None
            await watch.poll(10 * SECOND)
        await watch.judge.everything()

    assert await watch.owed() == []
    assert (await watch.row()).look.counts.finished == 20


async def test_the_first_of_all_to_be_missing_has_not_vanished_either(watch: Lookout) -> None:
    await running(watch, "b1", "b2")
    watch.vendor.refuse_looks["b1"] = GONE
    watch.vendor.unlisted |= {"b1", "b2"}
    await watch.live_for(2 * MINUTE, every=MINUTE)
    watch.vendor.refuse_looks["b2"] = GONE
    await watch.live_for(15 * MINUTE, every=MINUTE)

    assert {rule for rule, _ in await watch.owed()} == {"provider_blind"}


async def test_a_batch_that_was_deleted_after_its_end_is_let_go(watch: Lookout) -> None:
    await running(watch)
    batch = watch.vendor.batches["b1"]
    for person in batch.people:
        person.status = "completed"
    batch.status = "completed"
    await watch.live_for(2 * MINUTE)
    del watch.vendor.batches["b1"]
    await watch.live_for(26 * HOUR, every=30 * MINUTE)

    assert {rule for rule, _ in await watch.owed()} == {"batch_completed"}
    assert not (await watch.row()).open


async def test_a_batch_that_is_named_and_never_seen_is_told(watch: Lookout) -> None:
    await watch.restart(batches=["b1", "typo"])
    watch.vendor.silent_lists = True
    watch.vendor.add("b1", people=3)
    await watch.live_for(4 * MINUTE, every=POLLS)
    assert await watch.owed() == []
    await watch.live_for(3 * MINUTE, every=POLLS)
    assert await watch.owed() == [("self_batch_unread", "fired")]

    await watch.restart(batches=["b1"])
    await watch.live_for(2 * MINUTE, every=POLLS)
    assert await watch.owed() == [("self_batch_unread", "fired"), ("self_batch_unread", "resolved")]


async def test_a_clock_that_differs_is_told_once_and_is_over_when_it_is_right(
    watch: Lookout,
) -> None:
    await running(watch)
    watch.judge._dates = {"renewals": (dates := Dates())}

    async def answers(ahead: timedelta) -> None:
        for _ in range(8):
            now = watch.clock.now()
            dates.age("/batches", {"date": format_datetime(now + ahead)}, now, now)
            await watch.live_for(30 * SECOND, every=30 * SECOND)

    await answers(10 * MINUTE)
    assert await watch.owed() == [("self_clock_skewed", "fired")]
    await answers(0 * SECOND)
    assert (await watch.owed())[1:] == [("self_clock_skewed", "resolved")]


async def test_requests_that_were_on_their_way_together_are_one_refusal(watch: Lookout) -> None:
    for name in ("b1", "b2", "b3"):
        watch.vendor.add(name, people=5)
        watch.vendor.refuse_pages[name] = ProviderError("auth", "401 Unauthorized")
    await watch.poll()

    assert (await watch.provider()).failures == 1
