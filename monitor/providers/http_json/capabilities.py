"""What can be told with the fields that the configuration names."""

from dataclasses import replace
from typing import Any

from monitor.core.model import Capabilities
from monitor.core.words import AnsweredBy, CallStatus, ContactStatus
from monitor.providers.http_json.settings import HttpJsonSettings

_LIVE_PEOPLE = frozenset({ContactStatus.DISPATCHED, ContactStatus.IN_CALL})
_LIVE_CALLS = frozenset({CallStatus.RINGING, CallStatus.IN_PROGRESS})


def capabilities_of(settings: HttpJsonSettings) -> Capabilities:
    """Nothing is claimed that no path of the configuration leads to."""
    contact, call = settings.fields.contact, settings.fields.call
    counts = settings.fields.batch.counts
    found: dict[str, Any] = {
        "discovery": settings.listing is not None,
        "counts": bool(counts.model_fields_set),
        "contacts": True,
        "calls": call.id is not None,
        "retries": contact.attempts is not None or contact.next_retry_at is not None,
        "cost": call.cost is not None,
        "priced": call.cost is not None or (settings.rates is not None and _sees_times(settings)),
        "numbers": contact.phone is not None,
        "call_times": call.started_at is not None,
        "in_flight": counts.live is not None or _sees_live(settings),
        "sentiment": call.sentiment is not None,
        "voicemail": _sees_voicemail(settings),
        "transfers": call.transferred is not None,
        "tells_failures": settings.tells_failures,
    }
    blind = [text for name, text in _BLIND.items() if not found[name]]
    if not found["cost"]:
        blind.append(_COST + _ESTIMATE if _sees_times(settings) else _COST)
    return replace(
        Capabilities(trusted=settings.counted, blind_to=(*blind, "calling hours")), **found
    )


_BLIND = {
    "discovery": "batches that are not named in batches",
    "counts": "how many calls a batch has",
    "calls": "single calls",
    "in_flight": "calls in progress",
    "retries": "retries",
    "call_times": "when a call was made",
    "voicemail": "voicemail",
    "tells_failures": "which calls failed and which were not answered",
    "sentiment": "sentiment",
    "numbers": "phone numbers",
}

_COST = "what calls cost"
_ESTIMATE = " (rates in the configuration give an estimate)"


def _sees_times(settings: HttpJsonSettings) -> bool:
    """Whether anything tells when a call was: without that, no rate is reckoned with."""
    call = settings.fields.call
    return any((call.created_at, call.ended_at, call.started_at and call.duration))


def _sees_live(settings: HttpJsonSettings) -> bool:
    people = set(settings.words.contact.values()) if settings.fields.contact.status else set()
    calls = set(settings.words.call.values()) if settings.fields.call.id else set()
    return bool(people & _LIVE_PEOPLE or calls & _LIVE_CALLS)


def _sees_voicemail(settings: HttpJsonSettings) -> bool:
    answered = settings.fields.call.answered_by is not None
    by_call = answered and AnsweredBy.VOICEMAIL in settings.words.answered_by.values()
    people = settings.words.contact.values() if settings.fields.contact.status else ()
    return by_call or ContactStatus.VOICEMAIL in people
