"""Whether a batch goes on as it went: then its list may wait for one more look.

Judged by the vendor's counts of people by status alone, as they were when the list was read
last and as they are now. Whatever they show to go worse than usual is to be read at once: more
calls that reached nobody, fewer people in calls, an end that comes near.
"""

from math import sqrt

from monitor.core.completion import ended_calls
from monitor.core.model import ContactStatus, Counts
from monitor.core.tally import Tally, people

# From so many calls on it is known what is usual in a batch.
_KNOWN_FROM = 50
# With fewer who wait than are begun in so many times as long, an end is near.
_NEAR = 4
# So many standard deviations above what is usual are chance. What is read for nothing costs
# little, and a spike that is not read at once is told late.
_BY_CHANCE = 0.5
_REACHED = (ContactStatus.COMPLETED, ContactStatus.FOLLOW_UP)
_UNREACHED = (
    ContactStatus.RETRYING,
    ContactStatus.FAILED,
    ContactStatus.BUSY,
    ContactStatus.NO_ANSWER,
    ContactStatus.VOICEMAIL,
    ContactStatus.EXHAUSTED,
)


def goes_on(before: Counts, now: Counts, tally: Tally, *, retried: int) -> bool:
    """Whether what moved since ``before`` is what moves in this batch anyway.

    ``tally`` is what was read by then; ``retried``: so many people at most were waiting for a
    retry then and are called by now, so that they hide as many for whom a call has failed.
    """
    if not before.by_status or not now.by_status or now.total != before.total:
        return False
    if now.people(ContactStatus.SKIPPED) > before.people(ContactStatus.SKIPPED):
        return False
    begun = before.people(ContactStatus.PENDING) - now.people(ContactStatus.PENDING)
    if begun < 0 or now.people(ContactStatus.PENDING) <= _NEAR * begun:
        return False
    talking = before.people(ContactStatus.IN_CALL)
    if now.people(ContactStatus.IN_CALL) < talking - 2 * sqrt(talking):
        return False
    reached = now.people(*_REACHED) - before.people(*_REACHED)
    unreached = now.people(*_UNREACHED) - before.people(*_UNREACHED) + retried
    return reached >= 0 and _as_usual(reached, unreached, tally)


def _as_usual(reached: int, unreached: int, tally: Tally) -> bool:
    """Whether no more calls reached nobody than in about two of three looks at the same batch."""
    ended = ended_calls(tally)
    if ended < _KNOWN_FROM:
        return False
    if unreached <= 0:
        return True
    if not reached:
        return False
    n = reached + unreached
    usual = 1 - min(people(tally, *_REACHED) / ended, 1)
    return unreached <= n * usual + _BY_CHANCE * sqrt(n * usual * (1 - usual))
