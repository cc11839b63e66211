"""``[[templates]]``: the user's own words for a message, put in just before it is sent.

They are put in here, between what was decided and what is rendered. Composing would be too
early: a reload would not reach what already waits. Rendering would be too late: a notifier
cannot fail, and a template can. So the outbox keeps the built-in text, a template that fails
costs nothing but itself, and a notifier never knows that there are templates.

State, severity, remarks and the key line are not the template's to change.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from monitor.core.compose import SENTENCE
from monitor.core.message import Message
from monitor.core.route import Receiver
from monitor.core.text import clip, one_line
from monitor.core.wording import zone_named
from monitor.errors import Problem
from monitor.notifiers import Envelope, Notifier, Receipt
from monitor.notifiers.grammar import TemplateFault
from monitor.notifiers.sandbox import Text

BODY = 2_500  # letters; a section of a Slack message takes 3,000
BODY_LINES = 40
_NOTE = 200

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Written:
    """A title or a body as the file has it; ``place`` is a Problem without its text."""

    text: Text
    place: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One of ``[[templates]]``; no rules or receivers are all of them."""

    rules: frozenset[str] = frozenset()  # ids or instances
    receivers: frozenset[str] = frozenset()
    title: Written | None = None
    body: Written | None = None

    def covers(self, message: Message, receiver: str) -> bool:
        """Whether it speaks of this rule to this receiver."""
        told = not self.receivers or receiver in self.receivers
        return told and (not self.rules or not self.rules.isdisjoint(_names(message)))


def _names(message: Message) -> tuple[str, str]:
    return message.rule, message.rule_id


# What a template may name, each with what it is.
NAMES: Mapping[str, str] = {
    "sentence": "the built-in sentence",
    "title": "the name of the batch, or of what else it is about",
    "state": "FIRING, RESOLVED or INFO",
    "reason": "why it is in that state: held long enough, recovered, batch ended, …",
    "severity": "critical, warning or info",
    "rule": "the rule's name in the configuration",
    "rule_id": "the rule's id",
    "provider": "the name of the account",
    "vendor": "who runs it",
    "batch": "the id of the batch, or nothing",
    "lines": "the built-in lines, each a pair of label and text",
    "values": "the same by label: values.affected, values.value, values.cost_so_far",
    "todo": "what to do, or nothing",
    "evidence": "ids of calls or people, up to three",
    "marks": "short true remarks: detected late, estimate, settling",
    "labels": "your own labels and those of matchers: labels.team",
    "link": "an address, or nothing",
    "runbook_url": "the rule's runbook, or nothing",
    "acknowledged": "by whom and when, or nothing",
    "at": "the time of the message, on the wall of the batch's zone",
    "fired_at": "since when it fires, or nothing",
    "episode": "which time it is that this happens, a number",
    "repeat": "how often it was told before, a number",
    "key": "the alert's key",
}


def view(message: Message) -> dict[str, Any]:
    """A message as a template sees it: texts, numbers, lists of texts, and nothing of ours."""
    values = {label: text for label, text in message.lines if label}
    return {
        "sentence": message.sentence,
        "title": message.title,
        "state": message.state,
        "reason": message.reason,
        "severity": message.severity,
        "rule": message.rule,
        "rule_id": message.rule_id,
        "provider": message.provider,
        "vendor": message.vendor or message.labels.get("vendor", ""),
        "batch": message.batch,
        "lines": message.lines,
        "values": {_word(label): text for label, text in values.items()} | values,
        "todo": message.todo or "",
        "evidence": message.evidence,
        "marks": message.marks,
        "labels": dict(message.labels),
        "link": message.link or "",
        "runbook_url": message.runbook_url or "",
        "acknowledged": message.acknowledged,
        "at": _moment(message.at, message.zone),
        "fired_at": _moment(message.fired_at, message.zone),
        "episode": message.episode,
        "repeat": message.repeat,
        "key": message.key,
    }


def _word(label: str) -> str:
    """A label as it can stand behind a dot: "cost so far" is ``cost_so_far``."""
    return re.sub(r"\W+", "_", label.lower()).strip("_")


