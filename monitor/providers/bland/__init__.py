"""Bland: two generations of batches, told by the shape of their ids and by asking."""

from monitor.providers.bland.provider import Bland, capabilities_of
from monitor.providers.bland.settings import BlandSettings

__all__ = ["Bland", "BlandSettings", "capabilities_of"]
