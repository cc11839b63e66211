"""Webhooks that Offhook sends to itself, to try the way from the vendor's side.

They name a batch or call that cannot exist, by a prefix that is kept for them: what carries it
is taken in like any other, and is over with that. Nobody is asked about it or told of it.
"""

import json
from typing import Any

from monitor.providers.facts import Event, Proof, Webhooks

PREFIX = "offhook-test-"

# Of these an event needs no more than an id.
_LIGHT = frozenset({Proof.HINT, Proof.CALL_STATUS})


def is_rehearsal(*ids: str | None) -> bool:
    """Whether one of these ids is of a webhook that Offhook sent to itself."""
    return any(each is not None and each.startswith(PREFIX) for each in ids)


def rehearsal(webhooks: Webhooks | None, subject: str) -> bytes:
    """The body of a webhook as the vendor would send it, about this batch or call.

    ``subject`` begins with the prefix. Where no payload is documented, it is a batch's id alone.
    """
    parts: dict[str, Any] = {}
    event = _event(webhooks)
    if event is None:
        parts["batch_id"] = subject
    else:
        for name, value in event.match.items():
            _put(parts, name, value or "offhook-test")
        if event.status is not None:
            _put(parts, event.status, "completed")
        for path in (event.batch_id, event.call_id):
            if path is not None:
                _put(parts, path, subject)
    return json.dumps(parts).encode()


def _event(webhooks: Webhooks | None) -> Event | None:
    """The first kind that needs no more than an id, and has one."""
    events = () if webhooks is None else webhooks.events
    fitting = (each for each in events if each.proves in _LIGHT and (each.batch_id or each.call_id))
    return next(fitting, None)


def _put(parts: dict[str, Any], path: str, value: str) -> None:
    first, _, rest = path.partition(".")
    if rest:
        _put(parts.setdefault(first, {}), rest, value)
    else:
        parts[first] = value
