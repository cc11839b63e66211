"""What Slack's error words mean for a message: gone for good, later, or who knows."""

import re
from collections.abc import Mapping

from monitor.errors import DeliveryError, HttpError, Sent

# The message was not posted, and another rendering may be.
_SIMPLER = frozenset(
    {
        "attachment_payload_limit_exceeded",
        "block_mismatch",
        "invalid_arg_name",
        "invalid_arguments",
        "invalid_array_arg",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_charset",
        "invalid_form_data",
        "invalid_json",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "invalid_payload",
        "invalid_post_type",
        "invalidarguments",
        "json_not_object",
        "markdown_text_conflict",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
        "missing_args",
        "missing_argument",
        "missing_post_type",
        "missing_text_or_fallback_or_attachments",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
        "too_many_contact_cards",
    }
)
# Nothing will be posted until somebody changes the channel, the app or the configuration.
_FOR_GOOD = frozenset(
    {
        "access_denied",
        "account_inactive",
        "action_prohibited",
        "app_access_restricted",
        "as_user_not_supported",
        "channel_is_archived",
        "channel_is_limited_access",
        "channel_not_found",
        "channel_type_not_supported",
        "channels_limit_exceeded",
        "compliance_exports_prevent_deletion",
        "deprecated_endpoint",
        "duplicate_channel_not_found",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "external_channel_migrating",
        "forbidden_team",
        "insecure_request",
        "invalid_auth",
        "invalid_channel",
        "invalid_token",
        "is_archived",
        "is_bot",
        "is_inactive",
        "messages_tab_disabled",
        "method_deprecated",
        "method_not_supported_for_channel_type",
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
        "posting_to_channel_denied",
        "posting_to_general_channel_denied",
        "proxy_auth_required",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "send_on_behalf_not_allowed",
        "slack_connect_canvas_sharing_blocked",
        "slack_connect_file_link_sharing_blocked",
        "slack_connect_lists_sharing_blocked",
        "team_access_not_granted",
        "team_disabled",
        "team_not_found",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
        "unknown_method",
        "upgrade_required",
        "user_not_found",
        "user_not_in_channel",
    }
)
# What was to be changed or answered is not there any more, or not ours to change.
_GONE = frozenset(
    {
        "cannot_reply_to_message",
        "cant_broadcast_message",
        "cant_delete_message",
        "cant_update_message",
        "edit_window_closed",
        "message_not_found",
        "no_dual_broadcast_content_update",
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
        "streaming_state_conflict",
        "team_added_to_org",
        "update_failed",
    }
)
# Slack's own text says that part of it may have been done.
_WHO_KNOWS = frozenset({"fatal_error", "internal_error", "rollup_error"})

# A file, a form or a question was refused; no message depends on any of them.
_ASIDE = frozenset(
    {
        "alt_txt_too_large",
        "blocked_file_type",
        "draft_already_deleted",
        "draft_already_sent",
        "draft_has_conflict",
        "draft_not_found",
        "duplicate_external_id",
        "duplicate_message_not_found",
        "exchanged_trigger_id",
        "expired_trigger_id",
        "file_deleted",
        "file_is_deleted",
        "file_not_found",
        "file_share_limit_reached",
        "file_type_not_allowed",
        "file_update_failed",
        "file_upload_size_restricted",
        "file_uploads_disabled",
        "file_uploads_except_images_disabled",
        "invalid_cursor",
        "invalid_limit",
        "invalid_metadata_filter_keys",
        "invalid_trigger_id",
        "invalid_ts_latest",
        "invalid_ts_oldest",
        "invalid_types",
        "list_record_comment_fetch_failed",
        "max_file_sharing_exceeded",
        "missing_file_data",
        "slack_connect_blocked_file_type",
        "slack_connect_clip_sharing_blocked",
        "slack_connect_file_upload_sharing_blocked",
        "snippet_too_large",
        "storage_limit_reached",
        "unable_to_share_files",
        "unknown_snippet_type",
        "unknown_subtype",
        "view_too_large",
    }
)

_NO_WORD = "no_word"
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
    "not_allowed_token_type": "this kind of token cannot do it: bot_token begins with xoxb-,"
    " app_token with xapp-",
    "forbidden_team": "Socket Mode is not allowed in this workspace",
}


def refusal(word: str, *, status: int, retry_after: float | None = None) -> DeliveryError:
    """What an answer of Slack's that is not a yes means."""
    maybe_ours = word in _SIMPLER or status == 400
    if status == 429 or word in _LATER:
        certainty = Sent.RETRY
    elif word in _SIMPLER | _FOR_GOOD | _GONE | _ASIDE:
        certainty = Sent.REFUSED
    elif status >= 500 or word in _WHO_KNOWS:
        certainty = Sent.AMBIGUOUS
    else:
        certainty = _by_status(word, status)
    return DeliveryError(
        certainty,
        word,
        f"Slack answered {_HINTS.get(word, word)} (HTTP {status})",
        retry_after=retry_after,
        simpler=certainty is Sent.REFUSED and word not in _FOR_GOOD | _GONE and maybe_ours,
        gone=word in _GONE,
        unknown=certainty is Sent.RETRY and status < 500 and status != 429 and not is_known(word),
    )


def is_known(word: str) -> bool:
    """Whether the word has its place here; another one is judged by the status alone."""
    return word in _SIMPLER | _FOR_GOOD | _GONE | _ASIDE | _LATER | _WHO_KNOWS


def _by_status(word: str, status: int) -> Sent:
    """A word that nobody has seen, or none: something in Slack's place may have answered.

    What Slack calls a bad request is one, and what is elsewhere now is not here.
    """
    is_no = 300 <= status < 400 or (status == 400 and word != _NO_WORD)
    return Sent.REFUSED if is_no else Sent.RETRY


def word_of(text: str) -> str:
    """An error word as Slack writes them; a page or a sentence is none."""
    word = text.strip()
    return word if re.fullmatch(r"[a-z][a-z0-9_]{1,60}", word) else _NO_WORD


def unanswered(error: HttpError) -> DeliveryError:
    """No answer came: whether the request may have left decides."""
    certainty = Sent.AMBIGUOUS if error.sent else Sent.NOT_SENT
    return DeliveryError(certainty, error.kind, f"Slack: {error.text}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that Slack asks to wait."""
    text = headers.get("retry-after", "")
    return float(text) if re.fullmatch(r"\d{1,6}(\.\d+)?", text) else None
