import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.calendar import is_open
from monitor.core.hours import Hours
from monitor.core.model import (
    AnsweredBy,
    Batch,
    BatchStatus,
    Call,
    CallStatus,
    ContactStatus,
    Counts,
    EndedBy,
    Item,
    Outcome,
    Rates,
)
from monitor.core.rule import Holds
from monitor.providers import Known
from monitor.providers.phones import Phones
from monitor.providers.vogent import jobs
from monitor.providers.vogent.dials import Reading
from monitor.providers.vogent.provider import Vogent
from rules.batch_stalled import BatchStalled
from tests.builders import make_batch, make_certainty, make_facts
from tests.loopback import NOW

FIXTURES = Path(__file__).parents[1] / "fixtures" / "vogent"
READING = Reading(b"k" * 32, None)
START = datetime(2026, 5, 10, 10, 0, tzinfo=UTC)
# When the vendor's own example was made, and what it says.
THEN = datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC)
SOMEBODY = Phones(b"k" * 32).hash("text <string>").hex()


def item(row: Any, *, certain: bool = True, reading: Reading | None = None) -> Item:
    raw = row if isinstance(row, bytes) else json.dumps(row).encode()
    reading = reading or Reading(b"k" * 32, None)
    return reading.dial(raw, NOW, certain=certain)


def row(**fields: Any) -> dict[str, Any]:
    """A dial as the vendor lists it; a field that is None here is left out there."""
    whole = {
        "id": "d-1",
        "toNumber": "+12125550100",
        "agent": {"id": "a-1", "name": "Anna", "metadata": {}},
        "transcript": [{"text": "Hello", "speaker": "HUMAN"}],
        "status": "completed",
        "durationSeconds": 60,
        "startedAt": "2026-05-10T10:00:00Z",
        "endedAt": "2026-05-10T10:01:00.5Z",
        "createdAt": "2026-05-10T09:59:50Z",
    }
    return {key: value for key, value in (whole | fields).items() if value is not None}


def call(**fields: Any) -> Call:
    (found,) = item(row(**fields)).calls
    return found


def job(**fields: Any) -> jobs.Told:
    whole = {"id": "job_1", "name": "demo", "status": "ACTIVE", "createdAt": "2026-05-01T09:00:00Z"}
    return jobs.decode(json.dumps(whole | fields).encode(), provider="offers", seen_at=NOW)


def test_the_documented_dial_is_read_to_its_exact_values() -> None:
    (document,) = json.loads((FIXTURES / "dials.json").read_text())["data"]
    contact, (found,) = item(document)
    assert found == Call(
        call_id="<string>",
        contact_id=SOMEBODY,
        # A placeholder is no status: nothing is guessed from the result beside it.
        status=CallStatus.UNKNOWN,
        raw_status="<string>",
        created_at=THEN,
        duration_s=123.0,
        from_number="<string>",
        seen_at=NOW,
        started_at=THEN,
        hangup_class="busy",
        agent_version="<string>",
        detail_at=NOW,
    )
    assert contact.contact_id == SOMEBODY
    assert (contact.status, contact.raw_status) == (ContactStatus.UNKNOWN, "<string>")
    assert (contact.phone_hash, contact.phone, contact.last_attempt_at) == (None, None, THEN)


def test_the_documented_dial_is_busy_where_it_has_a_status_of_the_documented_ones() -> None:
    (document,) = json.loads((FIXTURES / "dials.json").read_text())["data"]
    for status in ("completed", "busy", None):
        contact, (found,) = item(document | {"status": status})
        assert (found.status, found.ended_at, found.ended_by) == (
            CallStatus.BUSY,
            THEN,
            EndedBy.VENDOR,
        )
        assert contact.status is ContactStatus.BUSY


def test_the_documented_job_is_read_to_its_exact_values() -> None:
    raw = (FIXTURES / "job.json").read_bytes()
    told = jobs.decode(raw, provider="offers", seen_at=NOW)
    assert told.batch == Batch(
        provider="offers",
        batch_id="<string>",
        status=BatchStatus.SCHEDULED,
        seen_at=NOW,
        name="<string>",
        campaign="<string>",
        created_at=THEN,
        concurrency=123,
    )
    assert told.scheduled


