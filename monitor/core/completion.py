"""The end of a batch: whether what was read agrees with what the vendor counts, and its report."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from monitor.core.facts import BatchFacts, Report
from monitor.core.model import (
    OPEN_CONTACT,
    Batch,
    Capabilities,
    ContactStatus,
    Counts,
    Outcome,
    Sentiment,
)
from monitor.core.tally import (
    CALLS,
    CONTACTS,
    LIVE_CALLS,
    UNDIALLED,
    Tally,
    call_key,
    contact_key,
    costs,
    people,
)
from monitor.core.wording import counted, people_text

# How the doubt ends where a trusted count is not told.
_UNTOLD = {
    "total": "how many people there are",
    "finished": "how many are finished",
    "live": "how many people are in a call",
    "by_status": "how many people have which status",
    "unaccounted": "whether its own counts add up",
}

_MOVING = frozenset({"finished", "live", "by_status"})

EVERYBODY = "people"
LIVE_PEOPLE = "people in a call"


class Disagreement(NamedTuple):
    """One thing that the vendor counts otherwise than the snapshot does."""

    what: str
    counted: int  # by the vendor
    read: int  # in the snapshot

    @property
    def text(self) -> str:
        """For people, with both numbers."""
        return f"the vendor counts {self.counted:,} {self.what}, {self.read:,} were read"


def disagreements(
    batch: Batch, tally: Tally, capabilities: Capabilities
) -> tuple[Disagreement, ...]:
    """Where the vendor's trusted counts and the snapshot differ; of what it omits: unwitnessed.

    ``finished`` are people where the vendor counts people by status, and calls elsewhere.
    """
    counts = batch.counts
    pairs: list[tuple[str, str, int | None, int]] = [
        ("total", EVERYBODY, counts.total, tally.get(CONTACTS, 0)),
        _finished(counts, tally),
        ("live", LIVE_PEOPLE, counts.live, 0),
        *(
            ("by_status", f"people {status.replace('_', ' ')}", n, people(tally, status))
            for status, n in sorted(counts.by_status.items())
        ),
    ]
    return tuple(
        Disagreement(what, n, read)
        for name, what, n, read in pairs
        if name in capabilities.trusted and n is not None and n != read
    )


def missing(batch: Batch, capabilities: Capabilities) -> tuple[str, ...]:
    """Which trusted counts the vendor's answer lacks."""
    names = [name for name in _UNTOLD if name in capabilities.trusted]
    return tuple(name for name in names if getattr(batch.counts, name) in (None, {}))


def uncounted(batch: Batch, capabilities: Capabilities) -> bool:
    """Whether a trusted count is missing that moves when something does."""
    return not _MOVING.isdisjoint(missing(batch, capabilities))


def moves_unseen(facts: BatchFacts) -> bool:
    """Whether it may have moved unseen: counts are missing, and the list was not read since."""
    read, looked = facts.certainty.read_at, facts.certainty.observed_at
    behind = read is None or (looked is not None and read < looked)
    return behind and uncounted(facts.batch, facts.capabilities)


def unwitnessed(batch: Batch, tally: Tally, capabilities: Capabilities) -> Iterator[str]:
    """What keeps the vendor's counts from bearing out an end, whatever the lists say.

    A trusted count may be missing; or those of calls may not add up to all of them, unless the
    lists, where they hold everybody, show the others ended in a way that has no count.
    """
    counts, trusted = batch.counts, capabilities.trusted
    for name in missing(batch, capabilities):
        yield f"the vendor does not say {_UNTOLD[name]}"
    differ = counts.unaccounted or 0
    others = ended_calls(tally) - sum(tally.get(call_key(each), 0) for each in _COUNTED_APART)
    if differ < 0 or differ > (others if "total" in trusted else 0):
        yield f"the vendor's own counts differ by {counted(abs(differ), 'call')}"


_COUNTED_APART = (Outcome.COMPLETED, Outcome.FAILED)


def contradictions(
    batch: Batch, tally: Tally, capabilities: Capabilities
) -> tuple[Disagreement, ...]:
    """The disagreements that an open batch must not have either.

    It may have live calls; and who waits may be on no list yet, unless the vendor counts
    people by status, and so lists everybody.
    """
    found = disagreements(batch, tally, capabilities)
    some = not batch.counts.by_status
    return tuple(
        each
        for each in found
        if each.what != LIVE_PEOPLE
        and not (some and each.what == EVERYBODY and each.counted > each.read)
    )


# The counts that only grow while a batch runs, in people's words.
NEVER_FALL = {"total": "people", "finished": "finished"}


def is_less(before: Counts, after: Counts, name: str) -> bool:
    """Whether the vendor's own count of this name fell."""
    old, new = getattr(before, name), getattr(after, name)
    derived = name in before.estimated or name in after.estimated
    return old is not None and new is not None and new < old and not derived


def highest(one: Counts, other: Counts) -> Counts:
    """Of counts that only grow the higher, of any other the first."""
    return replace(
        one,
        total=_higher(one.total, other.total),
        finished=_higher(one.finished, other.finished),
    )


def _higher(one: int | None, other: int | None) -> int | None:
    known = [each for each in (one, other) if each is not None]
    return max(known, default=None)


