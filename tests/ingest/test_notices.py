"""Notices as observations: in any order, twice, late, and among polls, the end is the same."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from monitor.core.model import BatchStatus, EndedBy
from monitor.core.tally import trimmed
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.ingest.notices import take_notices
from monitor.providers.facts import Proof
from monitor.providers.notices import Notice
from monitor.store import batches, inbox, snapshot
from monitor.store.coding import encode
from monitor.store.inbox import Arrived
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch
from tests.fakes import item_of
from tests.notices import arrived, person, record, standing
from tests.stories import hurried

PEOPLE = 6
ENDED = {n: "failed" if n % 3 else "completed" for n in range(PEOPLE)}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = hurried(tmp_path_factory.mktemp("notices") / "offhook.db")
    yield made
    made.dispose()


@dataclass
class Taking:
    """One batch in a transaction that is taken back at the end."""

    conn: Connection
    at: Any = NOON

    def notices(self, *some: Arrived) -> Any:
        inbox.put(self.conn, some)
        waiting = inbox.waiting(self.conn, 100)
        return take_notices(self.conn, "renewals", waiting, self.at)

    def poll(self, people: set[int]) -> None:
        """The list as it stands when these have been called."""
        row = batches.find(self.conn, "renewals", "b1")
        assert row is not None
        rows = [person(n, ENDED[n], NOON + n * SECOND) for n in sorted(people)]
        take_items(self.conn, row, [item_of(each, self.at) for each in rows], self.at)

    def known(self) -> tuple[Any, ...]:
        """What everything is judged by."""
        row = batches.find(self.conn, "renewals", "b1")
        assert row is not None
        people = {
            each.contact.contact_id: (
                each.contact.status,
                sorted((c.call_id, c.outcome, c.ended_at) for c in each.calls.values()),
            )
            for each in snapshot.every_person(self.conn, row.id)
        }
        return row.run, row.open, row.look.status, dict(trimmed(row.tally)), people


def begun(engine: Engine) -> Iterator[Taking]:
    with engine.connect() as conn, conn.begin() as transaction:
        take_look(conn, make_batch(), baseline=False)
        yield Taking(conn)
        transaction.rollback()


@pytest.fixture
def taking(engine: Engine) -> Iterator[Taking]:
    yield from begun(engine)


def told(n: int) -> Arrived:
    return record(n, ENDED[n], NOON + n * SECOND)


def contradicting(n: int) -> Arrived:
    """A record that was right once and comes after all polls."""
    status = "completed" if ENDED[n] == "failed" else "failed"
    item = item_of(person(n, status, NOON + n * SECOND), NOON + HOUR)
    notice = Notice(event="call", proves=Proof.CALL, batch_id="b1", item=item)
    return arrived("call", "b1", item.calls[0].call_id, encode(notice), NOON + HOUR)


STEPS = st.one_of(
    st.tuples(st.just("notice"), st.integers(0, PEOPLE - 1)),
    st.tuples(st.just("stale"), st.integers(0, PEOPLE - 1)),
    st.tuples(st.just("poll"), st.sets(st.integers(0, PEOPLE - 1))),
    st.tuples(st.just("begun"), st.just(0)),
)


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(STEPS, max_size=12))
def test_webhooks_and_polls_end_the_same_in_any_order(
    engine: Engine, steps: list[tuple[str, Any]]
) -> None:
    ends = []
    for order in (steps, steps[::-1], [step for step in steps if step[0] == "poll"]):
        for taking in begun(engine):
            for what, of in order:
                taking.at += SECOND
                if what == "notice":
                    taking.notices(told(of), told(of))
                elif what == "stale":
                    taking.notices(contradicting(of))
                elif what == "begun":
                    taking.notices(standing(BatchStatus.RUNNING, taking.at))
                else:
                    taking.poll(of)
            taking.at += MINUTE
            taking.poll(set(range(PEOPLE)))
            taking.at += MINUTE
            taking.notices(*map(contradicting, range(PEOPLE)))
            ends.append(taking.known())

    assert ends[0] == ends[1] == ends[2]


def test_one_transaction_may_hold_many_batches_and_kinds(taking: Taking) -> None:
    take_look(taking.conn, make_batch(batch_id="b2", status=BatchStatus.SCHEDULED), baseline=False)

    taken = taking.notices(
        told(0),
        standing(BatchStatus.RUNNING, NOON, "b2"),
        record(4, batch_id="b2"),
        arrived("hint", "b9"),
        standing(BatchStatus.FAILED),
        arrived("call_status", call_id="c7"),
        arrived("hint"),
        arrived("nothing", call_id="c8"),
        told(1),
    )

    assert len(taken.judge) == 2
    assert (set(taken.batches), set(taken.calls)) == ({"b9", "b1"}, {"c7"})
    assert (len(taken.something), taken.ended) == (1, {"b1"})
    assert len(inbox.waiting(taking.conn, 100)) == 0


@pytest.mark.parametrize("status", [each for each in BatchStatus if each.terminal])
def test_no_end_is_believed(taking: Taking, status: BatchStatus) -> None:
    taken = taking.notices(standing(status, NOON + timedelta(hours=1)))

    row = batches.find(taking.conn, "renewals", "b1")
    assert row is not None
    assert (row.ended, row.look.status) == (False, BatchStatus.RUNNING)
    assert taken.ended == {"b1"}


@pytest.mark.parametrize("first", ["poll", "record"])
def test_a_stale_record_never_overrules_what_a_poll_has_read(taking: Taking, first: str) -> None:
    for what in ("poll", "record") if first == "poll" else ("record", "poll"):
        taking.at += MINUTE
        if what == "poll":
            taking.poll(set(range(PEOPLE)))
        else:
            taking.notices(*map(contradicting, range(PEOPLE)))

    *_, tally, people = taking.known()
    assert {key: calls[0][1] for key, (_, calls) in people.items()} == {
        f"p{n:03}": status for n, status in ENDED.items()
    }
    assert (tally["call.failed"], tally["call.completed"]) == (4, 2)


def test_a_poll_that_agrees_with_a_record_stands_against_later_ones(taking: Taking) -> None:
    taking.notices(told(1))
    taking.poll({1})
    taking.notices(contradicting(1))

    assert taking.known()[-1]["p001"][1][0][1] == "failed"


def test_a_webhook_that_a_batch_has_begun_lets_an_answer_asked_for_before_it_count(
    taking: Taking,
) -> None:
    look = make_batch(batch_id="b2", status=BatchStatus.SCHEDULED, seen_at=NOON)
    take_look(taking.conn, look, baseline=False)
    taking.notices(standing(BatchStatus.RUNNING, NOON + 10 * SECOND, "b2"))

    done = replace(look, status=BatchStatus.COMPLETED, seen_at=NOON + 9 * SECOND)
    row = take_look(taking.conn, done, baseline=False)

    assert row.ended
    assert row.terminal_at == NOON + 9 * SECOND


def test_a_running_webhook_is_a_move_of_its_own_time(taking: Taking) -> None:
    look = make_batch(batch_id="b2", status=BatchStatus.SCHEDULED, seen_at=NOON)
    take_look(taking.conn, look, baseline=False)
    taking.notices(standing(BatchStatus.RUNNING, NOON + 10 * SECOND, "b2"))

    row = batches.find(taking.conn, "renewals", "b2")
    assert row is not None
    assert row.look.status is BatchStatus.RUNNING
    assert (row.look.seen_at, row.moved_at) == (NOON, NOON + 10 * SECOND)


@pytest.mark.parametrize(
    ("listed", "late", "ended_by"),
    [
        pytest.param(True, MINUTE, EndedBy.SEEN, id="told-just-now"),
        pytest.param(True, HOUR, EndedBy.HISTORY, id="told-long-ago"),
        pytest.param(False, MINUTE, EndedBy.HISTORY, id="never-listed"),
    ],
)
def test_an_untimed_end_that_is_told_first_hand_is_witnessed(
    taking: Taking, *, listed: bool, late: timedelta, ended_by: EndedBy
) -> None:
    row = batches.find(taking.conn, "renewals", "b1")
    assert row is not None
    if listed:
        batches.save(taking.conn, replace(row, listed_at=NOON - HOUR), "listed_at")
    item = item_of(person(1), NOON)
    untimed = item._replace(
        calls=(item.calls[0]._replace(ended_at=None, ended_by=None),),
    )
    notice = Notice(event="call", proves=Proof.CALL, batch_id="b1", item=untimed)

    taking.at = NOON + late
    taking.notices(arrived("call", "b1", "p001.1", encode(notice), NOON))

    (call,) = snapshot.every_call(taking.conn, row.id)
    assert call.ended_by is ended_by
    assert call.ended_at == (NOON if ended_by is EndedBy.SEEN else None)
