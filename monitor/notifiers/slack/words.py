"""What Slack's error words mean for a message: gone for good, later, or who knows."""

import re
from collections.abc import Mapping

from monitor.errors import DeliveryError, Sent
from monitor.http import HttpError

# The message was not posted, and another rendering may be.
_SIMPLER = frozenset(
    {
        "block_mismatch",
        "invalid_arguments",
        "invalid_array_arg",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_json",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "invalid_payload",
        "json_not_object",
        "markdown_text_conflict",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
    }
)
# Nothing will be posted until somebody changes the channel, the app or the configuration.
_FOR_GOOD = frozenset(
    {
        "access_denied",
        "account_inactive",
        "action_prohibited",
        "channel_is_archived",
        "channel_not_found",
        "deprecated_endpoint",
        "duplicate_channel_not_found",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "external_channel_migrating",
        "invalid_auth",
        "invalid_token",
        "is_archived",
        "is_inactive",
        "messages_tab_disabled",
        "method_deprecated",
        "missing_scope",
        "no_active_hooks",
        "no_permission",
        "no_service",
        "no_service_id",
        "no_team",
        "not_allowed_token_type",
        "not_authed",
        "not_in_channel",
        "org_login_required",
        "posting_to_general_channel_denied",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "slack_connect_canvas_sharing_blocked",
        "team_access_not_granted",
        "team_disabled",
        "team_not_found",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
        "user_not_found",
    }
)
# What was to be changed or answered is not there any more, or not ours to change.
_GONE = frozenset(
    {
        "cannot_reply_to_message",
        "cant_update_message",
        "edit_window_closed",
        "message_not_found",
        "thread_not_found",
    }
)
_LATER = frozenset(
    {
        "accesslimited",
        "message_limit_exceeded",
        "rate_limited",
        "ratelimited",
        "request_timeout",  # the request reached Slack in pieces
        "service_unavailable",
        "team_added_to_org",
        "update_failed",
    }
)
# Slack's own text says that part of it may have been done.
_WHO_KNOWS = frozenset({"fatal_error", "internal_error", "rollup_error"})

_HINTS = {
    "channel_not_found": "the channel does not exist, or the app was not invited to it",
    "not_in_channel": "invite the app to the channel",
    "missing_scope": "the app lacks a scope; see the documentation of the Slack receiver",
    "invalid_auth": "the token is not accepted; make a new one",
    "token_revoked": "the token was revoked; make a new one",
    "account_inactive": "the token's account was closed; make a new one",
    "no_service": "the webhook was removed; make a new one",
    "invalid_token": "the webhook is not accepted; make a new one",
    "is_archived": "the channel is archived; choose another",
    "channel_is_archived": "the channel is archived; choose another",
}


def refusal(word: str, *, status: int, retry_after: float | None = None) -> DeliveryError:
    """What an answer of Slack's that is not a yes means."""
    if status == 429 or word in _LATER:
        certainty = Sent.RETRY
    elif word in _SIMPLER or word in _FOR_GOOD or word in _GONE:
        certainty = Sent.REFUSED
    elif status >= 500 or word in _WHO_KNOWS:
        certainty = Sent.AMBIGUOUS
    else:
        certainty = _by_status(status)
    return DeliveryError(
        certainty,
        word,
        f"Slack answered {_HINTS.get(word, word)} (HTTP {status})",
        retry_after=retry_after,
        simpler=word in _SIMPLER or (status == 400 and word not in _FOR_GOOD | _GONE),
        gone=word in _GONE,
    )


def _by_status(status: int) -> Sent:
    """A word that nobody has seen: a 4xx or a redirect is a no, anything else may pass."""
    return Sent.REFUSED if 300 <= status < 500 else Sent.RETRY


def word_of(text: str) -> str:
    """An error word as Slack writes them; a page or a sentence is none."""
    word = text.strip()
    return word if re.fullmatch(r"[a-z][a-z0-9_]{1,60}", word) else "no_word"


def unanswered(error: HttpError) -> DeliveryError:
    """No answer came: whether the request may have left decides."""
    certainty = Sent.AMBIGUOUS if error.sent else Sent.NOT_SENT
    return DeliveryError(certainty, error.kind, f"Slack: {error.text}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that Slack asks to wait."""
    text = headers.get("retry-after", "")
    return float(text) if re.fullmatch(r"\d{1,6}(\.\d+)?", text) else None
