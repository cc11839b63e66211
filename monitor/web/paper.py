"""How pages are written: templates in which every text is foreign until it is escaped.

What a template prints is put on one line, stripped of what no eye sees, cut to a length and
escaped; only what another template made is taken as it is.
"""

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import Response

from monitor.core.compose import moment, plain
from monitor.core.wording import counted, money, percent, span, zone_named
from monitor.web.telling import done, told

LONGEST = 600
_FOLDER = Path(__file__).parent / "templates"
STYLE = (_FOLDER / "style.css").read_bytes()

# Nothing is loaded but the one sheet of styles; no script runs, from wherever it came.
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # With no referrer at all, browsers would not say either from where a form was sent.
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


def page(name: str, status: int = 200, **shown: Any) -> Response:
    """A page of this template."""
    return Response(text(name, **shown), status, HEADERS, media_type="text/html")


def text(name: str, **shown: Any) -> str:
    """What a template makes, for whoever keeps it in a file."""
    return _environment().get_template(f"{name}.html").render(shown)


def style() -> Response:
    """The sheet of styles."""
    return Response(STYLE, 200, HEADERS, media_type="text/css")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )
    made.filters["ago"] = _ago
    made.filters["at"] = _at
    made.filters["exactly"] = _exactly
    made.filters["counted"] = counted
    made.filters["percent"] = percent
    made.filters["span"] = _span
    made.filters["money"] = money
    made.filters["told"] = told
    made.filters["done"] = done
    return made


def _clean(value: Any) -> Any:
    if value is None:
        return ""
    return (
        plain(value, LONGEST) if isinstance(value, str) and not isinstance(value, Markup) else value
    )


def _ago(at: datetime | None, now: datetime) -> str:
    """How long ago, in its largest units."""
    if at is None:
        return "never"
    length = now - at
    return "just now" if length < timedelta(seconds=1) else f"{span(length)} ago"


def _at(at: datetime | None, now: datetime, zone: str) -> str:
    """A time on the wall of the zone."""
    return "" if at is None else moment(at, now, zone_named(zone))


def _span(seconds: float) -> str:
    """A length of time in its largest units."""
    return span(timedelta(seconds=seconds))


def _exactly(at: datetime, zone: str) -> str:
    """The same to the second."""
    return f"{at.astimezone(zone_named(zone)):%Y-%m-%d %H:%M:%S %Z}"
