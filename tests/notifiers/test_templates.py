"""Users' own words: sandboxed, bounded, and never in the way of an alert."""

import json
import random
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.core.message import Message
from monitor.core.route import Receiver
from monitor.errors import Problem
from monitor.notifiers import Envelope
from monitor.notifiers.alertmanager.alerts import pushed
from monitor.notifiers.apprise.notifier import body as phone
from monitor.notifiers.email.page import page as html_body
from monitor.notifiers.grammar import FILTERS, TemplateFault
from monitor.notifiers.pagerduty.events import events
from monitor.notifiers.sandbox import MOST_SOURCE, MOST_TURNS, Text
from monitor.notifiers.slack.render import payload
from monitor.notifiers.templates import (
    BODY,
    BODY_LINES,
    NAMES,
    Template,
    Templated,
    Written,
    templated,
    view,
    word,
)
from monitor.notifiers.webhook.payload import payload as hook
from monitor.notifiers.wording import subject, text_body
from tests.builders import MINUTE, NOON
from tests.delivering import Channel

OPS = Receiver(name="ops", kind="slack")
SPIKE = Message(
    key="k1",
    state="FIRING",
    severity="critical",
    rule="vip_spike",
    rule_id="error_spike",
    provider="renewals",
    batch="btc_1",
    sentence="Renewals May: 19 of 42 calls failed",
    title="Renewals May",
    reason="held long enough",
    at=NOON,
    zone="Europe/Berlin",
    lines=(("affected", "19 of 500"), ("cost so far", "12.40 USD")),
    todo="pause the batch",
    evidence=("call_1",),
    marks=("estimate",),
    labels={"team": "vip", "vendor": "graine"},
)


def template(
    title: str | None = None,
    body: str | None = None,
    *,
    rules: tuple[str, ...] = (),
    receivers: tuple[str, ...] = (),
) -> Template:
    return Template(
        title=written(title),
        body=written(body),
        rules=frozenset(rules),
        receivers=frozenset(receivers),
    )


def written(source: str | None) -> Written | None:
    if source is None:
        return None
    return Written(Text(source, tuple(NAMES)), Problem("config.toml", 3, "templates[1].title", ""))


def said(source: str, message: Message = SPIKE) -> str:
    return templated(message, OPS, [template(source)])[0].sentence


def test_a_template_sees_what_is_documented_and_nothing_else() -> None:
    assert set(view(SPIKE)) == set(NAMES)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ title }} is ill", "Renewals May is ill"),
        ("{{ values.cost_so_far }}", "12.40 USD"),
        ("{{ values['cost so far'] }}", "12.40 USD"),
        ("{{ values.refunds | default('none') }}", "none"),
        ("{% for label, text in lines %}{{ label }}={{ text }};{% endfor %}",
         "affected=19 of 500;cost so far=12.40 USD;"),
        ("{{ labels.team | upper }} {{ at }}", "VIP 2026-06-10 14:00 CEST"),
        ("{% if todo %}{{ todo }}{% else %}-{% endif %}", "pause the batch"),
        ("{{ (episode + 1) * 2 }} {{ vendor }} {{ evidence | join(', ') }}", "4 graine call_1"),
        ("{{ sentence[:8] }}", "Renewals"),
        ("one\n\ttwo\x00 \u202ethree", "one two three"),
    ],
)  # fmt: skip
def test_what_a_title_can_say(source: str, expected: str) -> None:
    assert said(source) == expected


@pytest.mark.parametrize(
    ("source", "complaint", "hint"),
    [
        ("{{ sentense }}", "there is no 'sentense' (line 1", 'did you mean "sentence"?'),
        ("\n{{ title | uper }}", "there is no filter 'uper' (line 2", 'did you mean "upper"?'),
        ("{% if title %}", "line 1", None),
        ("{{ title.upper() }}", "calls something", None),
        ("{{ range.__call__(3) }}", "calls something", None),
        ("{% set x = 1 %}", "uses 'assign'", None),
        ("{% include 'x' %}", "uses 'include'", None),
        ("{% import 'x' as y %}", "uses 'import'", None),
        ("{% macro m() %}{% endmacro %}", "uses 'macro'", None),
        ("{% for a in lines recursive %}{% endfor %}", "uses 'for'", None),
        ("{{ 2 ** 9 }}", "uses 'pow'", None),
        ("{{ self }}", "there is no 'self'", None),
        ("{{ title | attr('x') }}", "there is no filter 'attr'", None),
        ("{{ lipsum }}", "there is no 'lipsum'", None),
        ("{{ " + "(" * 1_900 + "1" + ")" * 1_900 + " }}", "cannot be read", None),
        ("{{ 1[:2] }}", "not subscriptable", None),
        ("x" * (MOST_SOURCE + 1), "is longer than", None),
    ],
)
def test_what_is_no_template_is_refused_with_its_line(
    source: str, complaint: str, hint: str | None
) -> None:
    with pytest.raises(TemplateFault) as caught:
        Text(source, tuple(NAMES))

    assert complaint in str(caught.value)
    assert caught.value.hint == hint


