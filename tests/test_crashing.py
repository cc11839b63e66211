"""Killed at lines of its own code: a bounded share, or with ``--proof`` at 1,200 of them."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from monitor.core.alert import AlertState
from tests import crash_receiving as receiving
from tests.crash_plays import DELIVERING, KINDS, PLAYS, STORY, WATCHING
from tests.crashing import Verdict, channel, enumerate_points, judge, make_template, seen

SHARE = {"delivery": 5, "watching": 1}  # deaths for each kind of channel
ALL = 300
RECEIVING, ALL_RECEIVING = 4, 500


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


def test_every_webhook_that_was_answered_is_kept_once_wherever_it_dies(*, proof: bool) -> None:
    points = ALL_RECEIVING if proof else RECEIVING

    total, wrong = receiving.enumerate_points(points)

    assert wrong == []
    assert total.killed >= points * 9 // 10


def test_the_judge_of_webhooks_sees_what_is_lost_doubled_and_false() -> None:
    mail = receiving.Mail((), frozenset({b"forged"}), {b"1": 200, b"2": 200, b"forged": 401})

    found = receiving.judge(mail, Counter({b"1": 2, b"forged": 1}))

    assert (found.lost, found.doubled, found.false) == (1, 1, 1)


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
