"""Messages as Slack blocks: within Slack's limits for any text, and nothing in it is markup.

Foreign text stands in ``plain_text`` elements, where Slack reads no markup at all. The only
``mrkdwn`` is made of our own words, a date, addresses that were checked, and whom the
configuration wants called. The fallback ``text`` has its three control characters escaped,
so that no other mention and no link comes to life; alone, it has no other markup either.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from monitor.core.message import Message
from monitor.core.text import clip, one_line
from monitor.notifiers import Envelope
from monitor.notifiers.chart import sparkline
from monitor.notifiers.slack import buttons
from monitor.notifiers.slack.text import escaped, escaped_within, unmarked

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
_FEW, _LEADING, _SHORT = 3, 6, 120  # of so few messages the first lines are shown, not long

_ICONS = {
    ("FIRING", "critical"): "🔴",
    ("FIRING", "warning"): "🟠",
    ("FIRING", "info"): "🔵",
    ("INFO", "critical"): "🔴",
    ("INFO", "warning"): "🟠",
}
# No name in a text is linked, and no page that it names is shown below it.
AS_IT_STANDS = {"parse": "none", "link_names": False}
UNSHOWN = {"unfurl_links": False, "unfurl_media": False}
_URL = re.compile(r"https?://[^\s<>|\"'\\]{1,280}")


@dataclass(frozen=True, slots=True)
class Style:
    """What one receiver's messages have besides: buttons that name it, and whom to call."""

    buttons_of: str | None = None
    mention: str | None = None


_BARE = Style()


def payload(envelope: Envelope, style: Style = _BARE) -> dict[str, Any]:
    """What to post: always a full ``text``, and blocks unless a plain rendering is asked for."""
    call = _call(envelope, style)
    text = fallback(envelope)
    if envelope.plain:
        text = f"{call} {unmarked(text)}".lstrip()
    content: dict[str, Any] = {
        "text": text,
        "mrkdwn": False,
        **AS_IT_STANDS,
        **UNSHOWN,
    }
    if not envelope.plain:
        content["blocks"] = blocks(envelope, style)
    return content


def _call(envelope: Envelope, style: Style) -> str:
    """Whom to call: for what is critical, when it is told first, and never for a copy of it."""
    again = envelope.possible_repeat or envelope.replaces
    first = envelope.root is None or (envelope.part == "thread" and _loud(envelope))
    grave = any(
        each.state == "FIRING" and each.severity == "critical" and each.repeat == 0
        for each in envelope.messages
    )
    if style.mention is None or again or not first or not grave:
        return ""
    return "<!here>" if style.mention == "here" else f"<!subteam^{style.mention}>"


def _loud(envelope: Envelope) -> bool:
    return any(message.loud for message in envelope.messages)


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
    rest = [_the_rest(envelope, _SHOWN_IN_TEXT)] if _is_cut(envelope, _SHOWN_IN_TEXT) else []
    rest += [f"ref {envelope.key}"] if envelope.plain else []
    start = "".join(f"{remark}: " for remark in _about_copies(envelope))
    ending = "".join(f"\n{clip(text, 1_500)}" for text in rest)
    room = (TEXT - len(start) - len(ending)) // max(len(shown), 1) - 2
    return start + "\n\n".join(_in_words(message, room) for message in shown) + ending


def _in_words(message: Message, room: int) -> str:
    """Escaped, at most ``room`` characters of it, and its key in any case."""
    words = [f"{icon(message)} {_status(message)}: {_sentence(message)}"]
    words += [f"acknowledged by {message.acknowledged}"] if message.acknowledged else []
    words += message.body.split("\n") if message.body else _details(message)
    words += [f"see: {', '.join(message.evidence)}"] if message.evidence else []
    words += [", ".join(message.marks)] if message.marks else []
    key = escaped(key_line(message))
    if len(key) > room // 2:
        key = f"key {message.key}"
    text = "\n".join(one_line(word) for word in words)
    return f"{escaped_within(text, room - len(key) - 1)}\n{key}"


def _details(message: Message) -> list[str]:
    words = [f"{label}: {text}" for label, text in message.lines]
    return [*words, message.todo] if message.todo else words


def _sentence(message: Message) -> str:
    return one_line(message.headline) or one_line(message.sentence)


def icon(message: Message) -> str:
    """Green is for what recovered and for nothing else."""
    if message.state == "RESOLVED":
        return "✅" if message.reason == "recovered" else "⚪"
    return _ICONS.get((message.state, message.severity), "🔵")


def blocks(envelope: Envelope, style: Style = _BARE) -> list[Block]:
    """One message in full, or several in brief."""
    alone = len(envelope.messages) == 1 and envelope.total <= 1
    # A reply stays as it is while things move on, so that its buttons would soon be wrong.
    receiver = style.buttons_of if envelope.part == "root" else None
    made = [_context(remark) for remark in _about_copies(envelope)]
    call = _call(envelope, style)
    made += [{"type": "context", "elements": [{"type": "mrkdwn", "text": call}]}] if call else []
    made += _in_full(envelope.messages[0], receiver) if alone else _in_brief(envelope, receiver)
    # The key of this delivery, unseen by readers: it finds the message again after a crash.
    made[-1]["block_id"] = f"offhook:{envelope.key}"
    return made


