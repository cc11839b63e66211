"""What a silence or an acknowledgement holds back of what is open now."""

from dataclasses import dataclass

from sqlalchemy import Connection

from monitor.core.alert import Alert
from monitor.core.compose import labels_of
from monitor.core.silence import Silence
from monitor.core.wish import preview_text
from monitor.store import alerts
from rules import compliance


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A silence or acknowledgement, with the open alerts that it holds back now.

    ``left_out`` are those that it fits, and does not hold back, as their rule must be named.
    ``new`` is False for an acknowledgement that stood already.
    """

    silence: Silence
    alerts: tuple[Alert, ...]
    left_out: tuple[Alert, ...] = ()
    new: bool = True

    @property
    def text(self) -> str:
        """What it holds back, for people."""
        return preview_text(self.alerts, self.left_out)


def held_back(conn: Connection, silence: Silence) -> tuple[tuple[Alert, ...], tuple[Alert, ...]]:
    """The open alerts that a silence covers, and those that it fits and must name."""
    covered, left_out = [], []
    for each in alerts.load_all_open(conn):
        labels = labels_of(each)
        if silence.covers(labels, each.rule, compliance()):
            covered.append(each)
        elif silence.fits(labels, each.rule):
            left_out.append(each)
    return tuple(covered), tuple(left_out)