def _finished(counts: Counts, tally: Tally) -> tuple[str, str, int | None, int]:
    if counts.by_status:
        done = (status for status in ContactStatus if status not in OPEN_CONTACT)
        return "finished", "people finished", counts.finished, people(tally, *done)
    return "finished", "calls ended", counts.finished, ended_calls(tally)


def apart(counts: Counts, tally: Tally) -> int:
    """By how many calls and people the snapshot is from the vendor's counts of them."""
    done, read = _finished(counts, tally)[2:]
    by_status = (abs(n - people(tally, status)) for status, n in counts.by_status.items())
    return (0 if done is None else abs(done - read)) + sum(by_status)


def still_live(batch: Batch, tally: Tally) -> str | None:
    """What may still be talking though the batch is said to have ended; None when nothing is.

    A status that nobody knows may be a live call, so it counts as one.
    """
    for n, what in (
        (tally.get(LIVE_CALLS, 0), counted(tally.get(LIVE_CALLS, 0), "call")),
        (_live_people(tally), people_text(_live_people(tally))),
        (batch.counts.live or 0, _lines(batch.counts)),
    ):
        if n:
            return f"{what} still open"
    return None


# Times the wait for a second look: so long nothing may move where live calls are not listed.
_QUIET = 4


def under_way(facts: BatchFacts, confirm_after: timedelta) -> str | None:
    """What may still be talking though the batch has ended; None when nothing is.

    Where no list shows calls under way, those that had begun before the first look are known
    only once they end: so nothing may have moved for a while, and unless it is proven that all
    of them were seen to end, the lists must have been read after the longest may have ended.
    """
    moved = facts.moved_at
    if live := still_live(facts.batch, facts.tally):
        return live
    if not facts.estimates("live"):
        return None
    if moved is not None and facts.now - moved < _QUIET * confirm_after:
        return "calls under way are on no list, and something has just moved"
    if not _read_after_the_unseen(facts):
        return "calls under way are on no list, and some may have begun before the first look"
    return None


def _read_after_the_unseen(facts: BatchFacts) -> bool:
    """Whether every page was read once calls that nobody saw begin must have been over."""
    unseen_for, swept, ended = facts.batch.unseen_for, facts.certainty.swept_at, facts.terminal_at
    if not unseen_for:
        return True
    return swept is not None and ended is not None and swept - ended >= unseen_for


def _lines(counts: Counts) -> str:
    about = "about " if "live" in counts.estimated else ""
    return about + counted(counts.live or 0, "line")


def _live_people(tally: Tally) -> int:
    return people(tally, ContactStatus.DISPATCHED, ContactStatus.IN_CALL, ContactStatus.UNKNOWN)


def read_since_end(facts: BatchFacts) -> bool:
    """Whether a complete reading of the batch was made after it was first seen ended."""
    complete, ended = facts.certainty.complete_at, facts.terminal_at
    return complete is not None and ended is not None and complete >= ended


def old_news(facts: BatchFacts) -> bool:
    """The batch had ended before Offhook first looked, and has not run again since."""
    return not facts.news and facts.run == 1


def ended_calls(tally: Tally) -> int:
    """How many calls have ended in any way."""
    return sum(tally.get(key, 0) for key in _ENDED)


_ENDED = tuple(call_key(outcome) for outcome in Outcome)


def rows(facts: BatchFacts) -> int:
    """Everybody that the batch was made for, those included whom the vendor refused to dial."""
    counts = facts.batch.counts
    return max(facts.people, counts.requested or facts.people + (counts.rejected or 0))


def never_dialled(facts: BatchFacts) -> int:
    """People for whom no call was made: they wait, were skipped or refused, or are not listed.

    Who is merely not listed counts once every page was read after the end.
    """
    swept, ended = facts.certainty.swept_at, facts.terminal_at
    listed = swept is not None and ended is not None and swept >= ended
    missing = rows(facts) - facts.tally.get(CONTACTS, 0) if listed else 0
    return facts.tally.get(UNDIALLED, 0) + max(facts.batch.counts.rejected or 0, missing)


def report(facts: BatchFacts) -> Report:
    """The end of the batch in numbers, as far as they are known now."""
    tally, batch = facts.tally, facts.batch
    lasted = facts.lasted
    return Report(
        batch_id=batch.batch_id,
        title=batch.title,
        ended_at=batch.ended_at or facts.terminal_at,
        people=rows(facts),
        reached=facts.calls.people_reached(),
        contacts=_present({s.value: tally.get(contact_key(s), 0) for s in ContactStatus}),
        outcomes=_present({o.value: tally.get(call_key(o), 0) for o in Outcome}),
        never_dialled=never_dialled(facts),
        rejected=batch.counts.rejected or 0,
        retries=tally.get("retries", 0),
        calls=tally.get(CALLS, 0),
        talk_s=tally.get("talk_ms", 0) / 1000,
        cost_micros=costs(tally),
        cost_estimated=tally.get("cost.estimated", 0) > 0,
        sentiment=_present({s.value: tally.get(f"sentiment.{s}", 0) for s in Sentiment}),
        duration_s=None if lasted is None else lasted.total_seconds(),
        people_estimated=facts.estimates("total"),
        duration_estimated=facts.ended_by_call is not None,
    )


def _present(counts: dict[str, int]) -> dict[str, int]:
    return {key: n for key, n in counts.items() if n}
