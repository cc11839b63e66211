"""Messages as e-mail: text and HTML, threaded by headers, and never more headers than meant."""

import re
from collections.abc import Iterable
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from monitor.core.message import Message
from monitor.core.text import clip, one_line
from monitor.notifiers import Envelope

SUBJECT = 160
SHOWN = 30
_HEADER = 400
_COLOURS = {"critical": "#b3261e", "warning": "#b26a00", "info": "#2457a6"}
_RECOVERED, _CLOSED = "#1b7f3b", "#5f6368"
_URL = re.compile(r"https?://[^\s<>|\"'\\]{1,280}")


def mail(envelope: Envelope, *, sender: str, to: Iterable[str], now: datetime) -> EmailMessage:
    """The whole mail. The same delivery has the same Message-ID whenever it is made."""
    domain = sender.rpartition("@")[2]
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject(envelope)
    message["From"] = f"Offhook <{sender}>"
    message["To"] = ", ".join(to)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id(envelope.key, domain)
    if envelope.first_key != envelope.key:
        message["In-Reply-To"] = message_id(envelope.first_key, domain)
        message["References"] = message_id(envelope.first_key, domain)
    shown = envelope.messages
    message["X-Offhook-Key"] = _joined(each.key for each in shown)
    message["X-Offhook-Rule"] = _joined(each.rule for each in shown)
    message["X-Offhook-State"] = _joined(each.state for each in shown)
    message["X-Offhook-Reason"] = _joined(each.reason for each in shown)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["List-Id"] = f"Offhook <offhook.{domain}>"
    message.set_content(text_body(envelope), cte="quoted-printable")
    if not envelope.plain:
        message.add_alternative(html_body(envelope), subtype="html", cte="quoted-printable")
    return message


def message_id(key: str, domain: str) -> str:
    """The name of one delivery among all mails of the world."""
    return f"<{key}@{domain}>"


def subject(envelope: Envelope) -> str:
    """State in front, then what stays the same through an episode, so that mails thread."""
    first = envelope.messages[0]
    state = first.state if first.state == "RESOLVED" else _weighed(first)
    repeat = ", possible repeat" if envelope.possible_repeat else ""
    more = f" and {len(envelope.messages) - 1} more" if len(envelope.messages) > 1 else ""
    stem = f"{first.title or first.batch or first.provider}: {first.rule}"
    return _header(f"[{state}{repeat}] {stem}{more}", SUBJECT)


def _joined(texts: Iterable[str]) -> str:
    return _header(", ".join(dict.fromkeys(texts)) or "-", _HEADER)


def _header(text: str, limit: int) -> str:
    return clip(one_line(text), limit) or "-"


def text_body(envelope: Envelope) -> str:
    """For clients without HTML, and for people who prefer it."""
    parts = [_REPEAT] if envelope.possible_repeat else []
    parts += [_in_words(message) for message in envelope.messages[:SHOWN]]
    if rest := envelope.messages[SHOWN:]:
        parts.append(f"… and {len(rest)} more: key " + ", ".join(each.key for each in rest))
    return "\n\n".join(parts) + "\n"


_REPEAT = "Possible repeat: an earlier copy of this mail may have arrived."


def _in_words(message: Message) -> str:
    words = [message.sentence, "", _status(message)]
    words += [f"{label}: {text}" for label, text in message.lines]
    words += [f"see: {', '.join(message.evidence)}"] if message.evidence else []
    words += [f"note: {', '.join(message.marks)}"] if message.marks else []
    words += [f"what to do: {message.todo}"] if message.todo else []
    words += [f"{name}: {url}" for name, url in _links(message)]
    words.append(_key_line(message))
    return "\n".join(one_line(word) for word in words)


def _status(message: Message) -> str:
    if message.state == "RESOLVED":
        return f"{message.state} ({message.reason}), {message.severity}"
    return _weighed(message)


def _weighed(message: Message) -> str:
    """State and weight; a report of no weight is just that."""
    is_report = (message.state, message.severity) == ("INFO", "info")
    return message.state if is_report else f"{message.state} {message.severity}"


def _links(message: Message) -> list[tuple[str, str]]:
    known = (("link", message.link), ("runbook", message.runbook_url))
    return [(name, url) for name, url in known if url and _URL.fullmatch(url)]


def _key_line(message: Message) -> str:
    batch, provider = message.batch or "-", message.provider or "-"
    return f"rule {message.rule} · provider {provider} · batch {batch} · key {message.key}"


def html_body(envelope: Envelope) -> str:
    """Inline styles and one column: it has to be read on a phone at night."""
    blocks = [f"<p><b>{escape(_REPEAT)}</b></p>"] if envelope.possible_repeat else []
    blocks += [_in_html(message) for message in envelope.messages[:SHOWN]]
    if rest := envelope.messages[SHOWN:]:
        keys = ", ".join(each.key for each in rest)
        blocks.append(f"<p>… and {len(rest)} more: key {escape(keys)}</p>")
    return (
        '<!doctype html><html><body style="margin:0;padding:12px;font:16px/1.4 sans-serif;'
        f'color:#202124;max-width:640px">{"".join(blocks)}</body></html>\n'
    )


def _in_html(message: Message) -> str:
    colour = _COLOURS.get(message.severity, _COLOURS["info"])
    if message.state == "RESOLVED":
        colour = _RECOVERED if message.reason == "recovered" else _CLOSED
    rows = [*message.lines]
    rows += [("see", ", ".join(message.evidence))] if message.evidence else []
    rows += [("note", ", ".join(message.marks))] if message.marks else []
    table = "".join(
        '<tr><td style="padding:2px 12px 2px 0;color:#5f6368;vertical-align:top">'
        f"{_html(label)}</td><td>{_html(text)}</td></tr>"
        for label, text in rows
    )
    links = "".join(
        f'<p><a href="{escape(url)}">{escape(name)}</a></p>' for name, url in _links(message)
    )
    todo = f"<p><b>What to do:</b> {_html(message.todo)}</p>" if message.todo else ""
    return (
        f'<div style="border-left:4px solid {colour};padding:0 0 0 12px;margin:0 0 20px">'
        f'<p style="font-size:18px;margin:0 0 8px"><b>{_html(message.sentence)}</b></p>'
        f'<p style="color:{colour};margin:0 0 8px">{_html(_status(message))}</p>'
        f'<table style="border-collapse:collapse;font-size:14px">{table}</table>{todo}{links}'
        f'<p style="color:#5f6368;font-size:12px">{_html(_key_line(message))}</p></div>'
    )


def _html(text: str) -> str:
    return escape(one_line(text))
