"""What Vogent documents besides its lists."""

from monitor.providers.facts import Action, Event, Proof, Scheme, VendorFacts, Webhooks

_DIAL = "payload.dial_id"


def _event(name: str, proves: Proof, status: str | None = None) -> Event:
    return Event(name=name, match={"event": name}, proves=proves, call_id=_DIAL, status=status)


WEBHOOKS = Webhooks(
    scheme=Scheme.HMAC_SHA256_HEX,
    # The vendor's former name.
    header="X-Elto-Signature",
    # No event names a job, has an id or a time of its own.
    events=(
        _event("dial.updated", Proof.CALL_STATUS, status="payload.status"),
        _event("dial.created", Proof.HINT),
        _event("dial.extractor", Proof.HINT),
        _event("dial.recording_created", Proof.NOTHING),
        _event("dial.transcript", Proof.NOTHING),
        # Somebody calls in: no job has to do with it.
        _event("dial.inbound", Proof.NOTHING),
    ),
    register="in the dashboard under API, one URL and one signing secret a workspace",
    retries="not documented",
)

FACTS = VendorFacts(
    documented_at=(
        "https://docs.vogent.ai/api-reference/introduction",
        "https://docs.vogent.ai/platform-overview/api-settings",
        "https://docs.vogent.ai/platform-overview/batch-dial-jobs",
        "https://docs.vogent.ai/developers/webhooks/create-dial",
        "https://docs.vogent.ai/developers/dial-statuses",
    ),
    dashboard="https://app.vogent.ai",
    webhooks=WEBHOOKS,
    actions=(
        Action(
            name="pause",
            path="/batch_dial_jobs/{batch_id}/paused",
            body={"paused": True},
            note="nobody else is dialled; what becomes of calls under way is not documented",
        ),
        Action(
            name="resume",
            path="/batch_dial_jobs/{batch_id}/paused",
            body={"paused": False},
            note="dialling goes on, and begins where the job was never started",
        ),
    ),
)
