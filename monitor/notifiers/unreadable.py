"""Receivers whose channel cannot be read: nothing is found there, and nothing taken back."""

from collections.abc import Sequence
from datetime import datetime

from monitor.errors import DeliveryError, Sent


class Unreadable:
    """What such a notifier says to whoever asks it to find or to remove; nobody need ask."""

    async def find(
        self, keys: Sequence[str], since: datetime, root: str | None = None
    ) -> dict[str, tuple[str, ...]]:
        """See Notifier."""
        del keys, since, root
        raise DeliveryError(Sent.REFUSED, "not_readable", "its channel cannot be read back")

    async def remove(self, remote_id: str) -> None:
        """See Notifier."""
        del remote_id
        raise DeliveryError(Sent.REFUSED, "not_readable", "nothing can be taken back there")
