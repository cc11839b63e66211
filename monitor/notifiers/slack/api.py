"""Slack's Web API with one token: asking a method, and what its answer means."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
from pydantic import SecretStr

from monitor.errors import DeliveryError, HttpError, Sent
from monitor.http import Answer, HttpClient
from monitor.notifiers.slack.addresses import is_reply_address, is_upload_address
from monitor.notifiers.slack.words import refusal, retry_after, unanswered, word_of

DEADLINE_S = 30.0
_PAGES = 20
_ANSWER_LIMIT = 65_536
# Slack reads JSON only where something is done; questions are asked as parameters.
_DOING = ("chat.", "views.", "apps.", "files.complete")


class SlackApi:
    """One token's way to the Web API. No text of this class holds the token."""

    def __init__(self, token: SecretStr, api_url: str, http: HttpClient) -> None:
        self.url = api_url
        self._token = token
        self._http = http

    def by_another(self, token: SecretStr) -> "SlackApi":
        """The same place and connections, with another token."""
        return SlackApi(token, self.url, self._http)

    async def call(
        self, method: str, arguments: Mapping[str, Any], *, deadline: float = DEADLINE_S
    ) -> dict[str, Any]:
        """What a method answers; DeliveryError when that is no yes, or nothing."""
        answer, _ = await self.ask(method, arguments, deadline=deadline)
        return answer

    async def ask(
        self, method: str, arguments: Mapping[str, Any], *, deadline: float = DEADLINE_S
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        """The same, with the answer's headers."""
        does = method.startswith(_DOING)
        try:
            answer = await self._http.request(
                "POST" if does else "GET",
                f"{self.url}/{method}",
                headers={
                    "authorization": f"Bearer {self._token.get_secret_value()}",
                    "content-type": "application/json; charset=utf-8",
                },
                json=dict(arguments) if does else None,
                params=None if does else dict(arguments),
                deadline=deadline,
            )
        except HttpError as error:
            raise unanswered(error) from None
        return _said_ok(answer), answer.headers

    async def pages(
        self, method: str, arguments: Mapping[str, Any], what: str
    ) -> AsyncIterator[dict[str, Any]]:
        """Every item of a list, however many pages it has; DeliveryError when they have no end."""
        cursor = ""
        for _ in range(_PAGES):
            asked = {**arguments, "limit": 200, "include_all_metadata": "true"}
            answer = await self.call(method, {**asked, "cursor": cursor} if cursor else asked)
            items = answer.get(what)
            for item in items if isinstance(items, list) else []:
                if isinstance(item, dict):
                    yield item
            cursor = _cursor(answer)
            if not cursor:
                return
        raise DeliveryError(Sent.RETRY, "too_much", "the channel is too busy to be searched")

    async def upload(self, url: str, content: bytes) -> None:
        """Send a file's bytes where Slack wants them; DeliveryError when they are not taken."""
        if not is_upload_address(url, self.url):
            raise DeliveryError(Sent.REFUSED, "foreign_address", "the address is not Slack's")
        answer = await self._post(url, content=content)
        if answer.status != 200:
            raise refusal("no_word", status=answer.status)

    async def reply(self, url: str, content: Mapping[str, Any]) -> None:
        """Answer a press at the address that came with it."""
        if not is_reply_address(url, self.url):
            raise DeliveryError(Sent.REFUSED, "foreign_address", "the address is not Slack's")
        answer = await self._post(url, json=dict(content))
        if answer.status != 200:
            word = word_of(answer.body.decode(errors="replace"))
            raise refusal(word, status=answer.status)

    async def _post(
        self, url: str, *, json: dict[str, Any] | None = None, content: bytes | None = None
    ) -> Answer:
        """Without the token: it is not asked for there."""
        try:
            return await self._http.request(
                "POST", url, json=json, content=content, deadline=DEADLINE_S, limit=_ANSWER_LIMIT
            )
        except HttpError as error:
            # Its cause may quote the address, which is a secret of its own.
            raise unanswered(error) from None


def _said_ok(answer: Answer) -> dict[str, Any]:
    """Slack answers 200 to what it refuses; only ``ok: true`` is a yes."""
    try:
        said = msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.MsgspecError:
        if answer.status == 200:
            text = "the answer is not Slack's"
            raise DeliveryError(Sent.AMBIGUOUS, "no_json", text) from None
        said = {}
    if answer.status == 200 and said.get("ok") is True:
        return said
    word = word_of(str(said.get("error", "")))
    raise refusal(word, status=answer.status, retry_after=retry_after(answer.headers))


def _cursor(answer: Mapping[str, Any]) -> str:
    after = answer.get("response_metadata")
    cursor = after.get("next_cursor") if isinstance(after, dict) else None
    return cursor if isinstance(cursor, str) else ""
