"""What was told, and what people did, in words for the page."""

import pytest

from monitor.web.telling import done, told


@pytest.mark.parametrize(
    ("transition", "part", "words"),
    [
        ("fired", "root", "that it fires"),
        ("resolved", "thread", "that it is over, as a reply"),
        ("repeat-3", "message", "once more that it fires (3)"),
        ("escalated-critical", "root", "that it got worse: critical"),
        ("acked-ec275c10a3", "root", "who has acknowledged it"),
        ("acked-over-1", "root", "that nobody has it any more"),
        ("fallback-critical", "message", "a copy, as it got worse: critical"),
        ("something new", "message", "something new"),
    ],
    ids=lambda given: given or "none",
)
def test_a_telling_is_put_into_words(transition: str, part: str, words: str) -> None:
    assert told(transition, part) == words


def test_a_deed_is_put_into_words_and_one_that_is_not_known_stays() -> None:
    assert (done("ack.add"), done("other")) == ("acknowledged", "other")
