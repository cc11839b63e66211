"""The form for a silence: as it is filled in, shown again, and read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from monitor.core.duration import parse_duration
from monitor.core.route import Matcher
from monitor.core.silence import Source
from monitor.core.wish import Wish, read_matchers, read_time, text_of
from monitor.core.wording import zone_named
from monitor.store import runs
from monitor.store.alert_views import AlertNow


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceForm:
    """What stands in it. ``end`` says which of the ends is meant: for, until or batch."""

    matchers: str = ""  # one a line
    end: str = "for"
    lasts: str = "2h"
    until: str = ""
    batch: str = ""
    comment: str = ""
    author: str = ""
    alert: str = ""  # the key of the alert from which somebody came

    @classmethod
    def of(cls, alert: AlertNow) -> "SilenceForm":
        """For what one alert is about."""
        found = [Matcher("rule", "=", alert.instance)]
        if alert.provider:
            found.append(Matcher("provider", "=", alert.provider))
        is_batch = alert.subject_kind == "batch"
        if is_batch:
            found.append(Matcher("batch", "=", alert.subject_id))
        return cls(
            matchers="\n".join(map(text_of, found)),
            batch=f"{alert.provider}/{alert.subject_id}" if is_batch else "",
            alert=alert.key,
        )

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> "SilenceForm":
        """As it was sent."""
        known = {name: fields[name] for name in cls.__slots__ if name in fields}
        return cls(**known)

    def asked(self, zone: str, now: datetime) -> Callable[[Connection], Wish]:
        """What it asks for; ValueError says what cannot be read."""
        lines = [line.strip() for line in self.matchers.splitlines() if line.strip()]
        wish = Wish(
            author=self.author,
            source=Source.PAGE,
            comment=self.comment,
            matchers=read_matchers(lines),
            lasts=parse_duration(self.lasts) if self.end == "for" else None,
            ends_at=read_time(self.until, zone_named(zone), now) if self.end == "until" else None,
        )

        def bound(conn: Connection) -> Wish:
            if self.end != "batch":
                return wish
            return replace(wish, until_end_of=runs.find_run(conn, self.batch.strip()))

        return bound
