"""What a batch's past says to who looks at its whole provider."""

from datetime import datetime

from monitor.core.model import Counts
from monitor.core.pastmoves import SOME_ROWS, Moment, Past
from monitor.core.pastwatch import ELSEWHERE, HERE, NEVER, Watched, watched
from tests.builders import MINUTE, NOON


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def past(*moments: Moment, whole: bool = True) -> Watched:
    some = Past(whole=whole, moments=moments, tally={"contacts": 10})
    return watched(7, some, at(50), money=True)


BEGUN = Moment(at=at(0), word="running", counts=Counts(total=30))


def test_a_batch_that_went_on_after_its_end_was_open_twice() -> None:
    found = past(
        BEGUN, Moment(at=at(10), word="completed"), Moment(at=at(20), word="running", reopened=True)
    )

    assert found.open == ((at(0), at(10)), (at(20), NEVER))
    assert [found.is_open(at(n)) for n in (-1, 0, 9, 10, 19, 20)] == [
        *(False, True, True),
        *(False, False, True),
    ]


def test_one_that_is_open_was_seen_until_its_newest_look() -> None:
    looked = past(BEGUN, Moment(at=at(9), unseen_since=at(4)))
    ended = past(BEGUN, Moment(at=at(10), word="completed"))

    assert [looked.fresh_at(at(n)) for n in (3, 6, 9, 49, 55)] == list(map(at, (3, 4, 9, 49, 50)))
    assert ended.unseen == ()


def test_since_when_it_or_its_list_is_gone_and_no_more_once_it_is_back() -> None:
    found = past(
        BEGUN,
        Moment(at=at(2), gone=True),
        Moment(at=at(4), gone=True, elsewhere=True, unlisted="all"),
        Moment(at=at(5), unlisted=SOME_ROWS),
        Moment(at=at(6), gone=False, unlisted=""),
    )

    assert [found.gone_at(at(n)) for n in (1, 3, 5, 7)] == [
        (None, ""),
        (at(2), HERE),
        (at(2), ELSEWHERE),
        (None, ""),
    ]
    assert [found.unlisted_since(at(n)) for n in (1, 5.5, 7)] == [None, at(4), None]


def test_what_it_needs_goes_by_the_newest_numbers_of_the_vendor() -> None:
    called = {"undialled": 4, "cost.USD": 5}
    found = past(
        BEGUN,
        Moment(at=at(1), delta=called),
        Moment(at=at(2), counts=Counts(total=12)),
        Moment(at=at(3), word="paused"),
    )

    needs = [found.need(at(n)) for n in (-1, 0, 1, 2, 4)]

    assert [each and (each.left, each.dialled, dict(each.micros)) for each in needs] == [
        None,
        (20, 10, {}),
        (20, 6, {"USD": 5}),
        (2, 6, {"USD": 5}),
        (2, 6, {"USD": 5}),
    ]


def test_of_one_that_nobody_watched_nothing_is_said() -> None:
    assert past(BEGUN, whole=False) == Watched(batch=7, open=())
