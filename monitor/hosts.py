"""Which hosts are names of this machine: a link to one leads nobody else anywhere."""

import ipaddress
from urllib.parse import urlsplit


def is_here(host: str) -> bool:
    """Whether a host, with its port or without, is a name of this machine."""
    name = host[: host.rfind(":")] if host.rpartition(":")[2].isdecimal() else host
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def leads_here(url: str) -> bool:
    """Whether an address is one of this machine; of what is no address nobody knows."""
    try:
        return is_here(urlsplit(url).netloc.rpartition("@")[2].lower())
    except ValueError:
        return False
