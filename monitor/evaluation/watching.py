"""The first message of an installation: what is watched, what cannot be seen, what to expect."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.facts import Trouble
from monitor.core.identity import alert_key, fingerprint
from monitor.core.rule import SubjectKind
from monitor.core.wording import counted, people_text, span
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.replay import Replayed
from monitor.store import alerts, batches, providers, settings
from monitor.store.batches import BatchRow
from monitor.store.coding import decode, encode

RULE = "self_watching"
SUBJECT = "watching"
# A provider that cannot be read keeps the others' news back for no longer.
PATIENCE = timedelta(minutes=5)
_SHOWN = 8  # so many providers have a line of their own
_ESTIMATE = "estimate"  # among the settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How many messages batches of the past would have made, as a backfill found it."""

    since: datetime
    until: datetime
    batches: int
    messages: Mapping[str, int] = field(default_factory=dict)

    @property
    def period(self) -> str:
        """For people: "last 14 days"."""
        return period(self.until - self.since)

    @property
    def total(self) -> int:
        """All messages."""
        return sum(self.messages.values())


def keep_estimate(conn: Connection, replayed: Replayed, until: datetime) -> Estimate:
    """Remember it for the first message, in the place of an older one."""
    estimate = Estimate(
        since=replayed.since,
        until=until,
        batches=replayed.batches,
        messages=dict(replayed.messages),
    )
    settings.save(conn, _ESTIMATE, encode(estimate))
    return estimate


def period(length: timedelta) -> str:
    """For people: "last 14 days", "last 1 d 12 h"."""
    days, rest = divmod(length, timedelta(days=1))
    if days and not rest:
        return "last day" if days == 1 else f"last {days:,} days"
    return f"last {span(length)}"


def by_rule(messages: Mapping[str, int]) -> str:
    """For people, the most frequent first: "6 batch_completed, 2 error_spike"."""
    ranked = sorted(messages.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{n:,} {name}" for name, n in ranked)


def first_message(conn: Connection, context: Context, now: datetime) -> Trouble | None:
    """What to say; None while too little is known, and once it has been said."""
    if not context.providers or _is_told(conn, context):
        return None
    patient = now - context.started_at < PATIENCE
    known = [_Known.load(conn, view) for view in context.providers.values()]
    if patient and not all(each.counted for each in known):
        return None
    text = settings.load(conn, _ESTIMATE)
    estimate = decode(Estimate, text) if text else None
    return Trouble(
        rule=RULE,
        subject=SUBJECT,
        since=now,
        summary=_sentence(known, estimate),
        details=(*_history(estimate), *_lines(known), *_blind(context)),
        todo=None if estimate else "See what the last days would have told: offhook backfill.",
    )


def _is_told(conn: Connection, context: Context) -> bool:
    """Whether every rule instance that would say it has; so also where there is none."""
    names = [each.name for each in context.instances if each.settings.rule.id == RULE]
    subject = f"{SubjectKind.SYSTEM}:{SUBJECT}"
    keys = [alert_key(fingerprint("", name, subject), 1) for name in names]
    return all(alerts.load_key(conn, key) is not None for key in keys)


@dataclass(frozen=True, slots=True)
class _Known:
    """One provider with its open batches."""

    view: ProviderView
    row: providers.ProviderRow
    open: Sequence[BatchRow]

    @classmethod
    def load(cls, conn: Connection, view: ProviderView) -> "_Known":
        row = providers.load(conn, view.name, view.vendor)
        return cls(view, row, [row for row in batches.load_open(conn, view.name) if not row.ended])

    @property
    def counted(self) -> bool:
        """Its lists were read, and of each batch it is known how many people it has."""
        return self.row.baseline_at is not None and all(
            each.look.counts.total is not None or each.listed_at is not None for each in self.open
        )

    @property
    def people(self) -> int:
        return sum(each.people for each in self.open)

    @property
    def text(self) -> str:
        if self.row.baseline_at is None:
            why = self.row.failure
            return f"not read yet: {why.text}" if why else "not read yet"
        return open_batches(len(self.open), self.people)


def open_batches(open_: int, people: int) -> str:
    """For people: "2 open batches, 1,300 people"."""
    if not open_:
        return "no open batch"
    return f"{counted(open_, 'open batch', 'open batches')}, {people_text(people)}"


def _sentence(known: Sequence[_Known], estimate: Estimate | None) -> str:
    open_, people = sum(len(each.open) for each in known), sum(each.people for each in known)
    names = [each.view.name for each in known[:_SHOWN]]
    if len(known) > _SHOWN:
        names.append(f"{len(known) - _SHOWN} more")
    text = f"watching {', '.join(names)}: {open_batches(open_, people)}"
    if estimate is None:
        return text
    told = counted(estimate.total, "message") if estimate.total else "no message"
    return f"{text}; the {estimate.period} would have made {told}"


def _history(estimate: Estimate | None) -> tuple[tuple[str, str], ...]:
    if estimate is None:
        return ()
    found = by_rule(estimate.messages) or "nothing to tell"
    ended = counted(estimate.batches, "ended batch", "ended batches")
    return ((estimate.period, f"{found} (from {ended})"),)


def _lines(known: Sequence[_Known]) -> tuple[tuple[str, str], ...]:
    lines = [(f"{each.view.name} ({each.view.vendor})", each.text) for each in known[:_SHOWN]]
    others = known[_SHOWN:]
    if others:
        open_, people = sum(len(each.open) for each in others), sum(each.people for each in others)
        lines.append((f"{len(others)} more providers", open_batches(open_, people)))
    return tuple(lines)


def _blind(context: Context) -> Iterator[tuple[str, str]]:
    """What each vendor cannot tell, so that silence about it never looks like health.

    What stands in brackets explains more than fits here; ``offhook status`` shows all of it.
    """
    blind: dict[str, dict[str, None]] = {}
    for view in context.providers.values():
        # A vendor that the configuration describes has no name but the provider's.
        vendor = view.name if "_" in view.vendor else view.vendor.title()
        blind.setdefault(vendor, {}).update(dict.fromkeys(view.capabilities.blind_to))
    for vendor, what in blind.items():
        label, line = f"cannot see at {vendor}", ""
        for each in what:
            short = _BRACKETS.sub("", each)
            if line and len(line) + len(short) > _WIDE:
                yield label, line
                line = ""
            line = f"{line}; {short}" if line else short
        if line:
            yield label, line


_BRACKETS = re.compile(r" \([^()]*\)")
# A channel cuts a line that is much longer.
_WIDE = 150
