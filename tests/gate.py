"""The gate as it stands in the daemon: the real receiver, every vendor's adapter, SQLite."""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row, delete, select
from starlette.types import ASGIApp, Message

import monitor.providers.http_json
from monitor.app.senders import secrets_now, senders_of, signing_of
from monitor.clock import Clock
from monitor.config import Config, load
from monitor.http import HttpClient
from monitor.providers import Provider
from monitor.providers.build import build
from monitor.providers.signing import path_secret, sign
from monitor.store import inbox
from monitor.store.inbox import Arrived
from monitor.store.schema import inbox as inbox_table
from monitor.store.writer import Priority, Store
from monitor.web.metrics import Numbers
from monitor.web.receiver import Receiver
from monitor.web.server import application
from tests.loopback import StillClock

TOKEN = "the token of those who read"
_VENDORS = Path(monitor.providers.http_json.__file__).parent / "vendors"
_SECRET = 'webhook_secret = "a secret of this vendor\'s webhooks"\n'
_ENVIRONMENT = {
    "ELEVENLABS_API_KEY": "sk_simulated",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.example/services/T/B/x",
}
_CONFIG = f"""\
[monitor]
data_dir = "data"
[providers.surveys]
vendor = "bland"
api_key = "sk_simulated"
{_SECRET}
[providers.callbacks]
vendor = "vogent"
api_key = "sk_simulated"
{_SECRET}
[providers.renewals]
vendor = "graine"
api_key = "gat_simulated"
{_SECRET}
[providers.flows]
vendor = "svalync"
url = "https://flows.example/{{batch_id}}"
batches = ["b-1"]
{_SECRET}
"""

_CALL = {
    "call_id": "c-1",
    "batch_id": "b-1",
    "to": "+15550100234",
    "status": "completed",
    "completed": True,
    "answered_by": "human",
    "created_at": "2026-05-10T11:58:00Z",
    "end_at": "2026-05-10T11:59:30Z",
    "call_length": 1.5,
    "price": 0.12,
    "variables": {"first_name": "Ada"},
    "concatenated_transcript": "user: yes please \ud83d\ude00",
}
_STATUS = {
    "batch_id": "b-1",
    "status": "completed",
    "timestamp": "2026-05-10T11:59:30Z",
    "calls_total": 3,
    "calls_successful": 2,
    "calls_failed": 1,
}
_CATEGORY = {"call_id": "c-1", "category": "call", "message": "ringing"}
_DIAL = {"event": "dial.updated", "payload": {"dial_id": "d-1", "status": "completed"}}
_HINT = {"batch_id": "b-1", "anything": [1, 2, {"x": None}]}
_TOLD = {"type": "post_call_transcription", "data": {"conversation_id": "c-1"}}

# What each provider's vendor sends.
SAMPLES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "surveys": (_CALL, _STATUS, _CATEGORY),
    "callbacks": (_DIAL,),
    "renewals": (_HINT,),
    "flows": (_HINT,),
    "elevenlabs": (_TOLD,),
}


@dataclass(frozen=True)
class Gate:
    """The application with its inbox; ``signed`` is what a sender would send."""

    app: ASGIApp
    receiver: Receiver
    store: Store
    config: Config
    vendors: Mapping[str, Provider]
    clock: Clock

    def secret(self, provider: str) -> str:
        return secrets_now(self.config.providers[provider])[0]

    def path(self, provider: str) -> str:
        """The address that a hint comes by."""
        return f"/webhooks/{provider}/{path_secret(provider, self.secret(provider))}"

    def signed(self, provider: str, body: bytes) -> tuple[str, dict[bytes, bytes]]:
        """Where a proven webhook is sent, and its headers."""
        signing = signing_of(self.config.providers[provider], self.vendors[provider].facts)
        made = sign(signing, self.secret(provider), body, self.clock.now(), "msg-1")
        path = f"/webhooks/{provider}" if made else self.path(provider)
        return path, {name.lower().encode(): value.encode() for name, value in made.items()}

    async def rows(self) -> Sequence[Row[Any]]:
        return await self.store.read(
            lambda conn: conn.execute(select(inbox_table).order_by(inbox_table.c.id)).all()
        )

    async def clear(self) -> None:
        await self.store.write(Priority.INBOX, lambda conn: conn.execute(delete(inbox_table)))

    async def send(
        self,
        body: bytes | Iterable[bytes],
        path: str,
        headers: Iterable[tuple[bytes, bytes]] = (),
        method: str = "POST",
    ) -> tuple[int, bytes]:
        """One request in process, the body in pieces if so given: status and text."""
        pieces = iter([body] if isinstance(body, bytes) else body)
        sent: list[Message] = []

        async def receive() -> Message:
            piece = next(pieces, None)
            return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode("utf-8", "surrogateescape"),
            "root_path": "",
            "query_string": b"",
            "scheme": "http",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
            "headers": _with_host(list(headers)),
        }
        await self.app(scope, receive, send)
        return int(sent[0]["status"]), b"".join(each.get("body", b"") for each in sent[1:])


def configuration(directory: Path) -> Config:
    """Five providers that may send, one of each vendor."""
    path = directory / "config.toml"
    path.touch(mode=0o600)
    scheme = 'webhook = { scheme = "elevenlabs" }\n'
    told = (_VENDORS / "elevenlabs.toml").read_text().replace(scheme, scheme + _SECRET)
    path.write_text(_CONFIG + told)
    return load(path, environ=_ENVIRONMENT)


@contextlib.contextmanager
def gate(
    directory: Path, clock: Clock | None = None, config: Config | None = None
) -> Iterator[Gate]:
    """The whole gate on a database in this directory. No vendor is ever asked."""
    clock = clock or StillClock()
    config = config or configuration(directory)
    http = HttpClient(clock)
    store = Store.open(directory / "offhook.db")
    vendors = {
        name: build(name, settings, http, b"k" * 32, clock)
        for name, settings in config.providers.items()
    }

    async def keep(arrived: Sequence[Arrived]) -> list[bool]:
        return await store.write(Priority.INBOX, lambda conn: inbox.put(conn, arrived))

    receiver = Receiver(keep, clock)
    receiver.serve(senders_of(config, vendors))
    app = application(problems=fine, numbers=none, token=TOKEN, receiver=receiver)
    try:
        yield Gate(app, receiver, store, config, vendors, clock)
    finally:
        store.close()


async def fine() -> tuple[str, ...]:
    """Nothing is late."""
    return ()


async def none() -> Numbers:
    """Nobody counts here."""
    raise AssertionError


def sample(provider: str) -> bytes:
    """The first of what a provider's vendor sends."""
    return json.dumps(SAMPLES[provider][0]).encode()


def _with_host(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return headers if any(name == b"host" for name, _ in headers) else [_HOST, *headers]


_HOST = (b"host", b"localhost")
