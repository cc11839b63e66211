"""Which addresses that Slack hands us are asked at all: Slack's own, and those of the override.

They come in from outside (a pressed button, an answer), and whoever could choose one would
let this machine ask for them.
"""

from urllib.parse import SplitResult, urlsplit

_HOOKS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
_DOMAINS = (".slack.com", ".slack-gov.com")


def is_reply_address(url: str, api_url: str) -> bool:
    """Whether an answer to a press may be posted there."""
    parts = _split(url)
    if parts is None:
        return False
    return _is_slacks(parts, "https", _HOOKS) or _same_place(parts, api_url, "http")


def is_upload_address(url: str, api_url: str) -> bool:
    """Whether the bytes of a file may be sent there."""
    parts = _split(url)
    if parts is None:
        return False
    return _in_domain(parts, "https") or _same_place(parts, api_url, "http")


def is_socket_address(url: str, api_url: str) -> bool:
    """Whether presses may be listened for there."""
    parts = _split(url)
    if parts is None:
        return False
    return _in_domain(parts, "wss") or _same_place(parts, api_url, "ws")


def _split(url: str) -> SplitResult | None:
    """The address's parts; None for what two readers might read differently."""
    if not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        return None
    try:
        parts = urlsplit(url)
        plain = parts.port is None or parts.port > 0
    except ValueError:
        return None
    return parts if plain and parts.username is None and parts.hostname else None


def _is_slacks(parts: SplitResult, scheme: str, hosts: frozenset[str]) -> bool:
    return parts.scheme == scheme and parts.hostname in hosts and parts.port in {None, 443}


def _in_domain(parts: SplitResult, scheme: str) -> bool:
    host = parts.hostname or ""
    return parts.scheme == scheme and host.endswith(_DOMAINS) and parts.port in {None, 443}


def _same_place(parts: SplitResult, api_url: str, scheme: str) -> bool:
    """Where the configuration names another place than Slack, that place may answer for itself.

    The first letters of the scheme are as the kind of talk asks for, its "s" as configured.
    """
    ours = urlsplit(api_url)
    secure = "s" if ours.scheme == "https" else ""
    return parts.scheme == scheme + secure and parts.netloc == ours.netloc
