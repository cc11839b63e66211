"""Vogent's HTTP API over the simulated world, as its documentation describes it.

The base address is the server's own followed by ``/api``. A job's row is dialled once: it
stands in the queue until then and among the dials once it is over. In between it is on no
list, and only who knows the dial's id can ask for it.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.clock import Clock
from monitor.core.model import BatchStatus
from monitor.simulator import vogent_rows as rows
from monitor.simulator.answers import BadRequestError, Manners, json, whole
from monitor.simulator.cursors import Place, behind, place
from monitor.simulator.ids import place as place_in
from monitor.simulator.wire import Wire
from monitor.simulator.world import Account, RunningBatch

DEFAULT_LIMIT = 20  # how many Vogent gives when not asked is not documented
T = TypeVar("T")


class Vogent:
    """One account's API. Each request first brings the world up to the clock's time."""

    def __init__(self, account: Account, clock: Clock, manners: Manners) -> None:
        self.account, self.clock, self.manners = account, clock, manners

    def _enter(self, request: Request) -> None:
        self.account.world.advance(self.clock.now())
        if request.headers.get("authorization") != f"Bearer {self.account.key}":
            raise HTTPException(401, "Unauthorized")

    def _job(self, request: Request) -> RunningBatch:
        self._enter(request)
        batch = self.account.batches.get(request.path_params["job_id"])
        if batch is None:
            raise HTTPException(404, "Batch dial job not found")
        return batch

    async def jobs(self, request: Request) -> Response:
        """``GET /batch_dial_jobs``: of one status, one agent or one user."""
        self._enter(request)
        query = request.query_params
        if query.get("status", "INIT") not in rows.JOB_WORD.values():
            raise BadRequestError("status", "not a status of a batch dial job")
        made = (rows.job(batch, self.manners) for batch in self.account)
        known = [
            job
            for job in made
            if job["status"] == query.get("status", job["status"])
            and job["callAgentId"] == query.get("callAgentId", job["callAgentId"])
            and query.get("userId", rows.USER) == rows.USER
        ]
        order = {
            batch.batch_id: place(n, batch.updated, self.manners)
            for n, batch in enumerate(self.account)
        }
        return self._page(request, known, lambda job: order[job["id"]])

    async def job(self, request: Request) -> Response:
        """``GET /batch_dial_jobs/{id}``."""
        return json(rows.job(self._job(request), self.manners))

    async def queue(self, request: Request) -> Response:
        """``GET /batch_dial_jobs/{id}/queue``: the rows that nobody has dialled."""
        batch = self._job(request)
        waiting = [n for n, last in enumerate(batch.people.last_call) if last < 0]
        changed = batch.people.changed
        return self._page(
            request,
            waiting,
            lambda person: place(person, changed[person], self.manners),
            lambda person: rows.queue_row(batch, person),
        )

    async def dials(self, request: Request) -> Response:
        """``GET /batch_dial_jobs/{id}/dials``: the dials that are over."""
        batch = self._job(request)
        now = batch.agenda.now
        over = [
            row
            for row, ended in enumerate(batch.calls.ended)
            if ended and now >= ended + self.manners.listed_after
        ]
        return self._page(
            request,
            over,
            lambda row: place(row, rows.updated(batch, row, now), self.manners),
            lambda row: rows.dial(batch, row, now, self.manners),
        )

    async def dial(self, request: Request) -> Response:
        """``GET /dials/{id}``: any dial, also while it lasts."""
        self._enter(request)
        dial_id = request.path_params["dial_id"]
        found = place_in(dial_id)
        batch = self.account.by_number.get(found[0]) if found else None
        if found is None or batch is None or found[1] >= len(batch.calls):
            raise HTTPException(404, "Dial not found")
        if batch.call_id(found[1]) != dial_id:
            raise HTTPException(404, "Dial not found")
        return json(rows.dial(batch, found[1], batch.agenda.now, self.manners))

    async def pause(self, request: Request) -> Response:
        """``POST /batch_dial_jobs/{id}/paused``: pauses, resumes, and starts what is new."""
        batch = self._job(request)
        asked = _body(await request.body()).get("paused")
        if not isinstance(asked, bool):
            raise BadRequestError("paused", "must be true or false")
        if batch.status.terminal:
            raise BadRequestError("paused", f"the job is {rows.JOB_WORD[batch.status]}")
        if asked:
            batch.pause()
        elif batch.status is BatchStatus.SCHEDULED:
            batch.begin()
        else:
            batch.resume()
        return json(rows.job(batch, self.manners))

    def _page(
        self,
        request: Request,
        known: Iterable[T],
        place_of: Callable[[T], Place],
        show: Callable[[T], Any] = lambda row: row,
    ) -> Response:
        """The rows behind the cursor; the next cursor is null when they are the last ones."""
        limit = whole(request, "limit", DEFAULT_LIMIT)
        if self.manners.max_limit is not None:
            limit = min(limit, self.manners.max_limit)
        if limit < 1:
            raise BadRequestError("limit", "must be at least 1")
        part, cursor = behind(request.query_params.get("cursor"), known, place_of, limit)
        return json({"data": [show(row) for row in part], "cursor": cursor})


def _body(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except ValueError as error:
        raise BadRequestError("body", "not a JSON object") from error


async def _refuse(_: Request, error: Exception) -> Response:
    """Vogent documents the codes 400 and 422, and no body for any refusal."""
    if isinstance(error, HTTPException):
        return json({"message": error.detail}, error.status_code)
    if isinstance(error, BadRequestError):
        return json({"message": f"Invalid input: {error.field}: {error.text}"}, 400)
    raise error


def vogent_app(
    account: Account, clock: Clock, manners: Manners | None = None, *, keep: bool = False
) -> Wire:
    """Vogent's API for one account, ready to be served."""
    api = Vogent(account, clock, manners or Manners())
    root = "/api/batch_dial_jobs"
    routes = [
        Route(root, api.jobs),
        Route(f"{root}/{{job_id}}", api.job),
        Route(f"{root}/{{job_id}}/dials", api.dials),
        Route(f"{root}/{{job_id}}/queue", api.queue),
        Route(f"{root}/{{job_id}}/paused", api.pause, methods=["POST"]),
        Route("/api/dials/{dial_id}", api.dial),
    ]
    handlers = {HTTPException: _refuse, BadRequestError: _refuse}
    return Wire(Starlette(routes=routes, exception_handlers=handlers), keep=keep)
