"""A signed webhook: posts what happened, and its id tells a repeat from news."""

from monitor.bodies import MIB
from monitor.clock import Clock
from monitor.core.route import Receiver
from monitor.errors import DeliveryError, HttpError, Sent
from monitor.http import Answer, HttpClient
from monitor.notifiers import Envelope, Receipt
from monitor.notifiers.posting import DEADLINE_S, post, retry_after, unanswered
from monitor.notifiers.unreadable import Unreadable
from monitor.notifiers.webhook.payload import payload
from monitor.notifiers.webhook.settings import WebhookSettings
from monitor.standard_webhooks import signed_headers

WHO = "the webhook"
_OTHER_BODY = frozenset({400, 413, 422})  # this body is not taken; a smaller one may be
_GONE = 410


class Webhook(Unreadable):
    """One address. It hears the first report and the settled one: a program can tell them apart."""

    def __init__(
        self,
        name: str,
        settings: WebhookSettings,
        http: HttpClient,
        clock: Clock,
        *,
        deadline: float = DEADLINE_S,
    ) -> None:
        self.receiver = Receiver(name=name, kind="webhook", send_resolved=settings.send_resolved)
        self._url = settings.url
        self._secret = settings.secret
        self._http = http
        self._clock = clock
        self._deadline = deadline

    async def send(self, envelope: Envelope) -> Receipt:
        """Post it signed; any 2xx is a yes, and a redirect is not followed."""
        body = payload(envelope)
        headers = signed_headers(
            self._secret.get_secret_value(), envelope.key, self._clock.now(), body
        )
        answer = await post(
            self._http,
            self._url.get_secret_value(),
            body,
            who=WHO,
            headers=headers,
            deadline=self._deadline,
        )
        if 200 <= answer.status < 300:
            return Receipt()
        raise _refused(answer)

    async def check(self) -> str:
        """Whether a server answers there; what it does with messages only one of them shows."""
        try:
            await self._http.request(
                "OPTIONS", self._url.get_secret_value(), deadline=self._deadline, limit=MIB
            )
        except HttpError as error:
            raise unanswered(error, WHO) from None
        return "a server answers; only a message shows whether it takes them: offhook notify test"

    async def close(self) -> None:
        """The connections belong to whoever made the client."""


def _refused(answer: Answer) -> DeliveryError:
    """Only what says so itself is for good: the server is the user's own, and may be mended."""
    status = answer.status
    word = str(status)
    if status == _GONE:
        return DeliveryError(Sent.REFUSED, word, f"{WHO} says that it is gone for good (410)")
    if status in _OTHER_BODY:
        text = f"{WHO} does not take this body ({status})"
        return DeliveryError(Sent.REFUSED, word, text, simpler=True)
    if status >= 500:
        # It may have failed after it had stored the message.
        text = f"{WHO} failed ({status})"
        return DeliveryError(Sent.AMBIGUOUS, word, text, retry_after=retry_after(answer))
    text = f"{WHO} answered {status}"
    if 300 <= status < 400:
        text = f"{WHO} leads elsewhere ({status}), and is not followed; give its new address"
    return DeliveryError(Sent.RETRY, word, text, retry_after=retry_after(answer))
