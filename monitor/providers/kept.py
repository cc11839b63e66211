"""Answers that tell of a batch and list its calls at once: asked for once, used twice."""

from datetime import datetime

from monitor.bodies import MIB

_MOST_BYTES = 32 * MIB


class Kept:
    """The last answer about each batch, until its list is taken from it.

    Only the very answer that made a look is handed out for it, told by the time at which it
    was asked for. The oldest are dropped where all together grow too large.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._answers: dict[str, tuple[bytes, datetime]] = {}

    def keep(self, batch_id: str, body: bytes, seen_at: datetime) -> None:
        """Hold an answer in place of the one before."""
        self._drop(batch_id)
        self._answers[batch_id] = (body, seen_at)
        self._bytes += len(body)
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._answers)))

    def take(self, batch_id: str, seen_at: datetime) -> bytes | None:
        """The answer that the look of ``seen_at`` was made from, once; None where it is gone."""
        held = self._answers.get(batch_id)
        if held is None or held[1] != seen_at:
            return None
        self._drop(batch_id)
        return held[0]

    def _drop(self, batch_id: str) -> None:
        body, _ = self._answers.pop(batch_id, (b"", None))
        self._bytes -= len(body)
