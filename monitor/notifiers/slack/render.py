"""Messages as Slack blocks: within Slack's limits for any text, and nothing in it is markup.

Foreign text stands in ``plain_text`` elements, where Slack reads no markup at all. The only
``mrkdwn`` is made of our own words, a date and addresses that were checked. The fallback
``text`` has its three control characters escaped, so that no mention or link comes to life.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any

from monitor.core.message import Message
from monitor.core.text import clip, one_line
from monitor.notifiers import Envelope

Block = dict[str, Any]

HEADER = 150
SECTION = 3_000
FIELD = 2_000
FIELDS = 10
MOST_LINES = 25
BLOCKS = 50
TOTAL = 12_000
TEXT = 3_900  # a change takes no more than 4,000
SHOWN = 12  # messages of a group that are shown; of the others only the keys
_SHOWN_IN_TEXT = 6
_FIELD_SHOWN = 240
_BRIEF = 380

_ICONS = {
    ("FIRING", "critical"): "🔴",
    ("FIRING", "warning"): "🟠",
    ("FIRING", "info"): "🔵",
    ("INFO", "critical"): "🔴",
    ("INFO", "warning"): "🟠",
}
_URL = re.compile(r"https?://[^\s<>|\"'\\]{1,280}")


def payload(envelope: Envelope) -> dict[str, Any]:
    """What to post: always a full ``text``, and blocks unless a plain rendering is asked for."""
    content: dict[str, Any] = {
        "text": fallback(envelope),
        "mrkdwn": False,
        "parse": "none",
        "unfurl_links": False,
        "unfurl_media": False,
        "link_names": False,
    }
    if not envelope.plain:
        content["blocks"] = blocks(envelope)
    return content


def key_line(message: Message) -> str:
    """What every message ends with: by it a script finds the alert."""
    rule, provider, batch = (
        clip(one_line(text), 120) or "-" for text in (message.rule, message.provider, message.batch)
    )
    return f"rule {rule} · provider {provider} · batch {batch} · key {message.key}"


def fallback(envelope: Envelope) -> str:
    """The whole in one text, for notifications, screen readers and old clients."""
    shown = envelope.messages[:_SHOWN_IN_TEXT]
    # The key in the text finds a message whose blocks and metadata were lost.
    rest = [_the_rest(envelope.messages, _SHOWN_IN_TEXT)] if envelope.messages[len(shown) :] else []
    rest += [f"ref {envelope.key}"] if envelope.plain else []
    start = "possible repeat: " if envelope.possible_repeat else ""
    ending = "".join(f"\n{clip(text, 1_500)}" for text in rest)
    room = (TEXT - len(start) - len(ending)) // max(len(shown), 1) - 2
    return start + "\n\n".join(_in_words(message, room) for message in shown) + ending


def _in_words(message: Message, room: int) -> str:
    """Escaped, at most ``room`` characters of it, and its key in any case."""
    words = [f"{icon(message)} {_status(message)}: {message.sentence}"]
    words += [f"{label}: {text}" for label, text in message.lines]
    words += [message.todo] if message.todo else []
    words += [f"see: {', '.join(message.evidence)}"] if message.evidence else []
    words += [", ".join(message.marks)] if message.marks else []
    key = _escaped(key_line(message))
    if len(key) > room // 2:
        key = f"key {message.key}"
    text = "\n".join(one_line(word) for word in words)
    return f"{_escaped_within(text, room - len(key) - 1)}\n{key}"


def _escaped_within(text: str, limit: int) -> str:
    """As much of the text as fits once it is escaped, no escape cut in two."""
    text = clip(text, limit)
    while len(_escaped(text)) > limit:
        text = clip(text, len(text) * 3 // 4)
    return _escaped(text)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def icon(message: Message) -> str:
    """Green is for what recovered and for nothing else."""
    if message.state == "RESOLVED":
        return "✅" if message.reason == "recovered" else "⚪"
    return _ICONS.get((message.state, message.severity), "🔵")


def blocks(envelope: Envelope) -> list[Block]:
    """One message in full, or several in brief."""
    messages = envelope.messages
    made = list(_in_full(messages[0]) if len(messages) == 1 else _in_brief(messages))
    if envelope.possible_repeat:
        made.insert(0, _context("possible repeat: an earlier copy may have arrived"))
    # The key of this delivery, unseen by readers: it finds the message again after a crash.
    made[-1]["block_id"] = f"offhook:{envelope.key}"
    return made


def _in_full(message: Message) -> Iterator[Block]:
    headline = f"{icon(message)} {one_line(message.sentence)}"
    yield {"type": "header", "text": _plain(headline, HEADER)}
    if len(headline) > HEADER:
        yield {"type": "section", "text": _plain(message.sentence, 700)}
    yield _state_line(message)
    for start in range(0, min(len(message.lines), MOST_LINES), FIELDS):
        fields = message.lines[start : min(start + FIELDS, MOST_LINES)]
        yield {"type": "section", "fields": [_field(label, text) for label, text in fields]}
    if message.todo:
        yield {"type": "section", "text": _plain(f"👉 {message.todo}", 400)}
    remarks = list(message.marks)
    remarks += [f"see {', '.join(message.evidence)}"] if message.evidence else []
    if remarks:
        yield _context(" · ".join(remarks))
    yield _context(key_line(message))


def _state_line(message: Message) -> Block:
    """Our own words, a date in the reader's own zone, and checked addresses."""
    fallback_time = f"{message.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    date = f"<!date^{int(message.at.timestamp())}^{{date_short_pretty}} {{time}}|{fallback_time}>"
    parts = [_status(message), date]
    for name, url in (("open", message.link), ("runbook", message.runbook_url)):
        if url and _URL.fullmatch(url):
            parts.append(f"<{_escaped(url)}|{name}>")
    text = {"type": "mrkdwn", "text": " · ".join(parts), "verbatim": True}
    return {"type": "context", "elements": [text]}


def _status(message: Message) -> str:
    """State and weight, from closed sets of words."""
    state = message.state if message.state in {"FIRING", "RESOLVED", "INFO"} else "INFO"
    severity = message.severity if message.severity in {"critical", "warning"} else "info"
    if state == "RESOLVED":
        state = f"{state} ({_word(message.reason)})"
    return state if (state, severity) == ("INFO", "info") else f"{state} {severity}"


def _word(text: str) -> str:
    return re.sub(r"[^a-z ]", "", text)[:60]


def _in_brief(messages: Sequence[Message]) -> Iterator[Block]:
    firing = sum(message.state == "FIRING" for message in messages)
    count = f"{len(messages)} alerts, {firing} of them firing"
    yield {"type": "header", "text": _plain(f"{icon(messages[0])} {count}", HEADER)}
    if len(messages) > SHOWN:
        yield _context(_the_rest(messages, SHOWN))
    for message in messages[:SHOWN]:
        told = f"{icon(message)} {_status(message)}: {message.sentence}"
        told += "".join(f" ({mark})" for mark in message.marks)
        yield {"type": "section", "text": _plain(told, _BRIEF)}
        yield _context(key_line(message))


def _the_rest(messages: Sequence[Message], shown: int) -> str:
    rest = messages[shown:]
    return f"… and {len(rest)} more: key " + ", ".join(message.key for message in rest)


def _field(label: str, text: str) -> Block:
    return _plain(f"{label}\n{one_line(text)}", _FIELD_SHOWN)


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_plain(text, FIELD)]}


def _plain(text: str, limit: int) -> Block:
    # An empty text is refused by Slack; ":words:" stay words.
    return {"type": "plain_text", "text": clip(text, limit) or "-", "emoji": False}
