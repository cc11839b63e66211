"""Logs: one chain for everybody's records, JSON unless a person is looking.

Whatever a record holds, no known secret, no key-like text and no phone number leaves here:
values under secret-sounding keys go by their key, free text is searched. Tracebacks carry no
local variables. One record is one line, or indented below it.
"""

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor

HIDDEN = "[hidden]"
Mode = Literal["auto", "json", "console"]

# What others log of requests holds addresses with keys in them; what they warn of is kept.
_QUIET = (
    "aiosmtplib",
    "alembic",
    "apscheduler",
    "asyncio",
    "httpcore",
    "httpx",
    "slack_sdk",
    "sqlalchemy",
    "stamina",
    "uvicorn",
    "watchfiles",
)
_SECRET_KEY = re.compile(
    r"(?i)(^|_)(password|passwd|secret|token|authorization|cookie|api_key|apikey|hash_key"
    r"|webhook_url|smtp_url|credential)s?$"
)
_FREE_TEXT = frozenset(
    {"event", "error", "text", "message", "reason", "detail", "exception", "exc_value", "stack"}
)
_KEY_LIKE = re.compile(
    r"(?i)\b(?:bearer|basic)\s+[\w.~+/=-]{6,}|\bxox[a-z]-[\w-]+|\bxapp-[\w-]+"
    r"|(?<=://)[^/\s@]+@|(?<=/services/)[\w/]+"
)
_INTERNATIONAL = re.compile(r"(?<![\w])\+\d[\d\s().-]{6,}\d")
_LOCAL = re.compile(r"(?<![\w.:+-])\(?\d[\d\s().-]{6,}\d(?![\w:])")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_secrets: set[str] = set()


def hide(secrets: Iterable[str]) -> None:
    """Never print these texts again, wherever they turn up."""
    _secrets.update(secret for secret in secrets if len(secret) >= 4)


def forget() -> None:
    """Hide nothing any more."""
    _secrets.clear()


def configure(
    mode: Mode = "auto",
    *,
    level: int = logging.INFO,
    stream: TextIO | None = None,
    journal: bool = False,
) -> None:
    """Send every record, ours and the libraries', through one chain to standard error.

    ``journal``: the stream is systemd's, which takes the weight of each line from its beginning.
    """
    stream = stream or sys.stderr
    terminal = stream.isatty()
    formatter = (_ForJournal if journal else structlog.stdlib.ProcessorFormatter)(
        processors=_chain(as_json=mode == "json" or (mode == "auto" and not terminal)),
        foreign_pre_chain=[structlog.contextvars.merge_contextvars],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _ForJournal(structlog.stdlib.ProcessorFormatter):
    """Each line begins with its priority, as sd-daemon(3) has it; the journal cuts it off."""

    def format(self, record: logging.LogRecord) -> str:
        priority = next((n for level, n in _PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).split("\n"))


_PRIORITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)


def _chain(*, as_json: bool) -> list[Processor]:
    """From a record to a line. Redaction comes before the time, which looks like a number."""
    exceptions: Processor = (
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
        if as_json
        else structlog.processors.format_exc_info
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=True, default=repr)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
    )
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        exceptions,
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        redact,
        *([] if as_json else [_one_line]),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        renderer,
    ]


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Hide what must not be printed, whichever way it got into the record."""
    return {key: _clean(key, value) for key, value in event.items()}


def _clean(key: str, value: Any) -> Any:
    if _SECRET_KEY.search(key):
        return HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(inner): _clean(str(inner), each) for inner, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(key, each) for each in value]
    return clean_text(value if isinstance(value, str) else str(value), free=key in _FREE_TEXT)


def clean_text(text: str, *, free: bool = True) -> str:
    """The text without secrets and phone numbers; ids are only kept whole where not ``free``."""
    for secret in _secrets:
        text = text.replace(secret, HIDDEN)
    text = _KEY_LIKE.sub(HIDDEN, text)
    text = _INTERNATIONAL.sub(_masked, text)
    return _LOCAL.sub(_masked, text) if free else text


def _masked(match: re.Match[str]) -> str:
    """A phone number's last two digits; a date stays."""
    text = match.group()
    digits = [letter for letter in text if letter.isdigit()]
    if len(digits) < 8 or _DATE.match(text):
        return text
    return f"…{''.join(digits[-2:])}"


def _one_line(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """No text begins a line or moves the cursor; a traceback is indented below its record."""
    lines = {key: _escaped(value) for key, value in event.items() if key != "exception"}
    if isinstance(trace := event.get("exception"), str):
        lines["exception"] = "\n".join(f"    {_escaped(line)}" for line in trace.splitlines())
    return lines


def _escaped(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), value)
