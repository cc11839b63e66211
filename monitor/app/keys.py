"""Which providers share a key, and so a budget: a vendor counts by key, not by table."""

import hashlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from monitor.config import Config
from monitor.config.secrets import secrets_in
from monitor.http import HttpClient
from monitor.providers.line import Key, Line, Lines
from monitor.settings import ProviderSettings


def lines_of(config: Config, clients: Mapping[str, HttpClient], lines: Lines) -> dict[str, Line]:
    """A line for each provider; those with the same key at the same host share a budget.

    Where their tables name different limits, the lowest holds for all of them.
    """
    keys = {name: key_of(name, table) for name, table in config.providers.items()}
    ceilings: dict[Key, int] = {}
    for name, table in config.providers.items():
        least = ceilings.get(keys[name], table.requests_per_minute)
        ceilings[keys[name]] = min(least, table.requests_per_minute)
    return {
        name: lines.line(
            name,
            clients[name],
            lines.budget(keys[name], ceilings[keys[name]]),
            table.poll_every,
        )
        for name, table in config.providers.items()
    }


def key_of(name: str, table: ProviderSettings) -> Key:
    """The host and a digest of the key that a table asks it with; its name where it has neither."""
    found = [
        secret
        for field in sorted(type(table).model_fields)
        if field != "webhook_secret"  # nobody asks with it
        for secret in secrets_in(getattr(table, field))
    ]
    address = getattr(table, "base_url", None) or getattr(table, "url", None)
    if address is None:
        return name, b""
    told = "\0".join(found).encode()
    return urlsplit(address).netloc.lower(), hashlib.blake2b(told, digest_size=16).digest()
