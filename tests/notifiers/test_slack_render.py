"""Slack takes whatever we make of whatever text, and nothing in it is markup."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.compose import compose
from monitor.core.message import Message
from monitor.notifiers import Envelope
from monitor.notifiers.slack.render import Style, key_line, payload
from tests.builders import NOON
from tests.core.hostile import ANY_TEXT
from tests.delivering import make_alert, make_report, resolved
from tests.slack_blocks import check_blocks

KEY = "0123456789abcdef01234567"


def message(**changes: Any) -> Message:
    return replace(compose(make_alert(), at=NOON, default_zone="UTC"), **changes)


def envelope(*messages: Message, **changes: Any) -> Envelope:
    values: dict[str, Any] = {"key": KEY, "first_key": KEY, "part": "root", "messages": messages}
    return Envelope(**values | changes)


def texts(block: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [block["text"]] if "text" in block else []
    return [*found, *block.get("fields", []), *block.get("elements", [])]


def check(content: dict[str, Any]) -> None:
    """Slack's limits, by its own library, by the simulator, and by our own count."""
    assert 0 < len(content["text"]) <= 4_000
    blocks = content["blocks"]
    check_blocks(blocks)
    every = [text for block in blocks for text in texts(block)]
    assert sum(len(text["text"]) for text in every) <= 12_000
    for text in every:
        if text["type"] == "mrkdwn":
            assert re.fullmatch(_OURS, text["text"]), text["text"]


_OURS = (
    r"<https?://[^\s<>|]+\|(open|runbook)>|<!here>|<!subteam\^S[A-Z0-9]+>|"
    r"(FIRING|INFO|RESOLVED \([a-z ]*\))( critical| warning| info)?"
    r" · <!date\^-?\d+\^\{date_short_pretty\} \{time\}\|[\d: -]+UTC>"
    r"( · <https?://[^\s<>|]+\|(open|runbook)>)*"
)


def test_the_sentence_comes_first_and_the_key_last() -> None:
    content = payload(envelope(message()))
    first, last = content["blocks"][0], content["blocks"][-1]

    assert first["type"] == "header"
    assert first["text"]["text"].startswith("🔴 Renewals May: 19 of 42 calls failed in 10 min")
    key = make_alert().key
    assert last["elements"][-1]["text"] == (
        f"rule error_spike · provider renewals · batch btc_1 · key {key}"
    )
    assert content["text"].startswith("🔴 FIRING critical: Renewals May: 19 of 42")
    assert content["text"].endswith(f"key {key}")


def test_nothing_is_unfurled_and_no_name_is_linked() -> None:
    content = payload(envelope(message()))

    flags = ("unfurl_links", "unfurl_media", "link_names")
    assert [content[flag] for flag in flags] == [False, False, False]


@pytest.mark.parametrize(
    ("changes", "icon"),
    [
        pytest.param({"state": "RESOLVED", "reason": "recovered"}, "✅", id="recovered"),
        pytest.param({"state": "RESOLVED", "reason": "batch ended"}, "⚪", id="only over"),
        pytest.param({"severity": "warning"}, "🟠", id="warning"),
        pytest.param({"state": "INFO", "severity": "info"}, "🔵", id="a report"),
    ],
)
def test_colours(changes: dict[str, Any], icon: str) -> None:
    header = payload(envelope(message(**changes)))["blocks"][0]

    assert header["text"]["text"].startswith(icon)


def test_a_group_shows_a_key_line_for_each_and_the_keys_of_the_rest() -> None:
    many = tuple(message(key=f"{n:024x}", rule=f"rule_{n}") for n in range(40))
    content = payload(envelope(*many))
    shown = [text["text"] for block in content["blocks"] for text in texts(block)]

    check(content)
    assert all(any(each.key in text for text in shown) for each in many)
    assert any(text.startswith("… and 28 more: key ") for text in shown)
    assert shown[-1] == key_line(many[11])
    assert all(each.key in content["text"] for each in many)


def test_a_possible_repeat_says_so() -> None:
    content = payload(envelope(message(), possible_repeat=True))

    assert content["text"].startswith("possible repeat")
    assert "possible repeat" in content["blocks"][0]["elements"][0]["text"]