DONE, MACHINE = CallStatus.COMPLETED, AnsweredBy.VOICEMAIL
ENDS = [
    # result, how the call counts, by whom it was answered, who hung up, how the person stands
    (None, Outcome.COMPLETED, None, None, ContactStatus.COMPLETED),
    ("BUSY", Outcome.BUSY, None, None, ContactStatus.BUSY),
    ("FAILED", Outcome.FAILED, None, None, ContactStatus.FAILED),
    ("NO_ANSWER", Outcome.NO_ANSWER, None, None, ContactStatus.NO_ANSWER),
    ("CANCELLED", Outcome.CANCELLED, None, None, ContactStatus.SKIPPED),
    ("USER_HANGUP", Outcome.COMPLETED, None, "user", ContactStatus.COMPLETED),
    ("COUNTERPARTY_HANGUP", Outcome.COMPLETED, None, "counterparty", ContactStatus.COMPLETED),
    ("AGENT_HANGUP", Outcome.COMPLETED, None, "agent", ContactStatus.COMPLETED),
    ("TIMEOUT", Outcome.COMPLETED, None, "vendor", ContactStatus.COMPLETED),
    ("RATE_LIMITED", Outcome.ERROR, None, None, ContactStatus.FAILED),
    ("TRANSFERRED", Outcome.COMPLETED, None, "agent", ContactStatus.COMPLETED),
    ("VOICEMAIL_DETECTED_HANGUP", Outcome.VOICEMAIL, MACHINE, "agent", ContactStatus.VOICEMAIL),
    ("LONG_SILENCE_HANGUP", Outcome.COMPLETED, None, "agent", ContactStatus.COMPLETED),
    ("DIAL_TREE_FOUND", Outcome.COMPLETED, AnsweredBy.UNKNOWN, "agent", ContactStatus.COMPLETED),
    ("DNC_SKIPPED", Outcome.CANCELLED, None, None, ContactStatus.SKIPPED),
    ("NUMBER_SKIPPED", Outcome.CANCELLED, None, None, ContactStatus.SKIPPED),
    ("VOICEMAIL_LEFT", Outcome.VOICEMAIL, MACHINE, "agent", ContactStatus.VOICEMAIL),
    ("VOICEMAIL_NOT_LEFT", Outcome.VOICEMAIL, MACHINE, "agent", ContactStatus.VOICEMAIL),
]


@pytest.mark.parametrize(("result", "outcome", "answered_by", "hangup_by", "person"), ENDS, ids=str)
def test_the_result_tells_how_a_dial_ended_that_says_completed_or_nothing(
    result: str | None,
    outcome: Outcome,
    answered_by: AnsweredBy | None,
    hangup_by: str | None,
    person: ContactStatus,
) -> None:
    contact, (found,) = item(row(systemResultType=result))
    assert result is None or item(row(systemResultType=result, status=None)) == (contact, (found,))
    assert (found.outcome, found.answered_by, found.hangup_by) == (outcome, answered_by, hangup_by)
    assert found.hangup_class == (result.lower() if result else None)
    assert contact.status is person
    assert found.raw_status is None
    assert found.ended_by is EndedBy.VENDOR


def test_no_two_results_are_told_alike() -> None:
    told = {call(systemResultType=result)[2:] for result, *_ in ENDS}
    assert len(told) == len(ENDS) == 1 + 12 + 5


@pytest.mark.parametrize(
    ("status", "result", "found", "hangup"),
    [
        pytest.param("busy", None, CallStatus.BUSY, None, id="busy"),
        pytest.param("no-answer", None, CallStatus.NO_ANSWER, None, id="no-answer"),
        pytest.param("failed", None, CallStatus.FAILED, None, id="failed"),
        pytest.param("canceled", None, CallStatus.CANCELLED, None, id="canceled"),
        pytest.param("cancelled", "CANCELLED", CallStatus.CANCELLED, "cancelled", id="cancelled"),
        pytest.param("queued", None, CallStatus.QUEUED, None, id="queued"),
        pytest.param("ringing", None, CallStatus.RINGING, None, id="ringing"),
        pytest.param("in-progress", None, CallStatus.IN_PROGRESS, None, id="in-progress"),
        pytest.param("IN_PROGRESS", None, CallStatus.IN_PROGRESS, None, id="other spelling"),
        # What the status says that ends a call is not talked away by a general result.
        pytest.param("no-answer", "TIMEOUT", CallStatus.NO_ANSWER, "timeout", id="rang out"),
        pytest.param("failed", "NO_ANSWER", CallStatus.FAILED, "no_answer", id="contradiction"),
        pytest.param("failed", "RATE_LIMITED", CallStatus.ERROR, "rate_limited", id="limit"),
        pytest.param("canceled", "DNC_SKIPPED", CallStatus.CANCELLED, "dnc_skipped", id="dnc"),
        # A call that goes on does, whatever stands in its result.
        pytest.param("in-progress", "BUSY", CallStatus.IN_PROGRESS, "busy", id="goes on"),
        pytest.param("ringing", "RATE_LIMITED", CallStatus.RINGING, "rate_limited", id="rings"),
        # What is not known is kept, and decides nothing.
        pytest.param("completed", "ABDUCTED_7", CallStatus.COMPLETED, "abducted_#", id="result"),
        pytest.param("completed", 7, CallStatus.COMPLETED, None, id="number as result"),
        pytest.param("archived", "BUSY", CallStatus.UNKNOWN, "busy", id="status"),
        pytest.param("x" * 200, None, CallStatus.UNKNOWN, None, id="endless status"),
    ],
)
def test_a_status_of_its_own_goes_first(
    status: str, result: Any, found: CallStatus, hangup: str | None
) -> None:
    read = call(status=status, systemResultType=result)
    assert (read.status, read.hangup_class) == (found, hangup)
    assert (read.raw_status is not None) is (found is CallStatus.UNKNOWN)
    assert (read.ended_at is not None) is found.terminal


