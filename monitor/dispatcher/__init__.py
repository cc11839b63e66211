"""Paying the outbox: the only part of Offhook that sends."""

from monitor.dispatcher.condition import Failing
from monitor.dispatcher.dispatch import Dispatcher
from monitor.dispatcher.schedule import Timing

__all__ = ["Dispatcher", "Failing", "Timing"]
