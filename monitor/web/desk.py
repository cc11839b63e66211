"""What the API and the status page work with: the store, the clock, and what is configured."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.clock import Clock
from monitor.store.writer import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One provider as configured."""

    name: str
    vendor: str
    blind_after: timedelta
    webhooks: bool  # listened to
    cannot_see: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What of the configuration is shown and needed; a reload makes another."""

    version: str
    zone: str  # IANA, of the times on the page
    labels: frozenset[str]  # that matchers may name
    providers: Mapping[str, Watched] = field(default_factory=dict)
    receivers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """``changed`` has the alerts looked at soon, ``owed`` the outbox; neither waits."""

    store: Store
    clock: Clock
    house: Callable[[], House]
    problems: Callable[[], Awaitable[tuple[str, ...]]]
    changed: Callable[[], None]
    owed: Callable[[], None]
