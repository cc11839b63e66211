"""The HTML of a mail: one column, read on a phone at night as well as at a desk.

Styles are inline, since many clients drop the rest. The one style sheet turns the page dark
where a client reads it; where none does, every text still has its own ground to stand on.
"""

import re
from collections.abc import Mapping
from html import escape
from types import MappingProxyType

from monitor.core.message import Message
from monitor.core.text import clip, one_line
from monitor.notifiers import Envelope
from monitor.notifiers.chart import sparkline
from monitor.notifiers.wording import (
    REPEAT,
    SHOWN,
    counted,
    in_full,
    key_line,
    left_out,
    links,
    remarks,
    status,
    subject,
)

_COLOURS = {"critical": "#b3261e", "warning": "#8f5200", "info": "#2457a6"}
_RECOVERED, _CLOSED = "#1b6e35", "#5f6368"
_PREVIEW = 140
_UNIT = re.compile(r"(?<=\d) (?=%|(?:min|h|s|d)\b)")
_FONT = "-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_DARK = (
    "@media (prefers-color-scheme:dark){"
    ".page{background:#17181a!important;color:#e8eaed!important}"
    ".card{background:#222427!important}"
    ".todo{background:#33363b!important;color:#e8eaed!important}"
    ".soft{color:#b0b5bb!important}"
    ".line{border-color:#3c4043!important}"
    ".link{color:#9ec1ff!important}}"
)
_CARD = "background:#ffffff;margin:0 0 16px;padding:12px 14px 10px"
_WRAP = "overflow-wrap:anywhere;word-break:break-word"
_LABEL = "width:36%;padding-right:8px;color:#5f6368;font-size:13px"
_CELL = "padding:5px 0;vertical-align:top;border-top:1px solid #e3e5e8;"


def page(envelope: Envelope, pictures: Mapping[str, str] = MappingProxyType({})) -> str:
    """The whole page: what is wrong first, one thing to do, the lines, the key last.

    ``pictures`` are the content ids of charts by the alert's key.
    """
    blocks = [_note(REPEAT)] if envelope.possible_repeat else []
    blocks += [_note(counted(envelope))] if counted(envelope) else []
    whole, shown = in_full(envelope), envelope.messages
    blocks += [_card(each, _whole(each, pictures.get(each.key))) for each in shown[:whole]]
    blocks += [_card(each, _brief(each)) for each in shown[whole:SHOWN]]
    blocks += [_note(left_out(envelope))] if left_out(envelope) else []
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="supported-color-schemes" content="light dark">'
        f"<title>{_html(subject(envelope))}</title><style>{_DARK}</style></head>"
        f'<body class="page" style="margin:0;padding:0;background:#f1f3f4;color:#202124;'
        f'font:16px/1.45 {_FONT}">{_preview(envelope)}'
        f'<div class="page" style="max-width:640px;margin:0 auto;padding:10px;{_WRAP}">'
        f"{''.join(blocks)}</div></body></html>\n"
    )


def _preview(envelope: Envelope) -> str:
    """What the list of mails shows beside the subject, which has no sentence."""
    first = envelope.messages[0]
    text = clip(one_line(f"{first.sentence} {first.todo or ''}"), _PREVIEW)
    hidden = "display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;font-size:1px"
    return f'<div style="{hidden}">{escape(text)}</div>'


def _note(text: str) -> str:
    return f'<p style="margin:4px 4px 12px"><b>{_html(text)}</b></p>'


def _card(message: Message, inner: str) -> str:
    colour = _colour(message)
    pill = (
        f"display:inline-block;background:{colour};color:#ffffff;border-radius:4px;"
        "padding:2px 8px;font-size:13px;font-weight:bold"
    )
    return (
        f'<div class="card" style="{_CARD};border-left:5px solid {colour}">'
        f'<p style="font-size:18px;line-height:1.35;margin:0 0 8px">'
        f"<b>{_html(message.sentence)}</b></p>"
        f'<p style="margin:0 0 10px"><span style="{pill}">{_html(status(message))}</span></p>'
        f'{inner}<p class="soft" style="color:#5f6368;font-size:12px;margin:10px 0 0">'
        f"{_html(key_line(message))}</p></div>"
    )


def _whole(message: Message, picture: str | None) -> str:
    words = _body(message) if message.body else _todo(message)
    return f"{words}{_chart(message, picture)}{_table(message)}{_buttons(message)}"


def _brief(message: Message) -> str:
    marks = ", ".join(message.marks)
    return f'<p style="margin:0;font-size:14px">{_html(marks)}</p>' if marks else ""


def _colour(message: Message) -> str:
    """Green is for what recovered and for nothing else."""
    if message.state == "RESOLVED":
        return _RECOVERED if message.reason == "recovered" else _CLOSED
    return _COLOURS.get(message.severity, _COLOURS["info"])


def _todo(message: Message) -> str:
    if not message.todo:
        return ""
    style = "background:#f1f3f4;color:#202124;margin:0 0 10px;padding:8px 10px;border-radius:4px"
    return f'<p class="todo" style="{style}"><b>What to do:</b> {_html(message.todo)}</p>'


def _body(message: Message) -> str:
    lines = "<br>".join(map(_html, message.body.split("\n")))
    return f'<p style="margin:0 0 10px">{lines}</p>'


def _chart(message: Message, picture: str | None) -> str:
    if picture is None:
        return ""
    words = _html(sparkline(message.series, message.zone))
    style = "display:block;width:100%;max-width:640px;height:auto;margin:0 0 10px"
    return f'<img src="cid:{escape(picture)}" alt="{words}" style="{style}">'


def _table(message: Message) -> str:
    lines = () if message.body else message.lines
    rows = "".join(
        f'<tr><td class="soft line" style="{_CELL}{_LABEL}">'
        f'{_html(label)}</td><td class="line" style="{_CELL}{_WRAP}">{_html(text)}</td></tr>'
        for label, text in (*lines, *remarks(message))
    )
    style = "border-collapse:collapse;width:100%;font-size:14px;table-layout:fixed"
    table = f'<table role="presentation" style="{style}">{rows}</table>'
    return table if rows else ""


def _buttons(message: Message) -> str:
    style = "color:#174ea6;margin-right:16px"
    made = "".join(
        f'<a class="link" href="{escape(url)}" style="{style}">{escape(_ACTS[name])}</a>'
        for name, url in links(message)
    )
    return f'<p style="margin:10px 0 0">{made}</p>' if made else ""


_ACTS = {"link": "Open", "runbook": "Runbook"}


def _html(text: str) -> str:
    """The text as HTML; a number keeps its unit on its line."""
    return escape(_UNIT.sub("\u00a0", one_line(text)))
