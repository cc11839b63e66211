"""Killed at lines of its own code: a bounded share, or with ``--proof`` at 1,200 of them."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from monitor.core.alert import AlertState
from tests import crash_receiving as receiving
from tests.crash_judging import Verdict, judge
from tests.crash_plays import DELIVERING, GROUPING, STORMING, STORY, Play
from tests.crash_watching import HEARING, WATCHING
from tests.crashing import PLAYS, channel, enumerate_points, make_template, seen

# Deaths by play and channel; the others only with --proof
SHARE = {
    ("delivery", "bot"): 3,
    ("delivery", "webhook"): 2,
    ("watching", "bot"): 1,
    ("group", "bot"): 2,
    ("group", "pages"): 1,
    ("digest", "webhook"): 1,
}
ALL = 300
RECEIVING, ALL_RECEIVING = 4, 500


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, play in PLAYS.items() for kind in play.kinds]
)
def test_nothing_is_lost_doubled_or_false_wherever_it_dies(
    *, name: str, kind: str, proof: bool
) -> None:
    points = ALL if proof else SHARE.get((name, kind), 0)
    if not points:
        pytest.skip("only with --proof")
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


@pytest.mark.parametrize("play", [WATCHING, HEARING], ids=["watched", "heard of"])
def test_what_is_watched_fires_gets_worse_recovers_and_completes(
    tmp_path: Path, play: Play
) -> None:
    with channel() as port:
        asyncio.run(play.live(make_template(tmp_path), "bot", port, 0))
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


@pytest.mark.parametrize("kind", ["bot", "webhook"])
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


def message(*told: tuple[str, str], repeat: bool = False) -> dict[str, Any]:
    """One of several alerts, as Slack gets it."""
    blocks: list[dict[str, Any]] = [{"type": "header", "text": {"text": "2 alerts"}}]
    for rule, status in told:
        blocks.append({"type": "section", "text": {"text": f"{status}: they fail"}})
        blocks.append({"elements": [{"text": f"rule {rule} · provider p"}]})
    blocks[-1]["block_id"] = f"offhook:{told}"
    return {"text": "possible repeat: 2 alerts" if repeat else "2 alerts", "blocks": blocks}


OVER = [(rule, "RESOLVED (recovered) warning") for rule in GROUPING.ends]


@pytest.mark.parametrize(
    ("hooked", "verdict"),
    [
        pytest.param([], Verdict(lost=3), id="nothing"),
        pytest.param([message(*OVER)], Verdict(), id="all of it"),
        pytest.param([message(*OVER[:2])], Verdict(lost=1), id="not all of it"),
        pytest.param([message(*OVER)] * 2, Verdict(doubled=1), id="twice"),
        pytest.param([message(*OVER), message(OVER[1])], Verdict(doubled=1), id="some twice"),
        pytest.param(
            [message(*OVER), message(OVER[1], repeat=True)], Verdict(marked=1), id="and says so"
        ),
        pytest.param([message(*OVER, ("x", "FIRING info"))], Verdict(false=1), id="false"),
    ],
)
def test_the_judge_reads_every_alert_of_a_message(
    hooked: list[dict[str, Any]], verdict: Verdict
) -> None:
    state = {"posts": [], "hooked": hooked, "deleted": []}

    assert judge(GROUPING, "webhook", state) == verdict


def test_the_judge_of_roots_sees_copies_and_ends_that_are_missing() -> None:
    def post(n: int, *told: tuple[str, str]) -> dict[str, Any]:
        metadata = {"event_payload": {"key": str(n)}}
        return {"body": message(*told) | {"metadata": metadata}, "edits": []}

    def judged(*posts: dict[str, Any], deleted: int = 0) -> Verdict:
        state = {"posts": list(posts), "hooked": [], "deleted": ["x"] * deleted}
        return judge(GROUPING, "bot", state)

    assert judged(post(1, *OVER)) == Verdict()
    assert judged(post(1, *OVER[1:])) == Verdict(lost=1)
    assert judged(post(1, *OVER), post(2, OVER[0])) == Verdict(doubled=1)
    assert judged(post(1, *OVER), deleted=1) == Verdict(doubled=1)


def test_the_judge_of_incidents_wants_one_for_those_that_share_it() -> None:
    def judged(*crowd: tuple[str, str]) -> Verdict:
        own = [(key, action) for key in STORMING.pages for action in ("trigger", "resolve")]
        events = [
            {"path": "/v2/enqueue", "dedup_key": key, "event_action": action}
            for key, action in (*own, *crowd)
        ]
        return judge(STORMING, "pages", {"hooked": events})

    one = [("a1-critical", "trigger"), ("a1-critical", "resolve"), ("a1-info", "resolve")]
    assert judged(*one) == Verdict()
    assert judged() == judged(one[0]) == Verdict(lost=1)
    assert judged(*one, *one[:2]) == Verdict(doubled=1)
    assert judged(*one, ("b2-critical", "trigger"), ("b2-critical", "resolve")) == Verdict(false=1)


def test_the_judge_of_incidents_sees_what_stays_open_and_what_opens_again() -> None:
    def judged(*actions: str) -> Verdict:
        key = min(GROUPING.pages)
        events = [
            {"path": "/v2/enqueue", "dedup_key": each, "event_action": action}
            for each in GROUPING.pages
            for action in (actions if each == key else ("trigger", "resolve"))
        ]
        return judge(GROUPING, "pages", {"hooked": events})

    assert judged("trigger", "trigger", "resolve", "resolve") == Verdict()
    assert judged("trigger") == judged() == Verdict(lost=1)
    assert judged("trigger", "resolve", "trigger", "resolve") == Verdict(doubled=1)
