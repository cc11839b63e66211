"""A channel at Slack that outlives whoever posts to it: a thread with an HTTP server.

Written from Slack's documentation, and apart from the simulator on purpose: two readings of
the same page may differ. Every request is kept.
"""

import json
import threading
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

TOKEN = "xoxb-1234-canary"
HOOK = "/services/T000/B000/canarycanary"
CHANNEL = "C0123456789"
PAGES = ("/v2/enqueue", "/v2/change/enqueue")  # PagerDuty's, which knows a repeat by its key


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked has died; that is what some tests are about."""


@dataclass
class Post:
    """One message as it stands."""

    ts: str
    body: dict[str, Any]
    edits: list[dict[str, Any]] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The delivery key in its metadata."""
        key: str = self.body["metadata"]["event_payload"]["key"]
        return key

    @property
    def newest(self) -> dict[str, Any]:
        return (self.edits or [self.body])[-1]


@dataclass(frozen=True)
class Answer:
    """What to answer instead; ``done``: the message is posted all the same."""

    body: str | dict[str, Any]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    done: bool = False
    cut: bool = False  # break the connection off instead of answering


@dataclass
class FakeSlack:
    """One webhook and one bot in one channel."""

    posts: list[Post] = field(default_factory=list)  # the bot's, those deleted not
    hooked: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    script: list[Answer] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    scopes: str = "chat:write,channels:history"
    page: int = 200
    lock: threading.Lock = field(default_factory=threading.Lock)
    _n: int = 0

    def __enter__(self) -> Self:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536

            def do_GET(self) -> None:
                self._serve({})

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", "0"))
                raw = self.rfile.read(length)
                if len(raw) == length:  # else whoever asked has died
                    self._serve(json.loads(raw))

            def _serve(self, body: dict[str, Any]) -> None:
                parts = urlsplit(self.path)
                arguments = {**dict(parse_qsl(parts.query)), **body}
                with fake.lock:
                    answer = fake.answer(
                        parts.path, arguments, self.headers.get("authorization", "")
                    )
                if answer.cut:
                    self.close_connection = True
                    return
                text = answer.body
                data = (text if isinstance(text, str) else json.dumps(text)).encode()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, path: str, body: dict[str, Any], authorization: str) -> Answer:
        if path in {"/state", "/reset"}:
            return self._seen(forget=path == "/reset")
        name = path.rpartition("/")[2] if path.startswith("/api/") else path
        self.asked.append((name, body))
        planned = self.script.pop(0) if self.script else None
        if planned and not planned.done:
            return planned
        if path == HOOK:
            made = self._hook(body)
        elif path in PAGES:
            self.hooked.append({"path": path, **body})
            made = Answer({"status": "success"}, 202)
        elif authorization != f"Bearer {TOKEN}":
            made = Answer({"ok": False, "error": "invalid_auth"})
        else:
            made = self._call(name, body)
        return planned or made

    def _seen(self, *, forget: bool) -> Answer:
        """Everything that stands, for whoever judges from another process."""
        state = {
            "posts": [asdict(post) for post in self.posts],
            "hooked": list(self.hooked),
            "deleted": list(self.deleted),
        }
        if forget:
            for kept in (self.posts, self.hooked, self.deleted, self.asked):
                kept.clear()
        return Answer(state)

    def _hook(self, body: dict[str, Any]) -> Answer:
        if not body.get("text"):
            return Answer("no_text", 400)
        self.hooked.append(body)
        return Answer("ok")

    def _call(self, name: str, body: dict[str, Any]) -> Answer:
        match name:
            case "auth.test":
                said = {"ok": True, "user": "offhook", "team": "Acme"}
                return Answer(said, headers={"x-oauth-scopes": self.scopes})
            case "chat.postMessage":
                return self._post(body)
            case "conversations.history":
                shown = [p for p in self.posts if not p.body.get("thread_ts")]
                return self._listed(shown[::-1], body)
            case "conversations.replies":
                below = [p for p in self.posts if p.body.get("thread_ts") == body["ts"]]
                root = [p for p in self.posts if p.ts == body["ts"]]
                return self._listed(root + below, body)
            case "conversations.list":
                channels = [{"id": "C0000000009", "name": "other"}, {"id": CHANNEL, "name": "ops"}]
                return Answer({"ok": True, "channels": channels})
            case _:
                return self._change(name, body)

    def _post(self, body: dict[str, Any]) -> Answer:
        thread = body.get("thread_ts")
        if thread and not any(post.ts == thread for post in self.posts):
            return Answer({"ok": False, "error": "thread_not_found"})
        self._n += 1
        post = Post(f"{1_790_000_000 + self._n}.{self._n:06d}", body)
        self.posts.append(post)
        return Answer({"ok": True, "channel": CHANNEL, "ts": post.ts})

    def _change(self, name: str, body: dict[str, Any]) -> Answer:
        if not name.startswith("chat."):
            return Answer({"ok": False, "error": "missing_scope"})
        found = [post for post in self.posts if post.ts == body["ts"]]
        if not found:
            return Answer({"ok": False, "error": "message_not_found"})
        if name == "chat.delete":
            self.posts.remove(found[0])
            self.deleted.append(body["ts"])
        else:
            found[0].edits.append(body)
        return Answer({"ok": True, "channel": CHANNEL, "ts": body["ts"]})

    def _listed(self, posts: list[Post], body: dict[str, Any]) -> Answer:
        newer = [post for post in posts if float(post.ts) > float(body.get("oldest", 0))]
        start = int(body.get("cursor", 0))
        said: dict[str, Any] = {
            "ok": True,
            "messages": [
                {
                    "ts": post.ts,
                    "text": post.newest["text"],
                    "blocks": post.newest.get("blocks", []),
                    "metadata": post.body.get("metadata"),
                }
                for post in newer[start : start + self.page]
            ],
        }
        if len(newer) > start + self.page:
            said["response_metadata"] = {"next_cursor": str(start + self.page)}
        return Answer(said)

    @property
    def roots(self) -> list[Post]:
        return [post for post in self.posts if not post.body.get("thread_ts")]

    @property
    def replies(self) -> list[Post]:
        return [post for post in self.posts if post.body.get("thread_ts")]
