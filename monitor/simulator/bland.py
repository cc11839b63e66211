"""Bland's HTTP API over the simulated world: batches of both generations, calls, the account."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.clock import Clock
from monitor.simulator import bland_batches as batches
from monitor.simulator import bland_rows as rows
from monitor.simulator.answers import (
    BadRequestError,
    Manners,
    flag,
    json,
    ordered,
    page,
    whole,
)
from monitor.simulator.ids import place
from monitor.simulator.wire import Wire
from monitor.simulator.world import Account, RunningBatch

BALANCE_USD = 500.0
Found = tuple[RunningBatch, int]


class Bland:
    """One account's API. Each request first brings the world up to the clock's time."""

    def __init__(self, account: Account, clock: Clock, manners: Manners) -> None:
        self.account, self.clock, self.manners = account, clock, manners

    def _enter(self, request: Request) -> None:
        self.account.world.advance(self.clock.now())
        if request.headers.get("authorization", "").removeprefix("Bearer ") != self.account.key:
            raise HTTPException(401, "Unauthorized")

    def _batch(self, request: Request, *, legacy: bool) -> RunningBatch:
        self._enter(request)
        batch = self.account.batches.get(request.path_params["batch_id"])
        if batch is None or batch.plan.legacy is not legacy:
            raise HTTPException(404, "Batch not found")
        return batch

    async def list_v2(self, request: Request) -> Response:
        """``GET /v2/batches/list``."""
        self._enter(request)
        known = ordered([b for b in self.account if not b.plan.legacy], self.manners)
        part = page(known, whole(request, "skip", 0), whole(request, "take", 100), self.manners)
        return json({"data": [batches.batch_v2(batch) for batch in part], "errors": None})

    async def batch_v2(self, request: Request) -> Response:
        """``GET /v2/batches/{id}``: what was ordered."""
        batch = self._batch(request, legacy=False)
        return json({"data": batches.batch_v2(batch), "errors": None})

    async def logs(self, request: Request) -> Response:
        """``GET /v2/batches/{id}/logs``: how it stands, the newest first unless asked."""
        log = batches.logs(self._batch(request, legacy=False))
        if request.query_params.get("direction", "desc") == "desc":
            log.reverse()
        part = page(log, whole(request, "skip", 0), whole(request, "take", 100), self.manners)
        return json({"data": part, "errors": None})

    async def stop_v2(self, request: Request) -> Response:
        """``POST /v2/batches/{id}/stop``."""
        self._batch(request, legacy=False).cancel()
        return json({"data": None, "errors": None})

    async def batch_v1(self, request: Request) -> Response:
        """``GET /v1/batches/{id}``: everything, unless parts are declined."""
        batch = self._batch(request, legacy=True)
        parts = {
            name: flag(request, f"include_{name}", default=True)
            for name in ("calls", "transcripts", "analysis")
        }
        return json(batches.batch_v1(batch, batch.agenda.now, **parts))

    async def stop_v1(self, request: Request) -> Response:
        """``POST /v1/batches/{id}/stop``."""
        batch = self._batch(request, legacy=True)
        before = sum(not rows.finished(batch, person) for person in rows.listed(batch))
        batch.cancel()
        answer = {"status": "success", "message": "Batch stopped.", "num_calls": before}
        return json(answer | {"batch_id": batch.batch_id})

    async def calls(self, request: Request) -> Response:
        """``GET /v1/calls``: rows without transcripts, and how many match."""
        self._enter(request)
        found = self._ordered(request, self._matching(request))
        start = whole(request, "from", 0)
        limit = whole(request, "limit", 1000)
        if "to" in request.query_params:
            limit = min(limit, max(whole(request, "to", 0) - start, 0))
        part = page(found, start, limit, self.manners)
        now = self.account.world.agenda.now
        calls = [rows.call_row(batch, person, now) for batch, person in part]
        return json({"total_count": len(found), "count": len(calls), "calls": calls})

    def _matching(self, request: Request) -> Iterable[Found]:
        query = request.query_params
        among: Iterable[RunningBatch] = self.account
        if "batch_id" in query:
            known = self.account.batches.get(query["batch_id"])
            among = (known,) if known else ()
        found: Iterable[Found] = ((b, person) for b in among for person in rows.listed(b))
        if "completed" in query:
            wanted = flag(request, "completed", default=True)
            found = ((b, p) for b, p in found if rows.finished(b, p) is wanted)
        if "answered_by" in query:
            now, word = self.account.world.agenda.now, query["answered_by"]
            found = ((b, p) for b, p in found if rows.call_row(b, p, now)["answered_by"] == word)
        low, high = _span(request, "start_date", "end_date")
        if low is not None or high is not None:
            found = (f for f in found if _inside(rows.created(*f), low, high))
        low, high = _span(request, "update_start_date", "update_end_date")
        if low is not None or high is not None:
            found = ((b, p) for b, p in found if _inside(b.people.changed[p], low, high))
        return found

    def _ordered(self, request: Request, found: Iterable[Found]) -> list[Found]:
        known = list(found)
        if request.query_params.get("sort_by") == "updated_at":
            known.sort(key=lambda f: f[0].people.changed[f[1]])
        elif "batch_id" not in request.query_params:
            known.sort(key=lambda f: rows.created(*f))
        if not flag(request, "ascending", default=False):
            known.reverse()
        return known

    async def call(self, request: Request) -> Response:
        """``GET /v1/calls/{id}``: everything about one call, its transcript too."""
        self._enter(request)
        found = self._by_id(request.path_params["call_id"])
        if found is None:
            raise HTTPException(404, "Call not found")
        return json(rows.call_detail(*found, self.account.world.agenda.now))

    def _by_id(self, call_id: str) -> Found | None:
        if (found := place(call_id)) is None:
            return None
        batch, person = self.account.by_number.get(found[0]), found[1]
        if batch is None or person >= len(batch.people) or batch.person_id(person) != call_id:
            return None
        return batch, person

    async def me(self, request: Request) -> Response:
        """``GET /v1/me``."""
        self._enter(request)
        total = sum(len(batch.calls) for batch in self.account)
        billing = {"current_balance": BALANCE_USD, "refill_to": None}
        return json({"status": "active", "billing": billing, "total_calls": total})


def _span(request: Request, first: str, last: str) -> tuple[float | None, float | None]:
    """Two instants; a last day counts in full."""
    return _instant(request, first, days=0), _instant(request, last, days=1)


def _instant(request: Request, name: str, *, days: int) -> float | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequestError(name, "not a date") from error
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC) + timedelta(days=days)
    return at.timestamp()


def _inside(t: float, low: float | None, high: float | None) -> bool:
    return (low is None or low <= t) and (high is None or t <= high)


async def _refuse(request: Request, error: Exception) -> Response:
    """Errors come in two envelopes; which one depends on the generation, and on the key."""
    if isinstance(error, BadRequestError):
        text = f"{error.field}: {error.text}"
        return json({"status": "error", "message": text, "errors": [text]}, 400)
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 401 or request.url.path.startswith("/v2/"):
        word = "AUTH_FAILURE" if error.status_code == 401 else "NOT_FOUND"
        told = {"data": None, "errors": [{"error": word, "message": error.detail}]}
        return json(told, error.status_code)
    return json({"status": "error", "message": error.detail}, error.status_code)


def bland_app(
    account: Account, clock: Clock, manners: Manners | None = None, *, keep: bool = False
) -> Wire:
    """Bland's API for one account, ready to be served."""
    api = Bland(account, clock, manners or Manners())
    routes = [
        Route("/v2/batches/list", api.list_v2),
        Route("/v2/batches/{batch_id}", api.batch_v2),
        Route("/v2/batches/{batch_id}/logs", api.logs),
        Route("/v2/batches/{batch_id}/stop", api.stop_v2, methods=["POST"]),
        Route("/v1/batches/{batch_id}", api.batch_v1),
        Route("/v1/batches/{batch_id}/stop", api.stop_v1, methods=["POST"]),
        Route("/v1/calls", api.calls),
        Route("/v1/calls/{call_id}", api.call),
        Route("/v1/me", api.me),
    ]
    handlers = {HTTPException: _refuse, BadRequestError: _refuse}
    return Wire(Starlette(routes=routes, exception_handlers=handlers), keep=keep)
