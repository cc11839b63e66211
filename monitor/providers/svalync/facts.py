"""What Svalync documents besides the node's result."""

from monitor.providers.facts import Event, Proof, Scheme, VendorFacts, Webhooks

# Only the names of the events are documented, not what their payloads hold: whatever comes
# says that something moved, and nothing more.
_EVENTS = (
    "batch.started",
    "batch.call_completed",
    "batch.call_failed",
    "batch.completed",
    "batch.failed",
    "call.queued",
    "call.initiated",
    "call.ringing",
    "call.connected",
    "call.in_progress",
    "call.completed",
    "call.failed",
)

FACTS = VendorFacts(
    documented_at=(
        "https://docs.svalync.com/nodes/voice-ai/get-batch-call-details",
        "https://docs.svalync.com/nodes/voice-ai/batch-calls",
        "https://docs.svalync.com/feature/voice-ai/send-call",
    ),
    webhooks=Webhooks(
        scheme=Scheme.SECRET_PATH,
        events=tuple(Event(name=name, match={}, proves=Proof.HINT) for name in _EVENTS),
        register="as the callback URL of the workflow's batch or call node",
        retries="not told",
    ),
)
