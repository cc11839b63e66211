"""Asking an endpoint of the configuration, with the key shown as the vendor wants it."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import msgspec
from pydantic import SecretStr

from monitor.bodies import MIB
from monitor.errors import ProviderError
from monitor.http import Answer, Asks
from monitor.providers.account import Account, part
from monitor.providers.answers import read
from monitor.providers.http_json.settings import BATCH_ID, SINCE, Auth, Endpoint, HttpJsonSettings

_ANY = msgspec.json.Decoder(Any)
# One answer may hold a whole batch.
_LIMIT = 64 * MIB
_SECONDS = 120.0

Params = Mapping[str, str | int]


class Got:
    """One answer; what it holds is decoded only where somebody needs it."""

    def __init__(self, answer: Answer, what: str, address: str) -> None:
        self.body = answer.body
        self.headers = answer.headers
        self.seen_at: datetime = answer.sent_at
        self.address = address
        self._what = what

    @cached_property
    def data(self) -> Any:
        """The answer as JSON; ProviderError where it is none."""
        return read(_ANY, self.body, self._what)


class Api:
    """One account at one vendor."""

    def __init__(self, settings: HttpJsonSettings, http: Asks) -> None:
        base = urlsplit(settings.base_url)
        self._origin = f"{base.scheme}://{base.netloc}"
        self._prefix = base.path
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        headers = {name.lower(): str(_open(value)) for name, value in settings.headers.items()}
        self._query = _query(settings.auth, key)
        headers |= _headers(settings.auth, key)
        self._account = Account(http, self._origin, headers)

    async def ask(
        self, endpoint: Endpoint, what: str, fill: Mapping[str, str], paging: Params | None = None
    ) -> Got:
        """The answer of an endpoint. ``paging`` goes where the endpoint's parameters go."""
        path = self._prefix + endpoint.path.replace(BATCH_ID, part(fill.get(BATCH_ID, "")))
        query: dict[str, Any] = _opened(filled(endpoint.params, fill))
        if endpoint.method == "POST":
            body = filled(endpoint.body, fill) | dict(paging or {})
            target = _with(path, [*query.items(), *self._query])
            answer = await self._account.post(target, body, deadline=_SECONDS, limit=_LIMIT)
        else:
            target = _with(path, [*(query | dict(paging or {})).items(), *self._query])
            answer = await self._account.get(target, deadline=_SECONDS, limit=_LIMIT)
        return Got(answer, what, self._origin + target)

    async def patch(self, path: str, body: Mapping[str, Any]) -> None:
        """Change something at the vendor; only ever done because a person asked for it."""
        await self._account.patch(_with(self._prefix + path, list(self._query)), body)

    async def follow(self, got: Got, link: str, endpoint: Endpoint, what: str) -> Got:
        """The answer at an address that an answer gave. It must lie where the vendor is.

        What is secret in the parameters is shown again, whatever the address makes of it.
        """
        try:
            parts = urlsplit(urljoin(got.address, link))
            origin = f"{parts.scheme}://{parts.netloc}"
        except ValueError:
            origin = ""
        if origin.lower() != self._origin.lower():
            raise ProviderError("contract", f"{what} goes on at another host: it is not followed")
        secret = {k: each for k, each in endpoint.params.items() if isinstance(each, SecretStr)}
        keys = [*_opened(secret).items(), *self._query]
        shown = {name for name, _ in keys}
        query = [pair for pair in parse_qsl(parts.query, True) if pair[0] not in shown]
        target = _with(parts.path, [*query, *keys])
        answer = await self._account.get(target, deadline=_SECONDS, limit=_LIMIT)
        return Got(answer, what, self._origin + target)


def filled(value: Any, fill: Mapping[str, str]) -> Any:
    """Tables, lists and texts with ``{batch_id}`` and ``{since}`` filled in."""
    if isinstance(value, str):
        for name in (BATCH_ID, SINCE):
            value = value.replace(name, fill.get(name, name))
        return value
    if isinstance(value, Mapping):
        return {key: filled(inner, fill) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [filled(inner, fill) for inner in value]
    return value


def _opened(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _open(value) for name, value in params.items()}


def _open(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _headers(auth: Auth | None, key: str) -> dict[str, str]:
    if auth is None or auth.query is not None:
        return {}
    if auth.header is not None:
        return {auth.header.lower(): f"{auth.prefix} {key}" if auth.prefix else key}
    if auth.basic is not None:
        shown = b64encode(f"{auth.basic}:{key}".encode()).decode()
        return {"authorization": f"Basic {shown}"}
    return {"authorization": f"Bearer {key}"}


def _query(auth: Auth | None, key: str) -> tuple[tuple[str, str], ...]:
    return () if auth is None or auth.query is None else ((auth.query, key),)


def _with(path: str, query: list[tuple[str, Any]]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
