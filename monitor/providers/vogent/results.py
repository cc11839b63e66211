"""How a dial ended. Its status often says only that it took place; the result says the rest."""

from typing import Any, NamedTuple

from monitor.core.model import AnsweredBy, CallStatus, ContactStatus
from monitor.core.words import person_of
from monitor.providers.answers import raw_word, word

DIAL_STATUS = {
    "queued": CallStatus.QUEUED,
    "ringing": CallStatus.RINGING,
    "in_progress": CallStatus.IN_PROGRESS,
    "completed": CallStatus.COMPLETED,
    "failed": CallStatus.FAILED,
    "canceled": CallStatus.CANCELLED,
    "cancelled": CallStatus.CANCELLED,
    "busy": CallStatus.BUSY,
    "no_answer": CallStatus.NO_ANSWER,
}


class Result(NamedTuple):
    """What one ``systemResultType`` means. ``firm``: it is more exact than any final status."""

    status: CallStatus
    answered_by: AnsweredBy | None = None
    hangup_by: str | None = None
    firm: bool = False


_TALKED = CallStatus.COMPLETED
_MAILBOX = AnsweredBy.VOICEMAIL
_AGENT = "agent"
RESULTS = {
    "busy": Result(CallStatus.BUSY),
    "failed": Result(CallStatus.FAILED),
    "no_answer": Result(CallStatus.NO_ANSWER),
    "cancelled": Result(CallStatus.CANCELLED),
    # The person at the vendor's end, who is not the person called.
    "user_hangup": Result(_TALKED, hangup_by="user"),
    "counterparty_hangup": Result(_TALKED, hangup_by="counterparty"),
    "agent_hangup": Result(_TALKED, hangup_by=_AGENT),
    "transferred": Result(_TALKED, hangup_by=_AGENT),
    # The longest permitted talk was over, or nobody said a word.
    "timeout": Result(_TALKED, hangup_by="vendor"),
    "long_silence_hangup": Result(_TALKED, hangup_by=_AGENT),
    "voicemail_detected_hangup": Result(_TALKED, _MAILBOX, _AGENT),
    # The vendor's own limits kept the call from being made.
    "rate_limited": Result(CallStatus.ERROR, firm=True),
    # Not documented for this API; the vendor's own client knows them.
    "dial_tree_found": Result(_TALKED, AnsweredBy.UNKNOWN, _AGENT),
    "voicemail_left": Result(_TALKED, _MAILBOX, _AGENT),
    "voicemail_not_left": Result(_TALKED, _MAILBOX, _AGENT),
    "dnc_skipped": Result(CallStatus.CANCELLED, firm=True),
    "number_skipped": Result(CallStatus.CANCELLED, firm=True),
}

# Nobody was called, whatever the dial's times say.
NEVER_CALLED = frozenset({"dnc_skipped", "number_skipped"})


class End(NamedTuple):
    """Status and result of a dial, read together."""

    status: CallStatus
    raw_status: str | None
    answered_by: AnsweredBy | None
    hangup_by: str | None
    hangup_class: str | None  # the result's own word, also one that is not known
    person: ContactStatus


def end(status: Any, result: Any) -> End:
    """Where a dial stands and how it ended.

    A status that is not known stays unknown, and one that says that the call goes on is
    believed, whatever stands in the result. Where the status says "completed", or nothing,
    the result decides; a result that is not known is kept and decides nothing.
    """
    said, told = word(status), word(result)
    meaning = RESULTS.get(told or "")
    found = CallStatus.UNKNOWN if said is not None else None
    found = DIAL_STATUS.get(said or "", found)
    if isinstance(status, str) and said is None and status.strip():
        found = CallStatus.UNKNOWN  # too long to be a word
    if found is None:
        found = meaning.status if meaning else CallStatus.UNKNOWN
    elif meaning and (found is _TALKED or (meaning.firm and found.terminal)):
        found = meaning.status
    answered_by = meaning.answered_by if meaning and found is _TALKED else None
    person = person_of(found, answered_by)
    if found is CallStatus.QUEUED:
        # Who is on no waiting list any more and has a dial is about to be called.
        person = ContactStatus.DISPATCHED
    return End(
        status=found,
        raw_status=raw_word(status) if found is CallStatus.UNKNOWN else None,
        answered_by=answered_by,
        hangup_by=meaning.hangup_by if meaning and found.terminal else None,
        hangup_class=raw_word(told or result),
        person=person,
    )
