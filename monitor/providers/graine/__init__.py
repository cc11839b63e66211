"""Graine: batches with live counters, people with their chain of calls, retries that it plans."""

from monitor.providers.graine.provider import Graine
from monitor.providers.graine.settings import GraineSettings

__all__ = ["Graine", "GraineSettings"]
