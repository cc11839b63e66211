"""Every error of Offhook's own, in one tree.

OffhookError
├── ConfigError          the configuration cannot be used; carries file, line, key
├── StoreError           the database cannot be used (missing, locked, read-only, full, newer)
├── HttpError            no usable answer came; carries a kind, and whether it may have been asked
├── ProviderError        a vendor could not be read; carries a Failure kind
│   └── NotFoundError    the vendor does not know this id
└── DeliveryError        a receiver did not take a message; carries how certain that is
"""

from dataclasses import dataclass, field
from enum import StrEnum


class OffhookError(Exception):
    """Anything that Offhook itself reports."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a configuration file."""

    file: str
    line: int | None
    key: str
    text: str
    hint: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        hint = f" ({self.hint})" if self.hint else ""
        return (
            f"{place}: {self.key}: {self.text}{hint}" if self.key else f"{place}: {self.text}{hint}"
        )


class ConfigError(OffhookError):
    """The configuration cannot be used; ``problems`` says where and why, one each."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


class StoreError(OffhookError):
    """The database cannot be used; the text says what to do."""


class HttpError(OffhookError):
    """No usable answer came. The text names a host at most, never a path, key or body.

    ``kind``: "unreachable" (name, refusal), "tls" (not who it should be), "timeout_before" (no
    connection in time), "timeout" and "reset" (after the request had begun to leave),
    "oversize", "encoding", "stale" (from a cache that should not have answered).
    ``sent``: the server may have acted on the request. ``received``: body bytes that came.
    """

    def __init__(self, kind: str, text: str, *, sent: bool) -> None:
        self.kind = kind
        self.text = text
        self.sent = sent
        self.received = 0
        super().__init__(f"{kind}: {text}")


class ProviderError(OffhookError):
    """A vendor could not be read. ``kind`` is one of the words that ``Failure`` knows."""

    def __init__(self, kind: str, text: str, *, retry_after: float | None = None) -> None:
        self.kind = kind
        self.text = text
        self.retry_after = retry_after
        super().__init__(f"{kind}: {text}")


class NotFoundError(ProviderError):
    """The vendor answered that it does not know the id."""

    def __init__(self, text: str) -> None:
        super().__init__("not_found", text)


class Sent(StrEnum):
    """What is known of a message that was not confirmed."""

    NOT_SENT = "not_sent"  # nothing left this machine: try again
    REFUSED = "refused"  # the receiver said no, and will say no again
    RETRY = "retry"  # the receiver asked to try later
    AMBIGUOUS = "ambiguous"  # it may have been taken: look before sending again


@dataclass
class DeliveryError(OffhookError):
    """A receiver did not confirm a message. ``word`` is the receiver's own error word."""

    certainty: Sent
    word: str
    text: str
    retry_after: float | None = None
    simpler: bool = field(default=False)  # a plainer rendering may be taken
    gone: bool = field(default=False)  # what was to be changed is no longer there: post anew
    unknown: bool = field(default=False)  # a word that nobody foresaw
    had: tuple[str, ...] = field(default=())  # marks of those who took it all the same
    sure: bool = field(default=False)  # and nobody else can have it

    def __str__(self) -> str:
        return f"{self.word}: {self.text}"
