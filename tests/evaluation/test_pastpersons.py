"""People of a batch as they were known at a moment of its past."""

from datetime import timedelta

import pytest

from monitor.core.limits import Attempts, OptOuts
from monitor.core.model import AnsweredBy, Call, CallStatus, ContactStatus
from monitor.core.pastmoves import Change, Moment
from monitor.core.people import LONG_AGO
from monitor.evaluation.pastpersons import PastPersons, Stands
from monitor.store.history import Elsewhere
from monitor.store.snapshot import Person
from tests.builders import MINUTE, NOON, make_call, make_contact, make_refusal

SOON = Attempts(most=0, min_gap=5 * MINUTE, after_success=timedelta(0))
HERE, THERE = 1, 2
NAMES = {HERE: ("renewals", "May"), THERE: ("renewals", "June")}


def call(call_id: str, minute: int, **changes: object) -> Call:
    return make_call(
        **{"call_id": call_id, "contact_id": "p1", "started_at": NOON + minute * MINUTE} | changes
    )


def stands(batch: int, *calls: Call) -> Stands:
    contact = make_contact(contact_id="p1", status=ContactStatus.PENDING)
    return Stands(batch, Person(contact, 0, {each.call_id: each for each in calls}))


def log(*known: Stands) -> PastPersons:
    """The log of the batch here, about one person, of whom nothing was known before."""
    found = PastPersons(batch=HERE, names=NAMES, now=NOON)
    found.put(b"somebody", known)
    return found


def sees(found: PastPersons, batch: int, minute: int, *changes: Change) -> None:
    at = NOON + minute * MINUTE
    if batch != HERE:
        found.meet(Elsewhere(at, batch, changes))
        return
    moment = Moment(at=at, people=[each for each in changes if each[0] == "contact"])
    moment.opened = [(key, word or "") for kind, key, _, word in changes if kind == "call"]
    found.take(moment)


def test_a_call_counts_from_when_it_was_seen_in_whichever_batch() -> None:
    found = log(stands(HERE, call("c1", 0)), stands(THERE, call("c2", -2)))
    sees(found, HERE, 0, ("contact", "p1", None, "in_call"), ("call", "c1", None, "in_progress"))
    assert found.breaches(SOON, LONG_AGO).n == 0

    sees(found, THERE, 1, ("contact", "p1", None, "completed"), ("call", "c2", None, "completed"))

    told = found.breaches(SOON, LONG_AGO)
    assert (told.n, told.gravest[0].batches) == (1, ("June", "May"))


def test_who_is_to_be_dialled_elsewhere_counts_until_that_batch_has_ended() -> None:
    found = log(stands(HERE), stands(THERE))
    sees(found, HERE, 0, ("contact", "p1", None, "pending"))
    sees(found, THERE, 0, ("batch", "b2", None, "running"), ("contact", "p1", None, "pending"))
    assert found.in_other_open_batches().batches == (("June", 1),)

    sees(found, THERE, 1, ("batch", "b2", "running", "failed"))

    assert found.in_other_open_batches().n == 0


def test_somebody_who_vanished_is_nobody() -> None:
    found = log(stands(HERE), stands(THERE))
    sees(found, HERE, 0, ("contact", "p1", None, "pending"))
    sees(found, THERE, 0, ("batch", "b2", None, "running"), ("contact", "p1", None, "pending"))

    sees(found, THERE, 1, ("contact", "p1", "pending", "vanished"))

    assert found.in_other_open_batches().n == 0


@pytest.mark.parametrize(
    ("word", "status", "answered_by", "ended"),
    [
        ("in_progress", CallStatus.IN_PROGRESS, None, False),
        ("completed", CallStatus.COMPLETED, AnsweredBy.HUMAN, True),
        ("voicemail", CallStatus.COMPLETED, AnsweredBy.VOICEMAIL, True),
        ("busy", CallStatus.BUSY, None, True),
    ],
)
def test_a_call_is_as_it_was_told_then(
    word: str, status: CallStatus, answered_by: AnsweredBy | None, ended: bool
) -> None:
    """Now it is completed; before it was corrected, or over, it was something else."""
    kept = stands(HERE, call("c1", 0, answered_by=AnsweredBy.HUMAN, ended_at=NOON + MINUTE))

    kept.moved("c1", word, NOON)

    ((then,),) = (kept.then().calls.values(),)
    assert (then.status, then.answered_by, then.ended_at is not None) == (
        status,
        answered_by,
        ended,
    )
    assert (then.outcome or then.status) == word


def test_an_opt_out_of_a_batch_that_is_forgotten_counts_from_the_beginning() -> None:
    refusal = make_refusal(NOON - MINUTE)
    found = PastPersons(batch=HERE, names=NAMES, now=NOON, refused={b"somebody": refusal})
    found.put(b"somebody", [stands(HERE, call("c1", 0))])

    sees(found, HERE, 0, ("contact", "p1", None, "in_call"), ("call", "c1", None, "in_progress"))

    assert found.breaches(OptOuts(("disposition=dnc",)), LONG_AGO).n == 1
