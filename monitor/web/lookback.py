"""The report of one batch as a page: of the status pages, or as a file that needs nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor import __version__
from monitor.core.lookback import Slot
from monitor.evaluation.lookback import Reported
from monitor.web import paper

WIDTH, HEIGHT = 720, 160
_GAP = 1
_LEAST = 1.5  # what is there is seen, however little it is


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle of a chart, in its own units; ``kind`` is completed, other or failed."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Calls over time, stacked; ``most`` is what the full height stands for."""

    bars: tuple[Bar, ...]
    most: int
    start: datetime
    end: datetime


def shown(found: Reported) -> Mapping[str, Any]:
    """What the templates of a report are given."""
    return {"batch": found.batch, "alerts": found.alerts, "chart": chart(found.batch.pace)}


def standalone(found: Reported) -> str:
    """A whole page with its styles, to be kept or sent."""
    batch = found.batch
    return paper.text(
        "report",
        title=batch.title,
        style=paper.STYLE.decode(),
        now=batch.at,
        zone=batch.zone,
        version=__version__,
        **shown(found),
    )


def chart(pace: Sequence[Slot]) -> Chart | None:
    """The chart of a batch's calls; None where none has ended at a known time."""
    if not pace:
        return None
    most = max(slot.calls for slot in pace) or 1
    width = WIDTH / len(pace)
    bars = []
    for place, slot in enumerate(pace):
        floor = float(HEIGHT)
        for kind in ("completed", "other", "failed"):
            n = getattr(slot, kind)
            if n:
                height = max(n / most * HEIGHT, _LEAST)
                floor -= height
                wide = max(width - _GAP, 1)
                bars.append(Bar(kind, place * width, max(floor, 0), wide, height, f"{n:,} {kind}"))
    return Chart(tuple(bars), most, pace[0].start, pace[-1].end)
