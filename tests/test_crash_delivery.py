"""Killed at lines of the delivery: a bounded share, or with ``--proof`` at 1,200 of them."""

import pytest

from monitor.core.alert import AlertState
from tests.crashing import KINDS, STORY, Verdict, enumerate_points, judge

SHARE, ALL = 14, 600  # deaths for each kind of channel


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_and_nothing_doubled_wherever_it_dies(*, kind: str, proof: bool) -> None:
    points = ALL if proof else SHARE
    failures: list[tuple[int, Verdict]] = []

    def told(at: int, verdict: Verdict) -> None:
        if verdict.lost or verdict.doubled:
            failures.append((at, verdict))

    total = enumerate_points(kind, points, told)

    assert failures == []
    assert total.killed >= points * 9 // 10
    assert kind == "webhook" or total.marked == 0


def test_the_story_has_every_kind_of_telling() -> None:
    assert [step.state for step in STORY] == [
        AlertState.FIRING,
        AlertState.FIRING,
        AlertState.RESOLVED,
        AlertState.INFO,
        AlertState.INFO,
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_judge_sees_what_is_lost(kind: str) -> None:
    assert judge(kind, {"posts": [], "hooked": [], "deleted": []}).lost == 2


def test_the_judge_sees_what_is_doubled() -> None:
    body = {"text": "x", "blocks": [{"block_id": "offhook:1"}]}
    marked = body | {"text": "possible repeat: x"}

    assert judge("webhook", {"hooked": [body, body]}).doubled == 1
    assert judge("webhook", {"hooked": [body, marked]}).marked == 1
    post = {"body": {"text": "y", "metadata": {"event_payload": {"key": "1"}}}, "edits": []}
    assert judge("bot", {"posts": [post, post], "deleted": ["1"]}).doubled == 2
