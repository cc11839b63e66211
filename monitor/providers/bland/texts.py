"""What the texts in a call's row mean: its error, its transfer, what came after it."""

import re
from typing import Any

from monitor.core.words import BLOCKED, UNDELIVERED, CallStatus
from monitor.providers.answers import reason, word

# The one documented text of a failure that says for certain what another status would.
BUSY = re.compile(r"\bbusy\b|\b486\b", re.IGNORECASE)
# A transfer that failed, and a call that a carrier refused as spam (SIP 608).
_LOST = re.compile(r"\bcannot transfer\b", re.IGNORECASE)
_BLOCKED = re.compile(r"\b608\b|blocked call due to spam|number reputation", re.IGNORECASE)


def says(text: Any, pattern: re.Pattern[str]) -> bool:
    """Whether an error text says so."""
    return isinstance(text, str) and pattern.search(text[:400]) is not None


def error(text: Any, queue: Any, status: CallStatus) -> str | None:
    """What went wrong with the call, or after one that went well."""
    after = word(queue) == "complete_error" and status is CallStatus.COMPLETED
    return UNDELIVERED if after and not says(text, _LOST) else reason(text)


def hangup(text: Any, status: CallStatus) -> str | None:
    """Why it ended, where the error tells."""
    return BLOCKED if status.terminal and says(text, _BLOCKED) else None


def transferred(to: Any, text: Any, status: CallStatus) -> bool | None:
    """Whether it was handed to somebody; lists tell only of those that could not be."""
    if not status.terminal:
        return None
    if isinstance(to, str) and to.strip():
        return True
    return False if says(text, _LOST) else None
