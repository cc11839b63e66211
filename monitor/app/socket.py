"""Socket Mode: presses come in over a connection that Offhook opens, so no address is public.

Slack ends each connection after a while and says so before; then the next one is opened while
the old one still delivers. Whatever fails is tried again, ever more slowly. Every envelope is
acknowledged before anything is done about it, and done once however often it comes.
"""

import asyncio
import contextlib
import logging
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from monitor.clock import Clock
from monitor.egress import DIRECT, Egress
from monitor.errors import DeliveryError, Sent
from monitor.notifiers.slack.addresses import is_socket_address
from monitor.notifiers.slack.api import SlackApi
from monitor.web.slack import BusyError

log = structlog.get_logger()
# Its lines hold the address with its ticket.
_quiet = logging.getLogger("offhook.socket.quiet")
_quiet.disabled = True

Take = Callable[[Any], dict[str, Any] | None]
OnTrouble = Callable[[str | None], Awaitable[None]]

LEAST_WAIT_S, MOST_WAIT_S = 1.0, 300.0
TROUBLE_AFTER = 4  # failures in a row: about a quarter of a minute
STEADY_S = 10.0  # a connection that lasted so long was a good one
_OPEN_S = 10.0
_HELLO_S = 15.0
_PING_S = 20.0
_DRAIN_S = 30.0  # so long an old connection may still deliver
_LARGEST = 1024 * 1024
_REMEMBERED = 1_000
_LINK_DISABLED = "link_disabled"


class _Told(msgspec.Struct):
    """One frame. ``type`` is hello, disconnect, or what an envelope holds."""

    type: str = ""
    envelope_id: str = ""
    reason: str = ""
    accepts_response_payload: bool = False
    payload: Any = None


_read = msgspec.json.Decoder(_Told).decode


class SocketMode:
    """The presses of one app. ``take`` gets each payload once and says what to answer at once."""

    def __init__(
        self,
        api: SlackApi,
        take: Take,
        clock: Clock,
        *,
        on_trouble: OnTrouble,
        egress: Egress = DIRECT,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._api = api
        self._take = take
        self._clock = clock
        self._on_trouble = on_trouble
        self._egress = egress
        self._chance = chance
        self._failures = 0
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until ``stop``."""
        listening = asyncio.create_task(self._listen())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({listening, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        listening.cancel()
        # What ended by itself ended by a mistake of ours, which is not to be hidden.
        with contextlib.suppress(asyncio.CancelledError):
            await listening

    async def _listen(self) -> None:
        draining: list[asyncio.Task[None]] = []
        try:
            while True:
                begun = self._clock.monotonic()
                try:
                    await self._one_connection(draining)
                except DeliveryError as error:
                    failed = error
                else:
                    failed = _BRIEF
                if self._clock.monotonic() - begun >= STEADY_S:
                    self._failures = 0
                    if failed is _BRIEF:
                        continue
                await self._failed(failed)
        finally:
            await _cancel(draining)

    async def _one_connection(self, draining: list[asyncio.Task[None]]) -> None:
        """From opening one until Slack says that it will end; DeliveryError when it fails."""
        reader = _Reader(await self._opened(), self._one_frame)
        task = asyncio.create_task(reader.read())
        draining[:] = [*(each for each in draining if not each.done()), task]
        try:
            await reader.greeted()
            log.info("socket_open")
            await self._on_trouble(None)
            await reader.ending.wait()
        except DeliveryError:
            task.cancel()
            raise
        if reader.reason == _LINK_DISABLED:
            text = "Socket Mode is switched off in the app's settings"
            raise DeliveryError(Sent.REFUSED, _LINK_DISABLED, text)
        if not reader.reason:
            raise _BROKEN

    async def _opened(self) -> ClientConnection:
        answer = await self._api.call("apps.connections.open", {})
        url = answer.get("url")
        if not isinstance(url, str) or not is_socket_address(url, self._api.url):
            text = "the address to listen at is not Slack's"
            raise DeliveryError(Sent.REFUSED, "foreign_address", text)
        try:
            return await connect(
                url,
                open_timeout=_OPEN_S,
                close_timeout=1.0,
                ping_interval=_PING_S,
                ping_timeout=_PING_S,
                max_size=_LARGEST,
                compression=None,
                proxy=self._egress.proxy_for(urlsplit(url).hostname or ""),
                logger=_quiet,
            )
        except (OSError, WebSocketException) as error:
            # The address holds a ticket, and its errors may quote it.
            word = type(error).__name__
            raise DeliveryError(Sent.NOT_SENT, word, "Slack's socket cannot be opened") from None

    def _one_frame(self, told: _Told) -> str | None:
        """What to send back for a frame, if anything; its work goes on by itself."""
        if not told.envelope_id:
            return None
        answer: dict[str, Any] = {"envelope_id": told.envelope_id}
        if told.envelope_id not in self._seen:
            try:
                said = self._take(told.payload) if told.type == "interactive" else None
            except BusyError:
                return None  # Slack says so to whoever pressed
            self._seen[told.envelope_id] = None
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            if said is not None and told.accepts_response_payload:
                answer["payload"] = said
        return msgspec.json.encode(answer).decode()

    async def _failed(self, error: DeliveryError) -> None:
        self._failures += 1
        wait = min(LEAST_WAIT_S * 2 ** (self._failures - 1), MOST_WAIT_S)
        wait = max(wait * (0.8 + 0.4 * self._chance()), error.retry_after or 0.0)
        log.warning("socket_failed", word=error.word, text=error.text, again_in_s=round(wait, 1))
        if self._failures >= TROUBLE_AFTER or error.certainty is Sent.REFUSED:
            await self._on_trouble(error.text)
        await self._clock.sleep(wait)


class _Reader:
    """Reads one connection until it is over. ``ending``: another one is to be opened."""

    def __init__(self, connection: ClientConnection, answer: Callable[[_Told], str | None]) -> None:
        self.ending = asyncio.Event()
        self.reason = ""
        self._connection = connection
        self._answer = answer
        self._hello = asyncio.Event()

    async def greeted(self) -> None:
        """Wait for Slack's hello; DeliveryError when there is none."""
        try:
            async with asyncio.timeout(_HELLO_S):
                await _first(self._hello, self.ending)
        except TimeoutError:
            raise _BROKEN from None
        if not self._hello.is_set() and not self.reason:
            raise _BROKEN

    async def read(self) -> None:
        """Answer what comes until the connection is closed, by Slack or, late, by us."""
        try:
            async with self._connection:
                await self._until_told()
                self.ending.set()
                async with asyncio.timeout(_DRAIN_S):
                    while True:
                        await self._one(await self._connection.recv())
        except (ConnectionClosed, TimeoutError):
            pass  # whoever waits for ``ending`` opens another one
        finally:
            self.ending.set()

    async def _until_told(self) -> None:
        """Until Slack says that it will close the connection."""
        while not self.reason:
            await self._one(await self._connection.recv())

    async def _one(self, frame: str | bytes) -> None:
        try:
            told = _read(frame)
        except (msgspec.MsgspecError, RecursionError):
            log.warning("socket_frame_unread")
            return
        if told.type == "hello":
            self._hello.set()
        elif told.type == "disconnect":
            self.reason = told.reason or "no reason"
        elif (answer := self._answer(told)) is not None:
            await self._connection.send(answer)


_BROKEN = DeliveryError(Sent.NOT_SENT, "closed", "Slack's socket was closed without a word")
_BRIEF = DeliveryError(Sent.NOT_SENT, "brief", "Slack ended the socket as soon as it was open")


async def _first(*events: asyncio.Event) -> None:
    """Until one of them is set."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