def test_what_failed_says_why() -> None:
    assert call(status="failed").error_class is None
    assert call(systemResultType="RATE_LIMITED").error_class == "rate_limited"
    assert call(systemResultType="BUSY").error_class is None


@pytest.mark.parametrize(
    "fields", [{"status": None}, {"status": ""}, {"status": 5}], ids=["missing", "empty", "number"]
)
def test_a_dial_that_does_not_say_how_it_stands_is_to_be_asked_about(
    fields: dict[str, Any],
) -> None:
    told = row(**fields)
    assert item(told, certain=False).calls == ()
    (found,) = item(told, certain=True).calls
    assert (found.status, found.raw_status) == (CallStatus.UNKNOWN, None)


@pytest.mark.parametrize(
    ("fields", "ended_at", "by"),
    [
        pytest.param({}, START + timedelta(seconds=60.5), EndedBy.VENDOR, id="told"),
        pytest.param({"endedAt": None}, START + timedelta(seconds=60), EndedBy.DERIVED, id="start"),
        pytest.param(
            {"endedAt": "2026-05-10T12:00:30Z"}, NOW, EndedBy.VENDOR, id="clock a little ahead"
        ),
        pytest.param(
            {"endedAt": "2026-05-10T14:00:00Z"},
            START + timedelta(seconds=60),
            EndedBy.DERIVED,
            id="hours ahead",
        ),
        pytest.param(
            {"endedAt": "2026-05-10T09:00:00Z"},
            START + timedelta(seconds=60),
            EndedBy.DERIVED,
            id="before the start",
        ),
        pytest.param({"endedAt": None, "startedAt": None}, None, None, id="neither"),
        pytest.param({"endedAt": None, "durationSeconds": None}, None, None, id="no length"),
        pytest.param(
            {"endedAt": "1970-01-01T00:00:00Z"},
            START + timedelta(seconds=60),
            EndedBy.DERIVED,
            id="1970",
        ),
    ],
)
def test_the_end_carries_how_it_is_known(
    fields: dict[str, Any], ended_at: datetime | None, by: EndedBy | None
) -> None:
    found = call(**fields)
    assert (found.ended_at, found.ended_by) == (ended_at, by)


def test_the_row_that_waits_and_its_dial_are_one_person() -> None:
    waiting = READING.waiting(b'{"id":"q-7","toNumber":"+1 (212) 555-0100"}', NOW)
    contact, _ = item(row())
    assert waiting.contact.contact_id == contact.contact_id
    assert waiting.contact.status is ContactStatus.PENDING
    assert waiting.calls == ()
    assert (contact.phone, contact.country, contact.area) == ("••0100", "US", "212")
    assert "2125550100" not in repr(contact)


def test_a_dial_without_a_number_is_its_own_person() -> None:
    assert item(row(toNumber=None)).contact.contact_id == "d-1"
    assert READING.waiting(b'{"id":"q-7","toNumber":""}', NOW).contact.contact_id == "q-7"


def test_whatever_stands_in_place_of_a_number_links_both_rows_too() -> None:
    waiting = READING.waiting(b'{"id":"q-7","toNumber":"sip:desk@example.com"}', NOW)
    contact, _ = item(row(toNumber=" sip:desk@example.com"))
    assert waiting.contact.contact_id == contact.contact_id
    assert contact.phone is None
    assert "desk" not in repr(contact)


@pytest.mark.parametrize("number", [None, 12125550100, ""], ids=["missing", "a number", "empty"])
def test_a_dial_that_no_longer_tells_its_number_is_still_of_the_same_person(number: Any) -> None:
    reading = Reading(b"k" * 32, None)
    before = item(row(), reading=reading).contact
    assert item(row(toNumber=number), reading=reading).contact == before


