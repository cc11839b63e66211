"""Pushing to Alertmanager: not messages but a state, which is said again while it lasts."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence

from monitor.bodies import MIB
from monitor.clock import Clock
from monitor.core.message import Message
from monitor.core.route import Receiver
from monitor.errors import DeliveryError, HttpError, Sent
from monitor.http import Answer, HttpClient
from monitor.notifiers import Envelope, Receipt
from monitor.notifiers.alertmanager.alerts import Labels, labels_of, pushed
from monitor.notifiers.alertmanager.settings import AlertmanagerSettings
from monitor.notifiers.posting import post, retry_after, unanswered
from monitor.notifiers.unreadable import Unreadable
from monitor.notifiers.wording import is_report

WHO = "Alertmanager"
DEADLINE_S = 25.0
# One that was not reached for two times is still firing there.
LASTS = 3
_AT_ONCE = 500  # alerts in one request

Outcome = DeliveryError | None


class Alertmanager(Unreadable):
    """One cluster. Saying the same twice is what it is made for, so nothing is a repeat."""

    def __init__(
        self,
        name: str,
        settings: AlertmanagerSettings,
        http: HttpClient,
        clock: Clock,
        *,
        deadline: float = DEADLINE_S,
    ) -> None:
        self.receiver = Receiver(
            name=name,
            kind="alertmanager",
            settled_only=True,
            stateful=True,
            at_once=_AT_ONCE,
            send_resolved=settings.send_resolved,
        )
        self.resend = settings.resend
        self._urls = settings.urls
        self._http = http
        self._clock = clock
        self._deadline = deadline
        # A state read before an end was told must not be said after it.
        self._order = asyncio.Lock()
        # Under which labels each alert that fires stands there.
        self._standing: dict[str, Labels] = {}

    async def send(self, envelope: Envelope) -> Receipt:
        """Say it to all; taken when one of them took it."""
        async with self._order:
            return Receipt(remark=await self._push(envelope.messages, plain=envelope.plain))

    async def restate(self, read: Callable[[], Awaitable[Sequence[Message]]]) -> None:
        """Say again what was told and still fires, as ``read`` gives it; DeliveryError.

        All of it has one deadline: a message that waits behind it has one as well. What is
        refused keeps nothing else back.
        """
        refused = None
        try:
            async with asyncio.timeout(self._deadline), self._order:
                messages = await read()
                firing = {message.key for message in messages}
                self._standing = {key: at for key, at in self._standing.items() if key in firing}
                for start in range(0, len(messages), _AT_ONCE):
                    error = await self._part(messages[start : start + _AT_ONCE])
                    refused = refused or error
        except TimeoutError:
            text = f"{WHO} took too long for all that fires"
            raise DeliveryError(Sent.RETRY, "timeout", text) from None
        if refused is not None:
            raise refused

    async def check(self) -> str:
        """Ask each for its version."""
        answers = await asyncio.gather(*(self._version(url) for url in self._urls))
        good = [each for each in answers if isinstance(each, str)]
        bad = [each for each in answers if isinstance(each, DeliveryError)]
        if bad:
            raise bad[0]
        return f"{len(good)} of {len(self._urls)} answer: {', '.join(sorted(set(good)))}"

    async def close(self) -> None:
        """The connections belong to whoever made the client."""

    async def _part(self, messages: Sequence[Message]) -> DeliveryError | None:
        """Say some of it again; what Alertmanager refuses of it."""
        try:
            await self._push(messages, plain=False)
        except DeliveryError as error:
            if error.certainty is not Sent.REFUSED:
                raise
            return error
        return None

    async def _push(self, messages: Sequence[Message], *, plain: bool) -> str | None:
        """A remark when not every one took it."""
        alerts = pushed(
            messages,
            now=self._clock.now(),
            lasts=LASTS * self.resend,
            plain=plain,
            standing=self._standing,
        )
        content = json.dumps(alerts).encode()
        outcomes = await asyncio.gather(*(self._post(url, content) for url in self._urls))
        errors = [each for each in outcomes if each is not None]
        if len(errors) == len(self._urls):
            raise _of_all(errors)
        self._remember(messages, plain=plain)
        if errors:
            return f"{len(errors)} of {len(self._urls)} did not take it: {errors[0].text}"
        return None

    def _remember(self, messages: Sequence[Message], *, plain: bool) -> None:
        for message in messages:
            if message.state == "RESOLVED" or is_report(message):
                self._standing.pop(message.key, None)
            else:
                self._standing[message.key] = labels_of(message, plain=plain)

    async def _post(self, url: str, content: bytes) -> Outcome:
        try:
            answer = await post(
                self._http, f"{url}/api/v2/alerts", content, who=WHO, deadline=self._deadline
            )
        except DeliveryError as error:
            return error
        return None if 200 <= answer.status < 300 else _meaning(answer)

    async def _version(self, url: str) -> str | DeliveryError:
        try:
            answer = await self._http.request(
                "GET", f"{url}/api/v2/status", deadline=self._deadline, limit=MIB
            )
        except HttpError as error:
            return unanswered(error, WHO)
        try:
            version = json.loads(answer.body)["versionInfo"]["version"]
        except (ValueError, KeyError, TypeError):
            return DeliveryError(Sent.REFUSED, "not_it", "what answers is no Alertmanager")
        return f"version {version}" if isinstance(version, str) else "a version without a name"


def _of_all(errors: Sequence[DeliveryError]) -> DeliveryError:
    """What it means that none took it: a no is one only when all say so."""
    first = errors[0]
    kinds = {each.certainty for each in errors}
    if len(kinds) == 1 and kinds <= {Sent.REFUSED, Sent.NOT_SENT}:
        return first
    asked = [each.retry_after for each in errors if each.retry_after is not None]
    return DeliveryError(
        Sent.RETRY, first.word, first.text, retry_after=min(asked) if asked else None
    )


def _meaning(answer: Answer) -> DeliveryError:
    status, word = answer.status, str(answer.status)
    if status in {400, 413, 422}:
        text = f"{WHO} refused the alerts ({word})"
        return DeliveryError(Sent.REFUSED, word, text, simpler=True)
    text = f"{WHO} answered {word}"
    if status in {404, 405}:
        text = f"{WHO} has no API v2 at this address ({word})"
    return DeliveryError(Sent.RETRY, word, text, retry_after=retry_after(answer))
