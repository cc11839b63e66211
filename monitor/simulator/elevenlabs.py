"""ElevenLabs' batch calling over the simulated world, as its documentation describes it.

A batch is listed without its recipients and asked for with all of them at once. Nothing is
told of a call but the recipient's status and when that last changed.
"""

from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.clock import Clock
from monitor.core.model import BatchStatus
from monitor.simulator import state as s
from monitor.simulator.answers import BadRequestError, Manners, json, whole
from monitor.simulator.cursors import behind, place
from monitor.simulator.people import american_number, full_name, mix
from monitor.simulator.wire import Wire
from monitor.simulator.world import Account, RunningBatch

BATCH_WORD = {
    BatchStatus.SCHEDULED: "pending",
    BatchStatus.RUNNING: "in_progress",
    BatchStatus.PAUSED: "in_progress",  # a pause is not documented
    BatchStatus.COMPLETED: "completed",
    BatchStatus.CANCELLED: "cancelled",
    BatchStatus.EXPIRED: "failed",
    BatchStatus.PARTIAL: "failed",
    BatchStatus.FAILED: "failed",
}
# No answer and busy have no word of their own.
END_WORD = ("completed", "voicemail", "failed", "failed", "failed", "failed", "cancelled")


class ElevenLabs:
    """One account's API. Each request first brings the world up to the clock's time."""

    def __init__(self, account: Account, clock: Clock, manners: Manners) -> None:
        self.account, self.clock, self.manners = account, clock, manners

    def _enter(self, request: Request) -> None:
        self.account.world.advance(self.clock.now())
        if request.headers.get("xi-api-key") != self.account.key:
            raise HTTPException(401, "Invalid API key")

    def _batch(self, request: Request) -> RunningBatch:
        self._enter(request)
        batch = self.account.batches.get(request.path_params["batch_id"])
        if batch is None:
            raise HTTPException(404, "Batch call not found")
        return batch

    async def batches(self, request: Request) -> Response:
        """``GET …/workspace``: every batch of the account, by cursor."""
        self._enter(request)
        agent = request.query_params.get("agent_id")
        known = [each for each in self.account if agent in {None, _agent_id(each)}]
        limit = whole(request, "limit", 100)
        if self.manners.max_limit is not None:
            limit = min(limit, self.manners.max_limit)
        if limit < 1:
            raise BadRequestError("limit", "Input should be greater than or equal to 1")
        part, cursor = behind(
            request.query_params.get("last_doc"),
            known,
            lambda batch: place(batch.number, batch.updated, self.manners),
            limit,
        )
        listed = [batch_row(batch, self.manners) for batch in part]
        return json({"batch_calls": listed, "next_doc": cursor, "has_more": cursor is not None})

    async def batch(self, request: Request) -> Response:
        """``GET …/{id}``: one batch with all its recipients."""
        batch = self._batch(request)
        people = [recipient(batch, person) for person in range(len(batch.people))]
        return json(batch_row(batch, self.manners) | {"recipients": people})

    async def act(self, request: Request) -> Response:
        """``POST …/{id}/cancel`` and ``retry``."""
        batch = self._batch(request)
        match request.path_params["action"]:
            case "cancel":
                batch.cancel()
            case "retry":
                batch.redial()
            case _:
                raise HTTPException(404, "Not Found")
        return json(batch_row(batch, self.manners))


def batch_row(batch: RunningBatch, manners: Manners) -> dict[str, Any]:
    """A batch as the list shows it, with its three counts."""
    plan, people = batch.plan, batch.people
    waiting, live = people.number(s.WAITING), people.number(s.LIVE)
    early = manners.ends_early and batch.status is BatchStatus.RUNNING and not waiting
    return {
        "id": batch.batch_id,
        "name": plan.name,
        "agent_id": _agent_id(batch),
        "agent_name": plan.campaign or plan.name,
        "branch_id": None,
        "branch_name": None,
        "environment": None,
        "phone_number_id": f"phnum_{mix(batch.number, 41):016x}",
        "phone_provider": "twilio",
        "whatsapp_params": None,
        "created_at_unix": int(batch.created),
        "scheduled_time_unix": int(batch.created + plan.starts_after),
        "timezone": plan.hours.zone if plan.hours else None,
        "last_updated_at_unix": int(batch.updated),
        "status": "completed" if early else BATCH_WORD[batch.status],
        "total_calls_scheduled": len(people),
        "total_calls_dispatched": len(people) - waiting,
        "total_calls_finished": len(people) - waiting - live,
        "retry_count": batch.run - 1,
        "target_concurrency_limit": plan.concurrency,
        "telephony_call_config": {"ringing_timeout_secs": 60},
    }


def _agent_id(batch: RunningBatch) -> str:
    word = batch.plan.campaign or batch.batch_id
    return f"agent_{mix(*word.encode()):016x}"


def recipient(batch: RunningBatch, person: int) -> dict[str, Any]:
    """One person, with the conversation that is the last call to them."""
    row = batch.people.last_call[person]
    key = mix(batch.number, person, 42)
    return {
        "id": batch.person_id(person),
        "phone_number": american_number(batch.number, person),
        "whatsapp_user_id": None,
        "status": _word(batch, person, row),
        "created_at_unix": int(batch.created),
        "updated_at_unix": int(batch.people.changed[person]),
        "conversation_id": batch.call_id(row) if row >= 0 else None,
        "conversation_initiation_client_data": {"dynamic_variables": {"name": full_name(key)}},
    }


def _word(batch: RunningBatch, person: int, row: int) -> str:
    match batch.people.stage[person]:
        case s.PENDING | s.RETRYING | s.FOLLOW_UP:
            return "pending"
        case s.DISPATCHED:
            return "initiated"
        case s.IN_CALL:
            return "in_progress"
        case s.SKIPPED:
            return "cancelled"
        case _:
            return END_WORD[batch.calls.end[row]]


async def _refuse(_: Request, error: Exception) -> Response:
    if isinstance(error, BadRequestError):
        place = {"type": "parsing", "loc": ["query", error.field], "msg": error.text}
        return json({"detail": [place]}, 422)
    if not isinstance(error, HTTPException):
        raise error
    word = "invalid_api_key" if error.status_code == 401 else "not_found"
    return json({"detail": {"status": word, "message": error.detail}}, error.status_code)


def elevenlabs_app(
    account: Account, clock: Clock, manners: Manners | None = None, *, keep: bool = False
) -> Wire:
    """ElevenLabs' batch calling for one account, ready to be served."""
    api = ElevenLabs(account, clock, manners or Manners())
    root = "/v1/convai/batch-calling"
    routes = [
        Route(f"{root}/workspace", api.batches),
        Route(f"{root}/{{batch_id}}", api.batch),
        Route(f"{root}/{{batch_id}}/{{action}}", api.act, methods=["POST"]),
    ]
    handlers = {HTTPException: _refuse, BadRequestError: _refuse}
    return Wire(Starlette(routes=routes, exception_handlers=handlers), keep=keep)
