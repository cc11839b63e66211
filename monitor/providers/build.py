"""Making the provider that a table of the configuration asks for."""

from typing import Annotated, assert_never

from pydantic import Field

from monitor.core.model import Capabilities
from monitor.http import Asks
from monitor.providers import Provider
from monitor.providers.bland import Bland, BlandSettings
from monitor.providers.graine import Graine, GraineSettings

AnyProviderSettings = Annotated[GraineSettings | BlandSettings, Field(discriminator="vendor")]


def build(name: str, settings: AnyProviderSettings, http: Asks, hash_key: bytes) -> Provider:
    """A provider under the name that the user gave it; phone numbers are hashed with the key."""
    match settings:
        case GraineSettings():
            return Graine(name, settings, http, hash_key)
        case BlandSettings():
            return Bland(name, settings, http, hash_key)
        case _:
            assert_never(settings)


def capabilities(settings: AnyProviderSettings) -> Capabilities:
    """What the vendor of these settings can tell at all."""
    match settings:
        case GraineSettings():
            return Graine.capabilities
        case BlandSettings():
            return Bland.capabilities
        case _:
            assert_never(settings)
