"""The demo's own judgement: its story, its configuration, and what it calls right or wrong."""

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from monitor.config import load
from monitor.core.model import BatchStatus
from monitor.simulator.demo.screen import Screen
from monitor.simulator.demo.story import DEADLINE_S, STORY_S, Addresses, Story, config_text
from monitor.simulator.demo.told import How, Told, from_slack
from monitor.simulator.demo.verdict import Expected, expectations, judge, unexpected
from monitor.simulator.slack_store import Post, Slack
from tests.simulator.hand import START, HandClock

SPIKE = Expected(
    t=100.0,
    happened="calls begin to fail",
    batch="b1",
    rule="error_spike",
    states=("FIRING",),
    receivers=("ops", "oncall"),
)


def told(
    receiver: str = "ops",
    how: How = "message",
    *,
    t: float = 103.0,
    state: str = "FIRING",
    key: str = "k1",
    settling: bool = False,
) -> Told:
    return Told(
        t=t,
        receiver=receiver,
        how=how,
        rule="error_spike",
        state=state,
        batch="b1",
        key=key,
        settling=settling,
    )


MAIL = told("oncall", "mail")


@pytest.mark.parametrize(
    ("heard", "missing", "doubled"),
    [
        pytest.param([told(), MAIL], [], [], id="once each"),
        pytest.param([told()], ["oncall"], [], id="missing"),
        pytest.param([told(), told(), MAIL], [], ["ops"], id="twice"),
        pytest.param([told(), told(how="edit"), MAIL], [], [], id="an edit repeats nothing"),
        pytest.param([told(), told(how="edit", key="k2"), MAIL], [], ["ops"], id="two episodes"),
        pytest.param([told(settling=True), told(), MAIL], [], [], id="settling, then settled"),
        pytest.param([told(settling=True)] * 2 + [MAIL], [], ["ops"], id="settling twice"),
        pytest.param([told(t=99.0), MAIL], ["ops"], [], id="before it happened"),
    ],
)
def test_what_was_told_is_judged(heard: list[Told], missing: list[str], doubled: list[str]) -> None:
    judged = judge(SPIKE, heard)

    assert (judged.missing, judged.doubled) == (missing, doubled)
    assert judged.good is (not missing and not doubled)


def test_wrong_numbers_are_seen() -> None:
    expected = replace(SPIKE, says=" 81 of 150 people", receivers=("ops",))

    assert judge(expected, [replace(told(), text="failed; 81 of 150 people wait")]).good
    assert judge(expected, [replace(told(), text="failed; 81 of about 150 people wait")]).good
    assert judge(expected, [replace(told(), text="failed; 181 of 150 people wait")]).wrong == [
        "ops"
    ]


@pytest.mark.parametrize(
    ("one", "false"),
    [
        pytest.param(told(), False, id="expected"),
        pytest.param(told(state="RESOLVED"), True, id="resolved though nothing is over"),
        pytest.param(told(t=99.0), True, id="before it happened"),
        pytest.param(told("ops_bot"), True, id="to somebody else"),
        pytest.param(told(key=""), False, id="no alert at all"),
    ],
)
def test_what_nobody_expects_is_false(one: Told, *, false: bool) -> None:
    assert bool(unexpected([SPIKE], [one])) is false


