import math
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import select

from bench import (
    backtest,
    evaluation,
    floor,
    generator,
    large,
    naive,
    path,
    reference,
    shares,
    traffic,
    webhooks,
)
from bench.__main__ import main
from bench.generator import NOW, Where
from bench.results import Result, ratio
from bench.shares import Phase, Traffic

PEOPLE = 300


@pytest.fixture(scope="module")
def first() -> list[bytes]:
    return generator.pages(PEOPLE)


@pytest.fixture(scope="module")
def known(first: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> path.Known:
    return path.prepare(tmp_path_factory.mktemp("bench") / "offhook.db", PEOPLE, first)


def ours(tally: dict[str, int]) -> Counter[str]:
    """The counters that both implementations keep, in the vendor's words."""
    names = {"call.no_answer": "call.no-answer", "call.cancelled": "call.canceled"}
    return Counter(
        {
            names.get(key, key): n
            for key, n in tally.items()
            if key.startswith(("contact.", "call.")) and n
        }
    )


def theirs(found: Counter[str]) -> Counter[str]:
    return Counter({key: n for key, n in found.items() if key.startswith(("contact.", "call."))})


@pytest.mark.parametrize(
    ("share", "where"),
    [
        pytest.param(0.0, "scattered", id="nothing moved"),
        pytest.param(0.1, "scattered", id="some moved here and there"),
        pytest.param(0.4, "clustered", id="a front moved"),
    ],
)
def test_the_straightforward_way_finds_the_same(
    known: path.Known, first: list[bytes], tmp_path: Path, share: float, where: Where
) -> None:
    after = generator.later(first, share, where)
    engine = naive.open_database(tmp_path / "naive.db")
    naive.poll(engine, first, NOW)
    found = naive.poll(engine, after, NOW)
    engine.dispose()

    with path.copy_of(known) as work:
        path.run(work, after)

        assert ours(path.tally(work)) == theirs(found)


def test_filling_the_straightforward_database_leaves_what_a_first_poll_does(
    first: list[bytes], tmp_path: Path
) -> None:
    polled, filled = (naive.open_database(tmp_path / f"{name}.db") for name in ("poll", "fill"))
    naive.poll(polled, first, NOW)
    naive.fill(filled, first)

    tables = naive.Base.metadata.sorted_tables
    for table in tables:
        columns = [
            column for column in table.columns if table.name != "event" or column.name != "id"
        ]
        rows = select(*columns).order_by(*columns)
        with polled.connect() as one, filled.connect() as other:
            assert one.execute(rows).all() == other.execute(rows).all()
    for engine in (polled, filled):
        engine.dispose()


def test_nothing_is_written_for_pages_that_are_known(known: path.Known, first: list[bytes]) -> None:
    with path.copy_of(known) as work:
        before = path.contents(work)
        path.run(work, [bytes(bytearray(page)) for page in first])

        assert path.contents(work) == before


def test_what_moved_is_written(known: path.Known, first: list[bytes]) -> None:
    with path.copy_of(known) as work:
        before = path.contents(work)
        path.run(work, generator.later(first, 0.02, "scattered"))

        pairs = zip(path.COUNTED, before, path.contents(work), strict=True)
        moved = {table.name for table, old, new in pairs if old != new}
        # a few rows of a page are written beside it, and not the page again
        assert moved == {"moved_contacts", "calls", "changes", "page_moves"}


def test_so_many_people_move_as_are_to_move(first: list[bytes]) -> None:
    after = generator.later(first, 0.1, "clustered")
    moved = [
        old.contact_id
        for one, other in zip(first, after, strict=True)
        for old, new in zip(reference.decode(one), reference.decode(other), strict=True)
        if old != new
    ]

    assert len(moved) == PEOPLE // 10


def test_the_reference_reads_everybody(first: list[bytes]) -> None:
    assert reference.decode_all(first) == PEOPLE


def test_the_bare_loops_run(first: list[bytes], tmp_path: Path) -> None:
    connection = floor.prepare(tmp_path / "floor.db", first)
    found = floor.measure(connection, first, generator.later(first, 0.1, "scattered"))
    connection.close()

    assert found.total > 0


def test_a_large_batch_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    found = large.measure(tmp_path, people=2_000, times=1)

    assert [each.limit for each in found] == [24, 0.2, 2]
    assert all(each.measured > 0 for each in found)


def test_what_judging_costs_is_measured(tmp_path: Path) -> None:
    found = evaluation.measure(tmp_path, batches=2, people=100, times=1)

    assert [each.limit for each in found] == [0.0025, 1.5]
    assert all(each.measured > 0 for each in found)


@pytest.mark.parametrize("asked", ["webhooks.nothing", "--help"])
def test_a_part_that_there_is_not_is_told_with_those_that_there_are(
    capsys: pytest.CaptureFixture[str], asked: str
) -> None:
    assert main([asked]) == 2
    assert f"no part {asked}; there are traffic, " in capsys.readouterr().err


def test_of_webhooks_one_part_is_measured_alone(tmp_path: Path) -> None:
    size = webhooks.Size(requests=10, times=1, samples=1, seconds=1)
    (found,) = webhooks.measure(tmp_path, size, ["bombs"])

    assert found.measured > 0
    assert not list(tmp_path.iterdir())


def test_a_promise_is_kept_or_missed() -> None:
    assert Result("most", 1.0, 0.9).kept
    assert not Result("most", 1.0, 1.1).kept
    assert Result("least", 30, 31, at_least=True).kept
    assert ratio([1.0, 2.0, 9.0], [2.0, 4.0, 9.0]) == 0.5


MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_what_watching_cost_is_a_share_of_fetching_everything() -> None:
    fetched = [Traffic(20, 2000), Traffic(20, 4000)]
    dialled = shares.phase(10 * MINUTE, Traffic(40, 600), fetched, 30 * MINUTE / 60)
    size, requests = dialled.results("graine", batches=2)

    assert dialled.naive == Traffic(400, 60_000)
    assert (size.measured, requests.measured) == (0.01, 0.1)
    assert (size.kept, requests.kept) == (True, True)
    assert size.note.startswith("a batch and hour: 120.0 requests")


def test_a_day_is_made_of_its_dialled_hours_and_the_others() -> None:
    dialled = Phase(HOUR, Traffic(100, 1000), Traffic(100, 1000))
    closed = Phase(2 * HOUR, Traffic(2, 20), Traffic(200, 2000))
    day = shares.day(dialled, closed)

    assert day.span == 24 * HOUR
    assert day.ours == Traffic(8 * 100 + 8 * 2, 8 * 1000 + 8 * 20)
    assert day.naive == Traffic(24 * 100, 24 * 1000)


def test_a_call_that_was_never_known_is_infinitely_late() -> None:
    found = shares.late("graine", [math.inf, 10.0, 20.0, math.inf, math.inf], 30)

    assert not found.kept
    assert "3 not known" in found.note
    assert shares.late("graine", [10.0, 40.0, 15.0], 30).measured == 0.5
    assert math.isnan(shares.at([], 0.5))


@pytest.mark.parametrize("vendor", ["graine", "svalync"])
async def test_the_traffic_of_a_small_batch_is_measured(
    tmp_path: Path, vendor: Literal["graine", "svalync"]
) -> None:
    size = traffic.Size(batches=1, people=250, dialled=2 * MINUTE, closed=MINUTE)
    found = await traffic.measure_one(tmp_path, vendor, size)

    assert [each.limit for each in found] == [0.1] * 4 + [1.0]
    # one answer holds the whole batch at Svalync: asked for as often as by anybody, or little more
    least, most = {"graine": (0.1, 3.0), "svalync": (0.9, 1.2)}[vendor]
    assert all(least < each.measured < most for each in found[:2])
    assert 0 < found[-1].measured <= 2  # of the few calls here, most may wait for a second look
    assert ", 0 not known" in found[-1].note
    each_move, _, why = found[1].note.partition(" shows each move in one interval: ")
    assert 0 < float(each_move) < most
    assert why


def test_a_recorded_past_is_replayed_whole(tmp_path: Path) -> None:
    (found,) = backtest.measure(tmp_path, recorded=1_000, times=1)

    assert found.measured > 0
    assert " changes, " in found.note
    assert not list(tmp_path.iterdir())
