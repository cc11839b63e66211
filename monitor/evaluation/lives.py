"""The life of one batch, laid out once more: judged as it was when it was the present.

After each moment in which something moved, and at ticks in between, it is judged by the real
rules and the real life cycle. Between moments rules without an open alert are asked at longer
steps; where one of these moved anything, all are at every tick of the step. So what would have
held for a tick alone, between two looks, and begun with it, may be missed; nothing else is.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile

from monitor.core.alert import Transition
from monitor.core.instance import Settings
from monitor.core.pastmoves import Moment, Past
from monitor.core.people import LONG_AGO
from monitor.evaluation.batches import LINGER_MOST
from monitor.evaluation.hindsight import Hindsight
from monitor.evaluation.past import Rules, about_persons
from monitor.evaluation.standing import Standing
from monitor.store.history import Elsewhere

TICK = timedelta(seconds=10)  # as often as everything is judged
_STEP = timedelta(minutes=1)
_LONG_STEP = timedelta(minutes=10)
# A look comes first, then the reading of the list that it was made for.
_SAME_POLL = timedelta(seconds=5)
_OFTEN_FOR = timedelta(minutes=30)  # after the end
# Rules without a window of their own are asked often for so long after the last move.
_WINDOW = timedelta(minutes=30)


@dataclass(slots=True, kw_only=True)
class Life:
    """One batch on its way through its past. ``run`` fills the transitions of ``judged``."""

    judged: Hindsight
    past: Past
    tick: timedelta = TICK
    _looking: Rules = ()  # those that go by the look alone
    _personal: Rules = ()  # those that go by single people
    _elsewhere: deque[Elsewhere] = field(default_factory=deque)
    _at: datetime = LONG_AGO  # until when it is judged
    _last: datetime | None = None  # no look came after that until the next moment
    _reach: timedelta = _WINDOW

    @property
    def standing(self) -> Standing:
        """The batch as it stood when it was last judged."""
        return self.judged.standing

    @property
    def transitions(self) -> list[Transition]:
        """How its alerts moved."""
        return self.judged.alerts.transitions

    def run(self, until: datetime) -> None:
        """Judge it from its first moment on, to its end or to ``until``."""
        rules = self.judged.rules
        self._looking = tuple(
            each for each in rules if not getattr(each[1].rule, "reads_list", False)
        )
        self._personal = about_persons(rules)
        self._elsewhere.extend(self.judged.persons.elsewhere)
        self._reach = max((_reach(each) for _, each in rules), default=_WINDOW)
        self.standing.begin(self.past)
        moments = [each for each in self.past.moments if each.at <= until]
        for place, moment in enumerate(moments):
            if place:
                self._last = moment.unseen_since
                self._pass(moment.at, beyond=moment.word is None)
                self.judged.take(moment)
                self._owe_list(moment, moments[place + 1 :])
            following = moments[place + 1] if place + 1 < len(moments) else None
            self._judge_moment(moment, following)
        self._finish(until)

    def _owe_list(self, moment: Moment, later: Sequence[Moment]) -> None:
        """Where it was seen to be over after a gap, what its list shows later was not read yet."""
        if moment.unseen_since is None or moment.listed or not self.standing.row.ended:
            return
        same_run = takewhile(lambda each: not each.reopened, later)
        self.judged.owes_list = any(each.listed for each in same_run)

    def _judge_moment(self, moment: Moment, following: Moment | None) -> None:
        self._at = moment.at
        read_next = following is not None and _is_read_by(moment, following)
        if read_next and moment.word is None and not moment.listed:
            # What goes by people and calls sees nothing new before these are read.
            self.judged.judge(moment.at, self._looking)
            return
        self.judged.judge(moment.at)
        if moment.listed or read_next or moment.gone:
            return
        self.standing.read(moment.at)
        self.judged.judge(moment.at)

    def _pass(self, next_at: datetime, *, beyond: bool = True) -> None:
        """Judge the time from the last moment until the next, of which nothing is known yet.

        ``beyond``: also when that comes; its look alone says nothing of people and calls.
        """
        while self._elsewhere and self._elsewhere[0].at < next_at:
            event = self._elsewhere.popleft()
            self._go(event.at, next_at)
            self.judged.persons.meet(event)
            if not self._is_over:
                self.judged.judge(event.at, self._personal)
        before = (next_at - self._at - timedelta(microseconds=1)) // self.tick * self.tick
        self._go(next_at if beyond else self._at + before, next_at)

    @property
    def _is_over(self) -> bool:
        if self.judged.given_up:
            return True
        waits = self.judged.waits or self.judged.open_rules
        return self.standing.row.terminal_at is not None and not waits

    def _go(self, end: datetime, next_at: datetime) -> None:
        """Judge the time until an instant before the next moment, or until that itself."""
        if self._is_over or end - self._at <= _SAME_POLL:
            return
        while self._at < end:
            then = min(self._at + self._step(self._at), end)
            self._leap(self._at, then, next_at)
            self._at = then

    def _step(self, at: datetime) -> timedelta:
        quiet = at - self.standing.moved_at > self._reach
        return _LONG_STEP if quiet else _STEP

    def _leap(self, start: datetime, end: datetime, next_at: datetime) -> None:
        """Judge the end of a step, and all of it where that moved anything."""
        kept = self.judged.keep()
        for now in _ticks(start, end, self.tick) if self.judged.open_rules else ():
            if now < end:
                self._idle(now, next_at, self.judged.open_rules)
        self._idle(end, next_at)
        if not self.judged.is_moved(kept):
            return
        self.judged.restore(kept)
        if end - start > _STEP:
            middle = start
            while middle < end:
                then = min(middle + _STEP, end)
                self._leap(middle, then, next_at)
                middle = then
            return
        for now in _ticks(start, end, self.tick):
            self._idle(now, next_at)

    def _idle(self, now: datetime, next_at: datetime, rules: Rules | None = None) -> None:
        """Judge a time at which nothing had moved; the next look at which something has moved."""
        self.standing.looked(min(now, next_at - timedelta(microseconds=1)), self._last)
        self.judged.judge(now, rules)

    def _finish(self, until: datetime) -> None:
        """Judge what comes after the last moment."""
        ended, self._last = self.standing.row.terminal_at, self.standing.final.fresh_at
        if ended is None:
            self._pass(until)
            return
        now = self.standing.moved_at
        if self.standing.row.terminal_again_at is not None and self.judged.open_rules:
            self.judged.judge(now + self.tick)  # what was told late ends at once
        while self.judged.waits and now < min(until, ended + LINGER_MOST):
            now += self.standing.every if now < ended + _OFTEN_FOR else _LONG_STEP
            self.standing.looked(now, self._last)
            self.judged.judge(now)


def _is_read_by(look: Moment, following: Moment) -> bool:
    """Whether what comes next is the reading that the look was made for."""
    return following.listed and following.at - look.at <= _SAME_POLL


def _ticks(start: datetime, end: datetime, tick: timedelta) -> Iterator[datetime]:
    now = start
    while now < end:
        now = min(now + tick, end)
        yield now


def _reach(settings: Settings) -> timedelta:
    """How long after the last move a verdict of the rule may still change soon."""
    window: timedelta = getattr(settings.rule, "window", _WINDOW)
    return window + settings.timing.pending_for + settings.timing.keep_firing_for
