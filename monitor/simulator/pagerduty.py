"""A service at PagerDuty as its documentation tells of it: events in, incidents by key.

An event is judged by the documented limits and answered with the documented statuses.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
MOST_BYTES = 512 * 1024
_ACTIONS = {"trigger", "acknowledge", "resolve"}
_SEVERITIES = {"critical", "error", "warning", "info"}

Answered = tuple[int, Any, dict[str, str]]


@dataclass
class Incident:
    """What stands under one key."""

    status: str
    severity: str
    summary: str
    details: dict[str, Any]


@dataclass
class Service:
    """Incidents that were opened, changes that were told.

    ``refuse``: keys it does not like. ``lose``: so many events are taken and answered by an
    error all the same. ``seen``: the actions that came.
    """

    incidents: dict[str, Incident] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    refuse: frozenset[str] = frozenset()
    lose: int = 0
    seen: list[str] = field(default_factory=list)

    def answer(self, path: str, body: bytes) -> Answered:
        """Status, body and headers for one request."""
        if len(body) > MOST_BYTES:
            return 413, {"status": "payload too large"}, {}
        try:
            event = json.loads(body)
        except ValueError:
            return 400, {"status": "invalid event", "errors": ["JSON is invalid"]}, {}
        wrong = self.take(path, event)
        if wrong:
            told = {"status": "invalid event", "message": "Event object is invalid"}
            return 400, told | {"errors": wrong}, {}
        self.seen.append(event.get("event_action", "change"))
        if self.lose:
            self.lose -= 1
            return 500, "", {}
        done = {"status": "success", "message": "Event processed"}
        return 202, done | {"dedup_key": event.get("dedup_key", "")}, {}

    def take(self, path: str, event: Any) -> list[str]:
        """What is wrong with an event; nothing when it was taken."""
        if event.get("routing_key") != ROUTING_KEY:
            return ["Length of 'routing_key' is incorrect (should be 32 characters)"]
        if path == "/v2/change/enqueue":
            wrong = _wrong_payload(event, severities=None)
            self.changes += [] if wrong else [event["payload"]["summary"]]
            return wrong
        action, key = event.get("event_action"), event.get("dedup_key")
        if action not in _ACTIONS or not isinstance(key, str) or not 0 < len(key) <= 255:
            return ["'event_action' or 'dedup_key' is invalid"]
        if key in self.refuse:
            return ["'payload' is invalid"]
        wrong = _wrong_payload(event, severities=_SEVERITIES) if action == "trigger" else []
        if not wrong:
            self._apply(action, key, event)
        return wrong

    def _apply(self, action: str, key: str, event: Any) -> None:
        """What acknowledges or resolves nothing is dropped; a trigger may open anew."""
        incident = self.incidents.get(key)
        if action == "trigger":
            payload = event["payload"]
            told = (payload["severity"], payload["summary"], payload.get("custom_details", {}))
            if incident is None:
                self.incidents[key] = Incident("triggered", *told)
                return
            incident.severity, incident.summary, incident.details = told
            incident.status = "triggered" if incident.status == "resolved" else incident.status
        elif incident is not None and incident.status != "resolved":
            incident.status = "acknowledged" if action == "acknowledge" else "resolved"


def _wrong_payload(event: Any, *, severities: set[str] | None) -> list[str]:
    payload = event.get("payload")
    if not isinstance(payload, dict):
        return ["'payload' is missing or blank"]
    wrong = [
        f"'payload.{name}' is missing or blank"
        for name in ("summary", "source")
        if not str(payload.get(name) or "").strip()
    ]
    if len(payload.get("summary") or "") > 1024:
        wrong.append("'payload.summary' is too long")
    if severities is not None and payload.get("severity") not in severities:
        wrong.append("'payload.severity' is invalid (must be one of the following: …)")
    if datetime.fromisoformat(payload["timestamp"]).tzinfo is None:
        wrong.append("'payload.timestamp' is invalid")
    links = event.get("links", [])
    wrong += ["'links' is invalid" for link in links if not re.match(r"https?://", link["href"])]
    return wrong
