"""A workflow of Svalync's that ends in its node for a batch: asked over HTTP, or a file.

Svalync documents what the node takes and what comes out, and no address for it: whoever
builds the workflow chooses one. Here it is ``/batch?batch_id=…``, ``/batch/…`` and a POST
of the node's input to ``/batch``, all on the server's own address. A whole workflow, started
as Svalync documents it, answers with what each of its nodes gave.
"""

from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.clock import Clock
from monitor.simulator import svalync_rows as rows
from monitor.simulator.answers import BadRequestError, Manners, flag, json
from monitor.simulator.wire import Wire
from monitor.simulator.world import Account


class Input(msgspec.Struct):
    """The node's input, as it is documented."""

    batch_id: str
    include_analytics: bool = True
    include_transcripts: bool = False
    filter: rows.Filter = msgspec.field(default_factory=rows.Filter)


class Svalync:
    """One account's workflow. Each request first brings the world up to the clock's time."""

    def __init__(self, account: Account, clock: Clock, manners: Manners) -> None:
        self.account, self.clock, self.manners = account, clock, manners

    def _enter(self, request: Request) -> None:
        """The key stands in a header of its own; the documentation's prose has it as a bearer."""
        self.account.world.advance(self.clock.now())
        given = request.headers.get("x-api-key", request.headers.get("authorization", ""))
        if given.removeprefix("Bearer ") != self.account.key:
            raise HTTPException(401, "Invalid API key")

    async def asked(self, request: Request) -> Response:
        """``GET``: the batch's id in the path or in the query."""
        self._enter(request)
        query = request.query_params
        wanted = rows.Wanted(
            analytics=flag(request, "include_analytics", default=True),
            transcripts=flag(request, "include_transcripts", default=False),
        )
        batch_id = request.path_params.get("batch_id") or query.get("batch_id", "")
        return json(self._node(batch_id, wanted))

    async def posted(self, request: Request) -> Response:
        """``POST``: the node's input as the body."""
        return json(await self._posted(request))

    async def run(self, request: Request) -> Response:
        """``POST /api/workflow/runWorkflow?id=``: a workflow of this one node."""
        output = await self._posted(request)
        asked = msgspec.json.decode(await request.body())
        return json([{"nodeId": "batch_details", "input": asked, "response": output}])

    async def _posted(self, request: Request) -> dict[str, Any]:
        self._enter(request)
        try:
            given = msgspec.json.decode(await request.body(), type=Input)
        except msgspec.DecodeError as error:
            word = "filter" if "$.filter" in str(error) else "input"
            raise BadRequestError(word, f"Invalid {word}") from error
        wanted = rows.Wanted(
            analytics=given.include_analytics,
            transcripts=given.include_transcripts,
            filter=given.filter,
        )
        return self._node(given.batch_id, wanted)

    def _node(self, batch_id: str, wanted: rows.Wanted) -> dict[str, Any]:
        if not batch_id:
            raise BadRequestError("batch_id", "Invalid batch ID")
        batch = self.account.batches.get(batch_id)
        if batch is None:
            raise HTTPException(404, "Batch not found")
        now = batch.agenda.now
        return rows.node(batch, now, wanted, counts_lag=self.manners.counts_lag)


def write_batches(account: Account, directory: Path, manners: Manners | None = None) -> None:
    """What a workflow does that writes files: each batch as it stands now, one file each.

    A file is replaced as a whole, so that nobody reads half of one.
    """
    lag = (manners or Manners()).counts_lag
    for batch in account:
        told = rows.node(batch, batch.agenda.now, rows.Wanted(), counts_lag=lag)
        made = directory / f".{batch.batch_id}.part"
        made.write_bytes(msgspec.json.encode(told))
        made.replace(directory / f"{batch.batch_id}.json")


async def _refuse(_: Request, error: Exception) -> Response:
    """Svalync names its errors and documents neither their codes nor their bodies."""
    if isinstance(error, HTTPException):
        return json({"error": error.detail}, error.status_code)
    if isinstance(error, BadRequestError):
        return json({"error": f"{error.field}: {error.text}"}, 400)
    raise error


def svalync_app(
    account: Account, clock: Clock, manners: Manners | None = None, *, keep: bool = False
) -> Wire:
    """The workflow of one account, ready to be served."""
    api = Svalync(account, clock, manners or Manners())
    routes = [
        Route("/batch", api.asked),
        Route("/batch", api.posted, methods=["POST"]),
        Route("/batch/{batch_id}", api.asked),
        Route("/api/workflow/runWorkflow", api.run, methods=["POST"]),
    ]
    handlers = {HTTPException: _refuse, BadRequestError: _refuse}
    return Wire(Starlette(routes=routes, exception_handlers=handlers), keep=keep)
