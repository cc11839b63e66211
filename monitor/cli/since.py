"""``--since``: how far back a command looks, as two commands read it."""

from datetime import timedelta

from monitor.cli.output import complain
from monitor.config import Config
from monitor.core.duration import parse_duration
from monitor.core.wording import span


def read_since(text: str) -> timedelta | None:
    """The length that a person wrote; None, once said why, where it is none."""
    try:
        length = parse_duration(text)
    except ValueError as error:
        complain(f"--since: {error}")
        return None
    if length <= timedelta(0):
        complain("--since must be longer than nothing")
        return None
    return length


def note_what_is_kept(length: timedelta, config: Config) -> None:
    """Say so where it reaches further back than details are kept."""
    if length > config.monitor.retain:
        kept = span(config.monitor.retain)
        complain(f"note: of batches that ended longer than {kept} ago only the result is kept")
