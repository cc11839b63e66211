"""Names that are reserved and not built yet: refused by saying so, never ignored."""

import re

from monitor.config.lines import KeyPath

TEXT = "is not supported yet"

_KEYS = {
    ("silences",),
}
KINDS = frozenset({"teams"})
_DATABASES = re.compile(r"postgres(ql)?(\+\w+)?://", re.IGNORECASE)


def is_later_key(path: KeyPath) -> bool:
    """Whether the key has its place and no code behind it."""
    return any(
        len(key) == len(path)
        and all(part in {"*", actual} for part, actual in zip(key, path, strict=True))
        for key in _KEYS
    )


def is_later_value(path: KeyPath, value: object) -> bool:
    """The same for a value."""
    if not isinstance(value, str):
        return False
    match path:
        case ("monitor", "database_url"):
            return _DATABASES.match(value) is not None
        case ("receivers", _, "kind"):
            return value in KINDS
        case _:
            return False
