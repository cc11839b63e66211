"""Who may send webhooks, how they prove it, and how what they send is translated.

A provider may send once its table has a ``webhook_secret``. What its vendor signs proves
what it says; by the secret address everybody may only hint.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

import msgspec
import structlog

from monitor.config import Config
from monitor.errors import ProviderError
from monitor.providers import Provider
from monitor.providers.build import AnyProviderSettings
from monitor.providers.facts import Scheme, VendorFacts
from monitor.providers.http_json import HttpJsonSettings
from monitor.providers.notices import Notice, keys_of
from monitor.providers.signing import (
    Hmac,
    SecretPath,
    Signing,
    Verifier,
    body_key,
    path_secret,
)
from monitor.store.coding import encode
from monitor.store.inbox import Arrived
from monitor.web.receiver import Sender

log = structlog.get_logger()

# What a body that nobody foresaw may make of an adapter or of the encoder.
_UNFORESEEN = (
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,
    ProviderError,
    RecursionError,
    TypeError,
    msgspec.MsgspecError,
)


def senders_of(config: Config, vendors: Mapping[str, Provider]) -> dict[str, Sender]:
    """The providers that may send, by name."""
    return {
        name: Sender(
            provider=name,
            verifier=_verifier(name, settings, vendors[name].facts),
            read=partial(read, vendors[name]),
        )
        for name, settings in config.providers.items()
        if settings.webhook_secret
    }


def secrets_now(settings: AnyProviderSettings) -> tuple[str, ...]:
    """The secrets that are valid now; the first is the one to register."""
    return tuple(each.get_secret_value() for each in settings.webhook_secret or ())


def signing_of(settings: AnyProviderSettings, facts: VendorFacts) -> Signing:
    """How webhooks of this account are signed."""
    if isinstance(settings, HttpJsonSettings):
        return settings.webhook.signing
    webhooks = facts.webhooks
    if webhooks is None or webhooks.header is None:
        return SecretPath()
    match webhooks.scheme:
        case Scheme.HMAC_SHA256_HEX:
            return Hmac(header=webhooks.header.lower())
        case Scheme.SECRET_PATH:
            return SecretPath()


def read(vendor: Provider, body: bytes, now: datetime) -> Arrived:
    """What is kept of one body; never raises: what cannot be read is kept as poison."""
    digest = body_key(body)
    unique = body_key(vendor.name.encode() + b"\0body\0" + digest)
    try:
        notice = vendor.receive(body, now)
        told = encode(notice) if notice.item or notice.look or notice.ended else None
    except (UnicodeError, *_UNFORESEEN) as error:
        log.warning("webhook_unforeseen", provider=vendor.name, error=type(error).__name__)
        why = f"it cannot be read ({type(error).__name__})"
    except ValueError as error:
        why = str(error)
    else:
        return _arrived(vendor, notice, digest, unique, now, told)
    keys = keys_of(body)
    return _poison(vendor, digest, unique, now, f"{why}; its keys: {keys}" if keys else why)


def _arrived(
    vendor: Provider, notice: Notice, digest: bytes, unique: bytes, now: datetime, told: str | None
) -> Arrived:
    return Arrived(
        provider=vendor.name,
        unique_key=unique,
        received_at=now,
        event=notice.event,
        proves=str(notice.proves),
        digest=digest,
        batch_id=notice.batch_id,
        call_id=notice.call_id,
        told=told,
    )


def _poison(vendor: Provider, digest: bytes, unique: bytes, now: datetime, why: str) -> Arrived:
    return Arrived(
        provider=vendor.name,
        unique_key=unique,
        received_at=now,
        event="unreadable",
        proves="nothing",
        digest=digest,
        poison=why,
    )


def _verifier(name: str, settings: AnyProviderSettings, facts: VendorFacts) -> Verifier:
    secrets = secrets_now(settings)
    return Verifier(
        signing_of(settings, facts), secrets, [path_secret(name, each) for each in secrets]
    )
