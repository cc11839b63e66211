"""Saying again to an Alertmanager what still fires, before it ends there by itself.

That is no message and leaves no trace in the outbox: it says nothing new, and what is said
is read anew each time. Only what was delivered is said again, so a mute or a silence holds
here as it does for messages.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import structlog

from monitor.app.runtime import Runtime
from monitor.clock import Clock
from monitor.core.elsewhere import FAILED, said_again
from monitor.core.facts import Trouble
from monitor.core.message import Message
from monitor.errors import DeliveryError
from monitor.notifiers.alertmanager import LASTS, Alertmanager
from monitor.notifiers.templates import Template, templated
from monitor.scheduler.jobs import Jobs
from monitor.scheduler.judge import Judge
from monitor.store.restating import told_and_firing
from monitor.store.writer import Store

log = structlog.get_logger()


def add_jobs(jobs: Jobs, runtime: Runtime) -> None:
    """One for every receiver that forgets."""
    for name, notifier in runtime.notifiers.items():
        if isinstance(notifier, Alertmanager):
            restating = Restating(
                notifier, runtime.store, runtime.clock, runtime.judge, runtime.config.templates
            )
            jobs.add(f"say again to {name}", notifier.resend, restating.restate)


class Restating:
    """One receiver, and how often in a row it could not be told."""

    def __init__(
        self,
        notifier: Alertmanager,
        store: Store,
        clock: Clock,
        judge: Judge,
        templates: Sequence[Template] = (),
    ) -> None:
        self._notifier = notifier
        self._name = notifier.receiver.name
        self._store = store
        self._clock = clock
        self._judge = judge
        self._templates = templates
        self._failures = 0
        # By this process, or by one before it.
        self._reported = True

    async def restate(self) -> None:
        """Once. When it fails until alerts end there though they fire, somebody is told."""
        try:
            await self._notifier.restate(self._read)
        except DeliveryError as error:
            self._failures += 1
            log.warning("not_said_again", receiver=self._name, error=str(error))
            if self._failures == LASTS - 1:
                self._judge.trouble(said_again(self._name), self._forgotten(error))
                self._reported = True
            return
        if self._reported:
            self._judge.trouble(said_again(self._name), None)
        self._reported = False
        self._failures = 0

    async def _read(self) -> tuple[Message, ...]:
        receiver = self._notifier.receiver
        told = await self._store.read(partial(told_and_firing, receiver=self._name))
        return tuple(templated(each, receiver, self._templates)[0] for each in told)

    def _forgotten(self, error: DeliveryError) -> Trouble:
        lasts: timedelta = LASTS * self._notifier.resend
        return Trouble(
            rule=FAILED,
            subject=said_again(self._name),
            since=self._clock.now(),
            summary=(
                f"receiver {self._name} cannot be told again what fires: {error.text};"
                f" after {lasts.total_seconds():.0f} s alerts end there that have not ended"
            ),
            todo="Start it again, or look at its address; offhook doctor tries it.",
        )
