"""What it costs to judge everything: every rule, on many open batches of which some people moved.

Batches are in the middle of being dialled: calls end at an even pace, so that each cycle of
half a minute ends as many as begin. Time is the processor's, of the evaluations alone.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from bench.results import Result, median, ratio, spread
from monitor.app.context import context_to_read
from monitor.app.ruletest.configured import own_config
from monitor.app.settling import settle
from monitor.config.document import Document
from monitor.core.model import (
    AnsweredBy,
    Batch,
    BatchStatus,
    Call,
    CallStatus,
    Contact,
    ContactStatus,
    Counts,
    EndedBy,
    Item,
    RetryPolicy,
)
from monitor.core.rule import SubjectKind
from monitor.evaluation.batches import evaluate_batch
from monitor.evaluation.context import Context
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.ingest.sweeps import Swept, begin_sweep, finish_sweep
from monitor.store import providers
from monitor.store.engine import open_engine

NOW = datetime(2026, 5, 13, 12, tzinfo=UTC)
CYCLE = timedelta(seconds=30)
WARM = 3  # cycles in which what is remembered of calls is read, and statements are compiled
_WALKED = 1_000  # people of a batch, at the least, who are walked through in an evaluation
_PIECE = 1_000
_CAMPAIGNS = 20
_BEFORE = 200  # people of the batch before, of each campaign

# The rules that run only where they are written run, too.
WRITTEN: dict[str, Any] = {
    "batch_overdue": {"finish_by": "20:00"},
    "cost_overrun": {"budget": "100000 USD", "per_hour": "10000 USD", "per_completed": "50 USD"},
    "balance_low": {"least": "20 USD"},
    "outcome_rate": {"outcome": ["voicemail"], "threshold": 0.9},
    "expression": {"when": "failed_share > 0.9 and finished >= 20"},
}
_ENDS = (
    *((CallStatus.COMPLETED, AnsweredBy.HUMAN),) * 11,
    (CallStatus.COMPLETED, AnsweredBy.VOICEMAIL),
    *((CallStatus.NO_ANSWER, None),) * 5,
    *((CallStatus.BUSY, None),) * 2,
    (CallStatus.FAILED, None),
)
_TRIED_AGAIN = {CallStatus.NO_ANSWER, CallStatus.BUSY, CallStatus.FAILED}
_COOLDOWN = timedelta(hours=2)


@dataclass(slots=True)
class _Course:
    """One batch: people 0 to ``done`` were called, the next ``live`` are, the others wait.

    Who was missed is called again after the cooldown. Whose call is longer ago was missed again,
    for good: nobody is late, however many there are.
    """

    name: str
    people: int
    done: int
    live: int
    pace: int  # calls that end in a cycle
    campaign: str
    first: int  # the number of its first person
    row: int = 0
    given_up: int = 0  # people who were called so long ago that nobody calls them again

    def look(self, now: datetime, status: BatchStatus = BatchStatus.RUNNING) -> Batch:
        """The vendor's answer."""
        waiting = self.people - self.done - self.live
        missed, lost = _missed(self.done), _missed(self.given_up)
        by_status = {
            ContactStatus.PENDING: waiting,
            ContactStatus.IN_CALL: self.live,
            ContactStatus.COMPLETED: self.done - missed,
            ContactStatus.RETRYING: missed - lost,
            ContactStatus.FAILED: lost,
        }
        return Batch(
            provider="graine",
            batch_id=self.name,
            name=self.name,
            campaign=self.campaign,
            status=status,
            seen_at=now,
            created_at=NOW - timedelta(hours=4),
            started_at=NOW - timedelta(hours=4),
            ended_at=now if status.terminal else None,
            concurrency=max(self.live, 1),
            retry=RetryPolicy(max_retries=3, cooldown_s=1800, grows=False),
            counts=Counts(
                total=self.people,
                finished=self.done - missed + lost,
                live=self.live,
                waiting=waiting,
                by_status=by_status,
            ),
        )

    def everybody(self) -> Iterator[Item]:
        """All its people; the calls ended at its pace, the last just now."""
        for n in range(self.done):
            ago = (self.done - n) / self.pace * CYCLE
            yield self._ended(n, NOW - ago)
        for n in range(self.done, self.people):
            yield self._begun(n, NOW) if n < self.done + self.live else Item(self._person(n))

    def moved(self, now: datetime) -> list[Item]:
        """What a cycle moves: as many calls end as begin."""
        first, most = self.done, min(self.pace, self.people - self.done - self.live)
        self.done += most
        ended = [
            self._ended(n, now - CYCLE * (1 - k / self.pace))
            for k, n in enumerate(range(first, first + most), 1)
        ]
        begun = [
            self._begun(n, now) for n in range(self.done + self.live - most, self.done + self.live)
        ]
        return ended + begun

    def _person(self, n: int, status: ContactStatus = ContactStatus.PENDING) -> Contact:
        number = self.first + n
        return Contact(
            contact_id=f"{self.name}-{n:06}",
            status=status,
            phone_hash=hashlib.sha256(number.to_bytes(8)).digest()[:16],
            phone=f"••{number % 10_000:04}",
            country="IN",
            seen_at=NOW,
        )

    def _begun(self, n: int, now: datetime) -> Item:
        contact = self._person(n, ContactStatus.IN_CALL)
        call = Call(
            call_id=f"{self.name}-c{n:06}",
            contact_id=contact.contact_id,
            status=CallStatus.IN_PROGRESS,
            created_at=now,
            started_at=now,
            from_number=f"…{n % 4:04}",
            agent_version="v1",
            seen_at=now,
        )
        return Item(contact._replace(last_attempt_at=now, seen_at=now), (call,))

    def _ended(self, n: int, at: datetime) -> Item:
        status, by = _ENDS[n * 7 % len(_ENDS)]
        begun = at - timedelta(seconds=30)
        again = status in _TRIED_AGAIN and n >= self.given_up
        after = ContactStatus.FAILED if status in _TRIED_AGAIN else ContactStatus.COMPLETED
        contact = self._person(n, ContactStatus.RETRYING if again else after)
        call = Call(
            call_id=f"{self.name}-c{n:06}",
            contact_id=contact.contact_id,
            status=status,
            answered_by=by,
            created_at=begun,
            started_at=begun,
            ended_at=at,
            ended_by=EndedBy.VENDOR,
            duration_s=30.0,
            error_class="SIP ###" if status is CallStatus.FAILED else None,
            from_number=f"…{n % 4:04}",
            agent_version="v1",
            hangup_class="goal_completed" if n % 3 else "user_requested",
            cost_micros=50_000,
            currency="USD",
            seen_at=at,
            detail_at=at,
        )
        due = at + _COOLDOWN if again else None
        return Item(contact._replace(last_attempt_at=begun, next_retry_at=due, seen_at=at), (call,))


