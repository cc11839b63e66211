"""The simulated world in Vogent's words and shapes: jobs, waiting rows, dials."""

from functools import lru_cache
from typing import Any

import msgspec

from monitor.core.model import BatchStatus
from monitor.simulator import state as s
from monitor.simulator.answers import Manners, zulu
from monitor.simulator.batch import Batch
from monitor.simulator.hours import WEEKDAYS
from monitor.simulator.people import american_number, full_name, mix, speech

JOB_WORD = {
    BatchStatus.SCHEDULED: "INIT",
    BatchStatus.RUNNING: "ACTIVE",
    BatchStatus.PAUSED: "PAUSED",
    BatchStatus.COMPLETED: "COMPLETE",
    BatchStatus.CANCELLED: "CANCELLED",
    # Vogent documents no word for a job that failed or was cut short.
    BatchStatus.EXPIRED: "CANCELLED",
    BatchStatus.PARTIAL: "CANCELLED",
    BatchStatus.FAILED: "CANCELLED",
}
DIAL_WORD = ("completed", "completed", "no-answer", "busy", "failed", "failed", "canceled")
RESULT_WORD = (
    None,
    "VOICEMAIL_DETECTED_HANGUP",
    "NO_ANSWER",
    "BUSY",
    "FAILED",
    "RATE_LIMITED",
    "CANCELLED",
)
TALK_ENDS = ("COUNTERPARTY_HANGUP", "AGENT_HANGUP", "USER_HANGUP", "TRANSFERRED", None)
# These end a call that took place, so the dial itself says completed.
AFTER_ALL = frozenset({"TIMEOUT", "LONG_SILENCE_HANGUP"})
USER = "user_simulated"
LINE_MS = 2600


def job_status(batch: Batch, manners: Manners) -> str:
    """How the job stands; some say complete when the last dials are still being made."""
    dialled = not batch.people.number(s.WAITING)
    if manners.ends_early and batch.status is BatchStatus.RUNNING and dialled:
        return "COMPLETE"
    return JOB_WORD[batch.status]


def agent_id(batch: Batch) -> str:
    """The agent that makes the calls: one for a campaign, else for the job."""
    word = batch.plan.campaign or batch.batch_id
    return f"agent_{mix(*word.encode()):016x}"


def job(batch: Batch, manners: Manners) -> dict[str, Any]:
    """A job: what was ordered, how it stands, and not a single count."""
    plan = batch.plan
    row: dict[str, Any] = {
        "id": batch.batch_id,
        "maxConcurrentDials": plan.concurrency,
        "name": plan.name,
        "status": job_status(batch, manners),
        "callAgentId": agent_id(batch),
        "createdAt": zulu(batch.created),
        "fromPhoneNumberIds": [_number_id(batch, n) for n in range(plan.from_numbers)],
    }
    if plan.hours is None:
        return row
    days = [
        # Sunday is day 0.
        {
            "dayOfWeek": (WEEKDAYS.index(day) + 1) % 7,
            "timeSlots": [{"startTime": opens, "endTime": closes}],
        }
        for day, (opens, closes) in plan.hours.days.items()
    ]
    return row | {"schedule": {"days": days, "timezone": plan.hours.zone}}


def _number_id(batch: Batch, index: int) -> str:
    return f"num_{mix(batch.number, index, 21):016x}"


def queue_row(batch: Batch, person: int) -> dict[str, Any]:
    """Somebody who has not been dialled."""
    return {
        "id": batch.person_id(person),
        "toNumber": american_number(batch.number, person),
        "batchDialJobId": batch.batch_id,
        "createdAt": zulu(batch.created),
        "inputs": _inputs(batch, person),
    }


def _inputs(batch: Batch, person: int) -> dict[str, str]:
    key = mix(batch.number, person, 22)
    return {
        "name": full_name(key),
        "plan": "Basic Health",
        "premium": str(4000 + key % 26_000),
    }


def updated(batch: Batch, row: int, now: float) -> float:
    """When a dial last changed: what the agent made of a talk comes after its end."""
    calls = batch.calls
    ended = calls.ended[row]
    if not ended:
        return batch.people.changed[calls.person[row]]
    late = ended + batch.plan.details_after
    return late if calls.talk[row] and now >= late else ended


