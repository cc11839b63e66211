"""Where webhooks come in while configurations come and go: one receiver for the whole process."""

from collections.abc import Sequence

from monitor.app.runtime import Runtime
from monitor.app.senders import senders_of
from monitor.clock import Clock
from monitor.store import inbox
from monitor.store.inbox import Arrived
from monitor.store.writer import Priority, Store
from monitor.web.connections import Door
from monitor.web.receiver import Receiver


class Intake:
    """Keeps what comes, and wakes whoever takes it in now."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._runtime: Runtime | None = None
        self.receiver = Receiver(self._keep, clock, arrived=self._arrived)
        self.door = Door()

    def serve(self, runtime: Runtime) -> None:
        """From now on the senders of this configuration may send."""
        self._runtime = runtime
        self.receiver.serve(senders_of(runtime.config, runtime.providers))

    async def _keep(self, arrived: Sequence[Arrived]) -> list[bool]:
        return await self._store.write(Priority.INBOX, lambda conn: inbox.put(conn, arrived))

    def _arrived(self) -> None:
        if self._runtime is not None:
            self._runtime.drain.wake()
