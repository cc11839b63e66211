from collections import Counter
from pathlib import Path

import pytest

from bench import floor, generator, large, naive, path, reference
from bench.generator import NOW, Where
from bench.results import Result, ratio

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


def test_nothing_is_written_for_pages_that_are_known(known: path.Known, first: list[bytes]) -> None:
    with path.copy_of(known) as work:
        before = path.contents(work)
        path.run(work, [bytes(bytearray(page)) for page in first])

        assert path.contents(work) == before


def test_what_moved_is_written(known: path.Known, first: list[bytes]) -> None:
    with path.copy_of(known) as work:
        before = path.contents(work)
        path.run(work, generator.later(first, 0.02, "scattered"))

        assert all(old != new for old, new in zip(before, path.contents(work), strict=True))


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


def test_a_promise_is_kept_or_missed() -> None:
    assert Result("most", 1.0, 0.9).kept
    assert not Result("most", 1.0, 1.1).kept
    assert Result("least", 30, 31, at_least=True).kept
    assert ratio([1.0, 2.0, 9.0], [2.0, 4.0, 9.0]) == 0.5
