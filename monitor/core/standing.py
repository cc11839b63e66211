"""How a provider stands as a whole and what cannot be read there; and Offhook itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from monitor.core.calendar import Calendar
from monitor.core.hearing import Hearing
from monitor.core.model import AccountState
from monitor.core.money import Course
from monitor.core.wording import zone_named


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a vendor cannot be read: a kind for machines and a sentence for people."""

    # auth, forbidden, payment, tls, rate_limited, timeout, unreachable, server, garbage, stale,
    # oversize, contract, not_found, account (shows none of its batches), batches (all fail)
    kind: str
    text: str  # "401 Unauthorized: the key is not accepted"


def remedy(failure: Failure | None) -> str:
    """The one thing to do about it first."""
    return _REMEDIES.get(failure.kind, _REMEDY_ELSE) if failure else _REMEDY_ELSE


_REMEDIES = {
    "auth": "Put the right API key into the configuration of this provider.",
    "forbidden": "Ask the vendor why the key may not read; give it the right to.",
    "payment": "Look at the balance and the plan at the vendor.",
    "tls": "See who answers at base_url, and whether this server knows the authority.",
    "account": "Is this the right account? Look at api_key and base_url.",
    "not_found": "Look at base_url; if it is right, ask the vendor or upgrade Offhook.",
    "contract": "Look at base_url; if it is right, the vendor's API has changed: upgrade Offhook.",
    "garbage": "Look at the vendor's status page; if its API has changed, upgrade Offhook.",
    "stale": "Look for a proxy or a cache between this server and the vendor.",
    "rate_limited": "Raise poll_every of this provider, or ask the vendor for a higher limit.",
}
_REMEDY_ELSE = "Look at the vendor's status page and at this server's network."


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Something of one batch that cannot be read, for as long as makes a provider blind."""

    title: str
    why: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFacts:
    """One provider, as known at ``now``.

    ``failures`` counts how often in a row it failed as it does now. ``unseen`` are open
    batches that cannot be looked at, ``unlisted`` those of whom only the lists cannot be read.
    ``hearing`` is None where no webhooks are listened to. ``account`` is None where the vendor
    tells nothing of it, and ``courses`` are empty where it tells no balance.
    """

    now: datetime
    provider: str
    vendor: str
    started_at: datetime  # of this process: nothing is blind before it looked
    fresh_at: datetime | None
    blind_after: timedelta
    failure: Failure | None = None
    failing_since: datetime | None = None
    failures: int = 0
    discovered_at: datetime | None = None
    unseen: tuple[Unread, ...] = ()
    unlisted: tuple[Unread, ...] = ()
    open_batches: int = 0
    stale_batches: int = 0
    batches_seen_at: datetime | None = None  # the newest answer about any of its open batches
    people_waiting: int = 0
    calendar: Calendar | None = None
    default_zone: str = "UTC"
    hearing: Hearing | None = None
    account: AccountState | None = None
    courses: tuple[Course, ...] = ()  # of its open batches: what they cost, and who is left
    # How many of its calls ended since then, counted no further than asked.
    calls_since: Callable[[datetime, int], int] | None = field(default=None, compare=False)

    @property
    def zone(self) -> tzinfo:
        """The zone of times in sentences about it: of its calling hours, else the default."""
        return zone_named(self.calendar.zone.key if self.calendar else None, self.default_zone)

    @property
    def all_stale(self) -> bool:
        """Nothing has been heard of any open batch for as long as makes it blind."""
        return 0 < self.open_batches <= self.stale_batches

    @property
    def fails(self) -> bool:
        """It fails as a whole, which explains whatever fails with single batches."""
        return self.failing_since is not None or self.all_stale


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something wrong with Offhook itself, kept until it is over."""

    rule: str  # the self_… rule it belongs to
    subject: str
    since: datetime
    summary: str
    todo: str | None = None
    provider: str = ""  # where it concerns one
    details: tuple[tuple[str, str], ...] = ()  # further lines (label, text)
    critical: bool = False  # whatever the rule's severity


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFacts:
    """Offhook itself, as known at ``now``: the troubles of one subject."""

    now: datetime
    troubles: Mapping[str, Trouble] = field(default_factory=dict)
