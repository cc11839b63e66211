"""From labels to receivers: an ordered list of routes, first match wins unless it continues."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from zoneinfo import ZoneInfo

from monitor.core.calendar import Calendar

# What alerts may be grouped by besides their labels: what makes rules tell of the same thing.
CAUSE = "cause"
LABELS = ("rule", "severity", "provider", "vendor", "batch", "batch_name", "campaign")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label, as in Alertmanager: =, !=, =~, !~; patterns are anchored."""

    label: str
    operator: str
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels fulfil it; a label that is not there is the empty text."""
        actual = labels.get(self.label, "")
        match self.operator:
            case "=":
                return actual == self.value
            case "!=":
                return actual != self.value
            case "=~":
                return re.fullmatch(self.value, actual) is not None
            case _:
                return re.fullmatch(self.value, actual) is None


_MATCHER = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)(.*)", re.DOTALL)


def parse_matcher(text: str) -> Matcher:
    """Read ``label=value`` and its kin; ValueError says what is wrong."""
    match = _MATCHER.fullmatch(text)
    if not match:
        msg = f'{text!r} is not a matcher; write for example "provider=renewals"'
        raise ValueError(msg)
    label, operator, value = match.groups()
    value = value.strip().strip('"')
    if operator.endswith("~"):
        try:
            re.compile(value)
        except re.error as error:
            msg = f"{text!r}: the pattern cannot be read: {error}"
            raise ValueError(msg) from error
    return Matcher(label, operator, value)


def all_match(matchers: tuple[Matcher, ...], labels: Mapping[str, str]) -> bool:
    """Whether the labels fulfil every matcher; no matchers match everything."""
    return all(matcher.matches(labels) for matcher in matchers)


@dataclass(frozen=True, slots=True)
class Digest:
    """Messages collected for one telling: every ``every``, or daily ``at`` a time in ``zone``."""

    every: timedelta = timedelta(hours=1)
    at: time | None = None
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Who hears of what matches, how it is grouped, and how often it is told."""

    name: str  # its position, "1" first: for people and for group keys
    match: tuple[Matcher, ...] = ()
    receivers: tuple[str, ...] = ()
    goes_on: bool = False  # the configuration's ``continue``
    group_by: tuple[str, ...] = ("provider", "batch", CAUSE)
    group_wait: timedelta = timedelta(seconds=10)
    group_interval: timedelta = timedelta(minutes=5)
    repeat_interval: timedelta = timedelta(hours=4)
    repeat_most: timedelta = timedelta(hours=24)  # each repeat waits twice as long as the last
    repeat_by: Mapping[str, timedelta] = field(default_factory=dict)  # by severity, instead
    mute: tuple[Calendar, ...] = ()  # nothing is told while one of them is open
    active: tuple[Calendar, ...] = ()  # nothing is told while none of them is open
    digest: Digest | None = None
    fallback: tuple[str, ...] = ()  # who hears when a receiver does not take it in time
    escalate_after: timedelta | None = None  # of firing without an acknowledgement
    escalate_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A named destination, as deciding sees it.

    ``edits``: a sent message can be changed in place, and has a thread. ``readable``: the
    channel can be searched for a key after a crash. ``settled_only``: waits for the settled
    report instead of telling the first and correcting it. ``stateful``: it keeps alerts of
    its own, which nothing but us ends there, so every end is told, a quiet one as well, and
    every acknowledgement. ``at_once``: so many alerts are handed to it at a time, each by
    itself; others are shown a few and told how many there are. ``crowds``: beyond a few, the
    alerts of one conversation stand as one there.
    """

    name: str
    kind: str
    edits: bool = False
    readable: bool = False
    settled_only: bool = False
    stateful: bool = False
    at_once: int | None = None
    crowds: bool = False
    send_resolved: bool = True

    @property
    def amendable(self) -> bool:
        """Whether what stands there can be put right, which calls nobody."""
        return self.edits or self.stateful
