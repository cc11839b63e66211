"""Who is who: fingerprints, alert keys and delivery keys, the same on every machine and run.

Severity, labels, names and thresholds are not part of an identity, so tuning a rule or
renaming a batch never makes a second alert. Renaming a provider does.
"""

from functools import lru_cache
from hashlib import blake2b

_SIZE = 12
_SHORT = 10


def _hash(kind: str, *parts: str) -> str:
    data = b"".join(map(_sized, parts))
    return blake2b(data, digest_size=_SIZE, person=kind.encode()).hexdigest()


def _sized(part: str) -> bytes:
    """With its length before it, so that ("a", "bc") is not ("ab", "c")."""
    data = part.encode()
    return len(data).to_bytes(4, "big") + data


# Every evaluation asks for that of every rule on every open batch.
@lru_cache(maxsize=32_768)
def fingerprint(provider: str, instance: str, subject: str) -> str:
    """The same condition at the same subject."""
    return _hash("fingerprint", provider, instance, subject)


def alert_key(fingerprint: str, episode: int) -> str:
    """One episode of it."""
    return _hash("alert", fingerprint, str(episode))


def delivery_key(alert_key: str, receiver: str, transition: str, part: str) -> str:
    """One part of one notification, to one receiver, about one transition of one alert."""
    return _hash("delivery", alert_key, receiver, transition, part)


def silence_id(*parts: str) -> str:
    """One silence or acknowledgement; short, since people type it."""
    return _hash("silence", *parts)[:_SHORT]


def group_key(receiver: str, labels: tuple[tuple[str, str], ...]) -> str:
    """The notifications that share a message, whichever of several routes led each there."""
    return _hash("group", receiver, *(f"{name}={value}" for name, value in labels))


def crowd_key(receiver: str, conversation: str, opened_at: str) -> str:
    """The alerts of one conversation that stand as one."""
    return _hash("crowd", receiver, conversation, opened_at)
