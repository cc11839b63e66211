"""What Bland documents besides its lists."""

from collections.abc import Mapping

from monitor.providers.facts import Action, Event, Proof, Scheme, VendorFacts, Webhooks


def _within(name: str, match: Mapping[str, str], proves: Proof) -> Event:
    return Event(name=name, match=match, proves=proves, call_id="call_id")


WEBHOOKS = Webhooks(
    scheme=Scheme.HMAC_SHA256_HEX,
    header="X-Webhook-Signature",
    events=(
        # Events during a call carry a category; the record after a call never does. They come
        # by the dozen, and to ask for a call that still goes on brings nothing that its record
        # does not. An error may be the last that is heard of a call, so it is asked about; so
        # is what looks unlike any that is documented.
        _within("in-call error", {"category": "error"}, Proof.HINT),
        _within("in-call error", {"category": "", "log_level": "error"}, Proof.HINT),
        _within("in-call event", {"category": "", "log_level": ""}, Proof.NOTHING),
        _within("in-call event without a level", {"category": ""}, Proof.HINT),
        Event(
            name="addition to a call",
            match={"event_type": ""},
            proves=Proof.HINT,
            call_id="call_id",
        ),
        Event(
            name="post-call record",
            match={"call_id": ""},
            proves=Proof.CALL,
            call_id="call_id",
            batch_id="batch_id",
        ),
        Event(
            name="batch status",
            match={"batch_id": "", "status": "", "timestamp": ""},
            proves=Proof.BATCH,
            batch_id="batch_id",
        ),
    ),
    register=(
        "as `webhook` and `status_webhook` of the batch when it is created, or as the"
        " organisation's fallback; the signing secret is made in the dashboard"
    ),
    retries="the status of a batch is sent once; records of calls again, how often is not told",
    by_hand=(
        "no API for it is documented; the one that Bland's n8n package uses for the fallback"
        " cannot take an address back, so Offhook leaves it alone"
    ),
    unsigned="the status_webhook of a batch: whether it is signed is not documented",
)

FACTS = VendorFacts(
    documented_at=(
        "https://docs.bland.ai/tutorials/webhook-signing",
        "https://docs.bland.ai/tutorials/post-call-webhooks",
        "https://docs.bland.ai/api-v2/post/batches",
        "https://docs.bland.ai/api-v2/post/batches-id-stop",
    ),
    webhooks=WEBHOOKS,
    actions=(
        Action(
            name="stop",
            path="/v2/batches/{batch_id}/stop",
            older="/v1/batches/{batch_id}/stop",
            note="ends the batch; this cannot be undone, and what becomes of calls under way"
            " is not documented",
            final=True,
        ),
    ),
)
