"""Answers with 200 that hold something else than was asked for."""

import json
from collections.abc import Callable
from typing import Any

from monitor.simulator.faults.exchange import Answer, Exchange
from monitor.simulator.faults.server import Reply, answering

_JSON = {"content-type": "application/json"}
_PAGE = b"<!doctype html><html><head><title>Sign in</title></head><body>Sign in</body></html>"

html = answering(Answer(200, _PAGE, {"content-type": "text/html"}))
empty = answering(Answer(200, b"", _JSON))
null = answering(Answer(200, b"null", _JSON))
error_object = answering(
    Answer(200, b'{"error":{"code":"internal","message":"Something went wrong"}}', _JSON)
)
nested = answering(Answer(200, b"[" * 100_000, _JSON))


def changed(change: Callable[[bytes], bytes]) -> Reply:
    """The true answer, its bytes changed."""

    async def reply(exchange: Exchange) -> None:
        answer = await exchange.true()
        await exchange.send(Answer(answer.status, change(answer.body), answer.headers))

    return reply


def _cut(body: bytes) -> bytes:
    """All but the end: no answer is whole without it."""
    return body[: max(len(body) * 2 // 3, 1)] if len(body) > 2 else b"["


def _spoilt(body: bytes) -> bytes:
    """No JSON, for the sake of one quotation mark or comma."""
    return body.replace(b":", b"=").replace(b"[", b"[,", 1).replace(b"{", b"{,", 1)


def _turned(body: bytes) -> bytes:
    """An object where a list should be, and a list for an object, one level down as well."""
    value: Any = json.loads(body)
    if isinstance(value, list):
        turned: Any = {str(n): each for n, each in enumerate(value)}
    else:
        turned = [value]
    return json.dumps(turned).encode()


async def _as_a_page(exchange: Exchange) -> None:
    answer = await exchange.true()
    headers = {**answer.headers, "content-type": "text/html; charset=latin-1"}
    await exchange.send(Answer(answer.status, answer.body, headers))


other_type = _as_a_page
truncated = changed(_cut)
invalid = changed(_spoilt)
turned = changed(_turned)
