"""Posting to a receiver's address, and what may be said of an answer that is not a yes."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from monitor.bodies import MIB
from monitor.errors import DeliveryError, HttpError, Sent
from monitor.http import Answer, HttpClient

DEADLINE_S = 30.0


async def post(
    http: HttpClient,
    url: str,
    content: bytes,
    *,
    who: str,
    headers: Mapping[str, str] | None = None,
    deadline: float = DEADLINE_S,
) -> Answer:
    """Post JSON once; DeliveryError when no answer came. ``who`` names the receiver's kind."""
    try:
        return await http.request(
            "POST",
            url,
            headers={"content-type": "application/json"} | dict(headers or {}),
            content=content,
            deadline=deadline,
            limit=MIB,
        )
    except HttpError as error:
        # Its cause may quote the address.
        raise unanswered(error, who) from None


def unanswered(error: HttpError, who: str) -> DeliveryError:
    """No answer came: whether the request may have left decides."""
    certainty = Sent.AMBIGUOUS if error.sent else Sent.NOT_SENT
    return DeliveryError(certainty, error.kind, f"{who}: {error.text}")


def retry_after(answer: Answer) -> float | None:
    """Seconds that the server asks to wait, given as a number or as a date."""
    text = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,6}(\.\d+)?", text):
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((_aware(until) - answer.sent_at).total_seconds(), 0.0)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
