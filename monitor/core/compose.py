"""From an alert to what people read: the sentence first, every text short and clean.

Foreign text (batch names, ids, words of a vendor) goes through ``plain`` and nowhere else,
and nothing here raises on any alert that can be built: a message that cannot be composed
would be an alert that nobody hears of.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from monitor.core.alert import Alert, AlertState, Reason
from monitor.core.message import Message
from monitor.core.rule import Finding, Severity, SubjectKind
from monitor.core.text import clip, one_line
from monitor.core.wording import clock, span, zone_named
from monitor.core.words import SETTLING

SENTENCE = 500
TITLE = 80
LABEL = 40
REMARK = 120
TEXT = 300
ID = 100
LINES = 24
EVIDENCE = 3

Line = tuple[str, str]
_WHEN = "when"

UNTOLD = "over before it could be told"  # the mark of an end that is all there was


class Fired(NamedTuple):
    """What was measured when an alert fired, beside the limit of then; its finding goes on."""

    value: float
    threshold: float | None


def compose(
    alert: Alert,
    *,
    at: datetime,
    default_zone: str,
    repeat: int = 0,
    untold: bool = False,
    loud: bool = False,
    remarks: Sequence[str] = (),
    beside: Sequence[Line] = (),
    acknowledged: str = "",
    link: str | None = None,
    fired: Fired | None = None,
) -> Message:
    """The alert as people are to read it at ``at``.

    ``repeat`` counts how often it was told before as still firing. ``untold`` says that
    nothing of it was told while it was firing, so this one message tells start and end.
    ``remarks`` are marks and ``beside`` lines that are not of the alert alone.
    """
    zone = zone_named(alert.subject.zone, default_zone)
    finding = alert.finding
    return Message(
        key=alert.key,
        state=_state(alert),
        severity=alert.severity.value,
        rule=plain(alert.instance, ID),
        rule_id=plain(alert.rule, ID),
        provider=plain(alert.subject.provider, ID),
        batch=plain(alert.subject.id, ID) if alert.subject.kind is SubjectKind.BATCH else "",
        title=_title(alert),
        sentence=_sentence(alert, at=at, repeat=repeat),
        reason=alert.reason.words,
        at=at,
        zone=str(zone),
        lines=(*_beside(beside), *_lines(alert, at=at, zone=zone, fired=fired))[:LINES],
        todo=_todo(alert),
        evidence=tuple(plain(each, ID) for each in finding.evidence[:EVIDENCE]),
        marks=(*_marks(alert, untold=untold), *(plain(each, REMARK) for each in remarks)),
        runbook_url=plain(alert.runbook_url or "", TEXT) or None,
        labels=labels_of(alert),
        repeat=repeat,
        loud=loud,
        acts=_acts(alert),
        vendor=plain(alert.subject.vendor, ID),
        episode=alert.episode,
        fired_at=alert.fired_at,
        acknowledged=plain(acknowledged, REMARK),
        link=link,
    )


def labels_of(alert: Alert) -> dict[str, str]:
    """What matchers and groups see; the user's own labels never replace the built-in ones."""
    subject = alert.subject
    of_batch = subject.kind is SubjectKind.BATCH
    own = {plain(name, ID): plain(value, TEXT) for name, value in alert.labels.items()}
    return own | {
        "rule": plain(alert.instance, TEXT),
        "severity": alert.severity.value,
        "provider": plain(subject.provider, TEXT),
        "vendor": plain(subject.vendor, TEXT),
        "batch": plain(subject.id, TEXT) if of_batch else "",
        "batch_name": plain(subject.title, TEXT) if of_batch else "",
        "campaign": plain(subject.campaign, TEXT),
    }


def same_report(one: Message, other: Message) -> bool:
    """Whether two tellings of one report say the same, remarks about their state apart."""
    return _said(one) == _said(other)


def _said(message: Message) -> tuple[object, ...]:
    lines = tuple(line for line in message.lines if line[0] != _WHEN)  # its wording ages
    return message.sentence, lines, message.todo


def plain(text: str, limit: int) -> str:
    """Foreign text as one clean, bounded line."""
    return clip(one_line(text[: limit * 4]), limit)


def _state(alert: Alert) -> str:
    """In people's words: a report of something bad is not mere information."""
    bad = alert.state is AlertState.INFO and alert.severity is not Severity.INFO
    return "FIRING" if bad or alert.state is AlertState.PENDING else alert.state.value.upper()


def _title(alert: Alert) -> str:
    subject = alert.subject
    return plain(subject.title, TITLE) or plain(subject.id, TITLE) or "Offhook"


def _sentence(alert: Alert, *, at: datetime, repeat: int) -> str:
    what = alert.finding.summary
    if alert.state is AlertState.RESOLVED:
        what = _closing_sentence(alert)
    elif repeat:
        what = f"still, after {_length(at, alert.fired_at or alert.since)}: {what}"
    return plain(f"{_title(alert)}: {plain(what, SENTENCE)}", SENTENCE)


def _closing_sentence(alert: Alert) -> str:
    """Only a recovery may speak of how things are now; any other end says what had been."""
    if alert.reason is Reason.RECOVERED and alert.closing:
        return f"{alert.reason.words}: {alert.closing.summary}"
    return f"{_why(alert)}; it had been: {alert.finding.summary}"


def _why(alert: Alert) -> str:
    """Why it is closed: who stopped the batch by hand, where somebody did."""
    if alert.reason is Reason.BATCH_PAUSED and alert.closing:
        return plain(alert.closing.summary, TEXT)
    return alert.reason.words


