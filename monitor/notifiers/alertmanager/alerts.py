"""Messages as Alertmanager's alerts: labels that say which, annotations that say what.

The alert's key is a label, so a late end of one episode can never end the next. What fires
ends by itself unless it is said again: an Offhook that died leaves nothing burning there.

A report has no end of its own, and Alertmanager knows nothing without one. It stands for an
hour, longer than any usual group_wait and shorter than a usual repeat_interval, and has the
label ``report``, by which a route can leave out that it is then called resolved.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from monitor.core.message import Message
from monitor.core.text import clip, one_line
from monitor.notifiers.wording import is_report, links

REPORT_STANDS = timedelta(hours=1)
_VALUE = 300
_TEXT = 4_000

Labels = dict[str, str]


def labels_of(message: Message, *, plain: bool = False) -> Labels:
    """Those of the alert, under names that Alertmanager takes; empty ones mean nothing there.

    ``plain``: only Offhook's own. ``batch_name`` is none of them: a renamed batch would be
    another alert, and the name is in the summary.
    """
    own = {
        "alertname": message.rule,
        "rule": message.rule,
        "severity": message.severity,
        "provider": message.provider,
        "vendor": message.vendor,
        "batch": message.batch,
        "offhook_key": message.key,
        "report": "yes" if is_report(message) else "",
    }
    of_user = {} if plain else {_name(name): value for name, value in message.labels.items()}
    every = {name: _line(value, _VALUE) for name, value in (of_user | own).items()}
    return {name: value for name, value in every.items() if value and name != "batch_name"}


def _name(text: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_]", "_", text)[:100].lstrip("_") or "label"
    return f"label_{name}" if name[0].isdigit() else name


def pushed(
    messages: Iterable[Message],
    *,
    now: datetime,
    lasts: timedelta,
    plain: bool = False,
    standing: Mapping[str, Labels] = MappingProxyType({}),
) -> list[Any]:
    """What to post of these messages; ``standing`` are the labels that each had until now.

    New labels, a higher severity say, are another alert: the one under the old ones ends.
    """
    found = []
    for message in messages:
        labels = labels_of(message, plain=plain)
        before = standing.get(message.key, labels)
        if before != labels:
            found.append(_ended(before, now=now))
        found.append(_alert(message, labels, now=now, lasts=lasts))
    return found


def _alert(message: Message, labels: Labels, *, now: datetime, lasts: timedelta) -> Any:
    """One alert as it is posted; what fires ends at ``now`` and ``lasts``."""
    starts = message.at if is_report(message) else message.fired_at or message.at
    if message.state == "RESOLVED":
        ends = min(message.at, now)
        return _shaped(message, labels, starts=min(starts, ends), ends=ends)
    ends = now + (REPORT_STANDS if is_report(message) else lasts)
    return _shaped(message, labels, starts=min(starts, now), ends=ends)


def _ended(labels: Labels, *, now: datetime) -> Any:
    return {"labels": labels, "startsAt": now.isoformat(), "endsAt": now.isoformat()}


def _shaped(message: Message, labels: Labels, *, starts: datetime, ends: datetime) -> Any:
    shaped = {
        "labels": labels,
        "annotations": _annotations(message),
        "startsAt": starts.isoformat(),
        "endsAt": ends.isoformat(),
    }
    of = dict(links(message))
    return shaped | ({"generatorURL": of["link"]} if "link" in of else {})


def _annotations(message: Message) -> Mapping[str, str]:
    of = dict(links(message))
    told = {
        "summary": message.sentence,
        "description": message.body
        or "; ".join(f"{label}: {text}" for label, text in message.lines),
        "todo": message.todo or "",
        "reason": message.reason,
        "evidence": ", ".join(message.evidence),
        "note": ", ".join(message.marks),
        "acknowledged": message.acknowledged,
        "runbook_url": of.get("runbook", ""),
    }
    lines = {name: _line(text, _TEXT) for name, text in told.items()}
    return {name: text for name, text in lines.items() if text}


def _line(text: str, limit: int) -> str:
    return clip(one_line(text), limit)
