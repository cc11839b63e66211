"""Mails: threaded by headers, readable on a phone, and with no header that was not meant."""

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.message import Message
from monitor.notifiers import Envelope
from monitor.notifiers.email.mail import mail
from tests.builders import NOON
from tests.notifiers.test_slack_render import HOSTILE, KEY, envelope, message

FIRST = "f" * 24
HEADERS = {
    "subject",
    "from",
    "to",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "x-offhook-key",
    "x-offhook-rule",
    "x-offhook-state",
    "x-offhook-reason",
    "auto-submitted",
    "x-auto-response-suppress",
    "list-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
}


def read(sent: Envelope) -> EmailMessage:
    """The mail as it arrives."""
    made = mail(sent, sender="offhook@example.com", to=["a@example.com", "b@example.com"], now=NOON)
    return message_from_bytes(made.as_bytes(), policy=policy.default)


def body(arrived: EmailMessage, kind: str) -> str:
    part = arrived.get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text


def test_headers_let_machines_sort_it() -> None:
    arrived = read(envelope(message()))

    assert arrived["X-Offhook-Key"] == message().key
    assert arrived["X-Offhook-Rule"] == "error_spike"
    assert arrived["X-Offhook-State"] == "FIRING"
    assert arrived["X-Offhook-Reason"] == "held long enough"
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert arrived["Message-ID"] == f"<{KEY}@example.com>"
    assert arrived["References"] is None


def test_followers_refer_to_the_first_of_the_episode_and_keep_its_subject() -> None:
    first = read(envelope(message()))
    ended = message(state="RESOLVED", reason="recovered")
    follower = read(envelope(ended, first_key=FIRST))

    assert follower["References"] == follower["In-Reply-To"] == f"<{FIRST}@example.com>"
    assert str(first["Subject"]) == "[FIRING critical] Renewals May: error_spike"
    assert str(follower["Subject"]) == "[RESOLVED] Renewals May: error_spike"


def test_both_bodies_begin_with_the_sentence_and_hold_everything() -> None:
    arrived = read(envelope(message()))
    text, html = body(arrived, "plain"), body(arrived, "html")

    assert text.startswith("Renewals May: 19 of 42 calls failed in 10 min")
    for told in ("19 of 42, 404 waiting", "call_1", "Pause the batch", message().key):
        assert told in text
        assert told in html


def test_a_possible_repeat_says_so_and_keeps_its_message_id() -> None:
    once, twice = (read(envelope(message(), possible_repeat=again)) for again in (False, True))

    assert once["Message-ID"] == twice["Message-ID"]
    assert str(twice["Subject"]).startswith("[FIRING critical, possible repeat]")
    assert body(twice, "plain").startswith("Possible repeat")


def test_foreign_text_is_no_html() -> None:
    html = body(read(envelope(message(sentence="<script>alert(1)</script>"))), "html")

    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_plain_words_have_no_html() -> None:
    assert not read(envelope(message(), plain=True)).is_multipart()


def test_several_alerts_go_in_one_mail_with_every_key() -> None:
    many = [message(key=f"{n:024x}") for n in range(40)]
    arrived = read(envelope(*many))

    assert all(each.key in body(arrived, "plain") for each in many)
    assert all(each.key in body(arrived, "html") for each in many)
    assert str(arrived["Subject"]).endswith("and 39 more")


@settings(max_examples=80, deadline=None, derandomize=True)
@given(messages=st.lists(HOSTILE, min_size=1, max_size=3), repeat=st.booleans())
def test_any_text_makes_a_mail_with_no_other_header_and_no_other_recipient(
    messages: list[Message], *, repeat: bool
) -> None:
    sent = envelope(*messages, possible_repeat=repeat, first_key=FIRST)
    arrived = read(sent)

    assert {name.lower() for name in arrived} <= HEADERS
    assert arrived["To"] == "a@example.com, b@example.com"
    assert arrived["Message-ID"] == f"<{KEY}@example.com>"
    assert len(str(arrived["Subject"])) <= 160
    assert KEY in str(arrived["X-Offhook-Key"])
    assert KEY in body(arrived, "plain")
    raw = mail(sent, sender="offhook@example.com", to=["a@example.com"], now=NOON).as_bytes()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\r\nBcc:" not in raw.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize("days", [0, 365])
def test_the_same_delivery_has_the_same_message_id_whenever_it_is_made(days: int) -> None:
    made = mail(
        replace(envelope(message())),
        sender="offhook@example.com",
        to=["a@example.com"],
        now=NOON + timedelta(days=days),
    )

    assert made["Message-ID"] == f"<{KEY}@example.com>"