BOMBS = {
    "a loop without end": "{% for a in range(99999999) %}x{% endfor %}",
    "loops in loops": "{% for a in range(99) %}{% for b in range(99) %}{% endfor %}{% endfor %}",
    "a text a billion times": "{{ 'a' * 1000000000 }}",
    "a format with a width": "{{ '%999999999d' % 1 }}",
    "joins of joins": "{{ sentence" + " | join('aaaaaaaaaaaaaaaaaaaa')" * 20 + " }}",
    "replacements of replacements": "{{ 'a'" + " | replace('a', 'aaaaaaaaaaaaaaaa')" * 20 + " }}",
    "a round number": "{{ 1 | round(1000000000, 'ceil') }}",
    "nothing by nothing": "{{ 1 / 0 }}",
    "an attribute": "{{ title.__class__ }}",
    "an attribute by a filter": "{{ lines | join(attribute='0.__class__') }}",
    "a method": "{{ values.get }}",
    "a key of no value": "{{ values.refunds }}",
    "a missing key compared": "{% if values.refunds == '1' %}{% endif %}",
    "a whole list": "{{ lines }}",
    "a missing place": "{{ lines[99] }}",
    "a loop over a number": "{% for a in episode %}{% endfor %}",
    "a filter that asserts": "{{ title | truncate(1) }}",
    "nothing at all": "{% if false %}x{% endif %}",
}


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS)
def test_a_template_that_fails_leaves_the_built_in_text_and_a_note(source: str) -> None:
    found, faults = templated(SPIKE, OPS, [template(source)])

    assert faults
    assert found.sentence == SPIKE.sentence
    assert found.headline == ""
    assert found.marks[0] == "estimate"
    assert found.marks[1].startswith("the template for vip_spike failed")
    assert "Renewals" not in found.marks[1]
    assert len(found.marks[1]) <= 200


def test_a_body_that_fails_costs_neither_the_title_nor_the_lines() -> None:
    found, _ = templated(SPIKE, OPS, [template("{{ title }} is ill", "{{ values.refunds }}")])

    assert (found.sentence, found.body, found.lines) == ("Renewals May is ill", "", SPIKE.lines)


def test_a_body_without_words_leaves_the_built_in_lines() -> None:
    found, faults = templated(SPIKE, OPS, [template(body="{% if repeat %}again{% endif %}")])

    assert (found, faults) == (SPIKE, ())


def test_what_runs_away_is_cut_off() -> None:
    source = "{% for a in range(400) %}{{ sentence }}\n{% endfor %}"

    found, faults = templated(SPIKE, OPS, [template(source, source)])

    assert faults == ()
    assert len(found.sentence) == 500
    assert len(found.body) <= BODY
    assert found.body.count("\n") < BODY_LINES
    assert found.body.endswith("…")


def test_the_first_template_that_covers_rule_and_receiver_is_used() -> None:
    written = [
        template("for others", rules=("batch_failed",)),
        template("for mail", receivers=("mail",)),
        template("by id", rules=("error_spike",)),
        template("for all"),
    ]

    assert templated(SPIKE, OPS, written)[0].sentence == "by id"
    assert templated(SPIKE, replace(OPS, name="mail"), written)[0].sentence == "for mail"
    assert templated(replace(SPIKE, rule="x", rule_id="y"), OPS, written)[0].sentence == "for all"
    assert templated(SPIKE, OPS, written[:2])[0] is SPIKE


EVIL = replace(
    SPIKE,
    title="<!channel> <script>x</script> & @here\r\nBcc: a@b",
    lines=(("x", "<!here> {{ 7 * 7 }}"),),
)


def envelope(message: Message) -> Envelope:
    return Envelope(key="d1", first_key="d1", part="root", messages=(message,))


def test_no_value_becomes_markup_or_a_mention_or_a_template_in_any_channel() -> None:
    found, _ = templated(EVIL, OPS, [template("{{ title }}", "{{ title }}\n{{ values.x }}")])

    slack = payload(envelope(found))
    assert "<!" not in slack["text"]
    assert "&lt;!channel&gt;" in slack["text"]
    assert "{{ 7 * 7 }}" in slack["text"]
    body = [each for each in slack["blocks"] if found.body in str(each.get("text", {}))]
    assert all(each["text"]["type"] == "plain_text" for each in body)
    page = html_body(envelope(found))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "\n" not in subject(envelope(found))


def test_a_templates_own_letters_are_no_markup_either() -> None:
    found, _ = templated(SPIKE, OPS, [template("<!channel> <b>{{ title }}</b>", "<!here>")])

    assert "<!" not in payload(envelope(found))["text"]
    assert "<b>Renewals" not in html_body(envelope(found))