@pytest.mark.parametrize(
    "name",
    [
        "*bold* sale",
        "_sloping_",
        "~struck~ out",
        "`code` x",
        "```fence```",
        "(*in brackets*)",
        "x\u200b*y*",
        "> quoted",
        ">>> all of it",
        ":rotating_light: now",
        ":+1: and :100: of them",
        "<!here> & <@U1>",
    ],
)
def test_plain_words_stay_words_where_slack_reads_markup_in_them(name: str) -> None:
    told = message(headline=name, body=f"one\n{name}")
    for text in (payload(envelope(told, plain=True), style)["text"] for style in STYLES):
        words = text.removeprefix("<!here> ")
        assert not re.search(_MARKUP, words, re.MULTILINE), words
        assert "error_spike" in words
        assert KEY in words


STYLES = (Style(), Style(mention="here"))
# As Slack reads a text: a sign at the edge of a word, a line that begins as a quotation, emoji.
_MARKUP = r"[*~`<>]|(?<!\w)_|_(?!\w)|^\s*&gt;|:(?:[a-z_]+|[+-]1|100|1234):"


@given(ANY_TEXT)
def test_no_text_is_markup_in_plain_words(text: str) -> None:
    told = envelope(message(headline=text, body=text, batch=text, provider=text), plain=True)
    shown = payload(told)["text"]

    assert not re.search(_MARKUP, shown, re.MULTILINE)
    assert len(shown) <= 4_000


def test_lines_and_hours_stay_in_plain_words() -> None:
    told = message(body="from 10:41:07 on\n\n> quoted")
    shown = payload(envelope(told, plain=True))["text"]

    assert "from 10:41:07 on\n\n\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} quoted" in shown


def test_plain_words_have_no_blocks_and_carry_both_keys() -> None:
    content = payload(envelope(message(), plain=True))

    assert "blocks" not in content
    assert content["text"].endswith(f"key {make_alert().key}\nref {KEY}")


def test_only_checked_addresses_become_links() -> None:
    good = payload(envelope(message(runbook_url="https://wiki.example.com/a?b=1&c=2")))
    bad = payload(envelope(message(runbook_url="https://x|y> <!channel>")))

    assert "<https://wiki.example.com/a?b=1&amp;c=2|runbook>" in str(good["blocks"])
    assert "runbook" not in str(bad["blocks"])


def test_each_of_several_has_its_own_links() -> None:
    link = "https://offhook.example.com/alerts/"
    told = [message(key=letter * 24, link=link + letter) for letter in "ab"]
    content = payload(envelope(*told))

    check(content)
    assert [f"<{link}{letter}|open>" in str(content["blocks"]) for letter in "ab"] == [True, True]


def test_a_finished_report_and_a_summary_fit() -> None:
    for alert in (make_report(), resolved(make_alert())):
        check(payload(envelope(compose(alert, at=NOON, default_zone="UTC"))))


HOSTILE = st.builds(
    message,
    key=st.just(KEY),
    state=st.sampled_from(["FIRING", "RESOLVED", "INFO", "<!here>"]),
    severity=st.sampled_from(["critical", "warning", "info", "*bold*"]),
    rule=ANY_TEXT,
    provider=ANY_TEXT,
    batch=ANY_TEXT,
    title=ANY_TEXT,
    sentence=ANY_TEXT,
    reason=ANY_TEXT,
    at=st.just(NOON) | st.just(NOON + timedelta(days=30_000)),
    lines=st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=40).map(tuple),
    headline=st.just("") | ANY_TEXT,
    body=st.just("") | ANY_TEXT.map(lambda text: text[:2_500]),
    acknowledged=st.just("") | ANY_TEXT,
    vendor=ANY_TEXT,
    acts=st.sampled_from([(), ("pause", "stop"), ("resume",), ("explode",)]),
    series=st.sampled_from([(), ((0, 1, 2, 3), (60, 0, 0, 0)), ((-(10**15), -1, 10**9, 0),)]),
    todo=st.none() | ANY_TEXT,
    evidence=st.lists(ANY_TEXT, max_size=5).map(tuple),
    marks=st.lists(ANY_TEXT, max_size=5).map(tuple),
    runbook_url=st.none() | ANY_TEXT,
    link=st.none() | ANY_TEXT,
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    messages=st.lists(HOSTILE, min_size=1, max_size=3),
    times=st.sampled_from([1, 1, 1, 20]),
    again=st.sampled_from([{}, {"possible_repeat": True}, {"replaces": True}]),
    total=st.sampled_from([0, 10_000]),
    style=st.sampled_from([Style(), Style("ops", "here"), Style("x" * 80, "S0123456789")]),
)
def test_any_text_renders_within_the_limits_and_is_no_markup(
    messages: list[Message], times: int, again: dict[str, bool], total: int, style: Style
) -> None:
    told = envelope(*(messages * times)[:40], total=total, group=17, **again)
    content = payload(told, style)

    check(content)
    assert not re.search(r"<[!@#h]", content["text"])
    assert re.search(rf"key {KEY}$", content["blocks"][-1]["elements"][-1]["text"])
    plain = payload(envelope(*messages, plain=True))["text"]
    assert plain.endswith(f"ref {KEY}")
    assert len(plain) <= 4_000