def _about_copies(envelope: Envelope) -> list[str]:
    found = []
    if envelope.possible_repeat:
        found.append("possible repeat, an earlier copy may have arrived")
    if envelope.replaces:
        found.append("replaces a deleted message")
    return found


def _in_full(message: Message, receiver: str | None) -> Iterator[Block]:
    headline = f"{icon(message)} {_sentence(message)}"
    yield {"type": "header", "text": _plain(headline, HEADER)}
    if len(headline) > HEADER:
        yield {"type": "section", "text": _plain(_sentence(message), 700)}
    yield _state_line(message)
    if message.acknowledged:
        yield _context(f"👤 acknowledged by {one_line(message.acknowledged)}")
    if message.body:
        yield {"type": "section", "text": _plain(message.body, SECTION)}
    else:
        yield from _in_fields(message)
    if message.series:
        yield _context(sparkline(message.series, message.zone))
    remarks = list(message.marks)
    remarks += [f"see {', '.join(message.evidence)}"] if message.evidence else []
    if remarks:
        yield _context(" · ".join(remarks))
    row = buttons.row(receiver, message) if receiver else None
    if row:
        yield row
    yield _context(key_line(message))


def _in_fields(message: Message) -> Iterator[Block]:
    for start in range(0, min(len(message.lines), MOST_LINES), FIELDS):
        fields = message.lines[start : min(start + FIELDS, MOST_LINES)]
        yield {"type": "section", "fields": [_field(label, text) for label, text in fields]}
    if message.todo:
        yield {"type": "section", "text": _plain(f"👉 {message.todo}", 400)}


def _state_line(message: Message) -> Block:
    """Our own words, a date in the reader's own zone, and checked addresses."""
    fallback_time = f"{message.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    date = f"<!date^{int(message.at.timestamp())}^{{date_short_pretty}} {{time}}|{fallback_time}>"
    parts = [_status(message), date]
    parts += _links(message)
    text = {"type": "mrkdwn", "text": " · ".join(parts), "verbatim": True}
    return {"type": "context", "elements": [text]}


def _links(message: Message) -> list[str]:
    known = (("open", message.link), ("runbook", message.runbook_url))
    return [f"<{escaped(url)}|{name}>" for name, url in known if url and _URL.fullmatch(url)]


def _status(message: Message) -> str:
    """State and weight, from closed sets of words."""
    state = message.state if message.state in {"FIRING", "RESOLVED", "INFO"} else "INFO"
    severity = message.severity if message.severity in {"critical", "warning"} else "info"
    if state == "RESOLVED":
        state = f"{state} ({_word(message.reason)})"
    return state if (state, severity) == ("INFO", "info") else f"{state} {severity}"


def _word(text: str) -> str:
    return re.sub(r"[^a-z ]", "", text)[:60]


def _in_brief(envelope: Envelope, receiver: str | None) -> Iterator[Block]:
    messages = envelope.messages
    firing = sum(message.state == "FIRING" for message in messages)
    total = max(envelope.total, len(messages))
    here = "" if total == len(messages) else f", the gravest {len(messages)} told here"
    gravest = next((each for each in messages if each.state == "FIRING"), messages[0])
    count = f"{icon(gravest)} {total:,} alerts{here}, {firing} of them firing"
    yield {"type": "header", "text": _plain(count, HEADER)}
    if _is_cut(envelope, SHOWN):
        yield _context(_the_rest(envelope, SHOWN))
    row = buttons.vendor_row(receiver, messages) if receiver else None
    yield from [row] if row else []
    for message in messages[:SHOWN]:
        told = f"{icon(message)} {_status(message)}: {_sentence(message)}"
        told += "".join(f" ({mark})" for mark in message.marks)
        told += f" (acknowledged by {message.acknowledged})" if message.acknowledged else ""
        section: Block = {"type": "section", "text": _plain(told, _BRIEF)}
        menu = buttons.menu(receiver, message) if receiver else None
        yield section | ({"accessory": menu} if menu else {})
        if len(messages) <= _FEW and not message.body and message.lines:
            lines = [_field(label, clip(text, _SHORT)) for label, text in message.lines[:_LEADING]]
            yield {"type": "section", "fields": lines}
        links = [{"type": "mrkdwn", "text": each, "verbatim": True} for each in _links(message)]
        yield {"type": "context", "elements": [*links, _plain(key_line(message), FIELD)]}


def _is_cut(envelope: Envelope, shown: int) -> bool:
    return len(envelope.messages) > shown or envelope.total > len(envelope.messages)


def _the_rest(envelope: Envelope, shown: int) -> str:
    """The keys of what is here and not shown, and where to find what is not even here."""
    rest = [message.key for message in envelope.messages[shown:]]
    beyond = envelope.total - len(envelope.messages)
    parts = [f"… and {len(rest)} more: key {', '.join(rest)}"] if rest else []
    if beyond > 0:
        command = f": offhook alerts --group {envelope.group}" if envelope.group else ""
        parts.append(f"{'' if parts else '… '}and {beyond:,} more{command}")
    return "; ".join(parts)


def _field(label: str, text: str) -> Block:
    return _plain(f"{label}\n{one_line(text)}", _FIELD_SHOWN)


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_plain(text, FIELD)]}


def _plain(text: str, limit: int) -> Block:
    # An empty text is refused by Slack; ":words:" stay words.
    return {"type": "plain_text", "text": clip(text, limit) or "-", "emoji": False}
