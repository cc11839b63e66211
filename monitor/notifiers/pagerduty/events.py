"""Messages as events of PagerDuty's: one an alert, inside its limits whatever the text.

The alert's key is the ``dedup_key``, so what belongs to one episode meets in one incident,
and an event that comes twice changes nothing.

A report of something good is a change event: it shows beside the service's incidents and
opens none. An incident, even one of severity "info", would call somebody to hear that a
batch is done. A report of something bad opens an incident, and only people end that. What
was over before it could be told is a change event as well: it is known, and calls nobody.

What stands as one (a storm, all but the first of a large group) is one incident of each
severity, so that a critical alert that joins calls people though a warning did before. It
ends when none of that severity fires any more. Reports are an incident of their own there.
Who acknowledges one of many there has not acknowledged the others, so nothing says so.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitor.core.alert import Reason
from monitor.core.compose import UNTOLD
from monitor.core.message import Message
from monitor.core.rule import Severity
from monitor.core.text import clip, one_line
from monitor.notifiers import Envelope
from monitor.notifiers.wording import is_report, links, pressed

SUMMARY = 1024
ALERTS, CHANGES = "/v2/enqueue", "/v2/change/enqueue"
_SHORT = 255
_DETAIL = 500
_DETAILS = 40
_RULES = 5
_WORSE = Reason.ESCALATED.words
_CLIENT = "Offhook"


@dataclass(frozen=True, slots=True)
class Event:
    """What to post, and to which path below the API's address."""

    path: str
    body: dict[str, Any]

    @property
    def repeatable(self) -> bool:
        """Whether PagerDuty itself sees that it came before."""
        return self.path == ALERTS


def events(envelope: Envelope, routing_key: str) -> Iterator[Event]:
    """All that is to be told, in order."""
    among: dict[str, list[Message]] = {}
    for message in envelope.messages:
        if (crowd := envelope.crowds.get(message.key)) is not None:
            among.setdefault(crowd.key, []).append(message)
            continue
        yield from _of_one(message, envelope, routing_key)
    for messages in among.values():
        yield from _of_crowd(messages, envelope, routing_key)


def _of_one(message: Message, envelope: Envelope, routing_key: str) -> Iterator[Event]:
    if (message.state, message.severity) == ("INFO", "info"):
        yield Event(CHANGES, _change(message, envelope, routing_key))
    elif message.state == "RESOLVED":
        if UNTOLD in message.marks:
            yield Event(CHANGES, _change(message, envelope, routing_key))
        yield Event(ALERTS, _bare("resolve", message.key, routing_key))
    else:
        yield Event(ALERTS, _trigger(message, envelope, routing_key))
        if message.acknowledged:
            # After the trigger, which opens what may not be there: it is the same twice.
            yield Event(ALERTS, _bare("acknowledge", message.key, routing_key))


def _of_crowd(messages: Sequence[Message], envelope: Envelope, routing_key: str) -> Iterator[Event]:
    """What became of many at once: one event of each kind at most, and severity."""
    crowd = envelope.crowds[messages[0].key]
    firing = [each for each in messages if each.state == "FIRING" and not is_report(each)]
    reports = [each for each in messages if each.state == "FIRING" and is_report(each)]
    ends = any(each.state == "RESOLVED" or each.reason == _WORSE for each in messages)
    known = [each for each in messages if each.state == "INFO" or UNTOLD in each.marks]
    for severity in Severity:
        key = f"{crowd.key}-{severity}"
        new = [each for each in firing if each.severity == severity and not each.acknowledged]
        if new:
            said = _together(new, max(crowd.firing.get(severity, 0), len(new)), "fire")
            yield Event(ALERTS, _trigger(said, envelope, routing_key) | {"dedup_key": key})
        elif ends and not crowd.firing.get(severity):
            yield Event(ALERTS, _bare("resolve", key, routing_key))
        if bad := [each for each in reports if each.severity == severity]:
            said = _together(bad, len(bad), "are reported")
            event = _trigger(said, envelope, routing_key)
            yield Event(ALERTS, event | {"dedup_key": f"{key}-reports"})
    if known:
        said = _together(known, len(known), "are over or done")
        yield Event(CHANGES, _change(said, envelope, routing_key))


def _together(messages: Sequence[Message], n: int, what: str) -> Message:
    """The first of them, the heaviest, which speaks for all."""
    first = messages[0]
    if n == 1:
        return first
    rules = Counter(each.rule for each in messages)
    told = ", ".join(f"{rule} {times:,}" for rule, times in rules.most_common(_RULES))
    sentence = f"{n:,} alerts {what}, such as: {first.sentence}"
    return replace(first, sentence=sentence, lines=(("told now", told), *first.lines))


def _bare(action: str, key: str, routing_key: str) -> dict[str, Any]:
    return {"routing_key": routing_key, "event_action": action, "dedup_key": clip(key, _SHORT)}


def _trigger(message: Message, envelope: Envelope, routing_key: str) -> dict[str, Any]:
    severity = message.severity if message.severity in {"critical", "warning"} else "info"
    payload = {
        "summary": _line(message.sentence, SUMMARY),
        "source": _source(message),
        "severity": severity,
        "timestamp": (message.fired_at or message.at).isoformat(),
        "component": _line(message.title or message.batch, _SHORT),
        "group": _line(message.provider, _SHORT),
        "class": _line(message.rule, _SHORT),
        "custom_details": _details(message, envelope),
    }
    return _bare("trigger", message.key, routing_key) | {
        "payload": payload,
        "client": _CLIENT,
        "links": _links(message),
    }


def _change(message: Message, envelope: Envelope, routing_key: str) -> dict[str, Any]:
    repeat = "possible repeat: " if envelope.possible_repeat else ""
    return {
        "routing_key": routing_key,
        "payload": {
            "summary": _line(repeat + message.sentence, SUMMARY),
            "source": _source(message),
            "timestamp": message.at.isoformat(),
            "custom_details": _details(message, envelope),
        },
        "links": _links(message),
    }


def _source(message: Message) -> str:
    return _line(message.provider or "offhook", _SHORT)


def _details(message: Message, envelope: Envelope) -> dict[str, str]:
    """The rest of the message, by label; after a refusal only what finds it again."""
    found: dict[str, str] = {}
    if not envelope.plain:
        found |= {"message": _line(message.body, _DETAIL)} if message.body else {}
        found |= {_line(label, 80): _line(text, _DETAIL) for label, text in message.lines}
        found |= {"what to do": _line(message.todo, _DETAIL)} if message.todo else {}
        found |= {"see": _line(", ".join(message.evidence), _DETAIL)} if message.evidence else {}
        found |= {"note": _line(", ".join(message.marks), _DETAIL)} if message.marks else {}
        found = dict(list(found.items())[:_DETAILS])
    if more := _more(message, envelope):
        found["more"] = more
    found |= {"rule": _line(message.rule, _SHORT), "batch": _line(message.batch, _SHORT)}
    return found | {"key": _line(message.key, _SHORT)}


def _more(message: Message, envelope: Envelope) -> str:
    crowd = envelope.crowds.get(message.key)
    return pressed(envelope) if crowd is None else f"offhook alerts --group {crowd.group} lists all"


def _links(message: Message) -> list[dict[str, str]]:
    return [{"href": url, "text": name} for name, url in links(message)]


def _line(text: str, limit: int) -> str:
    return clip(one_line(text), limit) or "-"