def called(told: Envelope, mention: str | None = "here") -> bool:
    return "<!here>" in str(payload(told, Style(mention=mention))["blocks"])


@pytest.mark.parametrize(
    ("told", "calls"),
    [
        pytest.param(envelope(message()), True, id="critical, told first"),
        pytest.param(envelope(message(severity="warning")), False, id="a warning"),
        pytest.param(envelope(message(repeat=1)), False, id="told again"),
        pytest.param(envelope(message(), root="C:1"), False, id="a change in place"),
        pytest.param(envelope(message(), root="C:1", part="thread"), False, id="a reply"),
        pytest.param(
            envelope(message(loud=True), root="C:1", part="thread"), True, id="it became critical"
        ),
        pytest.param(
            envelope(message(state="RESOLVED", reason="recovered")), False, id="it is over"
        ),
        pytest.param(envelope(message(), possible_repeat=True), False, id="a possible repeat"),
        pytest.param(envelope(message(), replaces=True), False, id="posted anew"),
    ],
)
def test_people_are_called_once_and_only_for_what_is_critical(
    told: Envelope, *, calls: bool
) -> None:
    assert called(told) is calls
    assert not called(told, None)


def test_whom_to_call_is_said_in_plain_words_too() -> None:
    group = Style(mention="S0123456789")

    assert payload(envelope(message(), plain=True), group)["text"].startswith(
        "<!subteam^S0123456789> 🔴"
    )
    assert "<!" not in payload(envelope(message()), group)["text"]


def test_a_conversation_over_its_cap_says_how_many_and_where_to_find_them() -> None:
    many = tuple(message(key=f"{n:024x}") for n in range(40))
    content = payload(envelope(*many, total=10_000, group=17))
    shown = [text["text"] for block in content["blocks"] for text in texts(block)]

    check(content)
    assert shown[0] == "🔴 10,000 alerts, the gravest 40 told here, 40 of them firing"
    assert shown[1].endswith("and 9,960 more: offhook alerts --group 17")
    assert "and 9,960 more: offhook alerts --group 17" in content["text"]


def test_of_a_few_together_the_first_lines_are_shown() -> None:
    content = payload(envelope(message(), message(key="f" * 24)))
    fields = [block["fields"] for block in content["blocks"] if "fields" in block]

    assert [each[0]["text"] for each in fields] == ["affected\n19 of 42, 404 waiting"] * 2
    assert "acknowledged by" not in str(content)


def test_who_has_it_how_it_went_and_a_templates_words_are_shown() -> None:
    told = message(
        acknowledged="U1 asha, 14:03",
        series=((1_781_092_800, 3, 0, 1), (1_781_092_860, 0, 0, 4)),
        headline="Calls fail",
        body="first line\nsecond line",
    )
    content = payload(envelope(told))
    shown = [text["text"] for block in content["blocks"] for text in texts(block)]

    check(content)
    assert shown[0] == "🔴 Calls fail"
    assert "👤 acknowledged by U1 asha, 14:03" in shown
    assert "first line\nsecond line" in shown
    assert "failed ▃█ 5 of 8 calls, 14:00 to 14:02, 1 min a bar" in shown
    assert "acknowledged by U1 asha, 14:03" in content["text"]
    assert "affected" not in str(content)
