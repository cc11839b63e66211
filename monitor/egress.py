"""How requests leave this network: directly, or by a proxy, and which hosts not by it."""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import idna

from monitor.hosts import is_here


@dataclass(frozen=True, slots=True)
class Egress:
    """``proxy`` is its address, which may hold a password; None: there is none.

    ``no_proxy``: hosts that are reached directly, "hooks.example.com", with all that are below
    one, ".example.com", or networks, "10.0.0.0/8". This machine always is.
    """

    proxy: str | None = field(default=None, repr=False)
    no_proxy: Collection[str] = ()

    def proxy_for(self, host: str) -> str | None:
        """The proxy by which a host is reached; None: directly."""
        name = _ascii(host.lower().rstrip(".").removeprefix("[").removesuffix("]"))
        here = is_here(f"[{name}]" if ":" in name else name)
        if self.proxy is None or here or any(_holds(each, name) for each in self.no_proxy):
            return None
        return self.proxy

    def named(self, host: str) -> str:
        """Who is connected to in order to reach a host, without a password."""
        proxy = self.proxy_for(host)
        return host if proxy is None else f"the proxy {urlsplit(proxy).hostname}"


DIRECT = Egress()


def check_proxy(text: str) -> str:
    """The address of a proxy; the ValueError is for people, and does not quote it."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    plain = text.isprintable() and " " not in text
    if not good or not plain or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("it must be the address of a proxy: http://host:port")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("a proxy's user has a password: http://user:password@host:port")
    return text


def check_direct(text: str) -> str:
    """One of the hosts that are reached directly, as it is compared; ValueError for people."""
    name = text.strip().lower().rstrip(".")
    if "/" in name:
        try:
            return str(ipaddress.ip_network(name))
        except ValueError as error:
            raise ValueError(f"{text!r} is no network such as 10.0.0.0/8") from error
    address = _address(name)
    if address is None and (not name.strip(".") or any(each in name for each in "*:@ ")):
        hint = 'a host ("hooks.example.com"), all below one (".example.com") or a network'
        raise ValueError(f"{text!r} must be {hint}")
    return str(address or _ascii(name))


def _ascii(name: str) -> str:
    """A name as the network has it, whether it was written so or in its own letters."""
    try:
        return f".{_ascii(name[1:])}" if name[:1] == "." else idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        return name


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _holds(direct: str, name: str) -> bool:
    address = _address(name)
    if "/" in direct:
        return address is not None and address in ipaddress.ip_network(direct)
    if address is not None:
        return str(address) == direct
    return name == direct.removeprefix(".") or (direct[0] == "." and name.endswith(direct))
