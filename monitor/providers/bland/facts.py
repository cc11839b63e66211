"""What Bland documents besides its lists."""

from monitor.providers.facts import Action, Event, Proof, Scheme, VendorFacts, Webhooks

WEBHOOKS = Webhooks(
    scheme=Scheme.HMAC_SHA256_HEX,
    header="X-Webhook-Signature",
    events=(
        # Events during a call carry a category; the record after a call never does.
        Event(name="in-call event", match={"category": ""}, proves=Proof.HINT, call_id="call_id"),
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
)

FACTS = VendorFacts(
    documented_at=(
        "https://docs.bland.ai/tutorials/webhook-signing",
        "https://docs.bland.ai/tutorials/post-call-webhooks",
        "https://docs.bland.ai/api-v2/post/batches",
    ),
    webhooks=WEBHOOKS,
    actions=(
        Action(
            name="stop",
            path="/v2/batches/{batch_id}/stop",
            note="ends the batch; this cannot be undone",
            final=True,
        ),
    ),
)
