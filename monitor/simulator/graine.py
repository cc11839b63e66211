"""Graine's HTTP API over the simulated world, as its documentation describes it.

The base address is the server's own followed by ``/api/v1``.
"""

from itertools import islice

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.clock import Clock
from monitor.simulator import graine_rows as rows
from monitor.simulator import state as s
from monitor.simulator.answers import (
    BadRequestError,
    Manners,
    flag,
    json,
    ordered,
    ordered_people,
    page,
    whole,
    zulu,
)
from monitor.simulator.wire import Wire
from monitor.simulator.world import Account, RunningBatch

STUCK_AFTER_S = 1800.0


class Graine:
    """One account's API. Each request first brings the world up to the clock's time."""

    def __init__(self, account: Account, clock: Clock, manners: Manners) -> None:
        self.account, self.clock, self.manners = account, clock, manners

    def _enter(self, request: Request) -> None:
        self.account.world.advance(self.clock.now())
        if request.headers.get("authorization") != f"Bearer {self.account.key}":
            raise HTTPException(401, "Invalid or expired token")

    def _batch(self, request: Request) -> RunningBatch:
        self._enter(request)
        batch = self.account.batches.get(request.path_params["batch_id"])
        if batch is None:
            raise HTTPException(404, "Batch not found")
        return batch

    async def batches(self, request: Request) -> Response:
        """``GET /batches/``: a bare array, one status or one campaign at a time."""
        self._enter(request)
        status = request.query_params.get("status")
        campaign = request.query_params.get("campaign_id")
        found = [
            batch
            for batch in ordered(list(self.account), self.manners)
            if (status is None or rows.BATCH_WORD[batch.status] == status)
            and (campaign is None or rows.campaign_id(batch) == campaign)
        ]
        part = page(found, whole(request, "skip", 0), whole(request, "limit", 50), self.manners)
        return json([rows.batch_row(batch) for batch in part])

    async def batch(self, request: Request) -> Response:
        """``GET /batches/{id}``."""
        return json(rows.batch_detail(self._batch(request)))

    async def contacts(self, request: Request) -> Response:
        """``GET /batches/{id}/contacts``: a bare array of people, their calls on request."""
        batch = self._batch(request)
        calls = flag(request, "include_calls", default=False)
        status = request.query_params.get("status")
        people = ordered_people(batch, range(len(batch.people)), self.manners)
        if status is not None:
            if status not in rows.CONTACT_WORD:
                people = ()
            else:
                stage = rows.CONTACT_WORD.index(status)
                people = [one for one in people if batch.people.stage[one] == stage]
        skip, limit = whole(request, "skip", 0), whole(request, "limit", 100)
        now = batch.agenda.now
        return json(
            [
                rows.contact(batch, person, now, calls=calls)
                for person in page(people, skip, limit, self.manners)
            ]
        )

    async def campaign(self, request: Request) -> Response:
        """``GET /campaigns/{id}``."""
        self._enter(request)
        for batch in self.account:
            if rows.campaign_id(batch) == request.path_params["campaign_id"]:
                return json(rows.campaign(batch))
        raise HTTPException(404, "Campaign not found")

    async def debug(self, request: Request) -> Response:
        """``GET /batches/{id}/debug``: people by status, with the oldest change of each."""
        batch = self._batch(request)
        people, now = batch.people, batch.agenda.now
        oldest: dict[int, float] = {}
        for stage, t in zip(people.stage, people.changed, strict=True):
            oldest[stage] = min(t, oldest.get(stage, t))
        still = batch.status.terminal is False and now - batch.updated > STUCK_AFTER_S
        stuck = people.counts[s.PENDING] if still else 0
        pending = (n for n, stage in enumerate(people.stage) if stage == s.PENDING)
        return json(
            {
                "batch_id": batch.batch_id,
                "status": rows.BATCH_WORD[batch.status],
                "status_breakdown": {
                    rows.CONTACT_WORD[stage]: {
                        "count": people.counts[stage],
                        "oldest_updated_at": zulu(t),
                    }
                    for stage, t in sorted(oldest.items())
                },
                "pending_sample": [batch.person_id(n) for n in islice(pending, 3)],
                "diagnostics": {
                    "stuck_pending": stuck,
                    "tip": "Re-dispatch the batch." if stuck else "No stuck contacts.",
                },
            }
        )

    async def act(self, request: Request) -> Response:
        """``POST /batches/{id}/pause``, ``resume`` and ``cancel``."""
        batch = self._batch(request)
        if batch.status.terminal:
            raise HTTPException(400, f"Batch is {rows.BATCH_WORD[batch.status]}")
        match request.path_params["action"]:
            case "pause":
                batch.pause()
            case "resume":
                batch.resume()
            case "cancel":
                batch.cancel()
            case _:
                raise HTTPException(404, "Not Found")
        word = rows.BATCH_WORD[batch.status]
        return json({"batch_id": batch.batch_id, "status": word, "message": f"Batch {word}"})


async def _refuse(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return json({"detail": error.detail}, error.status_code)
    if isinstance(error, BadRequestError):
        place = {"type": "parsing", "loc": ["query", error.field], "msg": error.text}
        return json({"detail": [place]}, 422)
    raise error


def graine_app(
    account: Account, clock: Clock, manners: Manners | None = None, *, keep: bool = False
) -> Wire:
    """Graine's API for one account, ready to be served."""
    api = Graine(account, clock, manners or Manners())
    root = "/api/v1"
    routes = [
        Route(f"{root}/batches/", api.batches),
        Route(f"{root}/batches/{{batch_id}}", api.batch),
        Route(f"{root}/batches/{{batch_id}}/contacts", api.contacts),
        Route(f"{root}/batches/{{batch_id}}/debug", api.debug),
        Route(f"{root}/batches/{{batch_id}}/{{action}}", api.act, methods=["POST"]),
        Route(f"{root}/campaigns/{{campaign_id}}", api.campaign),
    ]
    handlers = {HTTPException: _refuse, BadRequestError: _refuse}
    return Wire(Starlette(routes=routes, exception_handlers=handlers), keep=keep)
