"""Which batches of a vendor's lists matter, and which lists are asked for them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from monitor.core.model import Batch, BatchStatus
from monitor.providers import Known


def worth_watching(batch: Batch, since: datetime) -> bool:
    """Open ones always; ended ones that were created since then, or at an unknown time."""
    if not batch.status.terminal and batch.status is not BatchStatus.UNKNOWN:
        return True
    return batch.created_at is None or batch.created_at >= since


def lists_of(known: Sequence[Known], lists: Mapping[BatchStatus, str]) -> Sequence[str]:
    """The lists in which these batches were last seen; one never looked at is likely running."""
    seen = {each.look.status if each.look else BatchStatus.RUNNING for each in known}
    return [name for status, name in lists.items() if status in seen]
