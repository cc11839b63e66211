"""Whose clock is wrong: a vendor's, or that of this machine."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from monitor.core.facts import Trouble
from monitor.core.wording import span

SKEWED = timedelta(seconds=60)
OURS = "clock of this machine"


def skewed(skews: Mapping[str, Sequence[timedelta]], now: datetime) -> dict[str, Trouble | None]:
    """By subject, what is wrong with a clock; None for one that is seen to be right.

    ``skews``: how far the clock of each vendor is ahead of this machine's, by each account
    there. A clock that is not known is no subject.
    """
    ahead = {vendor: min(found, key=abs) for vendor, found in skews.items() if found}
    if not ahead:
        return {}
    found: dict[str, Trouble | None] = {OURS: None}
    found |= {_subject(vendor): None for vendor in ahead}
    if len(ahead) > 1 and _agree(ahead.values()):
        least = min(ahead.values(), key=abs)
        found[OURS] = _ours(least, len(ahead), now)
        return found
    wrong = {vendor: skew for vendor, skew in ahead.items() if abs(skew) > SKEWED}
    return found | {
        _subject(vendor): _theirs(vendor, skew, now, alone=len(ahead) == 1)
        for vendor, skew in wrong.items()
    }


def _subject(vendor: str) -> str:
    return f"clock of {vendor}"


def _agree(skews: Collection[timedelta]) -> bool:
    """All are wrong, in the same way: then they are not."""
    return all(skew > SKEWED for skew in skews) or all(skew < -SKEWED for skew in skews)


def _ours(skew: timedelta, vendors: int, now: datetime) -> Trouble:
    way = "behind" if skew > timedelta(0) else "ahead of"
    return Trouble(
        rule="self_clock_skewed",
        subject=OURS,
        since=now,
        summary=f"this machine's clock is {span(abs(skew))} {way} those of all {vendors} vendors",
        todo="Check its time synchronisation: times and calling hours are off by as much.",
    )


def _theirs(vendor: str, skew: timedelta, now: datetime, *, alone: bool) -> Trouble:
    way = "ahead of" if skew > timedelta(0) else "behind"
    whose = "; either may be wrong" if alone else ", and the other vendors' clocks are not"
    return Trouble(
        rule="self_clock_skewed",
        subject=_subject(vendor),
        since=now,
        summary=f"the clock of {vendor} is {span(abs(skew))} {way} this machine's{whose}",
        todo="Check this machine's time synchronisation; if it is right, tell the vendor.",
    )
