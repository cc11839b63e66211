"""The report of an ended batch, line by line, beside the batch before it."""

from collections.abc import Callable
from datetime import timedelta

from monitor.core.completion import never_dialled, read_since_end, rows
from monitor.core.facts import BatchFacts, Report
from monitor.core.model import (
    FAILED,
    Batch,
    BatchStatus,
    Capabilities,
    ContactStatus,
    Sentiment,
)
from monitor.core.stats import share
from monitor.core.stopping import named
from monitor.core.text import clip
from monitor.core.wording import moneys, people_text, percent, span

Line = tuple[str, str]
_SO_FAR = {"never dialled": "not dialled yet"}
_BY_HAND = frozenset({BatchStatus.CANCELLED, BatchStatus.PARTIAL})


def report_lines(
    report: Report,
    previous: Report | None,
    capabilities: Capabilities,
    vendor: str,
    *,
    so_far: bool = False,
) -> tuple[Line, ...]:
    """(label, text) in reading order; what the vendor cannot tell is said and not shown as zero.

    ``so_far``: the batch goes on, so that nobody was left out yet.
    """
    lines: list[Line] = []
    for label, need, text in _LINES:
        told = text(report)
        if need and not getattr(capabilities, need) and not _given(told):
            lines.append((label, f"cannot see it at {vendor.title() or 'this vendor'}"))
        elif told is not None:
            before = text(previous) if previous else None
            lines.append((label, f"{told}; before: {before}" if before else told))
    if so_far:
        lines = [(_SO_FAR.get(label, label), told) for label, told in lines]
    if previous:
        lines.append(("compared with", f"{previous.title} ({previous.batch_id})"))
    return tuple(lines if capabilities.tells_failures else map(_failed_or_not_answered, lines))


def _failed_or_not_answered(line: Line) -> Line:
    """The line in the words that hold where one word of the vendor's stands for both."""
    label, told = line
    both = "failed or not answered"
    return both if label == "failed" else label, told.replace("of them failed", f"of them {both}")


def _given(told: str | None) -> bool:
    """Whether there is something to show although the vendor promises nothing."""
    return told not in {None, "0", "none"}


def by_hand(facts: BatchFacts) -> str | None:
    """Who stopped the batch for good through Offhook; None when nobody did.

    One that failed or expired has not ended by that.
    """
    done = facts.stopped_by
    if done is None or not done.final or facts.batch.status not in _BY_HAND:
        return None
    return f"stopped by {named(done.who)}"


def ending_sentence(batch: Batch, words: str, missed: int, everybody: int) -> str:
    """How a batch ended that was not completed: its vendor's reason, and who was never dialled."""
    if batch.reason:
        words += f": {clip(batch.reason, 120).rstrip('.')}"
    elif batch.reason_code:
        words += f" ({clip(batch.reason_code, 60)})"
    if not missed:
        return words
    return f"{words}; {missed:,} of {people_text(everybody)} were never dialled"


def ending_lines(facts: BatchFacts) -> tuple[Line, ...]:
    """What else is known of such an end."""
    missed, everybody = never_dialled(facts), people_text(rows(facts))
    lines = [("never dialled", f"{missed:,} of {everybody}")]
    if facts.batch.reason_code:
        lines.append(("vendor's code", clip(facts.batch.reason_code, 60)))
    if not read_since_end(facts):
        lines.append(("not known", "its lists could not be read to their end since"))
    return tuple(lines) + closed_lines(facts)


def closed_lines(facts: BatchFacts) -> tuple[Line, ...]:
    """Which rules were firing when the batch ended: their alerts close without a word."""
    names = ", ".join(facts.closed_alerts)
    return (("firing when it ended", names),) if names else ()


def undialled_parts(report: Report) -> str:
    """Why people were never dialled: "22 rejected, 15 not called"; "" where there is one kind."""
    others = report.never_dialled - report.rejected
    if not report.rejected or others <= 0:
        return "rejected by the vendor" if report.rejected else ""
    return f"{report.rejected:,} rejected by the vendor, {others:,} not called"


def _people(status: ContactStatus) -> Callable[[Report], str | None]:
    return lambda report: _part(report.contacts.get(status, 0), report.people)


def _part(n: int, whole: int) -> str:
    return f"{n:,} ({percent(share(n, whole))})" if n else "0"


def _never_dialled(report: Report) -> str:
    parts = undialled_parts(report)
    return f"{report.never_dialled:,} ({parts})" if parts else f"{report.never_dialled:,}"


def _exhausted(report: Report) -> str | None:
    n = report.contacts.get(ContactStatus.EXHAUSTED, 0)
    return _part(n, report.people) if n else None


def _calls(report: Report) -> str:
    failed = sum(report.outcomes.get(each, 0) for each in FAILED)
    return f"{report.calls:,}, {failed:,} of them failed" if failed else f"{report.calls:,}"


def _cost(report: Report) -> str:
    amounts = " + ".join(moneys(report.cost_micros))
    return f"{amounts}{_mark(estimated=report.cost_estimated)}" if amounts else "none"


def _mark(*, estimated: bool) -> str:
    return " (estimate)" if estimated else ""


def _sentiment(report: Report) -> str:
    told = (f"{report.sentiment[s]:,} {s}" for s in Sentiment if report.sentiment.get(s))
    return ", ".join(told) or "none"


def _duration(report: Report) -> str | None:
    if report.duration_s is None:
        return None
    return span(timedelta(seconds=report.duration_s)) + _mark(estimated=report.duration_estimated)


# (label, the capability without which a vendor cannot tell it, text)
_LINES: tuple[tuple[str, str, Callable[[Report], str | None]], ...] = (
    ("people", "", lambda report: f"{report.people:,}{_mark(estimated=report.people_estimated)}"),
    ("reached", "", lambda report: _part(report.reached, report.people)),
    ("completed", "", _people(ContactStatus.COMPLETED)),
    ("failed", "", _people(ContactStatus.FAILED)),
    ("no answer", "tells_failures", _people(ContactStatus.NO_ANSWER)),
    ("busy", "tells_failures", _people(ContactStatus.BUSY)),
    ("voicemail", "voicemail", _people(ContactStatus.VOICEMAIL)),
    ("out of retries", "", _exhausted),
    ("never dialled", "", _never_dialled),
    ("retries", "retries", lambda report: f"{report.retries:,}"),
    ("calls", "", _calls),
    ("talk time", "", lambda report: span(timedelta(seconds=report.talk_s))),
    ("cost", "cost", _cost),
    ("sentiment", "sentiment", _sentiment),
    ("duration", "", _duration),
)
