"""One open batch of a million people: what it keeps in memory, how soon it is ready, what an
evaluation costs. Its rows are written straight into the tables, as a first reading leaves them.

    python -m bench.large FILE BATCH

is the fresh process whose memory is measured.
"""

import gc
import itertools
import json
import random
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from bench import path
from bench.generator import NOW
from bench.results import Result, median, spread, took
from monitor.core.model import (
    Call,
    CallStatus,
    Contact,
    ContactStatus,
    Counts,
    EndedBy,
)
from monitor.core.tally import count_call, count_contact
from monitor.evaluation.accounts import PIECE
from monitor.evaluation.batches import evaluate_batch
from monitor.ingest import marks
from monitor.ingest.looks import take_look
from monitor.ingest.pages import PageBook
from monitor.store import batches, hot, schema, snapshot
from monitor.store import pages as stored
from monitor.store.engine import open_engine
from monitor.store.pages import CLOSED, PageState, retry_at
from monitor.store.snapshot import Person

SMALL = 1_000
IN_WINDOW = 500
_PIECE = 20_000
_MINUTE = timedelta(minutes=1)


def measure(directory: Path, people: int, times: int) -> list[Result]:
    """All of it."""
    file = directory / "large.db"
    for each in directory.glob(f"{file.name}*"):
        each.unlink()
    engine = open_engine(file, create=True)
    with engine.begin() as conn:
        small, large = _fill(conn, "small", SMALL), _fill(conn, "large", people)
    path.close(engine)
    seconds, resident = [], []
    for _ in range(times):
        fresh = subprocess.run(
            [sys.executable, "-m", "bench.large", str(file), str(large)],
            check=True,
            capture_output=True,
        )
        told = json.loads(fresh.stdout)
        seconds.append(told["seconds"])
        resident.append(told["resident"] / people)
    walked, (quick, slow) = _evaluated(file, (small, large), people, max(times, 5) * 3)
    how = (
        f"processor time, {spread(slow)} beside {spread(quick)}; {IN_WINDOW} calls in the window"
        f" of each; {spread(walked)} each of the {len(walked)} times that it takes after a start"
        " to have asked about everybody"
    )
    return [
        Result(
            "resident beyond the process, a person", 24, median(resident), " B", note=_who(people)
        ),
        Result("ready to compare after a restart", 0.2, median(seconds), " s", note=_who(people)),
        Result(
            f"evaluating {people:,} people / {SMALL:,}",
            2,
            median(slow) / median(quick),
            note=how,
        ),
    ]


def _who(people: int) -> str:
    return f"one open batch of {people:,} people, fresh processes"


def _evaluated(
    file: Path, compared: tuple[int, int], people: int, times: int
) -> tuple[list[float], list[list[float]]]:
    """Seconds of judging the second of two batches until everybody in it was asked about.

    And from then on of judging either.
    """
    engine = open_engine(file)
    context = path.remembering(path.context)

    def judge(batch: int, now: datetime) -> None:
        with engine.begin() as conn:
            evaluate_batch(conn, batch, context, now)

    def judged(batch: int, now: datetime = NOW) -> float:
        return took(lambda: judge(batch, now)).processor

    walked = [judged(compared[1]) for _ in range(2 + people // PIECE)]
    moments = [NOW + n * _MINUTE / 6 for n in range(times + 2)]
    spent = [[judged(batch, now) for batch in compared] for now in moments]
    engine.dispose()
    quick, slow = zip(*spent[2:], strict=True)
    return walked, [list(quick), list(slow)]


def _fill(conn: Connection, name: str, people: int) -> int:
    """One running batch: a third waits for a retry, every hundredth of them in vain."""
    counts = Counts(total=people, live=100, waiting=0)
    look = replace(path.look_at(people, NOW), batch_id=f"btc_{name}", counts=counts)
    row = take_look(conn, look, baseline=True)
    tally: dict[str, int] = {}
    some = random.Random(11)
    everybody = _people(people)
    while piece := list(itertools.islice(everybody, _PIECE)):
        ended = []
        for person in piece:
            count_contact(tally, person.contact, 1)
            for call in person.calls.values():
                count_call(tally, call, 1)
                ended.append(snapshot.ended_row(row.id, person.contact, call))
        hot.insert(conn, schema.contacts, [snapshot.person_row(row.id, each) for each in piece])
        hot.insert(conn, schema.calls, [each for each in ended if each is not None])
    dues = [retry_at(NOW.timestamp() + 3600) if n % 3 == 0 else CLOSED for n in range(100)]
    stored.save(
        conn,
        row.id,
        [
            stored.Page(
                "contacts", n, PageState(some.getrandbits(64), _digests(some), array("I", dues))
            )
            for n in range(-(-people // 100))
        ],
    )
    row = replace(
        row,
        tally=tally,
        swept_at=NOW,
        full_swept_at=NOW,
        read_at=NOW,
        complete_at=NOW,
        listed_at=NOW,
        swept_counts=counts,
    )
    batches.save(conn, row)
    return row.id


def _digests(some: random.Random) -> "array[int]":
    return array("Q", some.randbytes(800))


def _people(people: int) -> Iterator[Person]:
    since = int((NOW - _MINUTE * 60).timestamp() * 1e6)
    for n in range(people):
        waits = n % 3 == 0
        late = n % 300 == 0
        due = NOW - _MINUTE * 20 if late else NOW + _MINUTE * (1 + n % 600)
        contact = Contact(
            contact_id=f"con_{n:08x}",
            status=ContactStatus.RETRYING if waits else ContactStatus.COMPLETED,
            attempts=1,
            last_attempt_at=NOW - _MINUTE * 90,
            next_retry_at=due if waits else None,
            phone_hash=n.to_bytes(16, "big"),
            phone="••0000",
            country="IN",
            seen_at=NOW,
        )
        # Everybody was called hours ago; the last 500 calls ended just now.
        ago = _MINUTE * 5 if n >= people - IN_WINDOW else _MINUTE * (120 + n % 600)
        call = Call(
            call_id=f"exec_{n:08x}",
            contact_id=contact.contact_id,
            status=CallStatus.NO_ANSWER if waits else CallStatus.COMPLETED,
            ended_at=NOW - ago,
            ended_by=EndedBy.DERIVED,
            duration_s=30.0,
            cost_micros=9_000,
            currency="USD",
            seen_at=NOW,
            detail_at=NOW,
        )
        yield Person(contact, since, {call.call_id: call})


def _resident() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def _fresh(file: Path, batch: int) -> None:
    """In a fresh process: load what is remembered of a batch, and say what it took."""
    engine = open_engine(file)
    with engine.begin() as conn:
        # Everything is imported and compiled before the base is taken.
        stored.load(conn, -1)
        evaluate_batch(conn, batch, path.context, NOW)
    gc.collect()
    base = _resident()
    began = time.perf_counter()
    with engine.begin() as conn:
        loaded = stored.load(conn, batch)
        book = PageBook(loaded, path.SEED)
    seconds = time.perf_counter() - began
    # A reading of the whole list adds marks to every page.
    book.overdue(NOW)
    for states in loaded.values():
        for state in states.values():
            state.marks = marks.learn(
                b"[" + b",".join([b"1"] * len(state.slices)) + b"]",
                [1] * len(state.slices),
                path.SEED,
            )
    print(json.dumps({"seconds": seconds, "resident": _resident() - base}))


if __name__ == "__main__":
    _fresh(Path(sys.argv[1]), int(sys.argv[2]))
