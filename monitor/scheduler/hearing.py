"""How far polls may lean on the webhooks of one provider."""

from datetime import datetime, timedelta

from monitor.clock import Clock
from monitor.core.hearing import Expected, Heard, heard
from monitor.providers.facts import Proof, Webhooks
from monitor.store import arrivals
from monitor.store.writer import Store

# Judged by the newest ends of so long, and anew this often.
_OF_LATE = timedelta(hours=1)
_ENDS = 500
_EVERY_S = 30.0


def expected(webhooks: Webhooks | None, since: datetime) -> Expected:
    """Which ends a vendor's webhooks tell of themselves; ``since``: when listening began."""
    events = () if webhooks is None else webhooks.events
    calls = any(each.proves in {Proof.CALL, Proof.CALL_STATUS} for each in events)
    batches = any(each.proves is Proof.BATCH for each in events)
    named = calls or batches
    # Where they name nothing, any end should have brought one.
    return Expected(
        since=since, calls=calls or not named, batches=batches or not named, named=named
    )


class Reliance:
    """Whether one provider's webhooks are good enough for polls to be fewer."""

    def __init__(self, provider: str, expected: Expected, store: Store, clock: Clock) -> None:
        self.expected = expected
        self._provider = provider
        self._store = store
        self._clock = clock
        self._heard = Heard()
        self._judged_at: float | None = None

    async def intervals(self, poll_every: timedelta) -> int:
        """How many poll intervals may lie between two looks, as judged within half a minute."""
        now = self._clock.monotonic()
        if self._judged_at is None or now - self._judged_at >= _EVERY_S:
            self._judged_at = now
            at = self._clock.now()
            ends = await self._store.read(
                lambda conn: arrivals.recent(conn, self._provider, at - _OF_LATE, _ENDS)
            )
            self._heard = heard(ends, at)
        return self._heard.intervals(poll_every)
