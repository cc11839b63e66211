"""Making the provider that a table of the configuration asks for."""

from typing import Annotated, TypeGuard, assert_never

from pydantic import Field

from monitor.clock import Clock
from monitor.core.model import Capabilities
from monitor.http import Asks
from monitor.providers import Provider
from monitor.providers.bland import Bland, BlandSettings
from monitor.providers.bland import capabilities_of as of_bland
from monitor.providers.facts import VendorFacts
from monitor.providers.graine import Graine, GraineSettings
from monitor.providers.http_json import HttpJson, HttpJsonSettings
from monitor.providers.http_json import capabilities_of as of_http_json
from monitor.providers.http_json.elevenlabs import VENDOR_NAME as ELEVENLABS
from monitor.providers.http_json.elevenlabs import ElevenLabsWebhooks
from monitor.providers.registering import Registrar
from monitor.providers.svalync import Svalync, SvalyncSettings
from monitor.providers.svalync import capabilities_of as of_svalync
from monitor.providers.vogent import Vogent, VogentSettings
from monitor.providers.vogent import capabilities_of as of_vogent

AnyProviderSettings = Annotated[
    GraineSettings | BlandSettings | VogentSettings | SvalyncSettings | HttpJsonSettings,
    Field(discriminator="vendor"),
]


def build(
    name: str,
    settings: AnyProviderSettings,
    http: Asks,
    hash_key: bytes,
    clock: Clock | None = None,
) -> Provider:
    """A provider under the name that the user gave it; phone numbers are hashed with the key.

    The clock is for answers that stand in files; default: the machine's.
    """
    match settings:
        case GraineSettings():
            return Graine(name, settings, http, hash_key)
        case BlandSettings():
            return Bland(name, settings, http, hash_key)
        case VogentSettings():
            return Vogent(name, settings, http, hash_key)
        case SvalyncSettings():
            return Svalync(name, settings, http, clock)
        case HttpJsonSettings():
            return HttpJson(name, settings, http, hash_key)
        case _:
            assert_never(settings)


def capabilities(settings: AnyProviderSettings) -> Capabilities:
    """What the vendor of these settings can tell at all."""
    match settings:
        case GraineSettings():
            return Graine.capabilities
        case BlandSettings():
            return of_bland(settings)
        case VogentSettings():
            return of_vogent(settings)
        case SvalyncSettings():
            return of_svalync(settings)
        case HttpJsonSettings():
            return of_http_json(settings)
        case _:
            assert_never(settings)


def vendor_name(settings: AnyProviderSettings) -> str:
    """What the vendor is called: the label ``vendor``."""
    return settings.vendor_name if isinstance(settings, HttpJsonSettings) else settings.vendor


def facts_of(settings: AnyProviderSettings) -> VendorFacts:
    """What the vendor of these settings documents besides its lists."""
    match settings:
        case GraineSettings():
            return Graine.facts
        case BlandSettings():
            return Bland.facts
        case VogentSettings():
            return Vogent.facts
        case SvalyncSettings():
            return Svalync.facts
        case HttpJsonSettings():
            return HttpJson.facts
        case _:
            assert_never(settings)


def registrar(name: str, settings: AnyProviderSettings, http: Asks) -> Registrar | None:
    """What registers webhooks at the vendor; None where no such API is documented."""
    return ElevenLabsWebhooks(name, settings, http) if _is_elevenlabs(settings) else None


def has_registrar(settings: AnyProviderSettings) -> bool:
    """Whether a program may register webhooks at the vendor."""
    return _is_elevenlabs(settings)


def _is_elevenlabs(settings: AnyProviderSettings) -> TypeGuard[HttpJsonSettings]:
    return isinstance(settings, HttpJsonSettings) and settings.vendor_name == ELEVENLABS