def test_the_story_holds_what_the_demo_promises() -> None:
    story = Story(START)
    story.world.advance(START + timedelta(seconds=30))
    assert not any(len(scene.batch.calls) for scene in story.scenes)

    begin = START + timedelta(seconds=40)
    story.begin(begin)
    story.world.advance(begin + timedelta(seconds=DEADLINE_S + 10))

    expected = expectations(story.world.truth)
    assert [(each.rule, each.states[0]) for each in expected] == [
        ("stalled_retries", "FIRING"),
        ("batch_stalled", "FIRING"),
        ("error_spike", "FIRING"),
        ("error_spike", "RESOLVED"),
        ("batch_failed", "FIRING"),
        ("batch_stalled", "RESOLVED"),
        ("batch_completed", "INFO"),
        ("batch_completed", "INFO"),
        ("stalled_retries", "RESOLVED"),
        ("batch_completed", "INFO"),
    ]
    assert [each.says.strip() for each in expected if each.says] == [
        "81 of 150 people were never dialled",
        "36 of 45 people reached",
        "40 of 40 people reached",
        "50 of 70 people reached",
    ]
    assert max(each.t for each in expected) - begin.timestamp() < STORY_S
    assert [scene.batch.status for scene in story.scenes] == [
        BatchStatus.RUNNING,
        BatchStatus.RUNNING,
        BatchStatus.COMPLETED,
        BatchStatus.FAILED,
        BatchStatus.COMPLETED,
        BatchStatus.RUNNING,
        BatchStatus.COMPLETED,
    ]
    assert {scene.batch.vendor for scene in story.scenes} == {
        "graine",
        "bland",
        "vogent",
        "svalync",
    }


def test_the_first_message_counts_every_batch_and_everybody() -> None:
    expected = Story(START).first_message
    one = replace(
        told("ops", t=START.timestamp() + 5, state="INFO"),
        rule="self_watching",
        batch="",
        text="watching renewals: 7 open batches, 1,965 people",
    )

    assert judge(expected, [one, replace(one, receiver="ops_bot")]).good
    assert judge(expected, [one]).missing == ["ops_bot"]
    assert judge(expected, [replace(one, text="7 open batches, 615 people")]).wrong == ["ops"]


def test_the_daemon_takes_the_configuration(tmp_path: Path) -> None:
    world = Story(START).world
    at = Addresses(
        vendors=dict.fromkeys(world.accounts, "http://127.0.0.1:1"),
        slack="http://127.0.0.1:3",
        hook="http://127.0.0.1:3/services/T/B/x",
        smtp_port=25,
    )
    path = tmp_path / "config.toml"
    path.touch(mode=0o600)
    path.write_text(config_text(tmp_path / "data", at, world))

    config = load(path, environ={})

    assert config.warnings == ()
    assert set(config.receivers) == {"ops", "ops_bot", "oncall"}
    assert set(config.providers) == set(world.accounts)


FOOTER = "rule error_spike · provider renewals · batch b1 · key k1"
BLOCKS: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": "🔴 Renewals May: it fails"}},
    {"type": "section", "fields": [{"type": "plain_text", "text": "failed\n19 of 42"}] * 3},
    {"type": "section", "text": {"type": "mrkdwn", "text": "*now* <!date^1^{time}|at noon>"}},
    {"type": "context", "elements": [{"type": "plain_text", "text": FOOTER}]},
]


def test_slack_messages_are_heard_and_shown_as_people_see_them(clock: HandClock) -> None:
    slack, heard = Slack(clock), list[Told]()
    channel = slack.channel("calls-ops").channel_id
    from_slack(slack, {channel: "ops"}, lambda: 5.0, heard.append)
    console = Console(width=100, file=io.StringIO(), record=True)

    post = slack.add(Post(channel, slack.new_ts(), "bot", "🔴 FIRING critical", BLOCKS))
    slack.edit(post, "✅ RESOLVED critical", BLOCKS)
    slack.add(Post(channel, slack.new_ts(), "bot", "hello", [], thread_ts=post.ts))
    for one in heard:
        Screen(console).show(one)

    assert [(one.how, one.state, one.rule, one.batch, one.key) for one in heard] == [
        ("message", "FIRING", "error_spike", "b1", "k1"),
        ("edit", "RESOLVED", "error_spike", "b1", "k1"),
        ("reply", "", "", "", ""),
    ]
    text = console.export_text()
    for words in ("Renewals May: it fails", "failed: 19 of 42", "now at noon", "edited in place"):
        assert words in text


def test_the_summary_names_what_is_wrong() -> None:
    console = Console(width=140, file=io.StringIO(), record=True)
    screen = Screen(console)

    screen.summary([judge(SPIKE, [told()])], {"b1": "Renewals May"}, [told("ops_bot")])

    text = console.export_text()
    for words in ("Renewals May", "+3.0 s", "missing: oncall", "false: FIRING error_spike"):
        assert words in text
