"""The configuration: one TOML file, strictly read."""

from monitor.config.keys import hash_key
from monitor.config.load import load
from monitor.config.model import Config, Listen, MonitorSettings, RouteSettings, WebSettings
from monitor.config.schema import json_schema

__all__ = [
    "Config",
    "Listen",
    "MonitorSettings",
    "RouteSettings",
    "WebSettings",
    "hash_key",
    "json_schema",
    "load",
]
