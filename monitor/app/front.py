"""What the API and the status page stand on: the parts that work now, reloads included."""

from collections.abc import Callable

from monitor import __version__
from monitor.app import health
from monitor.app.runtime import Runtime
from monitor.config import Config
from monitor.core.wish import known_labels
from monitor.web.desk import Desk, House, Watched


def desk_of(runtime: Callable[[], Runtime], changed: Callable[[], None]) -> Desk:
    """The desk of whichever configuration runs; ``changed`` has the alerts judged soon."""
    store, clock = runtime().store, runtime().clock

    async def problems() -> tuple[str, ...]:
        return await health.problems(runtime())

    return Desk(
        store=store,
        clock=clock,
        house=lambda: _house(runtime()),
        context=lambda: runtime().judge.context,
        problems=problems,
        changed=changed,
        owed=lambda: runtime().dispatcher.wake(),  # noqa: PLW0108 - of the runtime of then
    )


def _house(runtime: Runtime) -> House:
    config = runtime.config
    return House(
        version=__version__,
        zone=config.monitor.timezone,
        labels=known_labels(config.rules),
        providers={name: _watched(config, runtime, name) for name in runtime.providers},
        receivers=tuple(config.receivers),
    )


def _watched(config: Config, runtime: Runtime, name: str) -> Watched:
    vendor = runtime.providers[name]
    return Watched(
        name=name,
        vendor=vendor.vendor,
        blind_after=config.providers[name].blind_after,
        webhooks=config.providers[name].webhook_secret is not None,
        ends_named=runtime.judge.context.providers[name].ends_named,
        cannot_see=vendor.capabilities.blind_to,
    )
