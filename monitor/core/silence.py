"""What people ask not to hear: silences by matchers, and acknowledgements of one alert.

Both are one thing: somebody, for a reason, until an end that is given when it is made. A
silence holds back all that matches it, also what is not there yet. An acknowledgement holds
back the repeats of one episode and ends with it. Offhook's own troubles, and what the law
asks for, cannot be silenced by what does not name them, so that no broad silence hides that
nothing is watched, or that people are called who must not be.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.core.alert import Alert
from monitor.core.compose import labels_of
from monitor.core.destination import matches
from monitor.core.route import Matcher

# A silence that nobody ends is forgotten; a longer one is made again.
LONGEST = timedelta(days=7)


class Source(StrEnum):
    """From where somebody asked."""

    CLI = "cli"
    API = "api"
    SLACK = "slack"
    PAGE = "page"
    OFFHOOK = "offhook"  # nobody asked: an end was reached


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRun:
    """One run of one batch, for what is to end with it."""

    provider: str
    batch: str
    run: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """One of them. ``alert`` is the key of the alert that was acknowledged, None for a silence.

    It ends at ``ends_at``, or with the run ``until_end_of``, or with the alert; whichever
    of them is given, and one of them always is. ``ended_at`` is set once it has ended.
    """

    id: str
    author: str
    source: Source
    comment: str
    created_at: datetime
    starts_at: datetime
    matchers: tuple[Matcher, ...] = ()
    alert: str | None = None
    ends_at: datetime | None = None
    until_end_of: BatchRun | None = None
    ended_at: datetime | None = None

    @property
    def is_ack(self) -> bool:
        """Whether it is an acknowledgement."""
        return self.alert is not None

    def stands(self, now: datetime) -> bool:
        """Whether it holds anything back at this time."""
        over = self.ended_at is not None and self.ended_at <= now
        over |= self.ends_at is not None and self.ends_at <= now
        return self.starts_at <= now and not over

    def fits(self, labels: Mapping[str, str], rule_id: str) -> bool:
        """Whether these labels fulfil every matcher."""
        if self.is_ack or not self.matchers:
            return False
        return all(matches(each, labels, rule_id) for each in self.matchers)

    def covers(self, labels: Mapping[str, str], rule_id: str, law: Collection[str]) -> bool:
        """Whether it fits, and names the rule where it must: Offhook's own, and those of ``law``.

        ``law`` are the ids of the rules that the law asks for.
        """
        if not self.fits(labels, rule_id):
            return False
        if rule_id.startswith(_OWN):
            return any(_names(each, _OWN) for each in self.matchers)
        if rule_id in law:
            own = labels.get("rule") or rule_id
            written = rf"({re.escape(rule_id)}|{re.escape(own)})(?!\w)"
            return any(_names(each, written) for each in self.matchers)
        return True

    @property
    def holds_until(self) -> datetime:
        """When whatever it holds back is told at the latest: a batch may never end."""
        return self.over_at() or self.starts_at + LONGEST

    def over_at(self) -> datetime | None:
        """When it ended or is to end; None while only a batch or an alert ends it."""
        known = [each for each in (self.ended_at, self.ends_at) if each is not None]
        return min(known, default=None)


_OWN = "self_"


def _names(matcher: Matcher, written: str) -> bool:
    """Whether it is about one rule, or a pattern that has such a word in it."""
    if matcher.label != "rule" or matcher.operator.startswith("!"):
        return False
    return matcher.operator == "=" or bool(re.search(rf"(?<!\w){written}", matcher.value))


def silenced_by(
    alert: Alert, silences: Iterable[Silence], now: datetime, law: Collection[str]
) -> Silence | None:
    """The silence that holds an alert back now: of several, the one that lasts longest."""
    labels = labels_of(alert)
    standing = (each for each in silences if each.stands(now))
    found = [each for each in standing if each.covers(labels, alert.rule, law)]
    endless = datetime.max.replace(tzinfo=now.tzinfo)
    return max(found, key=lambda each: each.over_at() or endless, default=None)


def acknowledged_by(alert: Alert, silences: Iterable[Silence], now: datetime) -> Silence | None:
    """Who acknowledged this episode, newest first; None when nobody has."""
    found = [each for each in silences if each.alert == alert.key and each.stands(now)]
    return max(found, key=lambda each: each.created_at, default=None)
