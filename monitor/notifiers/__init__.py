"""Receivers' protocols: one module each, and the one shape that the dispatcher knows.

A notifier renders and sends; it never retries, waits or stores. Rendering cannot fail and
cannot exceed a limit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from monitor.core.crowd import Crowd
from monitor.core.message import Message
from monitor.core.route import Receiver


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What is to be sent now: one or more messages of one conversation, as one.

    ``part`` is root (post, or change in place when ``root`` is known), thread (below the
    root) or message (for receivers that have neither). ``first_key`` is the delivery key of
    the conversation's first message, ``key`` this one's. ``plain`` asks for the simplest
    rendering, after a refusal. ``crowds``, by alert key, are those that stand as one where
    the receiver keeps alerts.
    """

    key: str
    first_key: str
    part: str
    messages: tuple[Message, ...]
    root: str | None = None
    possible_repeat: bool = False
    plain: bool = False
    replaces: bool = False  # posted anew, because somebody deleted the message before
    total: int = 0  # alerts in the conversation; more than ``messages`` when it is over its cap
    group: int = 0  # the conversation's id: ``offhook alerts --group`` lists all of it
    crowds: Mapping[str, Crowd] = field(default_factory=dict)
    had: frozenset[str] = frozenset()  # marks of those who have it, as an error named them


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The receiver took it; ``remote_id`` finds it again where the channel has such a thing.

    ``remark`` says for people what was not as it should be, although it was taken.
    """

    remote_id: str | None = None
    remark: str | None = None


class Notifier(Protocol):
    """One configured receiver. ``send`` returns when it took the message, else DeliveryError."""

    receiver: Receiver

    async def send(self, envelope: Envelope) -> Receipt:
        """Send once, within a total deadline of its own."""
        ...

    async def find(
        self, keys: Sequence[str], since: datetime, root: str | None = None
    ) -> dict[str, tuple[str, ...]]:
        """Where the channel already holds these delivery keys: remote ids, oldest first.

        Looks at what was posted at ``since`` or later, and below ``root`` when there is one.
        Only for readable receivers. DeliveryError when the channel cannot be read now.
        """
        ...

    async def remove(self, remote_id: str) -> None:
        """Take back a younger copy."""
        ...

    async def check(self) -> str:
        """Try the credentials without sending; a sentence for people."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
