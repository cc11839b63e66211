"""An incoming webhook: posts, and can neither change nor find what it posted."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import SecretStr

from monitor.core.route import Receiver
from monitor.errors import DeliveryError, HttpError, Sent
from monitor.http import Answer, HttpClient
from monitor.notifiers import Envelope, Receipt
from monitor.notifiers.slack.render import Style, payload
from monitor.notifiers.slack.words import refusal, retry_after, unanswered, word_of

DEADLINE_S = 30.0
_ANSWER_LIMIT = 65_536


class SlackWebhook:
    """One webhook. Its address is a secret and is in no text of this class."""

    def __init__(
        self,
        name: str,
        url: SecretStr,
        http: HttpClient,
        *,
        send_resolved: bool = True,
        mention: str | None = None,
    ) -> None:
        self.receiver = Receiver(name=name, kind="slack", send_resolved=send_resolved)
        self._url = url
        self._http = http
        self._style = Style(mention=mention)

    async def send(self, envelope: Envelope) -> Receipt:
        """Post it. Slack says yes with the two letters "ok" and with nothing else."""
        answer = await self._post(payload(envelope, self._style))
        if answer.status == 200 and answer.body.strip() == b"ok":
            return Receipt()
        raise _refused(answer)

    async def find(
        self, keys: Sequence[str], since: datetime, root: str | None = None
    ) -> dict[str, tuple[str, ...]]:
        """A webhook cannot read."""
        del keys, since, root
        raise DeliveryError(Sent.REFUSED, "not_readable", "a webhook cannot read its channel")

    async def remove(self, remote_id: str) -> None:
        """A webhook cannot delete."""
        del remote_id
        raise DeliveryError(Sent.REFUSED, "not_readable", "a webhook cannot delete messages")

    async def check(self) -> str:
        """An empty message is refused by a good webhook with a word of its own."""
        answer = await self._post({})
        word = word_of(answer.body.decode(errors="replace"))
        if answer.status == 400 and word in {"no_text", "invalid_payload"}:
            return "the webhook exists; only a message shows where it leads: offhook notify test"
        raise _refused(answer)

    async def close(self) -> None:
        """The connections belong to whoever made the client."""

    async def _post(self, content: dict[str, object]) -> Answer:
        try:
            return await self._http.request(
                "POST",
                self._url.get_secret_value(),
                json=content,
                deadline=DEADLINE_S,
                limit=_ANSWER_LIMIT,
            )
        except HttpError as error:
            # Its cause may quote the address.
            raise unanswered(error) from None


def _refused(answer: Answer) -> DeliveryError:
    if answer.status == 200:
        # Something answered in Slack's place, or its answer was lost on the way.
        text = "the answer is not Slack's"
        return DeliveryError(Sent.AMBIGUOUS, word_of(answer.body.decode(errors="replace")), text)
    word = word_of(answer.body.decode(errors="replace"))
    return refusal(word, status=answer.status, retry_after=retry_after(answer.headers))
