"""What goes wrong with lists that are read page by page, and with answers that are kept."""

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from monitor.simulator.faults.edits import Edit, edited
from monitor.simulator.faults.exchange import Answer, Exchange, asking, query_of, target
from monitor.simulator.faults.server import Reply, truly
from monitor.simulator.faults.shapes import Kind, Part, Shape, rows_of, spots
from monitor.simulator.wire import Asked

_LISTS = frozenset({Kind.BATCHES, Kind.ITEMS})


def shifted(shape: Shape, by: int) -> Reply:
    """Rows move between two pages: below zero one comes twice, above one is passed over."""
    before: dict[str, Any] = {}  # the last row of the page before, by list

    async def reply(exchange: Exchange) -> None:
        part = shape.part(exchange.asked)
        answer = await exchange.true(_moved(exchange.asked, part, by))
        if part is not None and part.paging and part.paging.cursor and answer.status == 200:
            value: Any = json.loads(answer.body)
            rows = rows_of(value, part)
            last = rows[-1:]
            if part.paging.cursor in query_of(exchange.asked):
                rows[:] = rows[by:] if by > 0 else [*before.get(exchange.asked.path, ()), *rows]
            before[exchange.asked.path] = last
            answer = replace(answer, body=json.dumps(value).encode())
        await exchange.send(answer)

    return reply


def _moved(asked: Asked, part: Part | None, by: int) -> Asked:
    paging = part.paging if part else None
    if paging is None or paging.offset is None:
        return asked
    query = query_of(asked)
    offset = int(query.get(paging.offset, "0"))
    if offset == 0:
        return asked
    params: dict[str, str | int | None] = {paging.offset: max(offset + by, 0)}
    if "to" in query:
        params["to"] = int(query["to"]) + by
    return asking(asked, **params)


def first_page_only(shape: Shape) -> Reply:
    """Whatever page is asked for, the vendor gives the first."""

    async def reply(exchange: Exchange) -> None:
        part = shape.part(exchange.asked)
        await exchange.send(await exchange.true(_first(exchange.asked, part)))

    return reply


def _first(asked: Asked, part: Part | None) -> Asked:
    paging = part.paging if part else None
    if paging is None:
        return asked
    params: dict[str, str | int | None] = {}
    query = query_of(asked)
    if paging.offset is not None and paging.offset in query:
        params[paging.offset] = 0
        if "to" in query:
            params["to"] = int(query["to"]) - int(query[paging.offset])
    if paging.cursor is not None:
        params[paging.cursor] = None
    return asking(asked, **params)


def endless(shape: Shape) -> Reply:
    """A list goes on for ever: whatever lies beyond its end is its first page again."""

    async def reply(exchange: Exchange) -> None:
        part = shape.part(exchange.asked)
        answer = await exchange.true()
        listed = part is not None and part.kind in _LISTS and answer.status == 200
        if part is not None and listed and not rows_of(json.loads(answer.body), part):
            answer = await exchange.true(_first(exchange.asked, part))
        await exchange.send(answer)

    return reply


def looping(shape: Shape) -> Reply:
    """The cursor to the next page is the one that was just used."""
    return _with_next(shape, empty=False)


def empty_pages(shape: Shape) -> Reply:
    """Empty pages, each of which names a next one."""
    return _with_next(shape, empty=True)


def _with_next(shape: Shape, *, empty: bool) -> Reply:
    async def reply(exchange: Exchange) -> None:
        part = shape.part(exchange.asked)
        answer = await exchange.true()
        paging = part.paging if part else None
        if part is not None and paging and paging.cursor and paging.next and answer.status == 200:
            used = query_of(exchange.asked).get(paging.cursor)
            value: Any = json.loads(answer.body)
            if used is not None:
                if empty:
                    rows_of(value, part).clear()
                for path in (paging.next, *paging.more):
                    for holder, key in spots(value, path):
                        holder[key] = used if path == paging.next else True
            answer = replace(answer, body=json.dumps(value).encode())
        await exchange.send(answer)

    return reply


def emptied(shape: Shape, *kinds: Kind) -> Reply:
    """Lists are suddenly empty, and say so as if nothing was the matter."""

    async def reply(exchange: Exchange) -> None:
        part = shape.part(exchange.asked)
        answer = await exchange.true()
        if part is None or part.kind not in kinds or answer.status != 200:
            await exchange.send(answer)
            return
        value: Any = json.loads(answer.body)
        rows_of(value, part).clear()
        for path in part.totals if part.kind is Kind.ITEMS else ():
            for holder, key in spots(value, path):
                holder[key] = 0
        await exchange.send(Answer(200, json.dumps(value).encode(), answer.headers))

    return reply


def without(shape: Shape, batch_id: str) -> Reply:
    """One batch is gone: 404 to whatever is asked about it, and it stands on no list."""

    async def reply(exchange: Exchange) -> None:
        part = shape.part(exchange.asked)
        answer = await exchange.true()
        if part is not None and part.whose(exchange.asked) == batch_id:
            answer = replace(answer, status=404, body=b'{"detail":"Not found"}')
        elif part is not None and part.kind is Kind.BATCHES and answer.status == 200:
            value: Any = json.loads(answer.body)
            rows = rows_of(value, part)
            rows[:] = [row for row in rows if batch_id not in row.values()]
            answer = replace(answer, body=json.dumps(value).encode())
        await exchange.send(answer)

    return reply


def twins(shape: Shape, poorer: Edit) -> Reply:
    """Every row comes twice on its page, and the second time it says less."""

    def edit(asked: Asked, part: Part, value: Any) -> Any:
        if part.kind is Kind.ITEMS:
            rows = rows_of(value, part)
            rows += rows_of(poorer(asked, part, copy.deepcopy(value)), part)
        return value

    return edited(shape, edit)


def upside_down(shape: Shape) -> Reply:
    """The rows of each page come in another order."""

    async def reply(exchange: Exchange) -> None:
        part = shape.part(exchange.asked)
        answer = await exchange.true()
        if part is None or part.kind not in _LISTS or answer.status != 200:
            await exchange.send(answer)
            return
        value: Any = json.loads(answer.body)
        rows_of(value, part).reverse()
        await exchange.send(Answer(200, json.dumps(value).encode(), answer.headers))

    return reply


def kept(answers: Mapping[str, Answer], *, every: int = 1) -> Reply:
    """Old answers with 200, as a cache gives them; ``every`` so many questions, else true ones.

    What was never asked before is answered truly.
    """
    asked = 0

    async def reply(exchange: Exchange) -> None:
        nonlocal asked
        asked += 1
        old = answers.get(target(exchange.asked))
        if old is None or asked % every:
            await truly(exchange)
        else:
            await exchange.send(old)

    return reply
