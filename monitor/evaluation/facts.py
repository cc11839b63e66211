"""The facts about one batch that its row makes, however the questions about it are answered.

Shared by evaluations of now and by whoever judges a batch's past once more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.core.calls import CallLog, Peers
from monitor.core.facts import BatchFacts, Certainty, Gone, Report
from monitor.core.people import PeopleLog
from monitor.core.retries import RetryLadder
from monitor.core.stopping import StoppedBy
from monitor.evaluation.context import Context, ProviderView
from monitor.store.batches import BatchRow

# A time this far in the future is not one of this clock.
SET_BACK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a batch's facts hold beside its own row."""

    calls: CallLog
    peers: Peers
    retries: RetryLadder
    persons: PeopleLog
    previous: Report | None = None
    stopped_by: StoppedBy | None = None
    gone: Gone | None = None


def facts_of(
    row: BatchRow, view: ProviderView, context: Context, now: datetime, asked: Asked
) -> BatchFacts:
    """The facts that a row makes, whether it stands so now or did so then."""
    look = row.look
    gap = row.typical_gap_s
    return BatchFacts(
        now=now,
        batch=look,
        vendor=view.vendor,
        capabilities=view.capabilities,
        certainty=Certainty(
            observed_at=row.fresh_at,
            fresh=is_fresh(row, view.blind_after, now),
            listed=is_listed(row, view.blind_after, now),
            swept_at=row.swept_at,
            read_at=row.read_at,
            complete_at=row.complete_at,
            mid_sweep=row.sweeping_since is not None,
            recounted=_is_recounted(row),
        ),
        tally=row.tally,
        calls=asked.calls,
        peers=asked.peers,
        retries=asked.retries,
        persons=asked.persons,
        calendar=view.calendar or look.calendar,
        default_zone=context.zone,
        run=row.run,
        news=row.news,
        first_seen_at=row.first_seen_at,
        moved_at=row.moved_at,
        resumed_at=row.resumed_at,
        idle_at=row.idle_at,
        running_at=row.running_at,
        pauses=row.pauses,
        typical_gap=None if gap is None else timedelta(seconds=gap),
        terminal_at=row.terminal_at,
        seen_open_at=row.seen_open_at,
        confirmed_at=row.terminal_again_at,
        reported_at=row.reported_at,
        previous=asked.previous,
        stopped_by=asked.stopped_by,
        gone=asked.gone,
        fallen_from=row.fallen_from,
    )


def is_fresh(row: BatchRow, blind_after: timedelta, now: datetime) -> bool:
    """Whether the vendor's own answer about the batch is new enough.

    A time in the future is of a clock that was set back since: nothing is fresh until it is
    looked at again.
    """
    return -SET_BACK <= now - row.fresh_at <= blind_after


def is_listed(row: BatchRow, blind_after: timedelta, now: datetime) -> bool:
    """Whether its list can be read; single rows that cannot be do not make it unreadable."""
    since = row.unlisted_since
    return since is None or row.unread > 0 or now - since <= blind_after


def is_read(row: BatchRow) -> bool:
    """Whether the batch's list was read since its newest look, or need not be."""
    if row.sweeping_since is not None or row.listed_at is None:
        return False
    return row.listed_at >= row.fresh_at or row.look.counts == row.swept_counts


def _is_recounted(row: BatchRow) -> bool:
    """Whether its list was read between two looks with equal counts, and nothing moved since.

    Where each look begins another reading, it was if nothing has moved since before that one.
    """
    listed, read = row.listed_at, row.read_at
    if listed is None or row.look.counts != row.swept_counts or row.fresh_at < row.moved_at:
        return False
    if row.sweeping_since is None and row.fresh_at > listed:
        return True
    return read is not None and read >= row.moved_at and row.fresh_at > row.moved_at


def known_at(row: BatchRow) -> datetime:
    """As of when it is known as a whole: a look alone says nothing new of its calls."""
    if row.gone_again_at is not None:
        return row.gone_again_at  # that it is not there was seen then
    if is_read(row) or row.listed_at is None:
        return row.fresh_at
    return min(row.fresh_at, row.listed_at)
