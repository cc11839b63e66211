"""Vogent: jobs without counts, rows that wait, dials that are over, and nothing between them."""

from monitor.providers.vogent.provider import Vogent, capabilities_of
from monitor.providers.vogent.settings import VogentSettings

__all__ = ["Vogent", "VogentSettings", "capabilities_of"]
