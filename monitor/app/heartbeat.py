"""The dead man's ping: somebody outside hears of it when Offhook stops doing its work.

Every minute one request goes to an address that expects it, by a way that shares nothing
with the channels of alerts. It is withheld unless everything has gone round once since the
last one: every provider was polled (one that does not answer was polled too, and people are
told of it), everything was judged, nothing of it failed, some receiver takes messages, and no
alert waits that nobody has taken. Where it is the receivers, people are called sooner by the
address for failures, if the service has one: Offhook itself has no way left to reach them.
"""

import re
from collections.abc import Iterator
from datetime import timedelta

import structlog
from pydantic import SecretStr

from monitor.app.runtime import Runtime
from monitor.config.model import MonitorSettings
from monitor.errors import HttpError, StoreError
from monitor.http import HttpClient

log = structlog.get_logger()

BEAT_EVERY = timedelta(minutes=1)
DEADLINE_S = 10.0
_ROUND_S = 20.0  # before that not everything can have gone round
_ANSWER_LIMIT = 65_536


class Heartbeat:
    """One configuration's. The addresses are secrets and are in no text of this class."""

    def __init__(self, settings: MonitorSettings, runtime: Runtime, http: HttpClient) -> None:
        self._url = settings.heartbeat_url
        self._fail_url = settings.heartbeat_fail_url or _fail_url(self._url)
        self._runtime = runtime
        self._http = http
        self._since = runtime.started  # monotonic: of the last ping
        self._withheld: tuple[str, ...] = ()

    async def beat(self) -> None:
        """Ping, or say why not: in the log, and there that nobody can be told.

        Never raises for what the other side does.
        """
        now = self._runtime.clock.monotonic()
        if now - self._since < _ROUND_S:
            return  # it has just begun
        found = (*self._unmoved(), *self._runtime.late())
        try:
            deaf = await self._deaf()
        except StoreError as error:
            deaf, found = (), (*found, str(error))
        if self._runtime.delivering.is_alone and not deaf:
            found = (*found, "no receiver is reached just now")
        if (why := (*found, *deaf)) and why != self._withheld:
            log.warning("heartbeat_withheld", why=list(why))
        self._withheld = why
        if deaf:
            await self._ask(self._fail_url)
        elif not found and await self._ask(self._url):
            self._since = now

    async def _deaf(self) -> tuple[str, ...]:
        """Why people are not told of what they ought to be."""
        found = self._runtime.delivering.problems()
        untold = await self._runtime.delivering.untold()
        return (*found, f"alerts that nobody has taken in time: {untold}") if untold else found

    def _unmoved(self) -> Iterator[str]:
        runtime = self._runtime
        for poller in runtime.pollers:
            if runtime.progress_of(poller) <= self._since:
                yield f"{poller.provider.name} was not polled"
        if (runtime.judge.whole_at or self._since) <= self._since:
            yield "not everything was judged"

    async def _ask(self, url: SecretStr | None) -> bool:
        if url is None:
            return False
        try:
            answer = await self._http.request(
                "GET", url.get_secret_value(), deadline=DEADLINE_S, limit=_ANSWER_LIMIT
            )
        except HttpError as error:
            log.warning("heartbeat_failed", kind=error.kind)
            return False
        if answer.status >= 300:
            log.warning("heartbeat_failed", kind="answer", status=answer.status)
            return False
        return True


# Of Healthchecks, by its own address or on one's own server: a check by its id, or by a name.
_HEALTHCHECKS = re.compile(
    r"(https?://(?:hc-ping\.com|[^/?#]+(?:/[^?#]*)?/ping)/"
    r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[\w-]{22}/[a-z0-9_-]+))/?([?].*)?"
)


def _fail_url(url: SecretStr | None) -> SecretStr | None:
    """Where that service is told of a failure; None where it is not one that is known."""
    found = _HEALTHCHECKS.fullmatch(url.get_secret_value()) if url else None
    return SecretStr(f"{found[1]}/fail{found[2] or ''}") if found else None
