"""What Graine documents besides its lists."""

from monitor.providers.facts import Action, VendorFacts

FACTS = VendorFacts(
    documented_at=(
        "https://graine.mintlify.app/api-reference/batches/lifecycle",
        "https://graine.mintlify.app/api-reference/batches/overview",
    ),
    # No webhook about batches or people is documented; the telephony hook names neither.
    webhooks=None,
    actions=(
        Action(
            name="pause",
            path="/batches/{batch_id}/pause",
            note="calls under way finish; retries that are scheduled are kept",
        ),
        Action(name="resume", path="/batches/{batch_id}/resume", note="dialling goes on"),
        Action(
            name="stop",
            path="/batches/{batch_id}/cancel",
            note="people who wait are skipped; this cannot be undone",
            final=True,
        ),
    ),
)