def test_state_remarks_and_key_stay_and_the_words_are_the_users() -> None:
    found, _ = templated(SPIKE, OPS, [template("{{ title }} is ill", "first\nsecond")])

    for shown in (payload(envelope(found))["text"], text_body(envelope(found))):
        assert "FIRING critical" in shown
        assert "estimate" in shown
        assert "batch btc_1 · key k1" in shown
        assert "Renewals May is ill" in shown
        assert "first\nsecond" in shown
        assert "19 of 500" not in shown
        assert "pause the batch" not in shown
    assert "second" in html_body(envelope(found))
    assert "19 of 500" not in html_body(envelope(found))
    assert "Renewals May is ill" in subject(envelope(found))


async def test_the_alert_goes_out_when_its_template_fails_and_the_log_says_so() -> None:
    channel = Channel(OPS)
    sending = word({"ops": channel}, [template("{{ values.refunds }}")])["ops"]

    with capture_logs() as logs:
        await sending.send(envelope(SPIKE))

    assert channel.sent[0].messages[0].sentence == SPIKE.sentence
    assert [each["event"] for each in logs] == ["template_failed"]
    assert await sending.check() == "ready"


def test_without_templates_notifiers_are_left_as_they_are() -> None:
    channel = Channel(OPS)

    assert word({"ops": channel}, [])["ops"] is channel
    assert isinstance(word({"ops": channel}, [template("x")])["ops"], Templated)


def test_the_words_reach_every_kind_of_receiver() -> None:
    found, _ = templated(SPIKE, OPS, [template("{{ title }} is ill", "first\nsecond")])
    sent = envelope(found)
    [event] = events(sent, "key")
    [pushed_alert] = pushed([found], now=NOON, lasts=MINUTE)

    assert json.loads(hook(sent))["messages"][0]["body"] == "first\nsecond"
    assert event.body["payload"]["summary"].endswith("Renewals May is ill")
    assert "second" in event.body["payload"]["custom_details"]["message"]
    assert pushed_alert["annotations"]["summary"] == "Renewals May is ill"
    assert "second" in pushed_alert["annotations"]["description"]
    assert "first\nsecond" in phone(sent)


def test_the_example_of_the_manual_says_what_it_seems_to() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "templates.md").read_text()
    shown = re.search(r"(?s)```toml\n(.*?)```", manual)
    assert shown
    [table] = tomllib.loads(shown[1])["templates"]

    found, faults = templated(SPIKE, OPS, [template(table["title"], table["body"])])

    assert faults == ()
    assert found.sentence == "Renewals May has trouble: see below"
    assert found.body.splitlines() == [
        SPIKE.sentence,
        "affected: 19 of 500",
        "cost so far: 12.40 USD",
        "Ask vip.",
    ]


def test_the_manual_names_what_there_is() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "templates.md").read_text()

    assert dict(re.findall(r"(?m)^\| `(\w+)` \| (.+) \|$", manual)) == dict(NAMES)
    filters = re.search(r"the filters ([\w,\s]+)\.", manual)
    assert filters
    assert set(re.split(r",\s+", filters[1])) == set(FILTERS) - {"d"}
    assert f"turn {MOST_TURNS} times" in manual
    assert f"{BODY:,} or {BODY_LINES} lines" in manual


PIECES = [
    *NAMES,
    *(f"| {each}" for each in FILTERS),
    *("(2)", '("x", "yy")', "(none)", "(values)", "[0]", "[1:]", '["x"]', ".x", ".items"),
    *("+", "-", "*", "/", "//", "%", "~", "<", "==", "in", "not in", "and", "is", "if", "else"),
    *("defined", "none", "divisibleby(0)", "1", "-1", "99999999999999", '"x"', "(", ")", ","),
    *("a", "loop", "loop.previtem", "range", "range(9)", "true", "\u202e", "\ud800", "é", "{"),
]
FRAMES = ("{{{{ {0} }}}}", "{{% for a in {0} %}}{{{{ {1} }}}}{{% endfor %}}", "{{% if {0} %}}{1}")


def test_no_text_whatever_stops_an_alert(proof: bool) -> None:
    """Anything may be written; it is a template, a refusal, or a note on the alert."""
    dice = random.Random(1)
    told = refused = 0
    for _ in range(40_000 if proof else 1_000):
        first, second = (
            " ".join(dice.choice(PIECES) for _ in range(dice.randint(1, 3))) for _ in "12"
        )
        try:
            made = template(dice.choice(FRAMES).format(first, second))
        except TemplateFault:
            refused += 1
            continue
        found, faults = templated(SPIKE, OPS, [made])
        told += not faults
        assert found.key == SPIKE.key
        assert 0 < len(found.sentence) <= 500
        assert len(found.marks) == 1 + len(faults)
    assert told > 15
    assert refused > 15
