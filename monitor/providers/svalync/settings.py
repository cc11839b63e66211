"""What a table of ``vendor = "svalync"`` may hold."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, TypeAdapter, ValidationInfo, model_validator

from monitor.settings import BaseUrl, ProviderSettings, Secret, Strict

BATCH_ID = "{batch_id}"
_ADDRESS: TypeAdapter[str] = TypeAdapter(BaseUrl)

CallWord = Literal[
    "queued",
    "ringing",
    "in-progress",
    "in_progress",
    "completed",
    "failed",
    "busy",
    "no-answer",
    "no_answer",
    "canceled",
]


def _url(value: str) -> str:
    """An address that may have a query, and holds the batch's id anywhere but in the host."""
    address, _, query = value.partition("?")
    _ADDRESS.validate_python(address)
    if not query.isprintable() or set(query) & {" ", "#"}:
        raise ValueError("the part after ? must hold no blanks and no #")
    rest = value.replace(BATCH_ID, "")
    if "{" in urlsplit(value).netloc or "{" in rest or "}" in rest:
        raise ValueError("may hold {batch_id} after the host, and no other braces")
    return value


def _from_here(value: Path, info: ValidationInfo) -> Path:
    """Relative paths start at the file that names them, wherever the command was run."""
    if value == Path() or "\0" in str(value):
        raise ValueError("must name a file or a directory")
    return Path((info.context or {}).get("directory", ""), value.expanduser())


def _moment(value: str) -> str:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError('must be a time with its zone, such as "2026-05-01T00:00:00Z"')
    return value


Moment = Annotated[str, AfterValidator(_moment)]
Amount = Annotated[str, Field(pattern=r"^\d{1,9}(\.\d{1,6})?$")]


class DurationFilter(Strict):
    """Seconds."""

    min: float | None = Field(default=None, ge=0)
    max: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min must not be above max")
        return self


class CostFilter(Strict):
    """Amounts of money, as the vendor takes them: texts."""

    min: Amount | None = None
    max: Amount | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min and self.max and Decimal(self.min) > Decimal(self.max):
            raise ValueError("min must not be above max")
        return self


class SentimentFilter(Strict):
    """The least share of a conversation that was positive."""

    min_positive: float | None = Field(default=None, ge=0, le=1)


class DateRange(Strict):
    """From when to when; which of a call's times the vendor compares is not documented."""

    start: Moment | None = None
    end: Moment | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if (
            self.start
            and self.end
            and (datetime.fromisoformat(self.start) > datetime.fromisoformat(self.end))
        ):
            raise ValueError("start must not be after end")
        return self


class CallFilter(Strict):
    """Which calls the node lists. What is left out is not sent."""

    status: tuple[CallWord, ...] | None = Field(default=None, min_length=1)
    duration: DurationFilter | None = None
    cost: CostFilter | None = None
    sentiment: SentimentFilter | None = None
    date_range: DateRange | None = None

    def as_input(self) -> dict[str, Any]:
        """As the node takes it."""
        return self.model_dump(mode="json", exclude_none=True)


class SvalyncSettings(ProviderSettings):
    """Where the node's result comes from: exactly one of ``url`` and ``path``.

    ``filter`` goes to the node with a POST; otherwise it says what the workflow filters by.
    ``url`` is no secret, and takes none: a key of the node's is ``api_key``.
    """

    vendor: Literal["svalync"]
    api_key: Secret | None = None
    url: Annotated[str, AfterValidator(_url)] | None = Field(default=None, repr=False)
    method: Literal["GET", "POST"] = "GET"
    path: Annotated[Path, AfterValidator(_from_here)] | None = None
    batches: tuple[str, ...] = Field(min_length=1)
    filter: CallFilter | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.url is None) == (self.path is None):
            raise ValueError(
                "needs exactly one of url and path: where the node's result comes from"
            )
        if self.path is not None and (self.method == "POST" or self.api_key is not None):
            raise ValueError("method and api_key are for url; a file is only read")
        return self
