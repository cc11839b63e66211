"""PagerDuty: an event an alert, or a few for many, and what its answers mean for all of them."""

import asyncio
import json
import secrets
from collections.abc import Sequence
from typing import Any

from monitor.core.route import Receiver
from monitor.errors import DeliveryError, Sent
from monitor.http import Answer, HttpClient
from monitor.notifiers import Envelope, Receipt
from monitor.notifiers.pagerduty.events import ALERTS, Event, events
from monitor.notifiers.pagerduty.settings import PagerDutySettings
from monitor.notifiers.posting import post, retry_after
from monitor.notifiers.unreadable import Unreadable

WHO = "PagerDuty"
DEADLINE_S = 60.0
_ACCEPTED = 202
_TOO_BIG = 413
_AT_ONCE = 2_000  # alerts that a few events tell of
_FIELDS = ("routing_key", "routing key", "summary", "source", "severity", "timestamp", "payload")


class PagerDuty(Unreadable):
    """One service. Its reports are settled ones: a change event cannot be corrected."""

    def __init__(
        self,
        name: str,
        settings: PagerDutySettings,
        http: HttpClient,
        *,
        deadline: float = DEADLINE_S,
    ) -> None:
        self.receiver = Receiver(
            name=name,
            kind="pagerduty",
            settled_only=True,
            stateful=True,
            at_once=_AT_ONCE,
            crowds=True,
            send_resolved=settings.send_resolved,
        )
        self._key = settings.routing_key
        self._api_url = settings.api_url
        self._http = http
        self._deadline = deadline

    async def send(self, envelope: Envelope) -> Receipt:
        """Post every event; one that is refused does not keep the others back."""
        made = list(events(envelope, self._key.get_secret_value()))
        refused: list[DeliveryError] = []
        taken = 0
        try:
            async with asyncio.timeout(self._deadline):
                for event in made:
                    error = await self._post(event)
                    if error is None:
                        taken += 1
                    elif error.certainty is Sent.REFUSED:
                        refused.append(error)
                    else:
                        raise _of_all(error, started=bool(taken), events=made)
        except TimeoutError:
            late = DeliveryError(Sent.AMBIGUOUS, "timeout", f"{WHO} took too long for all events")
            raise _of_all(late, started=bool(taken), events=made) from None
        if not refused:
            return Receipt()
        first = refused[0]
        if not taken or (first.simpler and not envelope.plain):
            raise first
        remark = f"{WHO} refused {len(refused)} of {len(made)} events ({first.word})"
        return Receipt(remark=remark)

    async def check(self) -> str:
        """Resolve what never was: PagerDuty takes that, does nothing, and knows the key."""
        nothing = {
            "routing_key": self._key.get_secret_value(),
            "event_action": "resolve",
            "dedup_key": f"offhook-check-{secrets.token_hex(8)}",
        }
        error = await self._post(Event(ALERTS, nothing))
        if error is not None:
            raise error
        return "takes events with this key; what they bring about is up to its service"

    async def close(self) -> None:
        """The connections belong to whoever made the client."""

    async def _post(self, event: Event) -> DeliveryError | None:
        try:
            answer = await post(
                self._http,
                self._api_url + event.path,
                json.dumps(event.body).encode(),
                who=WHO,
            )
        except DeliveryError as error:
            return error
        return None if answer.status == _ACCEPTED else _meaning(answer)


def _of_all(error: DeliveryError, *, started: bool, events: Sequence[Event]) -> DeliveryError:
    """What one failure means for all: where PagerDuty knows a repeat, it is simply repeated."""
    if started or error.certainty is Sent.AMBIGUOUS:
        harmless = all(event.repeatable for event in events)
        error.certainty = Sent.RETRY if harmless else Sent.AMBIGUOUS
    return error


def _meaning(answer: Answer) -> DeliveryError:
    status, word = answer.status, str(answer.status)
    if status in {400, _TOO_BIG}:
        why = _why(answer)
        text = f"{WHO} refused the event ({status}{f': {why}' if why else ''})"
        # No rendering mends a key that is not known.
        return DeliveryError(Sent.REFUSED, word, text, simpler="key" not in why)
    if status in {401, 403, 404, 410}:
        return DeliveryError(
            Sent.REFUSED, word, f"{WHO} does not know the integration key ({word})"
        )
    if status >= 500:
        return DeliveryError(
            Sent.AMBIGUOUS, word, f"{WHO} failed ({word})", retry_after=retry_after(answer)
        )
    text = f"{WHO} asks for patience" if status == 429 else f"{WHO} answered {word}"
    return DeliveryError(Sent.RETRY, word, text, retry_after=retry_after(answer))


def _why(answer: Answer) -> str:
    """Which fields are wrong, as far as PagerDuty's words for it are ones that we know."""
    try:
        content: Any = json.loads(answer.body)
    except ValueError:
        return ""
    told = content.get("errors") if isinstance(content, dict) else None
    words = json.dumps(told).lower()
    return ", ".join(each for each in _FIELDS if each in words)
