"""A vendor's webhooks on their way into the installation that listens to them."""

from starlette.applications import Starlette
from starlette.routing import Route

from monitor.app.intake import Intake
from monitor.app.runtime import Runtime
from monitor.providers.signing import path_secret
from monitor.simulator.faults.exchange import ask
from monitor.simulator.webhooks import TELLS, Webhook, Webhooks
from monitor.simulator.wire import Asked
from monitor.simulator.world import Account

SECRET = "a secret of nobody at all"
LISTENS = f'webhook_secret = "{SECRET}"'
VENDORS = tuple(TELLS)


class Telling:
    """Delivers what the vendor sends, each at its moment; an answer takes no time."""

    def __init__(self, account: Account, runtime: Runtime, webhooks: Webhooks) -> None:
        self._name = account.name
        self._runtime = runtime
        self._webhooks = webhooks
        intake = Intake(runtime.store, runtime.clock)
        intake.serve(runtime)
        paths = ("/webhooks/{provider}", "/webhooks/{provider}/{secret}")
        self._site = Starlette(routes=[Route(path, intake.receiver) for path in paths])

    async def deliver(self) -> bool:
        """Whether anything came, which is then taken in, judged, and asked about."""
        came = await self._webhooks.deliver(self._post)
        await self._runtime.drain.drain()
        return came > 0

    async def _post(self, webhook: Webhook) -> int:
        path = f"/webhooks/{self._name}"
        if not webhook.signed:
            path += f"/{path_secret(self._name, SECRET)}"
        headers = {name.lower(): value for name, value in webhook.headers.items()}
        answer = await ask(self._site, Asked("POST", path, "", headers, webhook.body))
        if answer.status != 200:
            raise RuntimeError(f"a webhook was answered by {answer.status}")
        return answer.status
