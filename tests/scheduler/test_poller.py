"""What a poll asks for, what it learns from the answer, and what it makes of a refusal."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.core.model import Batch, Counts
from monitor.core.pace import REREAD_EVERY, URGENT
from monitor.core.route import parse_matcher
from monitor.errors import NotFoundError, ProviderError
from monitor.providers import Known, LookFailed
from monitor.store import changes, retention
from monitor.store.writer import Priority
from rules.batch_stalled import BatchStalled
from rules.error_spike import ErrorSpike
from tests.builders import EVERYTHING, HOUR, MINUTE, NOON, SECOND
from tests.fakes import CallRow, Person
from tests.lookout import Lookout
from tests.stories import run

EVERY = 30 * SECOND


def changed(row: Person, **values: Any) -> Person:
    return Person(**{name: getattr(row, name) for name in row.__struct_fields__} | values)


def finish(person: Person, at: Lookout, status: str = "completed") -> Person:
    """The person was called just now."""
    call = CallRow(id=f"{person.id}.1", status=status, ended=at.clock.now())
    contact = "completed" if status == "completed" else "exhausted"
    return changed(person, status=contact, calls=[call])


async def begin(at: Lookout, people: int = 25) -> None:
    """One batch that runs, seen and read."""
    at.vendor.add(people=people)
    await at.poll()


# First sight


async def test_the_first_poll_finds_looks_and_reads(at: Lookout) -> None:
    at.vendor.add(people=25)
    asked = await at.poll()

    assert asked[0] == "discover"
    assert [one for one in asked if one.startswith("page")] == [
        "page b1 0",
        "page b1 1",
        "page b1 2",
    ]
    assert len(await at.people()) == 25
    row = await at.row()
    assert (row.swept_at, row.full_swept_at, row.complete_at) == (NOON, NOON, NOON)
    assert (await at.provider()).baseline_at == NOON


async def test_what_had_ended_before_the_baseline_is_history(at: Lookout) -> None:
    at.vendor.add("old", people=3, status="completed")
    at.vendor.add("new", people=3)
    await at.poll()
    await at.poll_for(10 * MINUTE)

    old = await at.row("old")
    assert (old.news, old.open) == (False, False)
    assert await at.owed() == [] or ("batch_completed", "reported") not in await at.owed()


async def test_what_comes_after_the_baseline_is_news_even_if_it_has_ended(at: Lookout) -> None:
    await at.poll()
    made = at.vendor.add("quick", people=3, status="completed")
    made.people = [finish(person, at) for person in made.people]
    await at.poll_for(3 * MINUTE)

    assert await at.owed() == [("batch_completed", "reported")]


async def test_what_ended_while_offhook_was_down_is_news(at: Lookout) -> None:
    await at.poll()
    await at.restart()
    made = at.vendor.add("quick", people=3, status="completed")
    made.people = [finish(person, at) for person in made.people]
    at.clock.move(3 * HOUR)
    await at.poll_for(3 * MINUTE)

    assert await at.owed() == [("batch_completed", "reported")]


async def test_lists_with_holes_are_the_baseline_after_a_while(at: Lookout) -> None:
    at.vendor.complete = False
    at.vendor.add("b1", people=3)
    await at.poll()
    assert (await at.provider()).baseline_at is None
    await at.poll_for(4 * MINUTE)

    assert (await at.provider()).baseline_at is not None


async def test_batches_that_lists_only_name_are_looked_at(at: Lookout) -> None:
    at.vendor.silent_lists = True
    at.vendor.add("b1", people=3)
    asked = await at.poll()

    assert "look b1" in asked
    assert await at.known() == {"b1"}


async def test_batches_named_in_the_configuration_are_looked_at(at: Lookout) -> None:
    at.vendor.add("b1", people=3)
    at.vendor.unlisted = {"b1"}
    await at.restart(batches=("b1", "nothing"))
    asked = await at.poll()

    assert "look b1 nothing" in asked
    assert await at.known() == {"b1"}


# Pace


async def test_nothing_is_asked_before_it_is_due(at: Lookout) -> None:
    await begin(at)

    assert await at.poll(EVERY - SECOND) == []
    assert await at.poll(SECOND) == ["look b1"]


async def test_lists_that_tell_how_batches_stand_come_when_these_are_due(at: Lookout) -> None:
    await at.restart(discover_every=65 * SECOND)
    await begin(at)
    assert await at.poll(EVERY) == ["look b1"]
    assert await at.poll(EVERY) == ["discover"]
    assert await at.poll(EVERY - SECOND) == []
    assert await at.poll(SECOND) == ["look b1"]


async def test_lists_that_only_name_batches_come_no_earlier(at: Lookout) -> None:
    at.vendor.silent_lists = True
    await at.restart(discover_every=65 * SECOND)
    await begin(at)
    assert await at.poll(EVERY) == ["look b1"]
    assert await at.poll(EVERY) == ["look b1"]
    assert await at.poll(5 * SECOND) == ["discover"]


async def test_counts_that_stand_still_need_no_list(at: Lookout) -> None:
    await begin(at)
    asked = await at.poll_for(5 * MINUTE)

    assert not [one for one in asked if one.startswith("page")]
    assert (await at.row()).fresh_at > NOON + 4 * MINUTE


BY_STATUS = replace(EVERYTHING, trusted=frozenset({"total", "live", "by_status"}))


async def walk_on(at: Lookout, people: range) -> list[str]:
    """One after the other is called, one a minute; what was asked for."""
    made, asked = at.vendor.batches["b1"], []
    for place in people:
        made.people[place] = finish(made.people[place], at)
        asked += await at.poll_for(MINUTE)
        await at.judge.everything()
    return asked


@pytest.mark.parametrize(
    ("trusted", "most"),
    [
        pytest.param({"total", "live"}, 2, id="whose moves no count tells"),
        pytest.param({"total", "live", "by_status"}, 0, id="counted by status"),
        pytest.param({"total", "finished"}, 0, id="whose ends are counted"),
    ],
)
async def test_while_people_move_everything_is_read_seldom_where_they_are_counted(
    at: Lookout, trusted: set[str], most: int
) -> None:
    at.vendor.capabilities = replace(EVERYTHING, trusted=frozenset(trusted))
    await begin(at, people=90)
    asked = await walk_on(at, range(25))

    assert asked.count("page b1 8") == most


async def test_counts_that_are_old_hide_no_move_until_a_batch_seems_to_stand_still(
    at: Lookout,
) -> None:
    at.vendor.capabilities = BY_STATUS
    at.rules = (run(BatchStalled()),)
    await at.restart()
    await begin(at, people=90)
    await walk_on(at, range(11))
    made = at.vendor.batches["b1"]
    await at.poll_for(2 * MINUTE)
    made.counts = made.counted()
    await walk_on(at, range(11, 40))

    assert await at.alerts() == {}


async def test_everything_is_read_again_now_and_then(at: Lookout) -> None:
    await begin(at)
    early = await at.poll_for(REREAD_EVERY - MINUTE)
    asked = await at.poll_for(2 * MINUTE)

    assert not [one for one in early if one.startswith("page")]
    assert [one for one in asked if one.startswith("page")] == [
        "page b1 0",
        "page b1 1",
        "page b1 2",
    ]


async def test_only_pages_where_people_move_are_read_when_counts_move(at: Lookout) -> None:
    made = at.vendor.add(people=60)
    made.people[33] = changed(made.people[33], status="in_call")
    await at.poll()
    made.people[33] = finish(made.people[33], at)
    asked = await at.poll(EVERY)

    assert "page b1 3" in asked
    assert len([one for one in asked if one.startswith("page")]) < 6
    assert (await at.people())["p033"] == "completed"


async def test_reading_goes_on_until_the_counts_are_explained(at: Lookout) -> None:
    made = at.vendor.add(people=60)
    await at.poll()
    made.people = [
        finish(person, at) if n >= 40 else person for n, person in enumerate(made.people)
    ]
    asked = await at.poll(EVERY)

    assert len([one for one in asked if one.startswith("page")]) == 6
    assert list((await at.people()).values()).count("completed") == 20


async def test_what_ended_is_read_to_the_last_page(at: Lookout) -> None:
    await begin(at, people=60)
    made = at.vendor.batches["b1"]
    made.people = [finish(person, at) for person in made.people]
    made.status = "completed"
    asked = await at.poll(EVERY)

    assert len({one for one in asked if one.startswith("page")}) == 6
    row = await at.row()
    assert row.terminal_at is not None
    assert row.complete_at is not None
    assert row.complete_at >= row.terminal_at


async def test_an_end_is_confirmed_soon_and_reported_once(at: Lookout) -> None:
    await begin(at)
    made = at.vendor.batches["b1"]
    made.people = [finish(person, at) for person in made.people]
    made.status = "completed"
    await at.poll(EVERY)
    asked = await at.poll_for(30 * SECOND, every=SECOND)

    assert asked.count("look b1") >= 3
    assert await at.owed() == [("batch_completed", "reported")]
    assert at.woken >= 1


async def test_an_ended_batch_is_let_go_after_a_while(at: Lookout) -> None:
    await begin(at)
    made = at.vendor.batches["b1"]
    made.people = [finish(person, at) for person in made.people]
    made.status = "completed"
    await at.poll_for(15 * MINUTE)
    assert not (await at.row()).open
    asked = await at.poll_for(5 * MINUTE)

    assert not [one for one in asked if one.startswith(("look", "page"))]


async def let_go(at: Lookout) -> None:
    """One batch that ran, ended, was told of, and is watched no more."""
    await begin(at)
    made = at.vendor.batches["b1"]
    made.people = [finish(person, at) for person in made.people]
    made.status = "completed"
    await at.poll_for(15 * MINUTE)
    assert not (await at.row()).open


async def test_a_batch_let_go_that_runs_again_is_found_again(at: Lookout) -> None:
    await let_go(at)
    made = at.vendor.batches["b1"]
    made.status = "running"
    made.people.append(Person(id="late"))
    await at.poll_for(3 * MINUTE)

    row = await at.row()
    assert (row.run, row.open) == (2, True)
    assert (await at.people())["late"] == "pending"


async def looked_at(at: Lookout) -> None:
    """Until the batch is asked for."""
    for _ in range(1000):
        if "look b1" in await at.poll(10 * SECOND):
            return
    pytest.fail("nobody asked for it")


@pytest.mark.parametrize("named", [True, False], ids=["named here", "named by a list"])
async def test_one_that_no_list_tells_the_state_of_is_found_again_too(
    at: Lookout, *, named: bool
) -> None:
    at.vendor.silent_lists, at.vendor.unlisted = not named, {"b1"} if named else set()
    await at.restart(batches=("b1",) if named else ())
    await let_go(at)
    quiet = await at.poll_for(2 * HOUR)
    assert 3 <= len([one for one in quiet if one == "look b1"]) <= 5
    made = at.vendor.batches["b1"]
    made.status = "running"
    made.people.append(Person(id="late"))
    await at.poll_for(35 * MINUTE)

    row = await at.row()
    assert (row.run, row.open) == (2, True)
    assert (await at.people())["late"] == "pending"


async def test_a_short_run_between_two_looks_is_told_where_no_list_tells(at: Lookout) -> None:
    at.vendor.silent_lists = True
    await let_go(at)
    made = at.vendor.batches["b1"]
    made.people.append(finish(Person(id="late"), at))
    await at.poll_for(45 * MINUTE)

    assert (await at.row()).run == 2
    assert [why for _, why in await at.owed()].count("reported") == 2


async def test_one_whose_people_were_forgotten_is_not_told_again_for_its_counts(
    at: Lookout,
) -> None:
    at.vendor.silent_lists = True
    await let_go(at)
    told = await at.owed()
    later = at.clock.now() + MINUTE
    while await at.store.write(Priority.RETENTION, lambda conn: retention.prune(conn, later)):
        pass
    made = at.vendor.batches["b1"]
    made.people.append(finish(Person(id="late"), at))
    await at.poll_for(45 * MINUTE)

    assert (await at.row()).pruned
    assert await at.owed() == told


async def test_one_let_go_that_the_vendor_forgets_is_not_missed(at: Lookout) -> None:
    await at.restart(batches=("b1",))
    await let_go(at)
    del at.vendor.batches["b1"]
    asked = await at.poll_for(2 * HOUR)

    assert "look b1" in asked
    row = await at.row()
    assert (row.open, row.gone_at, str(row.look.status)) == (False, None, "completed")


async def test_one_given_up_that_the_vendor_knows_again_is_watched_again(at: Lookout) -> None:
    at.vendor.silent_lists = True
    at.vendor.add("b1", people=3)
    at.vendor.add("b2", people=3)
    await at.poll()
    made = at.vendor.batches.pop("b1")
    await at.live_for(25 * HOUR, every=5 * MINUTE)
    assert not (await at.row()).open
    at.vendor.batches["b1"] = made
    await at.poll_for(35 * MINUTE)

    row = await at.row()
    assert (row.open, row.gone_at, row.run) == (True, None, 1)


async def test_one_that_is_said_to_run_once_and_not_again_has_not_run(at: Lookout) -> None:
    at.vendor.silent_lists = True
    await let_go(at)
    made = at.vendor.batches["b1"]
    made.status = "running"
    await looked_at(at)
    made.status = "completed"
    await at.poll_for(HOUR)
    made.status = "running"
    await looked_at(at)

    assert (await at.row()).run == 1


async def test_one_that_is_said_to_run_and_then_is_unknown_is_not_asked_for_all_the_time(
    at: Lookout,
) -> None:
    at.vendor.silent_lists = True
    await let_go(at)
    at.vendor.batches["b1"].status = "running"
    await looked_at(at)
    at.vendor.refuse_looks["b1"] = NotFoundError("404")
    asked = await at.poll_for(2 * HOUR)

    assert len([one for one in asked if one == "look b1"]) <= 5


async def test_those_let_go_are_looked_at_one_by_one(at: Lookout) -> None:
    at.vendor.silent_lists = True
    for number in range(20):
        at.vendor.add(f"b{number}", people=1, status="completed")
    await at.poll_for(5 * MINUTE)
    assert not any([(await at.row(f"b{number}")).open for number in range(20)])
    asked = [one for one in await at.poll_for(30 * MINUTE) if one.startswith("look")]

    assert len(asked) <= 30
    assert all(len(one.split()) == 2 for one in asked)
    assert {one.split()[1] for one in asked} == {f"b{number}" for number in range(20)}


async def test_an_alert_that_waits_to_fire_is_looked_at_in_seconds(at: Lookout) -> None:
    at.rules = (run(ErrorSpike(), pending_for=2 * MINUTE),)
    await at.restart()
    await begin(at, people=60)
    made = at.vendor.batches["b1"]
    made.people = [
        finish(person, at, "failed") if n < 30 else person for n, person in enumerate(made.people)
    ]
    await at.poll(EVERY)
    assert await at.alerts() == {"error_spike": "pending"}
    asked = await at.poll_for(4 * URGENT, every=SECOND)
    assert asked.count("look b1") >= 3
    await at.poll_for(2 * MINUTE)

    assert await at.alerts() == {"error_spike": "firing"}


async def test_unread_rows_are_asked_for_again_at_every_poll(at: Lookout) -> None:
    made = at.vendor.add(people=12)
    made.people[3] = changed(made.people[3], bad=True)
    await at.poll()
    row = await at.row()
    assert (row.swept_at, row.complete_at, row.unread) == (None, None, 1)
    made.people[3] = changed(made.people[3], bad=False)
    await at.poll(EVERY)

    row = await at.row()
    assert (row.unread, row.swept_at) == (0, at.clock.now())
    assert len(await at.people()) == 12


# Refusals


async def test_a_refused_account_is_left_alone_and_judged(at: Lookout) -> None:
    await begin(at)
    at.vendor.refuse = ProviderError("auth", "401 Unauthorized")
    await at.live_for(7 * MINUTE)

    provider = await at.provider()
    assert provider.failure is not None
    assert provider.failure.kind == "auth"
    assert (await at.alerts())["provider_blind"] == "firing"
    assert ("provider_blind", "fired") in await at.owed()


async def test_a_refused_account_is_asked_less_and_less(at: Lookout) -> None:
    await begin(at)
    at.vendor.refuse = ProviderError("auth", "401 Unauthorized")

    assert 4 <= len(await at.poll_for(10 * MINUTE)) <= 8


async def test_an_account_that_answers_again_is_well_again(at: Lookout) -> None:
    await begin(at)
    at.vendor.refuse = ProviderError("auth", "401 Unauthorized")
    await at.live_for(7 * MINUTE)
    at.vendor.refuse = None
    await at.live_for(6 * MINUTE)

    assert (await at.provider()).failure is None
    assert (await at.alerts())["provider_blind"] == "resolved"


async def test_a_vendor_that_says_when_is_not_asked_before(at: Lookout) -> None:
    await begin(at)
    at.vendor.refuse = ProviderError("rate_limited", "429", retry_after=100)
    await at.poll(EVERY)
    at.vendor.refuse = None

    assert await at.poll(99 * SECOND) == []
    assert await at.poll(2 * SECOND) != []


async def test_lists_that_fail_stop_no_batch_that_is_known(at: Lookout) -> None:
    await begin(at)
    at.vendor.refuse_lists = ProviderError("garbage", "its answer is no JSON")
    asked = await at.poll_for(6 * MINUTE)

    assert asked.count("look b1") >= 5
    failure = (await at.provider()).failure
    assert failure is not None
    assert failure.kind == "garbage"


async def test_one_batch_that_cannot_be_looked_at_concerns_only_itself(at: Lookout) -> None:
    at.vendor.add("b1", people=3)
    at.vendor.add("b2", people=3)
    await at.poll()
    at.vendor.refuse_looks["b1"] = ProviderError("garbage", "no status")
    at.vendor.unlisted = {"b1"}
    await at.poll_for(2 * MINUTE)

    one, two = await at.row("b1"), await at.row("b2")
    assert (one.fresh_at, one.failure) == (NOON, "garbage: no status")
    assert two.fresh_at > NOON
    assert (await at.provider()).failure is None


async def test_where_there_is_no_list_only_looks_are_answers(at: Lookout) -> None:
    at.vendor.add("b1", people=3)
    at.vendor.capabilities = replace(at.vendor.capabilities, discovery=False)
    at.vendor.unlisted = {"b1"}
    await at.restart(batches=("b1",))
    await at.poll()
    at.vendor.refuse_looks["b1"] = ProviderError("garbage", "no status")
    await at.poll_for(5 * MINUTE)
    assert (await at.provider()).fresh_at == NOON
    at.vendor.refuse_looks.clear()
    await at.poll_for(5 * MINUTE)

    assert (await at.provider()).fresh_at == (await at.row()).fresh_at > NOON + 5 * MINUTE


async def test_a_batch_that_is_gone_is_not_asked_for_all_the_time(at: Lookout) -> None:
    at.vendor.add("b1", people=3)
    at.vendor.add("b2", people=3)
    await at.poll()
    del at.vendor.batches["b1"]
    asked = await at.poll_for(10 * MINUTE, every=SECOND)

    assert sum("b1" in one.split() for one in asked if one.startswith("look")) <= 4
    failure = (await at.row("b1")).failure
    assert failure is not None
    assert failure.startswith("not_found")
    assert isinstance(NotFoundError("x"), ProviderError)


async def test_a_batch_that_a_list_shows_is_not_gone(at: Lookout) -> None:
    at.vendor.silent_lists = True
    at.vendor.add("b1", people=3)
    at.vendor.add("b2", people=3)
    await at.poll()
    gone = NotFoundError("410 Gone")
    at.vendor.refuse_looks = {"b1": gone, "b2": gone}
    at.vendor.refuse_lists = gone
    await at.poll_for(20 * MINUTE, every=5 * MINUTE)
    row = await at.row("b1")
    assert row.gone_times >= 3
    assert row.due_at > at.clock.now() + MINUTE

    # All is well again: nothing is due, but the list shows what nobody was to know.
    at.vendor.refuse_looks, at.vendor.refuse_lists = {}, None
    await at.poll(MINUTE)

    row = await at.row("b1")
    assert (row.gone_at, row.gone_times) == (None, 0)
    assert row.fresh_at == at.clock.now()


async def test_what_was_told_before_an_error_is_kept(at: Lookout) -> None:
    for name in ("b1", "b2", "b3"):
        at.vendor.add(name, people=3)
    await at.poll()
    at.vendor.cut_looks_after = 2
    await at.poll(EVERY)

    rows = [await at.row(name) for name in ("b1", "b2", "b3")]
    assert [row.fresh_at for row in rows] == [NOON + EVERY, NOON + EVERY, NOON]
    failure = (await at.provider()).failure
    assert failure is not None
    assert failure.kind == "timeout"


async def test_a_list_that_breaks_off_is_begun_again(at: Lookout) -> None:
    made = at.vendor.add(people=60)
    at.vendor.cut_pages_after = 2
    await at.poll()
    row = await at.row()
    assert row.sweeping_since is not None
    assert (row.swept_at, row.unlisted_why) == (None, "a page took too long")

    at.vendor.cut_pages_after = None
    await at.poll(EVERY)
    row = await at.row()
    assert (row.sweeping_since, row.unlisted_since) == (None, None)
    kept = await at.store.read(lambda conn: changes.since(conn, row.id, 0))
    assert [each.after for each in kept if each.kind == "unlisted"] == ["all", None]
    assert len(await at.people()) == len(made.people)


async def test_a_restart_in_the_middle_of_a_list_reads_it_again(at: Lookout) -> None:
    at.vendor.add(people=60)
    await at.poll()
    at.vendor.cut_pages_after = 0
    at.vendor.batches["b1"].counts = Counts(total=61)
    await at.poll(EVERY)
    assert (await at.row()).sweeping_since is not None
    await at.restart()
    at.vendor.cut_pages_after = None
    asked = await at.poll(EVERY)

    assert len([one for one in asked if one.startswith("page")]) == 6
    assert (await at.row()).sweeping_since is None


async def test_garbage_in_a_list_is_a_failed_reading_and_no_conclusion(at: Lookout) -> None:
    await begin(at)
    at.vendor.refuse_pages["b1"] = ProviderError("garbage", "a page is no JSON")
    at.vendor.batches["b1"].status = "completed"
    await at.poll_for(5 * MINUTE)

    assert ("batch_completed", "reported") not in await at.owed()
    assert len(await at.people()) == 25


# The choice of batches


async def test_only_matching_batches_are_watched(at: Lookout) -> None:
    await at.restart(match=(parse_matcher("batch_name!~(?i).*test.*"),))
    at.vendor.add("b1", people=3)
    at.vendor.add("b2", people=3, name="A test")
    asked = await at.poll()

    assert await at.known() == {"b1"}
    assert not [one for one in asked if "b2" in one]


async def test_a_batch_that_matches_no_more_is_left(at: Lookout) -> None:
    at.vendor.add("b1", people=3)
    await at.poll()
    await at.restart(match=(parse_matcher("batch_name!=Renewals May"),))
    await at.poll(EVERY)
    asked = await at.poll_for(5 * MINUTE, every=SECOND)

    assert not [one for one in asked if one.startswith("look")]
    assert not (await at.row()).open


async def test_a_batch_let_go_that_is_not_chosen_any_more_is_not_asked_for(at: Lookout) -> None:
    at.vendor.silent_lists = True
    await let_go(at)
    at.vendor.batches["b1"].status = "running"
    await at.restart(match=(parse_matcher("batch_name!=Renewals May"),))

    assert not [one for one in await at.poll_for(HOUR) if one.startswith("look")]


@pytest.mark.parametrize("silent", [False, True], ids=["told by lists", "named by lists"])
@pytest.mark.parametrize("status", ["running", "completed"])
async def test_a_batch_that_is_chosen_again_is_watched_again_unless_it_has_ended(
    at: Lookout, status: str, *, silent: bool
) -> None:
    at.vendor.silent_lists = silent
    at.vendor.add("b1", people=3)
    await at.poll()
    await at.restart(match=(parse_matcher("batch_name!=Renewals May"),))
    await at.poll_for(2 * MINUTE)
    at.vendor.batches["b1"].status = status
    assert not [one for one in await at.poll_for(HOUR) if one.startswith("look")]
    await at.restart(match=())
    await at.poll_for(35 * MINUTE)

    row = await at.row()
    assert (row.open, row.run, str(row.look.status)) == (status == "running", 1, status)
    assert ("batch_completed", "reported") not in await at.owed()


async def test_another_choice_makes_a_new_baseline(at: Lookout) -> None:
    at.vendor.add("old", people=3, status="completed", name="Other")
    await at.restart(match=(parse_matcher("batch_name=Renewals May"),))
    await at.poll()
    await at.restart(match=())
    at.clock.move(2 * MINUTE)
    await at.poll_for(3 * MINUTE)

    assert (await at.row("old")).news is False
    assert await at.owed() == []


# Words and clocks


async def test_words_never_seen_are_kept_and_told_once(at: Lookout) -> None:
    made = at.vendor.add(people=3, status="simmering")
    made.people[0] = changed(made.people[0], status="on_hold")
    await at.poll()
    await at.poll_for(2 * MINUTE)
    for _ in range(3):
        await at.judge.itself()

    words = (await at.provider()).unknown_words
    assert dict(words) == {"batch": ("simmering",), "contact": ("on_hold",)}
    told = [one for one in await at.owed() if one[0] == "self_unknown_status"]
    assert told == [("self_unknown_status", "reported")] * 2
    assert (await at.row()).terminal_at is None


async def test_a_clock_that_is_set_back_stops_no_looking(at: Lookout) -> None:
    await begin(at)
    at.clock.set_wall(-HOUR)
    await at.poll_for(MINUTE)
    row = await at.row()

    assert at.clock.now() - MINUTE <= row.fresh_at <= at.clock.now()


async def test_polling_says_when_it_last_came_to_an_end(at: Lookout) -> None:
    await begin(at)
    at.vendor.refuse = ProviderError("auth", "401")
    await at.poll(EVERY)

    assert at.poller.polled_at == at.clock.monotonic()


@pytest.mark.parametrize("minutes", [20])
async def test_a_quiet_hour_asks_for_little(at: Lookout, minutes: int) -> None:
    at.vendor.page_size = 100
    await begin(at, people=500)
    asked = await at.poll_for(timedelta(minutes=minutes))

    looks = sum(one.startswith("look") for one in asked)
    pages = sum(one.startswith("page") for one in asked)
    assert looks <= minutes * 2
    assert pages <= 5 * (minutes / 10 + 1)


# Hints


async def test_a_hint_is_followed_at_once_and_many_are_one(at: Lookout) -> None:
    await begin(at)
    at.clock.move(URGENT)
    for _ in range(5):
        at.poller.hint("b1")

    assert await at.poll() == ["look b1"]
    assert await at.poll(SECOND) == []


async def test_a_hint_right_after_a_look_waits_a_little(at: Lookout) -> None:
    await begin(at)
    at.poller.hint("b1")
    assert await at.poll(URGENT - SECOND) == []

    assert await at.poll(SECOND) == ["look b1"]


async def test_a_hint_makes_no_other_batch_due(at: Lookout) -> None:
    at.vendor.add("b2", people=3)
    await begin(at)
    at.clock.move(URGENT)
    at.poller.hint("b1")

    assert await at.poll() == ["look b1"]


async def test_a_hint_at_a_batch_that_is_not_known_asks_for_the_lists(at: Lookout) -> None:
    await begin(at)
    at.vendor.add("b2", people=3)
    at.poller.hint("b2")
    assert await at.poll(15 * SECOND - SECOND) == []
    asked = await at.poll(SECOND)

    assert asked[0] == "discover"
    assert await at.known() == {"b1", "b2"}


async def test_hints_at_what_nobody_watches_ask_for_little(at: Lookout) -> None:
    await begin(at)
    asked = []
    for _ in range(120):
        at.poller.hint("stranger")
        asked += await at.poll(SECOND)

    assert asked.count("discover") <= 8


async def test_what_a_hint_tells_while_the_vendor_answers_is_looked_at_again(at: Lookout) -> None:
    await begin(at)
    at.vendor.on_look = lambda: at.poller.hint("b1")
    at.clock.move(EVERY)
    assert await at.poll() == ["look b1"]
    at.vendor.on_look = None

    assert await at.poll(URGENT) == ["look b1"]


async def test_a_look_is_routine_while_a_batch_runs_and_nothing_but_time_made_it_due(
    at: Lookout, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    looks = at.vendor.looks

    def noting(known: Sequence[Known]) -> AsyncGenerator[Batch | LookFailed]:
        seen.extend(each.routine for each in known)
        return looks(known)

    monkeypatch.setattr(at.vendor, "looks", noting)
    at.settings["discover_every"] = HOUR  # lists tell how batches stand, too
    await at.restart()
    await begin(at)
    await at.poll(EVERY)
    at.poller.hint("b1")
    await at.poll(URGENT)
    await at.poll(2 * EVERY)  # late
    at.vendor.batches["b1"].status = "paused"
    await at.poll(EVERY)
    await at.poll(EVERY)

    assert seen == [True, False, False, True, False]


# Pace, when nothing moves


async def test_a_batch_that_stands_still_is_asked_for_less_and_never_goes_stale(
    at: Lookout,
) -> None:
    at.vendor.unlisted = {"b1"}
    at.settings["batches"] = ("b1",)
    await at.restart()
    await begin(at)
    await at.poll_for(HOUR, every=5 * SECOND)
    looks = []
    for _ in range(120):
        looks += await at.poll(5 * SECOND)
        assert at.clock.now() - (await at.row()).fresh_at <= timedelta(minutes=2, seconds=31)

    assert looks.count("look b1") in {3, 4}


# A key that somebody else was refused with


async def test_a_key_that_was_refused_elsewhere_is_left_alone_here_and_it_is_said_why(
    at: Lookout,
) -> None:
    await begin(at)
    at.circuit.refuse(ProviderError("rate_limited", "429", retry_after=90), EVERY)
    assert await at.poll_for(80 * SECOND) == []
    failure = (await at.provider()).failure
    assert failure is not None
    assert failure.kind == "rate_limited"
    assert (await at.provider()).failures == 1
    asked = await at.poll(20 * SECOND)

    assert asked == ["discover"]  # which shows the batch, too
    assert (await at.provider()).failure is None
