"""Addresses of a receiver that the user runs: his own network is allowed, the clear only there."""

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

_INSIDE = re.compile(r"[^.]+|.*\.(local|internal|lan|localdomain|home\.arpa|svc)", re.IGNORECASE)


def check_address(value: str) -> str:
    """Https anywhere; http inside one's own network. ValueError never quotes the address."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("is not an address such as https://alerts.example.com/offhook") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"\s", value):
        raise ValueError("is not an address such as https://alerts.example.com/offhook")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("takes no user, password or fragment")
    if parts.scheme == "http" and not _is_inside(parts.hostname):
        raise ValueError("plain http is only for your own network; use https")
    return value


def _is_inside(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _INSIDE.fullmatch(host) is not None
    return address.is_private or address.is_loopback


OwnAddress = Annotated[str, AfterValidator(check_address), Field(max_length=2048)]
