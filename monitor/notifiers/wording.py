"""A message in words alone: for mail, and for whatever takes a title and a text."""

import re

from monitor.core.alert import Reason
from monitor.core.message import Message
from monitor.core.text import clip, one_line
from monitor.notifiers import Envelope

SUBJECT = 160
SHOWN = 40
_ALL_IN_FULL, _FIRST_IN_FULL = 5, 3
REPEAT = "Possible repeat: an earlier copy of this message may have arrived."
_REPORTS = frozenset({Reason.REPORTED.words, Reason.SETTLED.words})
_URL = re.compile(r"https?://[^\s<>|\"'\\]{1,280}")


def is_report(message: Message) -> bool:
    """Whether it tells of something that happened, and not of something that lasts."""
    return message.state != "RESOLVED" and message.reason in _REPORTS


def subject(envelope: Envelope) -> str:
    """State in front, then what stays the same through an episode, so that mails thread."""
    first = envelope.messages[0]
    state = first.state if first.state == "RESOLVED" else weighed(first)
    repeat = ", possible repeat" if envelope.possible_repeat else ""
    others = max(envelope.total, len(envelope.messages)) - 1
    more = f" and {others} more" if others else ""
    stem = first.headline or f"{first.title or first.batch or first.provider}: {first.rule}"
    return clip(one_line(f"[{state}{repeat}] {stem}{more}"), SUBJECT) or "-"


def text_body(envelope: Envelope) -> str:
    """For readers without markup, and for people who prefer it."""
    parts = [REPEAT] if envelope.possible_repeat else []
    if count := counted(envelope):
        parts.append(count)
    whole = in_full(envelope)
    parts += [_in_words(message) for message in envelope.messages[:whole]]
    parts += [_in_brief(message) for message in envelope.messages[whole:SHOWN]]
    parts += [left_out(envelope)] if left_out(envelope) else []
    return "\n\n".join(parts) + "\n"


def in_full(envelope: Envelope) -> int:
    """How many messages are told in full: a digest of forty is read for its first lines."""
    n = len(envelope.messages)
    return n if n <= _ALL_IN_FULL else _FIRST_IN_FULL


def counted(envelope: Envelope) -> str:
    """How many alerts there are and fire, where it is not one alone."""
    messages = envelope.messages
    total = max(envelope.total, len(messages))
    if total == 1:
        return ""
    firing = sum(message.state == "FIRING" for message in messages)
    of = "of them" if total == len(messages) else f"of the {len(messages)} told here"
    return f"{total:,} alerts, {firing:,} {of} firing"


def left_out(envelope: Envelope) -> str:
    """Where the rest is, when not every alert is told in full."""
    rest = envelope.messages[SHOWN:]
    words = f"… and {len(rest)} more: key " + ", ".join(each.key for each in rest) if rest else ""
    return ". ".join(each for each in (words, pressed(envelope)) if each)


def pressed(envelope: Envelope) -> str:
    """How many alerts of the conversation are not in the envelope at all, and what lists them."""
    beyond = envelope.total - len(envelope.messages)
    if beyond <= 0:
        return ""
    listed = f"; offhook alerts --group {envelope.group} lists all" if envelope.group else ""
    return f"{beyond:,} more alerts belong to this{listed}"


def _in_words(message: Message) -> str:
    words = [message.sentence, "", status(message)]
    words += told(message)
    words += [f"{label}: {text}" for label, text in remarks(message)]
    words += [f"{name}: {url}" for name, url in links(message)]
    words.append(key_line(message))
    return "\n".join(one_line(word) for word in words)


def _in_brief(message: Message) -> str:
    words = [message.sentence, status(message), *message.marks, key_line(message)]
    return "\n".join(one_line(word) for word in words)


def told(message: Message) -> list[str]:
    """What to do and the lines, or the words of a template in their place."""
    if message.body:
        return message.body.split("\n")
    todo = [f"what to do: {message.todo}"] if message.todo else []
    return todo + [f"{label}: {text}" for label, text in message.lines]


def remarks(message: Message) -> list[tuple[str, str]]:
    """What stands below the lines, by label."""
    known = (
        ("see", ", ".join(message.evidence)),
        ("note", ", ".join(message.marks)),
        ("acknowledged", message.acknowledged),
    )
    return [(label, text) for label, text in known if text]


def status(message: Message) -> str:
    """State, reason and weight."""
    if message.state == "RESOLVED":
        return f"{message.state} ({message.reason}), {message.severity}"
    return weighed(message)


def weighed(message: Message) -> str:
    """State and weight; a report of no weight is just that."""
    is_report = (message.state, message.severity) == ("INFO", "info")
    return message.state if is_report else f"{message.state} {message.severity}"


def links(message: Message) -> list[tuple[str, str]]:
    """The addresses that are ones, by name."""
    known = (("link", message.link), ("runbook", message.runbook_url))
    return [(name, url) for name, url in known if url and _URL.fullmatch(url)]


def key_line(message: Message) -> str:
    """What finds it again, in the same place of every message."""
    batch, provider = message.batch or "-", message.provider or "-"
    return f"rule {message.rule} · provider {provider} · batch {batch} · key {message.key}"
