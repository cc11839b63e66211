"""Campaigns are asked for seldom: they hold what a person set up, not what is going on."""

from datetime import datetime, timedelta

from monitor.core.model import Batch
from monitor.errors import ProviderError
from monitor.providers.account import Account, part
from monitor.providers.answers import read
from monitor.providers.graine.batches import CAMPAIGN, Campaign, Told, campaign, dressed

_REFRESH = timedelta(minutes=15)
_AGAIN_AFTER_FAILURE = timedelta(minutes=2)


class Campaigns:
    """Campaigns by id, with when each is to be asked for again."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._known: dict[str, Campaign] = {}
        self._due: dict[str, datetime] = {}

    async def dress(self, told: Told, before: Batch | None) -> Batch:
        """The batch with what its campaign says: asked once, and anew while the batch is open.

        A campaign that cannot be read never fails the look at its batch.
        """
        batch = told.batch
        key = batch.campaign
        if key is None:
            return dressed(told, None, before)
        wanted = not batch.status.terminal or key not in self._known
        if wanted and self._due.get(key, batch.seen_at) <= batch.seen_at:
            await self._ask(key, batch.seen_at)
        return dressed(told, self._known.get(key), before)

    async def _ask(self, key: str, now: datetime) -> None:
        try:
            answer = await self._account.get(f"/campaigns/{part(key)}")
            self._known[key] = campaign(read(CAMPAIGN, answer.body, "a campaign"))
        except ProviderError:
            self._due[key] = now + _AGAIN_AFTER_FAILURE
        else:
            self._due[key] = now + _REFRESH