def measure(directory: Path, batches: int, people: int, times: int) -> list[Result]:
    """All of it."""
    spent, beside = zip(
        *_cycles(directory / "many.db", _courses(batches, people), times), strict=True
    )
    # So slow that the calls of the small one reach back as far as any rule looks. By turns, so
    # that both see the same machine.
    beside_small = zip(
        _cycles(directory / "small.db", _courses(1, 1_000, pace=1), times * 8),
        _cycles(directory / "large.db", _courses(1, people * 20, pace=1), times * 8),
        strict=True,
    )
    small, large = zip(*((less, more) for (less, _), (more, _) in beside_small), strict=True)
    rules = sum(each.settings.rule.subject is SubjectKind.BATCH for each in _context().instances)
    limit = 0.25 * batches / 200
    note = f"{rules} rules; {spread(spent)}, {median(spent) / batches * 1e6:.0f} us a batch"
    return [
        Result(
            f"judging {batches} batches of {people:,}, 1 % moved",
            limit,
            median(spent),
            " s",
            note=note,
        ),
        Result(
            f"judging {people * 20:,} people / 1,000, equal windows",
            1.5,
            ratio(large, small),
            note=f"{spread(large)} beside {spread(small)}; reading of 1 % above: {spread(beside)}",
        ),
    ]


