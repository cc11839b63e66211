"""Where webhooks and presses come in while configurations come and go: one door of each kind."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from monitor.app.presses import Presses
from monitor.app.runtime import Runtime
from monitor.app.senders import senders_of
from monitor.clock import Clock
from monitor.store import inbox
from monitor.store.inbox import Arrived
from monitor.store.writer import Priority, Store
from monitor.web.connections import Door
from monitor.web.receiver import Receiver
from monitor.web.slack import SlackDoor


class Intake:
    """Keeps what comes, and wakes whoever takes it in now."""

    def __init__(
        self, store: Store, clock: Clock, changed: Callable[[], None] = lambda: None
    ) -> None:
        """``changed`` has the alerts looked at soon, since somebody did something about one."""
        self._store = store
        self._changed = changed
        self._runtime: Runtime | None = None
        self.receiver = Receiver(self._keep, clock)
        self.door = Door()
        self.slack = SlackDoor(clock)
        self._presses: Presses | None = None

    def serve(self, runtime: Runtime) -> None:
        """From now on the senders of this configuration may send."""
        self._runtime = runtime
        self.receiver.serve(senders_of(runtime.config, runtime.providers))
        self._presses = Presses(runtime, self._changed)
        self.slack.serve(self._presses.signers, self._presses.interactions.take)

    async def listen(self, stop: asyncio.Event) -> None:
        """Take what people press, also where it comes over a socket of ours, until ``stop``."""
        if self._presses is not None:
            await self._presses.listen(stop)
        await stop.wait()  # without a socket there is nothing to do, and no reason to end

    async def _keep(self, arrived: Sequence[Arrived]) -> list[bool]:
        loop = asyncio.get_running_loop()

        def put(conn: Connection) -> list[bool]:
            new = inbox.put(conn, arrived)
            # Woken now, whoever takes it in gets ready while this commit waits for the disk, and
            # has its turn at the database right behind it.
            with contextlib.suppress(RuntimeError):  # the loop is gone: what came is kept
                loop.call_soon_threadsafe(self._wake)
            return new

        return await self._store.write(Priority.INBOX, put)

    def _wake(self) -> None:
        if self._runtime is not None:
            self._runtime.drain.wake()
