"""One copy of a message is left in a channel that turned out to hold several."""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from monitor.errors import DeliveryError, Sent
from monitor.notifiers import Notifier

log = structlog.get_logger()

# The clocks of a channel and of this machine may differ: a message is looked for from before.
CLOCKS_APART = timedelta(minutes=2)


async def leave_one(notifier: Notifier, copies: Sequence[str]) -> None:
    """Take the younger ones back. DeliveryError when that is not known to be done.

    What may not be removed stays: that it stands twice is no reason to send it once more.
    """
    for younger in copies[1:]:
        try:
            await notifier.remove(younger)
        except DeliveryError as error:
            if error.certainty is not Sent.REFUSED:
                raise
            log.warning("copy_stays", receiver=notifier.receiver.name, word=error.word)