@pytest.mark.parametrize(
    "number",
    [b"", b', "toNumber": null', b', "toNumber": 7'],
    ids=["missing", "null", "a number"],
)
def test_somebody_who_waits_without_a_number_is_not_taken_for_a_new_person(number: bytes) -> None:
    with pytest.raises(ValueError, match="number"):
        READING.waiting(b'{"id": "q-7"' + number + b"}", NOW)


def test_where_somebody_was_called_says_when() -> None:
    assert item(row()).contact.last_attempt_at == START
    created = START - timedelta(seconds=10)
    assert item(row(startedAt=None)).contact.last_attempt_at == created
    skipped = row(startedAt=None, systemResultType="NUMBER_SKIPPED")
    assert item(skipped).contact.last_attempt_at is None
    assert item(row(startedAt=None, status="canceled")).contact.last_attempt_at is None


def test_cost_is_an_estimate_from_rates() -> None:
    rates = Rates(minute=Decimal("0.09"), attempt=Decimal("0.01"))
    reading = Reading(b"k" * 32, rates)
    (found,) = item(row(durationSeconds=90), reading=reading).calls
    assert (found.cost_micros, found.currency, found.cost_estimated) == (145_000, "USD", True)
    (skipped,) = item(row(systemResultType="DNC_SKIPPED"), reading=reading).calls
    assert skipped.cost_micros is None
    assert call().cost_micros is None


@pytest.mark.parametrize(
    ("told", "shown"),
    [("num_12", "num_12"), ("+12125550199", "••0199"), ("12", None), (7, None)],
    ids=["id", "a number itself", "digits", "no text"],
)
def test_the_line_is_shown_by_its_id_and_never_as_a_number(told: Any, shown: str | None) -> None:
    assert call(fromNumberId=told).from_number == shown


@pytest.mark.parametrize(
    "raw",
    [b"7", b"{}", b'{"id": null}', b'{"id": ""}', b'{"id": {}}', b"[", b"[" * 10_000],
    ids=["number", "empty", "null id", "empty id", "object as id", "broken", "nested"],
)
def test_a_row_without_an_id_is_refused_without_what_stood_in_it(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"shape|id"):
        READING.dial(raw, NOW)
    with pytest.raises(ValueError, match=r"shape|id|number"):
        READING.waiting(raw, NOW)


# Jobs


@pytest.mark.parametrize(
    ("word", "status", "raw"),
    [
        ("INIT", BatchStatus.SCHEDULED, None),
        ("ACTIVE", BatchStatus.RUNNING, None),
        ("PAUSED", BatchStatus.PAUSED, None),
        ("COMPLETE", BatchStatus.COMPLETED, None),
        ("CANCELLED", BatchStatus.CANCELLED, None),
        ("ARCHIVED", BatchStatus.UNKNOWN, "ARCHIVED"),
        (None, BatchStatus.UNKNOWN, None),
    ],
    ids=str,
)
def test_each_word_of_a_job_has_its_meaning(
    word: str | None, status: BatchStatus, raw: str | None
) -> None:
    batch = job(status=word).batch
    assert (batch.status, batch.raw_status) == (status, raw)


def week(*slots: tuple[Any, Any, Any], zone: Any = "America/New_York") -> dict[str, Any]:
    days = [
        {"dayOfWeek": day, "timeSlots": [{"startTime": start, "endTime": end}]}
        for day, start, end in slots
    ]
    return {"schedule": {"days": days, "timezone": zone}}


def test_a_schedule_becomes_hours_whose_week_begins_on_sunday() -> None:
    batch = job(**week((0, "09:00", "17:00"), (1, "8:30", "24:00"), (6, "22:00", "02:00"))).batch
    assert batch.timezone == "America/New_York"
    assert batch.calendar is not None
    assert batch.calendar.zone == ZoneInfo("America/New_York")
    assert batch.calendar.hours == (
        Hours(frozenset({6}), time(9), time(17)),
        Hours(frozenset({0}), time(8, 30), None),
        Hours(frozenset({5}), time(22), time(2)),
    )
    sunday = datetime(2026, 5, 10, 13, 0, tzinfo=UTC)  # nine o'clock there
    assert is_open(batch.calendar, sunday)
    assert not is_open(batch.calendar, sunday - timedelta(minutes=1))
    assert not is_open(batch.calendar, sunday + timedelta(days=2))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="missing"),
        pytest.param({"schedule": None}, id="null"),
        pytest.param({"schedule": "always"}, id="text"),
        pytest.param({"schedule": {"days": []}}, id="no zone"),
        pytest.param({"schedule": {"days": [], "timezone": "UTC"}}, id="no days"),
        pytest.param({"schedule": {"days": 7, "timezone": "UTC"}}, id="no list"),
        pytest.param(week((7, "09:00", "17:00")), id="eighth day"),
        pytest.param(week((None, "09:00", "17:00")), id="day missing"),
        pytest.param(week((1, "nine", "17:00")), id="words"),
        pytest.param(week((1, "09:00", None)), id="end missing"),
        pytest.param(week((1, "24:00", "17:00")), id="begins at the end"),
        pytest.param(week((1, "25:00", "26:00")), id="no such hour"),
        pytest.param(week((1, "09:00", "17:00"), zone="Mars/Base"), id="no such zone"),
    ],
)
def test_hours_that_cannot_be_read_are_no_hours_that_never_open(fields: dict[str, Any]) -> None:
    assert job(**fields).batch.calendar is None


