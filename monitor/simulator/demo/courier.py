"""What a vendor of the demo sends by itself, carried to the daemon's own door."""

import json
from collections.abc import Callable

from monitor.errors import HttpError
from monitor.http import HttpClient
from monitor.simulator.telling import Habits
from monitor.simulator.webhooks import Webhook, Webhooks
from monitor.simulator.world import Account

SECRET = "the demo has nothing to hide, and signs"  # noqa: S105 - it says so itself
# A day fits into a minute: a record comes sooner after its call than it really does.
HABITS = Habits(status_after=(0.1, 0.3), record_after=(0.3, 1.5), again=(1.0, 2.0), in_call=False)
DEADLINE_S = 5.0


class Courier:
    """Delivers the webhooks of one account; ``taken`` were answered by 2xx, the rest ``lost``."""

    def __init__(
        self, account: Account, url: str, http: HttpClient, show: Callable[[str], None]
    ) -> None:
        self.taken = self.lost = 0
        self._webhooks = Webhooks(account, SECRET, HABITS)
        self._vendor, self._url, self._http, self._show = account.vendor, url, http, show

    async def deliver(self) -> None:
        """Send what is due."""
        await self._webhooks.deliver(self._post)

    async def _post(self, webhook: Webhook) -> int:
        try:
            answer = await self._http.request(
                "POST",
                self._url,
                headers=webhook.headers,
                content=webhook.body,
                deadline=DEADLINE_S,
            )
        except HttpError:
            self.lost += 1
            return 0
        good = 200 <= answer.status < 300
        self.taken += good
        self.lost += not good
        if webhook.what.startswith("status"):
            status = json.loads(webhook.body)["status"]
            self._show(f"webhook from {self._vendor}: a batch is {status}")
        return answer.status