def _moment(at: datetime | None, zone: str) -> str:
    if at is None:
        return ""
    try:
        return f"{at.astimezone(zone_named(zone)):%Y-%m-%d %H:%M %Z}"
    except (OverflowError, ValueError):  # at the edge of the calendar
        return at.isoformat(timespec="minutes")


def templated(
    message: Message, receiver: Receiver, templates: Sequence[Template]
) -> tuple[Message, tuple[TemplateFault, ...]]:
    """The message in the words of the first template that covers it, and what failed of it.

    What fails leaves the built-in text and a note that names the rule. A body of nothing
    leaves the built-in lines; a title of nothing is a failure.
    """
    chosen = next((each for each in templates if each.covers(message, receiver.name)), None)
    if chosen is None:
        return message, ()
    seen = view(message)
    faults: list[TemplateFault] = []
    try:
        title = title_of(chosen.title, seen)
    except TemplateFault as fault:
        title = ""
        faults.append(fault)
    try:
        body = body_of(chosen.body, seen)
    except TemplateFault as fault:
        body = ""
        faults.append(fault)
    notes = tuple(_note(message, fault) for fault in faults[:1])
    return (
        replace(
            message,
            sentence=title or message.sentence,
            headline=title,
            body=body,
            marks=(*message.marks, *notes),
        ),
        tuple(faults),
    )


def title_of(written: Written | None, seen: Mapping[str, Any]) -> str:
    """One clean line, "" without a template; TemplateFault when it fails or says nothing."""
    if written is None:
        return ""
    title = clip(one_line(written.text.render(seen, SENTENCE)), SENTENCE)
    if not title:
        raise TemplateFault("the title is empty", None, bare="the title is empty")
    return title


def body_of(written: Written | None, seen: Mapping[str, Any]) -> str:
    """Clean lines of bounded number and length; TemplateFault when it fails."""
    if written is None:
        return ""
    found: list[str] = []
    for line in written.text.render(seen, BODY).splitlines():
        clean = one_line(line)
        if clean or (found and found[-1]):  # one empty line between two, none in front
            found.append(clean)
    if len(found) > BODY_LINES:
        found[BODY_LINES - 1 :] = ["…"]
    return clip("\n".join(found).strip(), BODY)


def _note(message: Message, fault: TemplateFault) -> str:
    """For people; nothing in it comes from the message but the rule's name."""
    line = "" if fault.line is None else f" in line {fault.line}"
    return clip(f"the template for {message.rule} failed{line}: {fault.bare}", _NOTE)


class Templated:
    """A notifier that says things in the user's words: all else it leaves to the one inside."""

    def __init__(self, inner: Notifier, templates: Sequence[Template]) -> None:
        self.inner = inner
        self.receiver = inner.receiver
        self._templates = templates

    async def send(self, envelope: Envelope) -> Receipt:
        """See Notifier; a template that fails is logged, and the message goes all the same."""
        messages = tuple(self._worded(message) for message in envelope.messages)
        return await self.inner.send(replace(envelope, messages=messages))

    def _worded(self, message: Message) -> Message:
        worded, faults = templated(message, self.receiver, self._templates)
        for fault in faults:
            log.warning(
                "template_failed",
                receiver=self.receiver.name,
                rule=message.rule,
                line=fault.line,
                text=fault.bare,
            )
        return worded

    async def find(
        self, keys: Sequence[str], since: datetime, root: str | None = None
    ) -> dict[str, tuple[str, ...]]:
        """See Notifier."""
        return await self.inner.find(keys, since, root)

    async def remove(self, remote_id: str) -> None:
        """See Notifier."""
        await self.inner.remove(remote_id)

    async def check(self) -> str:
        """See Notifier."""
        return await self.inner.check()

    async def close(self) -> None:
        """See Notifier."""
        await self.inner.close()


def word(notifiers: Mapping[str, Notifier], templates: Sequence[Template]) -> dict[str, Notifier]:
    """The notifiers as the dispatcher is to use them: they word messages as these say."""
    if not templates:
        return dict(notifiers)
    return {name: Templated(each, templates) for name, each in notifiers.items()}
