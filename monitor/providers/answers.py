"""Reading a vendor's answers: lenient about types, honest about everything else.

A read that fails is a ProviderError and nothing else; it is never a conclusion. Its text
says what was wrong with the answer and holds nothing of what stood in it.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from monitor.core.instants import EPOCH
from monitor.core.text import masked, titled
from monitor.errors import HttpError, NotFoundError, ProviderError
from monitor.http import Answer

T = TypeVar("T")

# No batch that anyone watches is further away; what is, is a vendor's zero or a wrong unit.
HORIZON = timedelta(days=3653)
_LARGEST = 10**15
_RETRY_AFTER_SECONDS = (1.0, 3600.0)

_STATUS = {
    401: ("auth", "401 Unauthorized: the key is not accepted"),
    402: ("payment", "402 Payment Required: the account has no credit or no billing"),
    403: ("forbidden", "403 Forbidden: the key may not read this, or the account is blocked"),
    404: ("not_found", "404 Not Found"),
    408: ("timeout", "408 Request Timeout: the vendor gave up waiting"),
    410: ("not_found", "410 Gone"),
    429: ("rate_limited", "429 Too Many Requests: the vendor asks for patience"),
}

_NO_ANSWER = {
    "unreachable": "unreachable",
    "reset": "unreachable",
    "timeout": "timeout",
    "timeout_before": "timeout",
    "oversize": "oversize",
    "encoding": "garbage",
    "stale": "stale",
    "tls": "tls",
}


def no_answer(error: HttpError) -> ProviderError:
    """What it means for a vendor that no usable answer came."""
    return ProviderError(_NO_ANSWER.get(error.kind, "unreachable"), error.text)


def refusal(answer: Answer) -> ProviderError | None:
    """What the status of an answer means; None for 200, the only one that may be read."""
    status = answer.status
    if status == 200:
        return None
    if status in _STATUS:
        kind, text = _STATUS[status]
    elif status >= 500:
        kind, text = "server", f"{status}: the vendor's server failed"
    elif 300 <= status < 400:
        kind, text = "contract", f"{status}: the vendor points elsewhere; check base_url"
    else:
        kind, text = "contract", f"{status}: the vendor does not take the question as documented"
    if kind == "not_found":
        return NotFoundError(text)
    return ProviderError(kind, text, retry_after=retry_after(answer))


def retry_after(answer: Answer) -> float | None:
    """Seconds to wait, from a header in seconds or as a date; within one second and one hour."""
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return None
    low, high = _RETRY_AFTER_SECONDS
    if text.isascii() and text.isdigit():
        return min(max(float(text[:9]), low), high)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max((until - answer.sent_at).total_seconds(), low), high)


_ESCAPE = re.compile(
    rb"\\\\|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>\\u[dD][89a-fA-F]..)", re.DOTALL
)


def decoded(decoder: msgspec.json.Decoder[T], raw: bytes | memoryview) -> T:
    """The JSON in the decoder's shape; ValueError, or RecursionError for endless nesting.

    A text cut through an emoji leaves half a character, which JavaScript writes and strict
    readers refuse with all that stands around it. It is read as the replacement character.
    """
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        raise
    except ValueError:
        mended = _ESCAPE.sub(lambda found: b"\\ufffd" if found["half"] else found[0], bytes(raw))
        try:
            return decoder.decode(mended)
        except UnicodeDecodeError:
            # It would carry the whole text along.
            msg = "it is not UTF-8"
            raise ValueError(msg) from None


def read(decoder: msgspec.json.Decoder[T], body: bytes, what: str) -> T:
    """The answer in the decoder's shape; ProviderError("garbage") when it has not that shape."""
    # The causes are dropped: some of them carry the bytes that they failed on.
    try:
        return decoded(decoder, body)
    except msgspec.ValidationError:
        text = "has another shape than documented"
    except RecursionError:
        text = "is nested without end"
    except ValueError:
        text = _unreadable(body)
    raise ProviderError("garbage", f"{what}: the answer {text}")


def _unreadable(body: bytes) -> str:
    start = body[:200].lstrip()
    if not start:
        return "is empty"
    if start.startswith(b"<"):
        return "is a web page, not JSON"
    return "is broken off, or not JSON"