def test_a_name_and_a_limit_of_the_wrong_type_are_left_out() -> None:
    batch = job(name=5, maxConcurrentDials="many", callAgentId=[], createdAt="soon").batch
    assert (batch.name, batch.concurrency, batch.campaign, batch.created_at) == (None,) * 4


@pytest.mark.parametrize(
    ("contacts", "undialled", "waiting", "counts"),
    [
        pytest.param(0, 0, 40, Counts(waiting=40, estimated=jobs.ESTIMATED), id="never read"),
        pytest.param(
            50,
            40,
            35,
            Counts(total=50, finished=10, live=5, waiting=35, estimated=jobs.ESTIMATED),
            id="some have left the queue",
        ),
        pytest.param(
            50,
            0,
            0,
            Counts(total=50, finished=50, live=0, waiting=0, estimated=jobs.ESTIMATED),
            id="all are read",
        ),
        pytest.param(
            50,
            40,
            60,
            Counts(total=70, finished=10, live=0, waiting=60, estimated=jobs.ESTIMATED),
            id="rows were added",
        ),
    ],
)
def test_what_follows_from_the_queue_is_marked_as_estimated(
    contacts: int, undialled: int, waiting: int, counts: Counts
) -> None:
    known = Known(batch_id="job_1", contacts=contacts, waiting=undialled)
    assert jobs.counted(job().batch, known, waiting).counts == counts


def test_an_active_job_outside_its_schedule_has_not_stalled() -> None:
    batch = make_batch(
        status=BatchStatus.RUNNING,
        calendar=job(**week((1, "09:00", "17:00"))).batch.calendar,
        counts=Counts(waiting=40),
    )
    saturday = datetime(2026, 5, 9, 20, 0, tzinfo=UTC)
    facts = make_facts(
        now=saturday,
        batch=batch,
        calendar=batch.calendar,
        moved_at=saturday - timedelta(hours=23),
        certainty=make_certainty(observed_at=saturday, fresh=True),
        capabilities=Vogent.capabilities,
    )
    assert "outside calling hours" in str(BatchStalled().evaluate(facts))
    monday = saturday + timedelta(days=1, hours=21)  # an hour of it is permitted
    asleep = replace(
        facts, now=monday, certainty=make_certainty(observed_at=monday), moved_at=saturday
    )
    assert isinstance(BatchStalled().evaluate(asleep), Holds)


@pytest.mark.parametrize(
    ("result", "transferred"),
    [
        pytest.param("TRANSFERRED", True, id="handed over"),
        pytest.param("AGENT_HANGUP", None, id="whether anybody tried is not told"),
        pytest.param(None, None, id="no result"),
    ],
)
def test_a_dial_that_was_handed_over_is_known(
    result: str | None, *, transferred: bool | None
) -> None:
    assert call(systemResultType=result).transferred is transferred


@pytest.mark.parametrize(
    ("result", "disposition"),
    [
        pytest.param({"disposition": "DNC", "outcome": "lost"}, "dnc", id="its own name"),
        pytest.param({"outcome": "Call back"}, "call back", id="another usual name"),
        pytest.param({"interested": "yes", "name": "Erika"}, None, id="free fields are not kept"),
        pytest.param({"disposition": {"code": 1}}, None, id="no label"),
        pytest.param({"disposition": "asked for Erika M. of Bonn"}, None, id="a sentence"),
        pytest.param("sold", None, id="no object"),
        pytest.param(None, None, id="not there yet"),
    ],
)
def test_what_the_agent_made_of_a_dial_is_a_label(result: Any, disposition: str | None) -> None:
    assert call(aiResult=result).disposition == disposition
