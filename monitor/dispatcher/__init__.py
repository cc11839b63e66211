"""Paying the outbox: the only part of Offhook that sends."""

from monitor.dispatcher.ahead import Ahead
from monitor.dispatcher.condition import Failing
from monitor.dispatcher.dispatch import Dispatcher
from monitor.dispatcher.looking_back import look_back
from monitor.dispatcher.schedule import Timing

__all__ = ["Ahead", "Dispatcher", "Failing", "Timing", "look_back"]
