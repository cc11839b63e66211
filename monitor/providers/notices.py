"""Reading a webhook's body: which event it is, and whose. Nothing of it is believed here.

A body is data of whoever sent it: nested without end, huge or mistyped, it costs a bounded
time and ends as a ValueError, whose text holds nothing of it.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from monitor.core.model import Batch, Item
from monitor.providers.answers import decoded, identity
from monitor.providers.facts import Event, Proof, Webhooks

_TOP = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT = msgspec.json.Decoder(str | int | float | bool | None)
_KEYS_SHOWN = 12
_KEY_LENGTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one webhook says, in Offhook's words. Only what ``proves`` allows is filled in.

    ``ended``: it says that its call has ended, and not how. That is no observation of the call;
    it tells how soon webhooks tell.
    """

    event: str
    proves: Proof
    batch_id: str | None = None
    call_id: str | None = None
    item: Item | None = None  # the whole of one call
    look: Batch | None = None  # how the batch stands
    at: datetime | None = None  # the vendor's own time of it
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """A body that is JSON, its event found and its parts not yet decoded."""

    event: Event
    parts: dict[str, msgspec.Raw]
    batch_id: str | None
    call_id: str | None

    def notice(
        self,
        *,
        proves: Proof | None = None,
        item: Item | None = None,
        look: Batch | None = None,
        at: datetime | None = None,
        ended: bool = False,
    ) -> Notice:
        """The notice of this body, with what was made of it."""
        return Notice(
            event=self.event.name,
            proves=proves or self.event.proves,
            batch_id=self.batch_id,
            call_id=self.call_id,
            item=item,
            look=look,
            at=at,
            ended=ended,
        )

    @property
    def status(self) -> str | None:
        """The status as its event carries it; None where it carries none, or no text."""
        value = None if self.event.status is None else _at(self.parts, self.event.status)
        return value if isinstance(value, str) else None


def open_body(webhooks: Webhooks, body: bytes) -> Body:
    """The event that a body is; ValueError when it is none of the documented ones."""
    try:
        parts = decoded(_TOP, body)
    except RecursionError as error:
        msg = "it is nested without end"
        raise ValueError(msg) from error
    except ValueError as error:
        msg = "it is not a JSON object"
        raise ValueError(msg) from error
    for event in webhooks.events:
        if all(_matches(parts, path, wanted) for path, wanted in event.match.items()):
            return Body(event, parts, _id(parts, event.batch_id), _id(parts, event.call_id))
    msg = "it is no event that is documented"
    raise ValueError(msg)


def _matches(parts: dict[str, msgspec.Raw], path: str, wanted: str) -> bool:
    value = _at(parts, path)
    return isinstance(value, str) and (not wanted or value == wanted)


def _id(parts: dict[str, msgspec.Raw], path: str | None) -> str | None:
    value = None if path is None else _at(parts, path)
    return None if value is None else identity(value)


def _at(parts: dict[str, msgspec.Raw], path: str) -> object:
    """The plain value at a dotted path; None when there is none."""
    first, _, rest = path.partition(".")
    raw = parts.get(first)
    if raw is None:
        return None
    try:
        return _at(decoded(_TOP, raw), rest) if rest else decoded(_TEXT, raw)
    except (ValueError, RecursionError):
        return None


def keys_of(body: bytes) -> str | None:
    """The names of its keys, cut short: names are the vendor's, values are somebody's.

    None where it is no JSON object.
    """
    try:
        parts = decoded(_TOP, body)
    except (ValueError, RecursionError):
        return None
    shown = [key[:_KEY_LENGTH] for key in list(parts)[:_KEYS_SHOWN]]
    more = len(parts) - len(shown)
    return ", ".join(map(ascii, shown)) + (f" and {more} more" if more > 0 else "")


def hint(body: bytes) -> Notice:
    """A body of a vendor that documents none: something moved, perhaps in the batch it names."""
    try:
        parts = decoded(_TOP, body)
        batch_id = _id(parts, "batch_id") or _id(parts, "batch.id")
    except RecursionError as error:
        msg = "it is nested without end"
        raise ValueError(msg) from error
    except ValueError as error:
        msg = "it is not a JSON object, or its batch_id is none"
        raise ValueError(msg) from error
    return Notice(event="hint", proves=Proof.HINT, batch_id=batch_id)
