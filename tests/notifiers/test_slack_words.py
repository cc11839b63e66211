"""Every error word that Slack documents for what Offhook asks has its place."""

import json
from pathlib import Path

import pytest

from monitor.errors import Sent
from monitor.notifiers.slack.words import is_known, refusal

# By method, as Slack's reference lists them; gathered in 2026.
WORDS: dict[str, list[str]] = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "slack" / "error_words.json").read_text()
)
METHODS = (
    "apps.connections.open",
    "auth.test",
    "chat.delete",
    "chat.postEphemeral",
    "chat.postMessage",
    "chat.update",
    "conversations.history",
    "conversations.list",
    "conversations.replies",
    "files.completeUploadExternal",
    "files.getUploadURLExternal",
    "incoming webhook",
    "views.open",
)


def test_the_table_covers_every_method_that_is_asked() -> None:
    assert tuple(sorted(WORDS)) == METHODS
    assert sum(map(len, WORDS.values())) > 500


@pytest.mark.parametrize("method", METHODS)
def test_every_documented_word_has_its_place(method: str) -> None:
    assert [word for word in WORDS[method] if not is_known(word)] == []


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update", "incoming webhook"])
def test_a_documented_word_never_means_that_it_was_taken(method: str) -> None:
    for word in WORDS[method]:
        error = refusal(word, status=200)
        assert error.certainty in Sent
        assert error.certainty is not Sent.NOT_SENT
        # Only where Slack itself is unsure may it be there.
        unsure = word in {"fatal_error", "internal_error", "rollup_error"}
        assert (error.certainty is Sent.AMBIGUOUS) == unsure, word


def test_a_word_that_nobody_knows_is_tried_again() -> None:
    assert not is_known("word_of_the_future")
    error = refusal("word_of_the_future", status=200)
    assert (error.certainty, error.unknown) == (Sent.RETRY, True)
    assert not refusal("ratelimited", status=429).unknown


def test_what_is_gone_is_posted_anew_and_what_is_too_long_in_plainer_words() -> None:
    assert refusal("message_not_found", status=200).gone
    assert refusal("thread_not_found", status=200).gone
    assert refusal("msg_blocks_too_long", status=200).simpler
    assert not refusal("is_archived", status=200).simpler
