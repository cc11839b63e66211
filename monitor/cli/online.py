"""Asking every vendor and every receiver whether our credentials are good; nothing is sent."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from monitor import notifiers, providers
from monitor.clock import SystemClock
from monitor.config import Config
from monitor.errors import DeliveryError, ProviderError
from monitor.http import HttpClient
from monitor.notifiers.build import build as build_notifier
from monitor.providers.build import build as build_provider

Answered = tuple[str, bool, str]


def ask_all(config: Config) -> tuple[Answered, ...]:
    """What each answered: its name, whether it is well, and a sentence."""
    return asyncio.run(_ask_all(config))


async def _ask_all(config: Config) -> tuple[Answered, ...]:
    clock = SystemClock()
    http = HttpClient(clock, egress=config.monitor.egress)
    key = secrets.token_bytes(32)  # nothing that is asked here is kept
    try:
        return tuple(
            await asyncio.gather(
                *(
                    ask_provider(build_provider(name, settings, http, key))
                    for name, settings in config.providers.items()
                ),
                *(
                    ask_receiver(build_notifier(name, settings, http, clock))
                    for name, settings in config.receivers.items()
                ),
            )
        )
    finally:
        await http.aclose()


async def ask_provider(provider: providers.Provider) -> Answered:
    """The vendor's answer to the cheapest request."""
    return await _ask(f"provider {provider.name}", provider.check, provider.close)


async def ask_receiver(notifier: notifiers.Notifier) -> Answered:
    """The receiver's answer to its credentials."""
    return await _ask(f"receiver {notifier.receiver.name}", notifier.check, notifier.close)


async def _ask(
    what: str, check: Callable[[], Awaitable[str]], close: Callable[[], Awaitable[None]]
) -> Answered:
    try:
        return what, True, await check()
    except (ProviderError, DeliveryError) as error:
        return what, False, str(error)
    finally:
        await close()
