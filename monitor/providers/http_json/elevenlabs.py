"""Registering at ElevenLabs: a webhook of the workspace, and that calls are told of there.

Documented at https://elevenlabs.io/docs/api-reference/webhooks/create (the answer holds the
signing secret, once) and https://elevenlabs.io/docs/api-reference/workspace/settings. The
workspace has one webhook for calls: another that is entered there is never replaced.
"""

from collections.abc import Iterator

import msgspec

from monitor.errors import ProviderError
from monitor.http import Asks
from monitor.providers.answers import read
from monitor.providers.http_json.api import Api
from monitor.providers.http_json.settings import Endpoint, HttpJsonSettings
from monitor.providers.registering import Made, Plan, Registered, Request
from monitor.providers.schemes import ELEVENLABS

VENDOR_NAME = "elevenlabs"
REGISTER = "as a webhook of the workspace that is told of calls: by this command or in settings"
RETRIES = "it is not sent again, unless retries are switched on for the webhook"
_WEBHOOKS = "/v1/workspace/webhooks"
_SETTINGS = "/v1/convai/settings"
_SCHEME = 'ElevenLabs signs what it sends: set webhook = { scheme = "elevenlabs" } in its table'
_NEW_ID = "<the new webhook's id>"


class _Webhook(msgspec.Struct):
    webhook_id: str
    webhook_url: str
    name: str = ""
    is_disabled: bool = False
    is_auto_disabled: bool = False
    most_recent_failure_error_code: int | None = None


class _Listed(msgspec.Struct):
    webhooks: list[_Webhook]


class _Calls(msgspec.Struct):
    post_call_webhook_id: str | None = None


class _Settings(msgspec.Struct):
    webhooks: _Calls = msgspec.field(default_factory=_Calls)


class _Made(msgspec.Struct):
    webhook_id: str
    webhook_secret: str | None = None


_LISTED = msgspec.json.Decoder(_Listed)
_SET = msgspec.json.Decoder(_Settings)
_MADE = msgspec.json.Decoder(_Made)


class ElevenLabsWebhooks:
    """The webhooks of one workspace."""

    def __init__(self, name: str, settings: HttpJsonSettings, http: Asks) -> None:
        self._name = name
        self._base_url = settings.base_url
        self._api = Api(settings, http)
        self._notes = () if settings.webhook.signing == ELEVENLABS else (_SCHEME,)

    async def plan(self, url: str) -> Plan:
        """What registering this address would take; changes nothing."""
        got = await self._api.ask(Endpoint(path=_WEBHOOKS), "the webhooks", {})
        there = read(_LISTED, got.body, "the webhooks").webhooks
        got = await self._api.ask(Endpoint(path=_SETTINGS), "the settings", {})
        used = read(_SET, got.body, "the settings").webhooks.post_call_webhook_id
        ours = next((each for each in there if each.webhook_url == url), None)
        requests: list[Request] = []
        if ours is None:
            requests.append(self._create(url))
        if used is None:
            requests.append(self._use(_NEW_ID if ours is None else ours.webhook_id))
        return Plan(
            now=tuple(_registered(each, ours=each is ours, used=used) for each in there),
            requests=tuple(requests),
            notes=(*self._notes, *_notes(ours, used)),
            makes_secret=ours is None,
        )

    async def register(self, plan: Plan) -> Made:
        """Do what the plan says, as far as it can be done."""
        made: _Made | None = None
        for request in plan.requests:
            if request.method == "POST":
                endpoint = Endpoint(path=_WEBHOOKS, method="POST", body=request.body)
                got = await self._api.ask(endpoint, "the new webhook", {})
                made = read(_MADE, got.body, "the new webhook")
                continue
            wanted = dict(request.body["webhooks"])
            if made is not None:
                wanted["post_call_webhook_id"] = made.webhook_id
            try:
                await self._api.patch(_SETTINGS, {"webhooks": wanted})
            except ProviderError as error:
                # The secret is told only once: it must not be lost with this.
                return Made(secret=_secret(made), failed=f"calls are not told there yet: {error}")
        return Made(secret=_secret(made))

    def _create(self, url: str) -> Request:
        settings = {"auth_type": "hmac", "name": f"Offhook {self._name}", "webhook_url": url}
        return Request(
            method="POST",
            url=f"{self._base_url}{_WEBHOOKS}",
            body={"settings": settings},
            why="makes a webhook of the workspace, and its signing secret",
        )

    def _use(self, webhook_id: str) -> Request:
        events = ["transcript", "call_initiation_failure"]
        return Request(
            method="PATCH",
            url=f"{self._base_url}{_SETTINGS}",
            body={"webhooks": {"post_call_webhook_id": webhook_id, "events": events}},
            why="has calls of every agent told there; none is entered now",
        )


def _secret(made: _Made | None) -> str | None:
    return None if made is None else made.webhook_secret


def _registered(row: _Webhook, *, ours: bool, used: str | None) -> Registered:
    trouble = None
    if row.is_auto_disabled:
        trouble = "ElevenLabs switched it off after failures"
    elif row.is_disabled:
        trouble = "switched off"
    elif row.most_recent_failure_error_code is not None:
        trouble = f"its last failure was a {row.most_recent_failure_error_code}"
    return Registered(
        name=row.name,
        address=row.webhook_url,
        ours=ours,
        used=row.webhook_id == used,
        trouble=trouble,
    )


def _notes(ours: _Webhook | None, used: str | None) -> Iterator[str]:
    if used is not None and (ours is None or ours.webhook_id != used):
        yield (
            "the workspace tells calls to another webhook, which is left as it is: give agents"
            " Offhook's in their own settings, or enter it in its place in the dashboard"
        )
    if ours is not None:
        yield "the address is there already; its secret is told only when it is made"
    yield RETRIES