def dial(batch: Batch, row: int, now: float, manners: Manners) -> dict[str, Any]:
    """One dial, with the whole agent that made it. What is not known yet is left out."""
    calls = batch.calls
    person, ended, talk = calls.person[row], calls.ended[row], calls.talk[row]
    told: dict[str, Any] = {
        "id": batch.call_id(row),
        "toNumber": american_number(batch.number, person),
        "agent": _agent(agent_id(batch), batch.plan.name),
        "recordings": [],
        "transcript": [],
        "inputs": _inputs(batch, person),
        "dialTaskId": _task(batch, person, linked=manners.linked),
        "fromNumberId": _number_id(batch, person % batch.plan.from_numbers),
        "voiceId": "voice_simulated",
        "versionedPromptId": f"prompt_{agent_id(batch)}",
        "createdAt": zulu(calls.started[row]),
        "updatedAt": zulu(updated(batch, row, now), digits=3),
        "systemResultType": None,
    }
    if not ended:
        talks = batch.people.stage[person] == s.IN_CALL
        return told | {"status": "in-progress" if talks else "ringing"}
    told |= _end(batch, row, flat=manners.flat_status)
    if talk:
        told |= _talk(batch, row, known=now >= ended + batch.plan.details_after)
    return told


def _task(batch: Batch, person: int, *, linked: bool) -> str:
    if linked:
        return batch.person_id(person)
    return f"task_{mix(batch.number, person, 23):016x}"


def _end(batch: Batch, row: int, *, flat: bool) -> dict[str, Any]:
    """How a dial ended. A fault of the world is told in one of Vogent's own result words."""
    calls = batch.calls
    end = calls.end[row]
    result = RESULT_WORD[end]
    if end in {s.BROKEN, s.QUEUE_ERROR}:
        result = batch.errors[calls.error[row]] or result
    elif end == s.TALKED:
        result = TALK_ENDS[mix(batch.number, row, 24) % len(TALK_ENDS)]
    took_place = result in AFTER_ALL or (flat and end != s.CALLED_OFF)
    return {
        "status": "completed" if took_place else DIAL_WORD[end],
        "systemResultType": result,
        "durationSeconds": round(calls.talk[row]),
        "endedAt": zulu(calls.ended[row], digits=3),
    }


def _talk(batch: Batch, row: int, *, known: bool) -> dict[str, Any]:
    """What is told of a talk; recording and extracted answers come ``known`` or not at all."""
    calls = batch.calls
    key = mix(batch.number, row, 25)
    told: dict[str, Any] = {
        "startedAt": zulu(calls.ended[row] - calls.talk[row], digits=3),
        "transcript": _transcript(key),
    }
    if not known:
        return told
    return told | {
        "recordings": [{"url": f"https://recordings.example.com/{key:016x}.mp3"}],
        "aiResult": {"interested": ("yes", "no", "later")[key % 3], "reason": "price"},
    }


def _transcript(key: int) -> list[dict[str, Any]]:
    return [
        {
            "text": line,
            "speaker": ("AI", "HUMAN")[n % 2],
            "detailType": None,
            "startTimeMs": n * LINE_MS,
            "endTimeMs": n * LINE_MS + 2100,
        }
        for n, line in enumerate(speech(key))
    ]


@lru_cache(maxsize=256)
def _agent(agent: str, name: str) -> msgspec.Raw:
    """The agent's whole configuration, as it is repeated in every dial."""
    idle = ["Are you still there?", "Take your time, I am here.", "Shall I call another time?"]
    functions = [
        {
            "functionDefinitionId": f"function_{task}",
            "lifecycleMessagesOverride": {"started": [f"One moment, {words}.", "Just a second."]},
        }
        for task, words in (
            ("look_up_plan", "I am looking up your plan"),
            ("book_callback", "I am finding a time for another call"),
            ("send_offer", "I am sending you the offer in writing"),
        )
    ]
    return msgspec.Raw(
        msgspec.json.encode(
            {
                "id": agent,
                "name": name,
                "language": "en",
                "transcriberParams": {
                    "type": "deepgram",
                    "keywords": ["renewal", "premium", "policy", "cover", "deductible", "claim"],
                },
                "metadata": {"team": "renewals", "owner": "operations"},
                "utteranceDetectorConfig": {"sensitivity": "FAST"},
                "endpointDetectorConfig": {"type": "SEMANTIC", "mode": "DEFAULT"},
                "ivrConfiguration": {
                    "detectionType": "STANDARD",
                    "versionedPromptId": f"prompt_menu_{agent}",
                    "aiVoiceId": "voice_simulated",
                    "taggingText": "A recorded menu that asks the caller to press a number.",
                },
                "idleMessageConfig": {
                    "enabled": True,
                    "messages": idle,
                    "idleDurationMilliseconds": 8000,
                    "maxIdleMessages": 2,
                },
                "maxDurationSeconds": 10_800,
                "defaultVoiceId": "voice_simulated",
                "defaultVersionedPromptId": f"prompt_{agent}",
                "defaultExtractorId": f"extractor_{agent}",
                "linkedFunctionDefinitions": functions,
                "fillEmptyStringVariables": True,
            }
        )
    )
