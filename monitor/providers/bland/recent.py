"""The calls that changed last, read with the count that every look asks for anyway.

Bland sorts a list by the time of the last change where it is asked to, but shows no such time
in the rows. So the order is believed only where it proves itself, each time anew: a quick
reading ends with these rows if nothing that is counted is missing then.
"""

from monitor.core.model import Batch
from monitor.providers import Page, Stop
from monitor.providers.kept import Kept

LISTING = "recent"
_FEWEST, _MOST = 100, 400
# After so many readings in a row that had to go on, one in so many looks tries again.
_DOUBTED, _TRIED_AGAIN = 3, 50


class Recent:
    """Which rows to ask for with a look, and the page that they make for its reading."""

    def __init__(self) -> None:
        self._kept = Kept()
        self._size = _FEWEST
        self._doubts = 0
        self._skipped = 0

    def rows(self, *, moved: bool) -> int:
        """How many rows to ask for besides the count: one where nothing has moved."""
        if not moved:
            return 1
        if self._doubts >= _DOUBTED:
            self._skipped += 1
            if self._skipped % _TRIED_AGAIN:
                return 1
        return self._size

    def keep(self, body: bytes, look: Batch) -> None:
        """Hold the rows until the look's reading asks for them."""
        self._kept.keep(look.batch_id, body, look.seen_at)

    def page(self, look: Batch) -> Page | None:
        """The page that a quick reading for this look begins with, once."""
        held = self._kept.take(look.batch_id, look.seen_at)
        if held is None:
            return None
        return Page(LISTING, 0, held, look.seen_at, stop=Stop.AGREED)

    def was_enough(self, *, enough: bool) -> None:
        """Whether a reading could end with the page; else more rows are asked for next time."""
        if enough:
            self._doubts = 0
        elif self._size < _MOST:
            self._size *= 2
        else:
            self._doubts += 1
