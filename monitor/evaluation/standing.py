"""One batch as it stood at some moment of its past, brought along from moment to moment.

Looks that saw nothing move are not kept: they are taken to have come at an even pace since
the last that did, and to have read the batch's list.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitor.core.facts import Gone
from monitor.core.instants import from_micros, to_micros
from monitor.core.model import Batch, Counts
from monitor.core.past import KnownCalls
from monitor.core.pastmoves import SOME_ROWS, Moment, Past
from monitor.core.pastpeople import KnownPeople
from monitor.core.stopping import StoppedBy
from monitor.core.tally import Tally
from monitor.store.advancing import advanced, first_row, told_before, touched
from monitor.store.batches import BatchRow
from monitor.store.stopping import freed_from, marked

_DOUBTED = timedelta(seconds=10)  # before it is believed that an ended batch runs again
_WITNESSED = timedelta(seconds=5)  # an end so shortly before a reading is when that saw it


@dataclass(slots=True, kw_only=True)
class Standing:
    """What was known of it. ``final`` is its row as it is now, ``every`` how often it was seen."""

    final: BatchRow
    every: timedelta
    acts: Sequence[StoppedBy] = ()  # what people did to it through Offhook, oldest first
    row: BatchRow = field(init=False)
    calls: KnownCalls = field(default_factory=KnownCalls)
    people: KnownPeople = field(default_factory=KnownPeople)
    tally: Tally = field(default_factory=dict)
    moved_at: datetime = field(init=False)  # when anything last did
    elsewhere: bool = False  # the vendor has shown others since it is gone
    _acted: int = 0

    def begin(self, past: Past) -> None:
        """As it stood at the first moment."""
        first = past.moments[0]
        self.tally = dict(past.tally)
        for call in past.before:
            self.calls.add(call)
        row = first_row(self._look(None, first), baseline=False)
        self.row = replace(row, id=self.final.id, tally=self.tally)
        self.read(first.at)
        self.moved_at = first.at

    def _look(self, known: Batch | None, moment: Moment) -> Batch:
        """The look that saw the moment, as far as it is kept; the rest is as it is now."""
        final = self.final.look
        status = moment.status or (known.status if known else final.status)
        over = status.terminal and status is final.status
        same = moment.word is None and known is not None
        return replace(
            final,
            seen_at=moment.at,
            status=status,
            raw_status=known.raw_status if same and known else moment.raw_status,
            counts=moment.counts or (known.counts if known else Counts()),
            # What a vendor with a clock of its own told lastly was the newest by that, too.
            version=None if final.version is None else moment.at,
            ended_at=final.ended_at if over else None,
            reason=final.reason if over else None,
            reason_code=final.reason_code if over else None,
            preparing=False,
        )

    def take(self, moment: Moment) -> None:
        """Take in what one transaction saw."""
        self.moved_at = moment.at
        if moment.gone:
            self._take_absence(moment)
        elif moment.looked:
            self._take_look(moment)
        tally, at = self.tally, to_micros(moment.at)
        counted = dict(tally)
        for key, n in moment.delta.items():
            tally[key] = tally.get(key, 0) + n
        for _, key, before, after in moment.people:
            self.people.moved(key, before, after, at)
        for _, key, _, due in moment.dues:
            self.people.scheduled(key, None if due is None else int(due))
        self._take_calls(moment)
        if moment.touched:
            told = told_before(self.row, counted, tally)
            self.row = touched(self.row, self._last_end(moment) if told else moment.at)
        if moment.unlisted is not None:
            self._take_unlisted(moment)
        if moment.listed:
            self.read(moment.at)
            self._confirm(moment.at)

    def _last_end(self, moment: Moment) -> datetime:
        """When the last of its calls ended, those aside that may only be seen to have ended."""
        before = to_micros(moment.at - _WITNESSED)
        ends = [call.ended for call, _ in moment.calls if call.ended < before]
        return max(map(from_micros, ends), default=self.row.moved_at)

    def _confirm(self, at: datetime) -> None:
        """Take a look that shows an end again to have come by the time of a later reading."""
        ended = self.row.terminal_at
        if ended is not None and at - ended >= self.every:
            self.row = replace(self.row, terminal_again_at=at)

    def _take_calls(self, moment: Moment) -> None:
        for call, known in (*moment.calls, *((each, True) for each in moment.priced)):
            if known:
                self.calls.drop(call.call_id, call.ended)
            self.calls.add(call)

    def _take_absence(self, moment: Moment) -> None:
        row = self.row
        self.elsewhere = moment.elsewhere
        self.row = replace(
            row,
            gone_at=row.gone_at or moment.at,
            gone_again_at=moment.at,
            gone_times=row.gone_times + 1,
        )

    def _take_unlisted(self, moment: Moment) -> None:
        since = (self.row.unlisted_since or moment.at) if moment.unlisted else None
        # That rows of it cannot be read makes no list unreadable.
        unread = int(moment.unlisted == SOME_ROWS)
        self.row = replace(self.row, unlisted_since=since, unread=unread)

    @property
    def gone(self) -> Gone | None:
        """What is known of a batch that the vendor says it does not know."""
        row = self.row
        if row.gone_at is None:
            return None
        return Gone(since=row.gone_at, times=row.gone_times, elsewhere=self.elsewhere)

    def _take_look(self, moment: Moment) -> None:
        before = self.row
        if moment.reopened:
            # The look before this one had doubted the end already.
            before = replace(before, reopening_at=moment.at - _DOUBTED)
        row = advanced(before, self._look(before.look, moment))
        self.row = replace(freed_from(before, row, self.stopped_by), tally=self.tally)

    def read(self, at: datetime) -> None:
        """Its list was read; whether that was ever all of it is known of now only.

        Where it could not be read, it was not read wholly either.
        """
        whole = self.row.complete_at
        if self.row.unlisted_since is None:
            whole = None if self.final.complete_at is None else at
        self.row = replace(
            self.row,
            fresh_at=at,
            listed_at=at,
            read_at=at,
            swept_at=at,
            complete_at=whole,
            swept_counts=self.row.look.counts,
        )

    def looked(self, at: datetime, last: datetime | None = None) -> None:
        """Take the last look before an instant to have come at its time.

        ``last``: none came after that.
        """
        before, every = self.row, self.every
        seen = self.moved_at + (at - self.moved_at) // every * every
        if last is not None and at >= last:
            seen = last
        if seen <= before.fresh_at or before.gone_at is not None:
            return
        self.read(seen)
        if before.terminal_at is not None:
            self.row = replace(self.row, terminal_again_at=seen)
        elif before.stopped_by_user:
            self.row = freed_from(before, self.row, self.stopped_by)

    def act(self, now: datetime) -> None:
        """Take in what people did through Offhook by now."""
        while self._acted < len(self.acts) and self.acts[self._acted].at <= now:
            done = self.acts[self._acted]
            self.row = marked(self.row, done.action, done.at)
            self._acted += 1

    @property
    def stopped_by(self) -> StoppedBy | None:
        """The newest thing that somebody did to it."""
        return self.acts[self._acted - 1] if self._acted else None

    @property
    def kept(self) -> tuple[BatchRow, int]:
        """What time alone may change of it."""
        return self.row, self._acted

    def back(self, kept: tuple[BatchRow, int]) -> None:
        """Take back what time alone changed."""
        self.row, self._acted = kept
