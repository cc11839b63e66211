"""Mails: threaded by headers, readable on a phone, and with no header that was not meant."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
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


# Charts have tests of their own, and take their time.
UNDRAWN = HOSTILE.map(lambda each: replace(each, series=()))


def read(sent: Envelope) -> EmailMessage:
    """The mail as it arrives."""
    return message_from_bytes(make(sent).as_bytes(), policy=policy.default)


def make(sent: Envelope, *, now: datetime = NOON) -> EmailMessage:
    to = ["a@example.com", "b@example.com"]
    return mail(sent, name="oncall", sender="offhook@example.com", to=to, now=now)


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
    assert str(arrived["X-Offhook-Key"]).split(", ") == [each.key for each in many]
    assert str(arrived["Subject"]).endswith("and 39 more")


@settings(max_examples=25, deadline=None, derandomize=True)
@given(messages=st.lists(UNDRAWN, min_size=1, max_size=3), repeat=st.booleans())
def test_any_text_makes_a_mail_with_no_other_header_and_no_other_recipient(
    messages: list[Message], *, repeat: bool
) -> None:
    sent = envelope(*messages, possible_repeat=repeat, first_key=FIRST)
    raw = make(sent).as_bytes()
    arrived = message_from_bytes(raw, policy=policy.default)

    assert {name.lower() for name in arrived} <= HEADERS
    assert arrived["To"] == "a@example.com, b@example.com"
    assert arrived["Message-ID"] == f"<{KEY}@example.com>"
    assert len(str(arrived["Subject"])) <= 160
    assert KEY in str(arrived["X-Offhook-Key"])
    assert KEY in body(arrived, "plain")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\r\nBcc:" not in raw.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize("days", [0, 365])
def test_the_same_delivery_has_the_same_message_id_whenever_it_is_made(days: int) -> None:
    made = make(envelope(message()), now=NOON + timedelta(days=days))

    assert made["Message-ID"] == f"<{KEY}@example.com>"


SERIES = tuple((1_778_400_000 + 60 * n, 20 - n, 3, n) for n in range(12))


def test_a_chart_is_inside_the_mail_and_named_by_its_page() -> None:
    arrived = read(envelope(message(series=SERIES)))
    (picture,) = [part for part in arrived.walk() if part.get_content_type() == "image/png"]
    assert isinstance(picture, EmailMessage)

    assert [part.get_content_type() for part in arrived.walk()] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
    ]
    assert picture["Content-ID"] == f"<chart-{message().key}@example.com>"
    assert f'src="cid:chart-{message().key}@example.com"' in body(arrived, "html")
    assert picture.get_content_disposition() == "inline"
    assert bytes(picture.get_content()).startswith(b"\x89PNG")
    assert "failed ▁" in body(arrived, "html"), "who sees no picture reads it"


def test_a_chart_of_nonsense_keeps_no_mail_from_going() -> None:
    nonsense = ((-(10**15), -1, 10**9, 0),)

    assert read(envelope(message(series=nonsense))).is_multipart()


def test_only_the_first_alerts_of_many_are_drawn() -> None:
    many = [message(key=f"{n:024x}", series=SERIES) for n in range(6)]
    arrived = read(envelope(*many))
    pictures = [part for part in arrived.walk() if part.get_content_type() == "image/png"]

    assert len(pictures) == body(arrived, "html").count("cid:") == 3


def test_a_list_of_mails_shows_the_sentence_beside_the_subject() -> None:
    shown = re.sub(r"<head>.*?</head>|<[^>]*>", "", body(read(envelope(message())), "html"))

    assert shown.startswith("Renewals May: 19 of 42 calls failed in 10 min (45 %")


def test_a_group_over_its_cap_says_how_many_and_what_lists_them() -> None:
    many = [message(key=f"{n:024x}") for n in range(40)]
    arrived = read(envelope(*many, total=1_200, group=7))

    assert str(arrived["Subject"]).endswith("and 1199 more")
    for kind in ("plain", "html"):
        text = body(arrived, kind)
        assert "1,200 alerts, 40 of the 40 told here firing" in text
        assert "1,160 more alerts belong to this; offhook alerts --group 7 lists all" in text


def test_a_digest_is_told_in_full_only_at_its_beginning() -> None:
    many = [message(key=f"{n:024x}", marks=("estimate",)) for n in range(40)]
    arrived = read(envelope(*many))
    html = body(arrived, "html")

    assert html.count("What to do:") == body(arrived, "plain").count("what to do:") == 3
    assert html.count("404 people wait") >= 40
    assert html.count("estimate") == 40
    assert len(html) < 90_000, "some clients cut longer pages off"


def test_the_list_id_is_of_the_receiver_and_stays() -> None:
    for each in (message(), message(rule="another", key="e" * 24)):
        assert read(envelope(each))["List-Id"] == "Offhook oncall <oncall.offhook.example.com>"


def test_the_words_of_a_template_stand_in_place_of_the_lines() -> None:
    arrived = read(envelope(message(headline="Trouble", body="one <b>\ntwo")))

    assert str(arrived["Subject"]) == "[FIRING critical] Trouble"
    assert body(arrived, "plain").splitlines()[3:5] == ["one <b>", "two"]
    assert "one &lt;b&gt;<br>two" in body(arrived, "html")
    assert "carrier block" not in body(arrived, "html")


def test_whoever_took_it_on_is_named() -> None:
    arrived = read(envelope(message(acknowledged="Ana at 12:04")))

    assert "acknowledged: Ana at 12:04" in body(arrived, "plain")
    assert "Ana at 12:04" in body(arrived, "html")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x\r\nBcc: evil@example.com", id="a header"),
        pytest.param("x\u2028Bcc: evil@example.com", id="a line separator"),
        pytest.param("a@example.com, evil@example.com", id="a comma"),
        pytest.param("x\r\n.\r\nMAIL FROM:<evil@example.com>", id="the end of the mail"),
        pytest.param("=?utf-8?q?=0D=0ABcc:_evil@example.com?=", id="an encoded word"),
    ],
)
def test_foreign_text_adds_neither_header_nor_recipient(text: str) -> None:
    values = dict.fromkeys(("sentence", "title", "rule", "reason", "provider", "batch"), text)
    arrived = read(envelope(message(**values)))

    assert {name.lower() for name in arrived} <= HEADERS
    assert arrived["To"] == "a@example.com, b@example.com"
    assert arrived["Bcc"] is None
    assert "\r\n.\r\n" not in make(envelope(message(**values))).as_bytes().decode("ascii")


def test_nothing_in_the_page_is_wider_than_the_narrowest_screen() -> None:
    html = body(read(envelope(message(series=SERIES, runbook_url="https://x.example/r"))), "html")

    assert not re.search(r"(?<!max-)width:\s*\d+px", html)
    assert "min-width" not in html
    assert not re.search(r"<(script|link|iframe|form)\b|https?://(?!x\.example/r)", html)
