"""Messages as events of PagerDuty's: one an alert, inside its limits whatever the text.

The alert's key is the ``dedup_key``, so what belongs to one episode meets in one incident,
and an event that comes twice changes nothing.

A report of something good is a change event: it shows beside the service's incidents and
opens none. An incident, even one of severity "info", would call somebody to hear that a
batch is done. A report of something bad opens an incident, and only people end that. What
was over before it could be told is a change event as well: it is known, and calls nobody.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from monitor.core.compose import UNTOLD
from monitor.core.message import Message
from monitor.core.text import clip, one_line
from monitor.notifiers import Envelope
from monitor.notifiers.wording import links, pressed

SUMMARY = 1024
ALERTS, CHANGES = "/v2/enqueue", "/v2/change/enqueue"
_SHORT = 255
_DETAIL = 500
_DETAILS = 40
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
    for message in envelope.messages:
        if (message.state, message.severity) == ("INFO", "info"):
            yield Event(CHANGES, _change(message, envelope, routing_key))
            continue
        if message.state == "RESOLVED":
            if UNTOLD in message.marks:
                yield Event(CHANGES, _change(message, envelope, routing_key))
            yield Event(ALERTS, _bare("resolve", message, routing_key))
            continue
        yield Event(ALERTS, _trigger(message, envelope, routing_key))
        if message.acknowledged:
            # After the trigger, which opens what may not be there: it is the same twice.
            yield Event(ALERTS, _bare("acknowledge", message, routing_key))


def _bare(action: str, message: Message, routing_key: str) -> dict[str, Any]:
    return {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": clip(message.key, _SHORT),
    }


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
    return _bare("trigger", message, routing_key) | {
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
    if pressed(envelope):
        found["more"] = pressed(envelope)
    found |= {"rule": _line(message.rule, _SHORT), "batch": _line(message.batch, _SHORT)}
    return found | {"key": _line(message.key, _SHORT)}


def _links(message: Message) -> list[dict[str, str]]:
    return [{"href": url, "text": name} for name, url in links(message)]


def _line(text: str, limit: int) -> str:
    return clip(one_line(text), limit) or "-"