def _context() -> Context:
    values = {"providers": {"graine": {"vendor": "graine"}}, "rules": WRITTEN}
    return context_to_read(own_config(Document("the bench", values, {}), None), NOW)


def _missed(n: int) -> int:
    """How many of the first n people were not reached at once."""
    rounds, rest = divmod(n, len(_ENDS))
    some = (_ENDS[k * 7 % len(_ENDS)][0] in _TRIED_AGAIN for k in range(rest))
    return rounds * sum(status in _TRIED_AGAIN for status, _ in _ENDS) + sum(some)


def _courses(batches: int, people: int, pace: int | None = None) -> list[_Course]:
    # One that is dialled and one that is done are two people who moved.
    pace = pace or max(people // 200, 1)
    lately = pace * int(_COOLDOWN / CYCLE)
    return [
        _Course(
            name=f"open{n:04}",
            people=people,
            done=people * 2 // 5,
            live=pace * 2,
            pace=pace,
            campaign=f"campaign {n % _CAMPAIGNS}",
            first=n * people + 1_000_000,
            given_up=max(people * 2 // 5 - lately, 0),
        )
        for n in range(batches)
    ]


def _cycles(file: Path, courses: Sequence[_Course], times: int) -> Iterator[tuple[float, float]]:
    """Processor time of each cycle: of judging, and of reading what moved."""
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()
    engine, context = open_engine(file, create=True), _context()
    _fill(engine, context, courses)
    for course in courses:
        # After a start everybody is walked through once, a piece at each evaluation.
        for _ in range(course.people // _WALKED + 1):
            with engine.begin() as conn:
                evaluate_batch(conn, course.row, context, NOW)
    settle()  # as the daemon does
    for n in range(1, WARM + times + 1):
        now = NOW + n * CYCLE
        began = time.process_time()
        for course in courses:
            with engine.begin() as conn:
                take_look(conn, course.look(now), baseline=False)
                _read(conn, course, course.moved(now), now)
        read = time.process_time() - began
        spent = 0.0
        for course in courses:
            with engine.begin() as conn:
                began = time.process_time()
                evaluate_batch(conn, course.row, context, now)
                spent += time.process_time() - began
        if n > WARM:
            yield spent, read
    engine.dispose()


def _fill(engine: Engine, context: Context, courses: Sequence[_Course]) -> None:
    with engine.begin() as conn:
        row = providers.answered(providers.load(conn, "graine", "graine"), NOW)
        providers.save(conn, replace(row, baseline_at=NOW, discovered_at=NOW))
    for n, campaign in enumerate(sorted({each.campaign for each in courses})):
        before = _Course(f"before{n:03}", _BEFORE, _BEFORE, 0, 1, campaign, n * _BEFORE)
        _first(engine, before, NOW - timedelta(days=1))
        with engine.begin() as conn:
            for k in range(3):
                at = NOW - timedelta(days=1, minutes=-k)
                take_look(conn, before.look(at, BatchStatus.COMPLETED), baseline=False)
            evaluate_batch(conn, before.row, context, NOW - timedelta(hours=23))
    for course in courses:
        _first(engine, course, NOW)


def _first(engine: Engine, course: _Course, now: datetime) -> None:
    with engine.begin() as conn:
        course.row = take_look(conn, course.look(now), baseline=False).id
    everybody = list(course.everybody())
    for start in range(0, len(everybody), _PIECE):
        with engine.begin() as conn:
            _read(conn, course, everybody[start : start + _PIECE], now)


def _read(conn: Any, course: _Course, items: list[Item], now: datetime) -> None:
    begun = begin_sweep(conn, course.row, now)
    taken = take_items(conn, begun, items, now).row
    swept = Swept(
        counts=taken.look.counts,
        rows=course.people,
        run=taken.run,
        every_page=True,
        anew=True,
        row_of_call=False,
    )
    finish_sweep(conn, course.row, swept, now)
