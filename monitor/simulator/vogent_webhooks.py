"""Vogent's webhooks: each step of a dial, and what is made of its talk afterwards.

No batch, no event's id and no time stands in any of them.
"""

from functools import partial

from monitor.core.model import ContactStatus
from monitor.simulator.answers import Manners
from monitor.simulator.batch import Batch
from monitor.simulator.ids import place
from monitor.simulator.people import mix
from monitor.simulator.telling import Body, Habits, Tell
from monitor.simulator.truth import Entry, What
from monitor.simulator.vogent_rows import dial

HEADER = "X-Elto-Signature"
STEPS = {
    ContactStatus.DISPATCHED: ("dial.created", "dial.updated"),
    ContactStatus.IN_CALL: ("dial.updated",),
}
AFTERWARDS = ("dial.transcript", "dial.recording_created", "dial.extractor")


def vogent_tells(batch: Batch, entry: Entry, habits: Habits) -> list[Tell]:
    """What Vogent tells because of one entry of the truth."""
    soon = habits.status_after
    match entry.what:
        case What.CONTACT if entry.ids:
            row = batch.people.last_call[_index(entry.ids[0])]
            events = STEPS.get(ContactStatus(entry.after), ())
            return [
                Tell(event, soon, partial(_told, batch, row, event), kept=True) for event in events
            ]
        case What.CALL if entry.ids:
            row = _index(entry.ids[0])
            late = batch.plan.details_after
            after = (soon[0] + late, soon[1] + late)
            over = Tell("dial.updated", soon, partial(_told, batch, row, "dial.updated"), kept=True)
            if not batch.calls.talk[row]:
                return [over]
            return [over] + [
                Tell(event, after, partial(_told, batch, row, event), kept=True)
                for event in AFTERWARDS
            ]
        case _:
            return []


def _index(made: str) -> int:
    found = place(made)
    if found is None:
        msg = f"{made} is no id of a simulated batch"
        raise ValueError(msg)
    return found[1]


def _told(batch: Batch, row: int, event: str) -> Body:
    known = dial(batch, row, batch.agenda.now, Manners())
    told: Body = {"dial_id": known["id"]}
    match event:
        case "dial.created":
            told = {"dial_session_id": _session(batch, row)} | told
        case "dial.updated":
            told = {"dial_session_id": _session(batch, row)} | told | {"status": known["status"]}
        case "dial.transcript":
            lines = [
                {name: line[name] for name in ("text", "speaker", "detailType")}
                for line in known["transcript"]
            ]
            told |= {"transcript": lines}
        case "dial.recording_created":
            told |= {"recording_url": f"https://recordings.example.com/{known['id']}.mp3"}
        case "dial.extractor":
            told |= {"ai_result": known.get("aiResult")}
    return {"event": event, "payload": told}


def _session(batch: Batch, row: int) -> str:
    return f"session_{mix(batch.number, row, 26):016x}"
