"""From a claim to what is handed to the notifier."""

from dataclasses import replace
from datetime import datetime

from monitor.core.message import Message
from monitor.core.wording import clock, zone_named
from monitor.notifiers import Envelope
from monitor.store.claims import Claim


def fit_to_announce(claim: Claim, *, stateful: bool) -> Claim:
    """The claim, less its word of dead letters where its reader would not see that.

    Plain words are short, and what keeps alerts has no place for it in the end of one, nor
    perhaps in what many stand for: the word waits for the next message.
    """
    ends = claim.messages[0].state == "RESOLVED"
    unseen = claim.leader.plain or claim.crowds or (stateful and ends)
    return replace(claim, unsaid=None) if unseen else claim


def packed(claim: Claim, now: datetime, *, repeat: bool) -> Envelope:
    """What to send; ``repeat``: an earlier attempt may have succeeded."""
    home = claim.conversation
    return Envelope(
        key=claim.leader.delivery_key,
        first_key=claim.first_key,
        part=claim.part,
        messages=_announcing(claim, now),
        root=home.remote_id,
        possible_repeat=repeat and not claim.partly.sure,
        plain=claim.leader.plain,
        # It was told, and what stood there stands no more.
        replaces=claim.part == "root" and home.remote_id is None and home.told_at is not None,
        total=claim.total,
        group=home.id,
        crowds=claim.crowds,
        had=claim.partly.had,
    )


def _announcing(claim: Claim, now: datetime) -> tuple[Message, ...]:
    """What is to be shown, with a word about what this receiver did not get."""
    if claim.unsaid is None:
        return claim.messages
    first, *others = claim.messages
    n = claim.unsaid.n
    since = clock(claim.unsaid.since, zone_named(first.zone), now)
    told = f"{n} message{'s' * (n > 1)} could not be delivered since {since}: offhook deliveries"
    return (replace(first, marks=(*first.marks, told)), *others)
