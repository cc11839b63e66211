"""Messages as e-mail: text and HTML, threaded by headers, and never more headers than meant."""

from collections.abc import Iterable
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from monitor.core.text import clip, one_line
from monitor.notifiers import Envelope
from monitor.notifiers.chart import chart
from monitor.notifiers.email.page import page
from monitor.notifiers.wording import SUBJECT, in_full, subject, text_body

CHARTS = 3
_HEADER = 1_600  # as much as the keys and rules of all that one mail shows


def mail(
    envelope: Envelope, *, name: str, sender: str, to: Iterable[str], now: datetime
) -> EmailMessage:
    """The whole mail of the receiver ``name``.

    The same delivery has the same Message-ID whenever it is made.
    """
    domain = sender.rpartition("@")[2]
    message = EmailMessage(policy=SMTP)
    message["Subject"] = _header(subject(envelope), SUBJECT)
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
    message["List-Id"] = f"Offhook {name} <{name}.offhook.{domain}>"
    message.set_content(text_body(envelope), cte="quoted-printable")
    if not envelope.plain:
        _add_page(message, envelope, domain)
    return message


def _add_page(message: EmailMessage, envelope: Envelope, domain: str) -> None:
    """The HTML, with the charts of the first alerts that have one inside it."""
    told = envelope.messages[: in_full(envelope)]
    charted = [each for each in told if each.series][:CHARTS]
    pictures = {each.key: f"chart-{each.key}@{domain}" for each in charted}
    html = page(envelope, pictures)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    *_, shown = message.iter_parts()
    for each in charted:
        if isinstance(shown, EmailMessage):
            shown.add_related(
                chart(each.series, each.zone),
                "image",
                "png",
                cid=f"<{pictures[each.key]}>",
                disposition="inline",
                filename="calls.png",
            )


def message_id(key: str, domain: str) -> str:
    """The name of one delivery among all mails of the world."""
    return f"<{key}@{domain}>"


def _joined(texts: Iterable[str]) -> str:
    return _header(", ".join(dict.fromkeys(texts)), _HEADER)


def _header(text: str, limit: int) -> str:
    """One line of plain words.

    An encoded word ("=?utf-8?q?=0D=0A…?=") is read by the library when a header is set, and
    what it encodes may be the end of the line and another header.
    """
    return clip(one_line(text).replace("=?", "= ?"), limit) or "-"
