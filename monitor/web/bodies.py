"""Bodies of requests that people send: short, of the kind that is asked for, or refused."""

from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect, Request

from monitor.web.access import Refusal

T = TypeVar("T")

MOST = 64 * 1024
MOST_FIELDS = 50


class RefusedError(Exception):
    """The request is not carried out; the answer says why."""

    def __init__(self, status: int, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.refusal = Refusal(status, text, hint)


async def read_json(request: Request, kind: type[T]) -> T:
    """The body as JSON of this kind; RefusedError says what is wrong with it."""
    _check_kind(request, "application/json")
    try:
        return msgspec.json.decode(await _read(request), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RefusedError(400, f"the body cannot be read: {error}") from error


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form."""
    _check_kind(request, "application/x-www-form-urlencoded")
    body = await _read(request)
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="replace",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError as error:
        raise RefusedError(400, "the form cannot be read") from error
    return dict(pairs)


def _check_kind(request: Request, wanted: str) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != wanted or "content-encoding" in request.headers:
        raise RefusedError(415, f"the body is not {wanted}", f"Content-Type: {wanted}")


async def _read(request: Request) -> bytes:
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > MOST:
                raise RefusedError(413, f"the body is longer than {MOST // 1024} KiB")
    except ClientDisconnect as error:
        raise RefusedError(400, "the body was broken off") from error
    return bytes(body)
