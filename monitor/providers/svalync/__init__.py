"""Svalync: the result of its workflow node "Get Batch Call Details", by address or as a file."""

from monitor.providers.svalync.provider import Svalync, capabilities_of
from monitor.providers.svalync.settings import SvalyncSettings

__all__ = ["Svalync", "SvalyncSettings", "capabilities_of"]
