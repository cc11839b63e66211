"""Who may ask what: the token, this machine's name, sessions of browsers, and forged requests.

Everything is refused that ``OPEN`` does not name, so that a new address is guarded before
anybody thinks of it. Where only this machine reaches the server, a name of this machine
stands for the token: a page from elsewhere, whose name was made to point here, has another.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from monitor.clock import Clock
from monitor.hosts import is_here

# Liveness, and what proves itself by a signature.
OPEN = ("/-/healthy", "/slack/actions")
OPEN_BELOW = "/webhooks/"
# What is needed to show the token.
ENTRANCE = ("/login", "/style.css")

SESSION = "offhook_session"
NAME = "offhook_name"
SESSION_FOR = timedelta(hours=12)
MOST_SESSIONS = 100
_SAFE = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why somebody may not, for people, and the status of the answer."""

    status: int
    text: str
    hint: str = ""


@dataclass(slots=True)
class Keeper:
    """Who may ask. ``token`` None: who asks this machine by its own name.

    ``public_url`` is where browsers reach the server through a proxy.
    """

    clock: Clock
    token: str | None
    public_url: str | None = None
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _sessions: dict[str, datetime] = field(default_factory=dict)  # with when each was opened

    def refusal(self, request: Request) -> Refusal | None:
        """What keeps this request from being answered; None when nothing does."""
        path = request.scope["path"]
        if is_open(path):
            return None
        if self.token is None and not is_here(request.headers.get("host", "")):
            return Refusal(403, "ask for localhost")
        if request.method not in _SAFE and self.is_foreign(request):
            return Refusal(403, "this comes from another site", "ask from Offhook's own page")
        if path in ENTRANCE or self._is_known(request):
            return None
        return Refusal(401, "the api_token of [web] is needed", "Authorization: Bearer …")

    def _is_known(self, request: Request) -> bool:
        if self.token is None or self._has_token(request):
            return True
        # Whoever has the cookie alone changes things by a form of the page.
        by_form = request.method in _SAFE or not request.scope["path"].startswith("/api/")
        return by_form and self.session(request) is not None

    def is_foreign(self, request: Request) -> bool:
        """Whether a browser says that another site made it ask."""
        if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
            return True
        origin = request.headers.get("origin")
        if origin is None:
            return False
        asked = {request.headers.get("host", "").lower()}
        if self.public_url is not None:
            asked.add(urlsplit(self.public_url).netloc.lower())
        scheme, _, host = origin.lower().partition("://")
        return scheme not in {"http", "https"} or host not in asked

    def has_form_token(self, request: Request, given: str) -> bool:
        """Whether a form was made by this process for this browser."""
        return hmac.compare_digest(
            given.encode("utf-8", "replace"), self.form_token(request).encode()
        )

    def form_token(self, request: Request) -> str:
        """What each form carries, so that no other page can send one."""
        session = self.session(request) or ""
        return hmac.new(self._secret, session.encode(), sha256).hexdigest()

    def session(self, request: Request) -> str | None:
        """The session of a browser that has shown the token."""
        found = request.cookies.get(self.cookie_name, "")
        opened = self._sessions.get(found)
        if opened is None or self.clock.now() - opened >= SESSION_FOR:
            self._sessions.pop(found, None)
            return None
        return found

    def log_in(self, given: str) -> str | None:
        """A new session for whoever knows the token; None for a wrong one."""
        if self.token is None:
            return None
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode()):
            return None
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        session = secrets.token_urlsafe(32)
        self._sessions[session] = self.clock.now()
        return session

    def log_out(self, request: Request) -> None:
        """End the session."""
        self._sessions.pop(request.cookies.get(self.cookie_name, ""), None)

    @property
    def secure(self) -> bool:
        """Whether browsers come by TLS."""
        return (self.public_url or "").startswith("https://")

    @property
    def cookie_name(self) -> str:
        """With the prefix that keeps others on the same host from setting it, where it may be."""
        return f"__Host-{SESSION}" if self.secure else SESSION

    def keep(self, answer: Response, name: str, value: str, for_s: int | None = None) -> None:
        """Set a cookie: kept from scripts, from other sites, and from plain connections."""
        answer.set_cookie(
            name,
            value,
            max_age=for_s,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="strict",
        )

    def _has_token(self, request: Request) -> bool:
        if self.token is None:
            return False
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        # Headers are bytes, which Starlette shows as Latin-1.
        known = hmac.compare_digest(given.encode("latin-1"), self.token.encode())
        return scheme.lower() == "bearer" and known


def is_open(path: str) -> bool:
    """Whether everybody may ask for it."""
    return path in OPEN or path.startswith(OPEN_BELOW)


def token_needed(token: str | None, *, loopback: bool, public: bool) -> str | None:
    """What readers must show; None where only this machine reaches the server.

    A public address means a proxy, through which everybody comes from this machine. Where no
    token is set, nobody has it.
    """
    if loopback and not public:
        return None
    return token or secrets.token_urlsafe()
