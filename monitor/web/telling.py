"""What was told to a receiver, and what people did, in words for the page."""

import re

_TOLD = {
    "fired": "that it fires",
    "resolved": "that it is over",
    "reported": "the report",
    "settled": "the settled report",
    "unacknowledged": "that nobody has acknowledged it",
    "fallback": "a copy, as another receiver has not taken it",
}
# The first that begins so; what follows is a number, a severity, or an id that says nothing.
_BEGINNINGS = (
    (r"acked-over-\d+", "that nobody has it any more"),
    (r"acked-\w+", "who has acknowledged it"),
    (r"repeat-(\d+)", r"once more that it fires (\1)"),
    (r"escalated-(\w+)", r"that it got worse: \1"),
    (r"fallback-(\w+)", r"a copy, as it got worse: \1"),
)
_PARTS = {"thread": "as a reply"}
_DONE = {
    "ack.add": "acknowledged",
    "ack.end": "ended the acknowledgement:",
    "silence.add": "silenced",
    "silence.end": "ended the silence:",
    "batch.pause": "paused",
    "batch.resume": "resumed",
    "batch.stop": "stopped",
    "delivery.replay": "had sent again",
}


def told(transition: str, part: str = "") -> str:
    """The transition of an alert as what somebody heard; one that is not known stays as it is."""
    words = _TOLD.get(transition) or next(
        (
            match.expand(into)
            for pattern, into in _BEGINNINGS
            if (match := re.fullmatch(pattern, transition))
        ),
        transition,
    )
    return f"{words}, {_PARTS[part]}" if part in _PARTS else words


def done(what: str) -> str:
    """The same for a deed of the audit."""
    return _DONE.get(what, what)
