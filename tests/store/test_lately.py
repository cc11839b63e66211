"""People who were just written are found by their own move, once, and never by another."""

from pathlib import Path

from monitor.store.lately import Lately, Move, Written, lately
from tests.stories import hurried


def move(number: int, persons: bytes = b"12345678") -> Move:
    return Move(number, 1, 1_000, persons, None)


def people(n: int) -> Written:
    return Written({f"p{i}": b"" for i in range(n)})


def test_who_was_written_is_given_once() -> None:
    kept = Lately()
    kept.keep(move(1), people(2))

    assert kept.take(move(1)) == people(2)
    assert kept.take(move(1)) is None


def test_a_move_that_was_undone_gives_its_people_to_nobody() -> None:
    kept = Lately()
    kept.keep(move(1, b"undone.."), people(1))

    assert kept.take(move(1)) is None

    kept.keep(move(1), people(2))
    assert kept.take(move(1, b"undone..")) is None
    assert kept.take(move(1)) == people(2)


def test_the_oldest_go_where_there_are_many() -> None:
    kept = Lately(most=4)
    for number in range(1, 5):
        kept.keep(move(number), people(2))
    kept.keep(move(5), people(5))

    found = [kept.take(move(number)) for number in range(1, 6)]
    assert [each is not None for each in found] == [False, False, True, True, False]


def test_each_database_has_its_own(tmp_path: Path) -> None:
    one, other = hurried(tmp_path / "one.db"), hurried(tmp_path / "other.db")
    with one.connect() as here, here.execution_options(read_only=True) as same:
        lately(here).keep(move(1), people(1))
        assert lately(same) is lately(here)
    with other.connect() as there:
        assert lately(there).take(move(1)) is None
    one.dispose()
    other.dispose()