def parse_time(value: Any, seen_at: datetime) -> datetime | None:
    """A vendor's time as aware UTC; None when absent, unreadable, without a zone or absurd.

    Read are ISO 8601 with any fraction, and whole seconds or milliseconds since 1970, as a
    number or as text. Absurd is more than ten years away from ``seen_at``.
    """
    if value is None:
        return None
    try:
        if type(value) is str and not value.isdigit():
            at = datetime.fromisoformat(value)
            if at.tzinfo is not UTC:
                if at.tzinfo is None:
                    return None
                at = at.astimezone(UTC)
        else:
            at = _since_epoch(int(value))
        return at if -HORIZON < at - seen_at < HORIZON else None
    except (ValueError, TypeError, OverflowError):
        return None


def _since_epoch(number: int) -> datetime:
    # Seconds reach 11 digits in the year 5138; milliseconds had 12 in 1973.
    seconds = number / 1000 if number >= 10**11 else number
    return EPOCH + timedelta(seconds=seconds)


def whole(value: Any) -> int | None:
    """A count: not below zero, also when written as text or as 3.0; None for anything else."""
    if type(value) is int:
        return value if 0 <= value < _LARGEST else None
    read_as = number(value)
    if read_as is None or read_as != int(read_as):
        return None
    return int(read_as)


def number(value: Any, *, least: float = 0) -> float | None:
    """A number not below ``least``, also when written as text; None for anything else."""
    kind = type(value)
    if kind is not int and kind is not float and kind is not str:
        return None
    try:
        read_as = float(value)
    except (ValueError, OverflowError):
        return None
    return read_as if least <= read_as < _LARGEST else None


def signed(value: Any) -> float | None:
    """The same where it may be below zero."""
    return number(value, least=-_LARGEST)


def seconds(value: Any) -> float | None:
    """A length of time not below zero; None for anything else, and for more than four months."""
    read_as = number(value)
    return read_as if read_as is not None and read_as <= 10**7 else None


def micros(value: Any) -> int | None:
    """An amount of money in millionths of its unit, exactly; None for anything else."""
    if type(value) is float:
        # Exact for what has up to six decimals, which is all that money has.
        return round(value * 1_000_000) if 0 <= value < 10**9 else None
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount < 10**9:
        return None
    return round(amount * 1_000_000)


def flag(value: Any) -> bool:
    """True for true and "true"; a missing or odd value is not true."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def word(value: Any) -> str | None:
    """A vendor's word of a closed set: lower case, '_' for '-' and spaces; None when absent."""
    if type(value) is not str or len(value) > 64:
        return None
    return _folded(value)


@lru_cache(maxsize=512)
def _folded(value: str) -> str | None:
    return value.strip().lower().replace("-", "_").replace(" ", "_") or None


def raw_word(value: Any) -> str | None:
    """A word of the vendor's that is not known, as it may be kept and shown."""
    return reason(value, 40)


def tag(value: Any) -> str | None:
    """A label that somebody gave a call, in small letters, digits masked; None of free text."""
    if type(value) is not str:
        return None
    text = value.strip().lower()
    if not text or len(text) > _LONGEST_TAG or len(text.split()) > _MOST_WORDS:
        return None
    return reason(text)


_LONGEST_TAG, _MOST_WORDS = 40, 4  # what is longer is a sentence, and may name somebody


def reason(value: Any, limit: int = 120) -> str | None:
    """Free text of the vendor's with digits masked; None when there is none."""
    if type(value) is not str:
        return None
    return _masked(value[:400], limit)


@lru_cache(maxsize=1024)
def _masked(text: str, limit: int) -> str | None:
    return masked(text, limit) or None


def title(value: Any) -> str | None:
    """The name of a batch or of what it belongs to, as it may be shown; None when there is none."""
    return titled(value) or None if isinstance(value, str) else None


def identity(value: Any) -> str:
    """An id, which some vendors write as a number; ValueError when there is none."""
    if type(value) is int:
        value = str(value)
    if type(value) is not str or not 0 < len(value) <= 200 or not value.isprintable():
        msg = "an id is missing or mistyped"
        raise ValueError(msg)
    return value
