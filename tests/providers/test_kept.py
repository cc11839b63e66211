from datetime import timedelta

from monitor.providers.kept import Kept
from tests.loopback import NOW


def test_an_answer_is_handed_out_once_and_only_for_its_own_look() -> None:
    kept = Kept()
    kept.keep("b", b"old", NOW - timedelta(seconds=1))
    kept.keep("b", b"new", NOW)
    assert kept.take("b", NOW - timedelta(seconds=1)) is None
    assert kept.take("other", NOW) is None
    assert kept.take("b", NOW) == b"new"
    assert kept.take("b", NOW) is None


def test_the_oldest_answers_make_room() -> None:
    kept = Kept(most_bytes=10)
    for name in ("a", "b", "c"):
        kept.keep(name, b"1234", NOW)
    assert kept.take("a", NOW) is None
    assert kept.take("b", NOW) == b"1234"
    kept.keep("huge", b"x" * 11, NOW)
    assert kept.take("c", NOW) is None
    assert kept.take("huge", NOW) is None
