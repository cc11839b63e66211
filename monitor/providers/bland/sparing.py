"""Which looks go without a batch's log, in which alone its status stands.

While calls go on to end as they did, it is dialled, whatever its log says by now: then the log
is read with every third look. Fewer ends than in the look before, an end that is near, and a
look that is made for a reason ask for it at once.
"""

from dataclasses import dataclass

from monitor.core.model import Batch, BatchStatus
from monitor.providers import Known

_LOOKS_WITHOUT = 2
# With fewer calls left than end in so many looks, an end is near.
_NEAR = 4


@dataclass(slots=True)
class _Pace:
    """How many calls ended from one look to the next, and how many looks had no log since."""

    ended: int
    without: int = 0


class Sparing:
    """Keeps the pace of open batches, each look's beside the one before it."""

    def __init__(self) -> None:
        self._paces: dict[str, _Pace] = {}

    def may_ask_less(self, known: Known) -> bool:
        """Whether the look may begin without the log, and ``goes_on`` then decides."""
        pace = self._paces.get(known.batch_id)
        return known.routine and pace is not None and pace.without < _LOOKS_WITHOUT

    def goes_on(self, known: Known, over: int | None) -> bool:
        """Whether calls go on to end, so that this look needs no log: ``over`` by now."""
        pace, before = self._paces[known.batch_id], known.look
        ended = _ended(before, over)
        if before is None or over is None or before.counts.total is None:
            return False
        left = before.counts.total - over
        if not ended or ended < pace.ended / 2 or left <= _NEAR * max(ended, pace.ended):
            return False
        self._paces[known.batch_id] = _Pace(ended, pace.without + 1)
        return True

    def read(self, known: Known, status: BatchStatus, over: int | None) -> None:
        """The log was read."""
        if status is BatchStatus.RUNNING:
            self._paces[known.batch_id] = _Pace(_ended(known.look, over))
        else:
            self._paces.pop(known.batch_id, None)


def _ended(before: Batch | None, over: int | None) -> int:
    known = before.counts.finished if before else None
    return 0 if known is None or over is None else max(over - known, 0)
