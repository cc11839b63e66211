"""Webhooks of the simulated vendors: when they are sent, how they are signed, who gets them.

They follow the world's agenda: what happens there is told a moment later, and what a webhook
says is true when it is sent. Whoever runs the world takes them (``due``) or lets them be
delivered (``deliver``). The same seed sends the same bytes at the same times.
"""

import hashlib
import hmac
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from monitor.simulator import bland_webhooks, vogent_webhooks
from monitor.simulator.ids import Vendor
from monitor.simulator.telling import Habits, Tell, Tells
from monitor.simulator.truth import Entry
from monitor.simulator.world import Account

# The vendors that document webhooks of batches or calls, with the header of the signature.
TELLS: dict[Vendor, tuple[Tells, str]] = {
    "bland": (bland_webhooks.bland_tells, bland_webhooks.HEADER),
    "vogent": (vogent_webhooks.vogent_tells, vogent_webhooks.HEADER),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One attempt to tell something. ``again`` are the waits before further ones, in seconds.

    What is not ``signed`` has no header that proves anything.
    """

    t: float  # seconds since 1970
    what: str
    body: bytes
    headers: Mapping[str, str]
    signed: bool
    again: tuple[float, ...] = ()


# Send it; the status of the answer, 0 when there was none.
Post = Callable[[Webhook], Awaitable[int]]


class Webhooks:
    """Everything that one account's vendor sends. ``sent`` are all attempts so far."""

    def __init__(self, account: Account, secret: str, habits: Habits | None = None) -> None:
        """ValueError for a vendor that documents no webhooks."""
        if account.vendor not in TELLS:
            msg = f"{account.vendor} documents no webhook of a batch or a call"
            raise ValueError(msg)
        self.account, self.habits = account, habits or Habits()
        self.sent: list[Webhook] = []
        self._tells, self._header = TELLS[account.vendor]
        self._secret = secret.encode()
        self._random = random.Random(f"{account.world.seed}/{account.name}/webhooks")
        self._taken = 0
        account.world.truth.listeners.append(self._happened)

    def due(self) -> list[Webhook]:
        """What was sent since the last time, oldest first."""
        some, self._taken = self.sent[self._taken :], len(self.sent)
        return some

    async def deliver(self, post: Post) -> int:
        """Send what is due, one after the other; what was refused is perhaps sent again."""
        some = self.due()
        for each in some:
            if not 200 <= await post(each) < 300:
                self.refused(each)
        return len(some)

    def refused(self, webhook: Webhook) -> None:
        """An attempt was not answered by 2xx: try again later, if the vendor ever does."""
        if webhook.again:
            wait, *rest = webhook.again
            agenda = self.account.world.agenda
            again = replace(webhook, again=tuple(rest))
            agenda.at(agenda.now + wait, lambda _: self._send(again))

    def _happened(self, entry: Entry) -> None:
        if entry.account != self.account.name:
            return
        agenda = self.account.world.agenda
        for tell in self._tells(self.account.batches[entry.batch], entry, self.habits):
            wait = self._random.uniform(*tell.after)
            agenda.at(agenda.now + wait, partial(self._tell, tell))

    def _tell(self, tell: Tell, _: int) -> None:
        told = tell.body()
        if told is None:
            return
        body = msgspec.json.encode(told)
        headers = {"Content-Type": "application/json"}
        if tell.signed:
            headers[self._header] = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        again = self.habits.again if tell.kept else ()
        self._send(
            Webhook(
                t=0.0, what=tell.what, body=body, headers=headers, signed=tell.signed, again=again
            )
        )

    def _send(self, webhook: Webhook) -> None:
        self.sent.append(replace(webhook, t=self.account.world.agenda.now))
