"""An Alertmanager as its API v2 is described: alerts by their labels, until they end."""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from monitor.clock import Clock, SystemClock

VERSION = "0.0.0-simulated"
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

Labels = frozenset[tuple[str, str]]


@dataclass
class Peer:
    """What stands there; ``down`` answers nothing but 503."""

    clock: Clock = field(default_factory=SystemClock)
    alerts: dict[Labels, dict[str, Any]] = field(default_factory=dict)
    down: bool = False

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Status and content for one request."""
        if self.down:
            return 503, "down"
        match method, path:
            case "GET", "/api/v2/status":
                return 200, {"versionInfo": {"version": VERSION}}
            case "GET", "/api/v2/alerts":
                return 200, self.active()
            case "POST", "/api/v2/alerts":
                return self._post(body)
            case _:
                return 404, "not found"

    def active(self) -> list[dict[str, Any]]:
        """What has not ended."""
        now = self.clock.now()
        return [
            alert for alert in self.alerts.values() if datetime.fromisoformat(alert["endsAt"]) > now
        ]

    def _post(self, body: bytes) -> tuple[int, Any]:
        """The good ones are kept also when others are not."""
        wrong = []
        for alert in json.loads(body):
            labels = {name: value for name, value in alert["labels"].items() if value}
            problem = _problem(alert, labels)
            if problem:
                wrong.append(problem)
            else:
                self._keep(frozenset(labels.items()), alert | {"labels": labels})
        return (400, "; ".join(wrong)) if wrong else (200, "")

    def _keep(self, labels: Labels, alert: dict[str, Any]) -> None:
        before = self.alerts.get(labels)
        if before is not None and before["endsAt"] > alert["startsAt"]:
            alert["startsAt"] = min(before["startsAt"], alert["startsAt"])
        self.alerts[labels] = alert


def _problem(alert: dict[str, Any], labels: dict[str, str]) -> str:
    starts, ends = (datetime.fromisoformat(alert[name]) for name in ("startsAt", "endsAt"))
    texts = [*alert["labels"].values(), *alert.get("annotations", {}).values()]
    if not labels:
        return "at least one label pair required"
    if not all(_NAME.fullmatch(name) for name in (*labels, *alert.get("annotations", {}))):
        return "invalid label set: invalid name"
    if not all(isinstance(text, str) for text in texts):
        return "invalid label set: invalid value"
    if starts.tzinfo is None or ends < starts:
        return "start time must be before end time"
    return ""
