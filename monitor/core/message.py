"""A notification before any channel has had its say: values only, no markup."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One alert at one transition, as people are to read it.

    ``sentence`` comes first and has the batch's name before its id. ``lines`` are
    (label, text) in reading order. ``state`` is FIRING, RESOLVED or INFO. ``reason`` is for
    people. ``marks`` are short true remarks ("detected late", "estimate", "settling").
    Every text is bounded and free of names, phone numbers and raw vendor text.
    """

    key: str
    state: str
    severity: str
    rule: str  # the instance, as configured
    rule_id: str
    provider: str
    batch: str  # "" when the subject is not a batch
    sentence: str
    reason: str
    at: datetime
    zone: str  # IANA, of the times in text
    lines: tuple[tuple[str, str], ...] = ()
    todo: str | None = None
    evidence: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    link: str | None = None
    runbook_url: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    repeat: int = 0  # how often this state was told before
    title: str = ""  # the name of the subject, for a line of its own
    loud: bool = False  # worth a ping also where it lands in a thread
    vendor: str = ""
    episode: int = 1  # of the alert; the run of the batch for a report
    fired_at: datetime | None = None
    headline: str = ""  # the sentence in the words of a template, also for a subject line
    body: str = ""  # in those words too, lines parted by \n, instead of ``lines`` and ``todo``
    acknowledged: str = ""  # by whom and when, for people
    acts: tuple[str, ...] = ()  # what may be done to the batch from here: pause, resume, stop
    # Ended calls over time, for a chart: from (seconds since 1970), completed, other, failed;
    # equally long slots without a gap, at most 40 of them, and none where there is nothing to see.
    series: tuple[tuple[int, int, int, int], ...] = ()
