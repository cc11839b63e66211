"""What a webhook carries, version 1. A field may be added within a version; none changes.

::

    {
      "version": 1,
      "type": "alerts",
      "timestamp": "2026-05-10T12:00:00+00:00",   newest moment told, ISO 8601 with zone
      "delivery": "…",         this delivery; the header webhook-id, the same in a repeat
      "conversation": "…",     the delivery that began this conversation
      "group": 12,             for: offhook alerts --group 12; 0 when there is none
      "total": 3,              alerts in the conversation, never fewer than messages
      "possible_repeat": false,  an earlier copy of this delivery may have been taken
      "messages": [            one or more, each one alert at one moment
        {
          "key": "…",          the alert's key: the same from firing to resolved
          "state": "FIRING",   FIRING, RESOLVED or INFO
          "severity": "critical",  critical, warning or info
          "rule": "…",         the rule as configured; "rule_id" is its kind
          "provider": "…", "vendor": "…", "batch": "…", "title": "…",  "" when there is none
          "sentence": "…",     what is wrong, for people
          "reason": "…",       why it is in this state; only "recovered" says that all is well
          "at": "…", "fired_at": "…" or null, "zone": "Europe/Berlin",
          "episode": 1, "repeat": 0,
          "lines": [{"label": "…", "text": "…"}],
          "body": "…",         in the words of a template, "" without one
          "todo": "…" or null, "evidence": ["…"], "marks": ["…"],
          "link": "…" or null, "runbook_url": "…" or null,
          "acknowledged": "…", who did, and when; "" when nobody
          "labels": {"…": "…"}
        }
      ]
    }

When the receiver refuses a body (400, 413, 422), the delivery is sent once more without
"lines", "body", "todo", "evidence", "marks" and "labels".
"""

import json
from typing import Any

from monitor.core.message import Message
from monitor.notifiers import Envelope

VERSION = 1


def payload(envelope: Envelope) -> bytes:
    """The body, as UTF-8 JSON; the same envelope makes the same bytes."""
    messages = envelope.messages
    content = {
        "version": VERSION,
        "type": "alerts",
        "timestamp": max(each.at for each in messages).isoformat(),
        "delivery": envelope.key,
        "conversation": envelope.first_key,
        "group": envelope.group,
        "total": max(envelope.total, len(messages)),
        "possible_repeat": envelope.possible_repeat,
        "messages": [_message(each, plain=envelope.plain) for each in messages],
    }
    # ASCII: a lone surrogate of somebody's broken text must not stop an alert.
    return json.dumps(content, separators=(",", ":")).encode()


def _message(message: Message, *, plain: bool) -> dict[str, Any]:
    brief: dict[str, Any] = {
        "key": message.key,
        "state": message.state,
        "severity": message.severity,
        "rule": message.rule,
        "rule_id": message.rule_id,
        "provider": message.provider,
        "vendor": message.vendor,
        "batch": message.batch,
        "title": message.title,
        "sentence": message.sentence,
        "reason": message.reason,
        "at": message.at.isoformat(),
        "fired_at": message.fired_at.isoformat() if message.fired_at else None,
        "zone": message.zone,
        "episode": message.episode,
        "repeat": message.repeat,
        "acknowledged": message.acknowledged,
        "link": message.link,
        "runbook_url": message.runbook_url,
    }
    if plain:
        return brief
    return brief | {
        "lines": [{"label": label, "text": text} for label, text in message.lines],
        "body": message.body,
        "todo": message.todo,
        "evidence": list(message.evidence),
        "marks": list(message.marks),
        "labels": dict(message.labels),
    }
