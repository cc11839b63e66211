"""Killed at lines of its own code: a bounded share, or with ``--proof`` at 1,200 of them."""

import asyncio
from pathlib import Path

import pytest

from monitor.core.alert import AlertState
from tests.crash_plays import DELIVERING, KINDS, PLAYS, STORY, WATCHING
from tests.crashing import Verdict, channel, crash_at, enumerate_points, judge, make_template, seen

SHARE = {"delivery": 6, "watching": 2}  # deaths for each kind of channel
ALL = 300


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PLAYS)
def test_nothing_is_lost_doubled_or_false_wherever_it_dies(
    *, name: str, kind: str, proof: bool
) -> None:
    points = ALL if proof else SHARE[name]
    failures: list[tuple[int, Verdict]] = []

    def told(at: int, verdict: Verdict) -> None:
        if verdict.wrong:
            failures.append((at, verdict))

    total = enumerate_points(PLAYS[name], kind, points, told)

    assert failures == []
    assert total.killed >= points * 9 // 10
    assert kind == "webhook" or total.marked == 0


def test_the_deliveries_have_every_kind_of_telling() -> None:
    assert [step.state for step in STORY] == [
        AlertState.FIRING,
        AlertState.FIRING,
        AlertState.RESOLVED,
        AlertState.INFO,
        AlertState.INFO,
    ]


def test_what_is_watched_fires_gets_worse_recovers_and_completes(tmp_path: Path) -> None:
    with channel() as port:
        asyncio.run(WATCHING.live(make_template(tmp_path), "bot", port, 0))
        posts = seen(port, "/state")["posts"]

    shown = [[post["body"], *post["edits"]] for post in posts]
    states = [[body["text"].split(":")[0][2:] for body in bodies] for bodies in shown]
    resolved = "RESOLVED (recovered) critical"
    assert states == [
        ["FIRING critical", resolved],
        [resolved],
        ["FIRING warning", "FIRING critical", resolved],
        ["FIRING critical"],
        [resolved],
        ["INFO", "INFO"],
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_judge_sees_what_is_lost(kind: str) -> None:
    assert judge(DELIVERING, kind, {"posts": [], "hooked": [], "deleted": []}).lost == 2


def test_the_judge_sees_what_is_doubled_and_what_is_false() -> None:
    body = {"text": "x\nrule error_spike · ", "blocks": [{"block_id": "offhook:1"}]}
    marked = body | {"text": f"possible repeat: {body['text']}"}
    other = body | {"text": "x\nrule batch_failed · ", "blocks": [{"block_id": "offhook:2"}]}

    assert judge(DELIVERING, "webhook", {"hooked": [body, body]}).doubled == 1
    assert judge(DELIVERING, "webhook", {"hooked": [body, marked]}).marked == 1
    assert judge(DELIVERING, "webhook", {"hooked": [body, other]}).false == 1
    metadata = {"event_payload": {"key": "1"}}
    post = {"body": {"text": other["text"], "metadata": metadata}, "edits": []}
    found = judge(DELIVERING, "bot", {"posts": [post, post], "deleted": ["1"]})
    assert (found.doubled, found.false) == (2, 2)


def test_a_play_that_is_killed_nowhere_is_clean(tmp_path: Path) -> None:
    with channel() as port:
        template = make_template(tmp_path)
        for play in PLAYS.values():
            verdict, lines = crash_at(play, template, "webhook", port, at=None)
            assert (verdict.wrong, verdict.killed) == (0, False)
            assert lines > 1_000