def _acts(alert: Alert) -> tuple[str, ...]:
    """While it fires, and where a pause is what closed it: what was paused may be resumed."""
    acts = alert.state is AlertState.FIRING or alert.reason is Reason.BATCH_PAUSED
    return alert.subject.acts if acts else ()


def _lines(alert: Alert, *, at: datetime, zone: tzinfo, fired: Fired | None) -> Iterator[Line]:
    finding = alert.finding
    closed = alert.state is AlertState.RESOLVED
    if closed:
        yield "closed because", _why(alert)
    yield from _counts(finding, "affected while firing" if closed else "affected")
    yield from _value(finding, alert.closing if closed else None, fired if closed else None)
    if closed:
        yield "lasted", _lasted(alert, at=at, zone=zone)
    elif alert.state is AlertState.INFO:
        if finding.since:
            yield _WHEN, moment(finding.since, at, zone)
    else:
        since = finding.since or alert.since
        yield "since", f"{moment(since, at, zone)} ({_length(at, since)})"
        if alert.unknown:
            yield "cannot be judged now", plain(alert.unknown, TEXT)
    for label, text in finding.details:
        yield plain(_dated(label, closed=closed), LABEL), plain(text, TEXT)
    yield from _where(alert)


def _dated(label: str, *, closed: bool) -> str:
    """What an alert that is over says of now is of when it last held."""
    now = closed and label.endswith(" now")
    return f"{label.removesuffix(' now')} while firing" if now else label


def _counts(finding: Finding, label: str) -> Iterator[Line]:
    parts = []
    if finding.affected is not None:
        of = f" of {_number(finding.total)}" if finding.total is not None else ""
        parts.append(f"{_number(finding.affected)}{of}")
    elif finding.total is not None and finding.waiting is not None:
        parts.append(f"{_number(finding.total)} in all")
    if finding.waiting is not None:
        parts.append(f"{_number(finding.waiting)} waiting")
    if parts:
        yield label, ", ".join(parts)


def _value(finding: Finding, closing: Finding | None, fired: Fired | None) -> Iterator[Line]:
    if finding.value is None:
        return
    # What fired as a count and went on or ended as a share is not compared.
    like = closing if closing is not None and closing.unit == finding.unit else None
    same = fired is not None and fired.threshold == finding.threshold
    first = amount(fired.value, finding.unit) if fired is not None and same else None
    text = last = amount(finding.value, finding.unit)
    if like is not None and like.value is not None:
        start = f"{first} when it fired" if first else f"{last} while firing"
        text = f"{start}, {amount(like.value, like.unit)} at the end"
    elif first not in {None, last}:
        text = f"{first} when it fired, {last} at last"
    # Where one is one too many, how many there are is said as affected.
    if text == last and finding.threshold == 0 and finding.value == finding.affected:
        return
    remarks = []
    if finding.threshold is not None:
        remarks.append(f"limit {amount(finding.threshold, finding.unit)}")
    n = like.n if like is not None and like.n is not None else finding.n
    if n is not None:
        remarks.append(f"n = {_number(n)}")
    yield "value", f"{text} ({', '.join(remarks)})" if remarks else text


def _lasted(alert: Alert, *, at: datetime, zone: tzinfo) -> str:
    start = alert.fired_at or alert.since
    end = alert.closed_at or at
    return f"{_length(end, start)}, {moment(start, at, zone)} to {moment(end, at, zone)}"


def _where(alert: Alert) -> Iterator[Line]:
    subject = alert.subject
    if subject.kind is SubjectKind.BATCH:
        yield "batch", f"{_title(alert)} ({plain(subject.id, ID)})"
    if subject.campaign:
        yield "campaign", plain(subject.campaign, ID)


def _beside(lines: Sequence[Line]) -> Iterator[Line]:
    for label, text in lines:
        yield plain(label, LABEL), plain(text, TEXT)


def _todo(alert: Alert) -> str | None:
    if alert.state is AlertState.RESOLVED or not alert.finding.todo:
        return None
    return plain(alert.finding.todo, TEXT)


def _marks(alert: Alert, *, untold: bool) -> Iterator[str]:
    finding = alert.finding
    settled = alert.reason is Reason.SETTLED
    if finding.late:
        yield "detected late"
    if finding.estimate:
        yield "estimate"
    for mark in finding.marks:
        if not (settled and mark in {SETTLING, Reason.SETTLED.words}):
            yield plain(mark, LABEL)
    if settled:
        yield Reason.SETTLED.words
    if untold:
        yield UNTOLD


def amount(value: float, unit: str) -> str:
    """A measured value for people: "45.2 %", "1 h 30 min", "1,200"."""
    if not math.isfinite(value):
        return "unknown"
    if unit == "s":
        return span(timedelta(seconds=min(max(value, 0.0), 1e9)))
    unit = plain(unit, LABEL)
    return f"{_number(value)} {unit}" if unit else _number(value)


def _number(value: float) -> str:
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    if isinstance(value, int) or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:,.1f}"


def moment(when: datetime, now: datetime, zone: tzinfo) -> str:
    """A time as people there say it: the hour and the zone, with the day where it is not today."""
    try:
        return f"{clock(when, zone, now)} {when.astimezone(zone).tzname() or ''}".strip()
    except (OverflowError, ValueError):  # at the edge of the calendar
        return when.isoformat(timespec="minutes")


def _length(end: datetime, start: datetime) -> str:
    return span(end - start)
