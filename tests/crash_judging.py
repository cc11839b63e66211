"""What a channel holds after all the deaths, beside what it ought to hold."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.crash_plays import Play


@dataclass(frozen=True)
class Verdict:
    """How one point, or many, ended."""

    killed: int = 0
    lost: int = 0
    doubled: int = 0  # twice without a word about it
    marked: int = 0  # twice, and the second says so
    false: int = 0  # told of what never was

    def __add__(self, other: "Verdict") -> "Verdict":
        return Verdict(
            self.killed + other.killed,
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.marked + other.marked,
            self.false + other.false,
        )

    @property
    def wrong(self) -> int:
        """How often the promise was broken."""
        return self.lost + self.doubled + self.false


def judge(play: Play, kind: str, state: dict[str, Any]) -> Verdict:
    """What the channel holds in the end, beside what the play must have told."""
    if kind == "pages":
        return _judge_pages(play, state["hooked"])
    if play.shared:
        posts, hooked = state["posts"], state["hooked"]
        return (
            _judge_shared_bot(play, posts) + Verdict(doubled=len(state["deleted"]))
            if kind == "bot"
            else _judge_shared_webhook(play, hooked)
        )
    return _judge_bot(play, state) if kind == "bot" else _judge_webhook(play, state["hooked"])


def _judge_bot(play: Play, state: dict[str, Any]) -> Verdict:
    """One root for each alert, showing its end; each reply once; no copy ever made."""
    posts = state["posts"]
    roots = [post for post in posts if not post["body"].get("thread_ts")]
    replies = [post["body"]["text"] for post in posts if post["body"].get("thread_ts")]
    lost = doubled = 0
    for rule, end in play.ends.items():
        mine = [root for root in roots if _rule(root["body"]["text"]) == rule]
        newest = [(root["edits"] or [root["body"]])[-1]["text"] for root in mine]
        lost += not any(re.search(end, text) for text in newest)
        doubled += max(len(mine) - 1, 0)
        if any("FIRING" in root["body"]["text"] for root in mine):
            lost += not any(_rule(text) == rule and "RESOLVED" in text for text in replies)
    keys = Counter(post["body"]["metadata"]["event_payload"]["key"] for post in posts)
    doubled += sum(keys.values()) - len(keys) + len(state["deleted"])
    false = sum(_rule(root["body"]["text"]) not in play.ends for root in roots)
    return Verdict(lost=lost, doubled=doubled, false=false)


def _judge_webhook(play: Play, hooked: list[dict[str, Any]]) -> Verdict:
    """The end of everything is told; whatever comes twice says so from the second time on."""
    texts = [body["text"] for body in hooked]
    lost = sum(
        not any(_rule(text) == rule and re.search(end, text) for text in texts)
        for rule, end in play.webhook_ends.items()
    )
    told: set[str] = set()
    doubled = marked = 0
    for body in hooked:
        key = body["blocks"][-1]["block_id"]
        says = re.match("possible repeat", body["text"]) is not None
        if key in told:
            marked, doubled = marked + says, doubled + (not says)
        told.add(key)
    false = sum(_rule(text) not in play.ends for text in texts)
    return Verdict(lost=lost, doubled=doubled, marked=marked, false=false)


def _rule(text: str) -> str:
    found = re.search(r"rule (\w+) · ", text)
    return found.group(1) if found else ""


# Several alerts in one message

_Told = tuple[str, str]  # rule and status


def told_in(body: dict[str, Any]) -> Iterator[_Told]:
    """What one message says: each alert with its state, from the blocks as people see them."""
    status = ""
    for block in body["blocks"]:
        texts = [block.get("text"), *block.get("elements", ())]
        for text in (each["text"] for each in texts if each and isinstance(each.get("text"), str)):
            if rule := _rule(text):
                yield rule, status
            elif found := _STATUS.search(text):
                status = found.group()


_STATUS = re.compile(r"FIRING \w+|RESOLVED \([a-z ]+\) \w+|INFO( \w+)?")


def _judge_shared_bot(play: Play, posts: Sequence[dict[str, Any]]) -> Verdict:
    """Every root shows how its alerts ended, in a thread each end is told; nothing comes twice."""
    roots = [post for post in posts if not post["body"].get("thread_ts")]
    shown = [told for root in roots for told in told_in((root["edits"] or [root["body"]])[-1])]
    replies = [
        told for post in posts if post["body"].get("thread_ts") for told in told_in(post["body"])
    ]
    lost = sum(
        not any(each == rule and re.search(end, status) for each, status in shown)
        for rule, end in play.ends.items()
    )
    keys = Counter(post["body"]["metadata"]["event_payload"]["key"] for post in posts)
    first = Counter(told for root in roots for told in told_in(root["body"]))
    doubled = sum(keys.values()) - len(keys)
    doubled += sum(count - 1 for count in (*first.values(), *Counter(replies).values()))
    false = sum(rule not in play.ends for rule, _ in shown)
    return Verdict(lost=lost, doubled=doubled, false=false)


def _judge_shared_webhook(play: Play, hooked: Sequence[dict[str, Any]]) -> Verdict:
    """Every end is told; whatever comes twice says so from the second time on."""
    seen: set[str | _Told] = set()
    doubled = marked = 0
    told: list[_Told] = []
    for body in hooked:
        says = re.match("possible repeat", body["text"]) is not None
        now = list(told_in(body))
        again = bool(seen.intersection([body["blocks"][-1]["block_id"], *now]))
        marked, doubled = marked + (again and says), doubled + (again and not says)
        seen |= {body["blocks"][-1]["block_id"], *now}
        told += now
    lost = sum((rule, end) not in _ended(told, end) for rule, end in play.webhook_ends.items())
    false = sum(rule not in play.ends for rule, _ in told)
    return Verdict(lost=lost, doubled=doubled, marked=marked, false=false)


def _ended(told: Sequence[_Told], end: str) -> set[_Told]:
    return {(rule, end) for rule, status in told if re.search(end, status)}


def _judge_pages(play: Play, events: Sequence[dict[str, Any]]) -> Verdict:
    """An incident is opened once and closed; a report of something good opens none."""
    actions: dict[str, list[str]] = {}
    for event in events:
        if event["path"] == "/v2/enqueue":
            actions.setdefault(event["dedup_key"], []).append(event["event_action"])
    others = {key: done for key, done in actions.items() if key not in play.pages}
    crowds = {key.rpartition("-")[0] for key in others} if play.crowded else set()
    opened = [key for key, done in others.items() if "trigger" in done]
    lost = sum(actions.get(key, [""])[-1] != "resolve" for key in (*play.pages, *opened))
    lost += play.crowded and not opened
    opened_again = [
        key
        for key, done in actions.items()
        if "resolve" in done and "trigger" in done[done.index("resolve") :]
    ]
    false = max(len(crowds) - 1, 0) if play.crowded else len(others)
    return Verdict(lost=lost, doubled=len(opened_again), false=false)
