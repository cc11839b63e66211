"""The configuration that a test runs on: the user's, or what its file says itself."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from monitor.config import Config
from monitor.config.document import Document
from monitor.config.load import SECTIONS, read

_KEYS: Mapping[str, Mapping[str, Any]] = {
    "graine": {"api_key": "key"},
    "bland": {"api_key": "key"},
    "vogent": {"api_key": "key"},
}
_ADDRESSES: Mapping[str, Mapping[str, Any]] = {
    "slack": {"webhook_url": "https://hooks.slack.com/services/T/B/x"},
    "email": {
        "smtp_url": "smtp://mail.example.com",
        "from": "offhook@example.com",
        "to": ["you@example.com"],
    },
    "webhook": {"url": "https://example.com/", "secret": "whsec_" + "QUJD" * 12},
    "pagerduty": {"routing_key": "0" * 32},
    "alertmanager": {"urls": ["http://127.0.0.1:9093"]},
    "apprise": {"url": "ntfys://topic"},
}


VENDORS = tuple(_KEYS)  # those of which nothing but a key must be written


@cache
def defaults(vendor: str | None) -> Config:
    """Every rule with its defaults, at one account of a vendor."""
    return own_config(Document("the defaults", {}, {}), vendor)


def own_config(document: Document, vendor: str | None) -> Config:
    """The file's own sections; what no rule goes by (keys, addresses) need not be written."""
    values = {key: each for key, each in document.values.items() if key in SECTIONS}
    name = vendor or "graine"
    if vendor is not None or not values.get("providers"):
        values["providers"] = {name: {"vendor": name}}
    if not values.get("receivers"):
        values["receivers"] = {"ops": {"kind": "slack"}}
    values["providers"] = _filled(values["providers"], "vendor", _KEYS)
    values["receivers"] = _filled(values["receivers"], "kind", _ADDRESSES)
    path = Path(document.file)
    made = replace(document, values=values)
    return read(made, path, environ={"HOME": str(path.parent)}, in_service=False, secrets=False)


def _filled(tables: Any, tag: str, missing: Mapping[str, Mapping[str, Any]]) -> Any:
    """With what is missing; what is no table is left for the reading to refuse."""
    if not isinstance(tables, dict):
        return tables
    return {
        name: {**_missing(table, tag, missing), **table} if isinstance(table, dict) else table
        for name, table in tables.items()
    }


def _missing(
    table: Mapping[str, Any], tag: str, missing: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any]:
    if table.get(tag) == "slack" and "bot_token" in table:
        return {"channel": "C0000000000"}
    return missing.get(str(table.get(tag)), {})
