"""The dead man's ping: somebody outside hears of it when Offhook stops doing its work.

Every minute one request goes to an address that expects it, by a way that shares nothing
with the channels of alerts. It is withheld unless everything has gone round once since the
last one: every provider was polled (one that does not answer was polled too, and people are
told of it), everything was judged, nothing of it failed, some receiver takes messages, and no
alert waits that nobody has taken.
"""

from collections.abc import Iterator
from datetime import timedelta

import structlog
from pydantic import SecretStr

from monitor.app.runtime import Runtime
from monitor.errors import StoreError
from monitor.http import HttpClient, HttpError

log = structlog.get_logger()

BEAT_EVERY = timedelta(minutes=1)
DEADLINE_S = 10.0
_ROUND_S = 20.0  # before that not everything can have gone round
_ANSWER_LIMIT = 65_536


class Heartbeat:
    """One configuration's. The address is a secret and is in no text of this class."""

    def __init__(self, url: SecretStr, runtime: Runtime, http: HttpClient) -> None:
        self._url = url
        self._runtime = runtime
        self._http = http
        self._since = runtime.started  # monotonic: of the last ping
        self._withheld: tuple[str, ...] = ()

    async def beat(self) -> None:
        """Ping, or say in the log why not. Never raises for what the other side does."""
        now = self._runtime.clock.monotonic()
        if now - self._since < _ROUND_S:
            return  # it has just begun
        found = await self._missing()
        if found:
            if found != self._withheld:
                log.warning("heartbeat_withheld", why=list(found))
        elif await self._ping():
            self._since = now
        self._withheld = found

    async def _missing(self) -> tuple[str, ...]:
        runtime = self._runtime
        found = (*self._unmoved(), *runtime.late(), *runtime.delivering.problems())
        try:
            untold = await runtime.delivering.untold()
        except StoreError as error:
            return (*found, str(error))
        return (*found, f"alerts that nobody has taken in time: {untold}") if untold else found

    def _unmoved(self) -> Iterator[str]:
        runtime = self._runtime
        for poller in runtime.pollers:
            if runtime.progress_of(poller) <= self._since:
                yield f"{poller.provider.name} was not polled"
        if (runtime.judge.whole_at or self._since) <= self._since:
            yield "not everything was judged"

    async def _ping(self) -> bool:
        try:
            answer = await self._http.request(
                "GET", self._url.get_secret_value(), deadline=DEADLINE_S, limit=_ANSWER_LIMIT
            )
        except HttpError as error:
            log.warning("heartbeat_failed", kind=error.kind)
            return False
        if answer.status >= 300:
            log.warning("heartbeat_failed", kind="answer", status=answer.status)
            return False
        return True
