"""What a table of ``vendor = "http_json"`` may hold: account, endpoints and sample."""

import re
from collections.abc import Mapping
from pathlib import Path as File
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    ValidationInfo,
    model_validator,
)

from monitor.providers.http_json.expressions import Path
from monitor.providers.http_json.fields import Fields, Units, Words
from monitor.providers.http_json.webhooks import WebhookTable
from monitor.settings import (
    NAME,
    UNREADABLE_CREDENTIAL,
    BaseUrl,
    ProviderSettings,
    Secret,
    Strict,
)

BATCH_ID = "{batch_id}"
SINCE = "{since}"
COUNTED = ("total", "finished", "live")

_HEADER = r"^[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?$"


def _kind(value: Any) -> str:
    return "secret" if isinstance(value, dict | SecretStr) else "plain"


def _header(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text != UNREADABLE_CREDENTIAL and (not re.match(_HEADER, text) or "\n" in text):
        raise ValueError("holds more than a header can")
    return value


HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
HeaderText = Annotated[str, Field(pattern=_HEADER)]
ParamName = Annotated[str, Field(pattern=r"^[^\s&=#]{1,64}$")]

# What is written as { env = "NAME" } and the like is a secret, and hidden as the key is.
HeaderValue = Annotated[
    Annotated[HeaderText, Tag("plain")] | Annotated[Secret, AfterValidator(_header), Tag("secret")],
    Discriminator(_kind),
]
ParamValue = Annotated[
    Annotated[str | int, Tag("plain")] | Annotated[Secret, Tag("secret")], Discriminator(_kind)
]


class Auth(Strict):
    """How the key is shown: exactly one of the four ways."""

    header: HeaderName | None = None
    prefix: HeaderText | None = None  # before the key in that header, with a blank between
    bearer: Literal[True] | None = None
    basic: str | None = Field(default=None, pattern=r"^[^:]*$")  # the user; the key is the password
    query: ParamName | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = (self.header, self.bearer, self.basic, self.query)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("needs exactly one of header, bearer, basic and query")
        if self.prefix is not None and self.header is None:
            raise ValueError("prefix is for header")
        return self


class Paging(Strict):
    """How a list is read on.

    offset: ``param`` takes the rows to skip. page: ``param`` takes the page's number. cursor:
    ``param`` takes what ``next`` finds in the answer before. link: ``next`` finds the whole
    address, or the Link header has it. none: one answer holds all.

    Null, "" or false at ``next`` end a list. A full page without the key does not, unless the
    key was seen before: where a vendor leaves it out, "next || `false`" says that this is meant.
    """

    style: Literal["offset", "page", "cursor", "link", "none"]
    param: ParamName | None = None
    first: int = Field(default=1, ge=0, le=1)
    size_param: ParamName | None = None
    size: int = Field(default=100, ge=1, le=10_000)
    next: Path | None = None
    more: Path | None = None
    total: Path | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = self.model_fields_set
        if (self.param is None) == (self.style in {"offset", "page", "cursor"}):
            word = "needs" if self.param is None else "takes no"
            raise ValueError(f"{self.style} {word} param, the name of a parameter")
        if self.style == "cursor" and self.next is None:
            raise ValueError("cursor needs next: where an answer has the next cursor")
        only = {"next": ("cursor", "link"), "first": ("page",), "more": ("offset", "page")}
        only["total"] = ("offset", "page")
        for key, styles in only.items():
            if key in given and self.style not in styles:
                raise ValueError(f"{key} is for {' and '.join(styles)}")
        return self


ONE_ANSWER = Paging(style="none")


def _path(value: str) -> str:
    bare = value.replace(BATCH_ID, "")
    if not value.startswith("/") or value.startswith("//") or set(bare) & set(" ?#{}\\"):
        raise ValueError("begins with one / and holds no ? (write params) and no other braces")
    return value


class Endpoint(Strict):
    """One thing to ask. Texts in ``params`` and ``body`` may hold ``{batch_id}``."""

    path: Annotated[str, AfterValidator(_path)]
    method: Literal["GET", "POST"] = "GET"
    params: Mapping[ParamName, ParamValue] = {}
    body: Mapping[str, Any] = {}

    @model_validator(mode="after")
    def _body_is_posted(self) -> Self:
        if self.body and self.method == "GET":
            raise ValueError('a body is sent with method = "POST" only')
        return self

    def holds(self, what: str) -> bool:
        """Whether ``{…}`` stands anywhere in it."""
        return what in self.path or any(what in text for text in texts((self.params, self.body)))


def texts(value: Any) -> list[str]:
    """Every text in tables and lists."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list | tuple):
        return []
    return [text for each in inner for text in texts(each)]


class PagedEndpoint(Endpoint):
    """A list; ``rows`` is where it stands in the answer."""

    rows: Path
    paging: Paging = ONE_ANSWER

    @model_validator(mode="after")
    def _links_are_got(self) -> Self:
        if self.paging.style == "link" and self.method == "POST":
            raise ValueError(
                'a link is followed with GET, which would lose the body: method = "POST" needs'
                " another style of paging"
            )
        return self


class ListEndpoint(PagedEndpoint):
    """The list of batches. ``{since}`` is the time back to which batches are looked for."""


class BatchEndpoint(Endpoint):
    """One batch; ``row`` is where it stands in the answer, if that is not the whole of it."""

    row: Path | None = None


class ItemsEndpoint(PagedEndpoint):
    """A batch's people or calls. ``calls``: where a person's row has their calls."""

    calls: Path | None = None


def _from_here(value: File, info: ValidationInfo) -> File:
    """Relative paths start at the file that names them, wherever the command was run."""
    if value == File() or "\0" in str(value):
        raise ValueError("must name a file")
    return File((info.context or {}).get("directory", ""), value.expanduser())


SampleFile = Annotated[File, AfterValidator(_from_here)]


class Sample(Strict):
    """Files with one answer of each endpoint, to check the paths with."""

    listing: SampleFile | None = Field(default=None, alias="list")
    batch: SampleFile | None = None
    items: SampleFile | None = None


class HttpJsonSettings(ProviderSettings):
    """One account at a vendor that is known by its configuration alone.

    ``vendor_name`` is what the vendor is called in messages, and the label ``vendor``.
    ``looks``: whether batches are looked at by the list, which answers for many at once, or
    one by one. ``trusted``: the counts that must agree before a batch is called complete.
    ``tells_failures``: whether its word for failed calls leaves out those that nobody answered.
    """

    vendor: Literal["http_json"]
    vendor_name: Annotated[str, Field(pattern=f"^{NAME.pattern}$")] = "http_json"
    api_key: Secret | None = None
    base_url: BaseUrl
    auth: Auth | None = None
    headers: Mapping[HeaderName, HeaderValue] = {}
    listing: ListEndpoint | None = Field(default=None, alias="list")
    batch: BatchEndpoint | None = None
    items: ItemsEndpoint
    looks: Literal["list", "batch"] | None = None
    fields: Fields
    words: Words = Words()
    units: Units = Units()
    calling_code: Annotated[str, Field(pattern=r"^[1-9]\d{0,3}$")] | None = None
    trusted: tuple[Literal["total", "finished", "live"], ...] | None = None
    tells_failures: bool = True
    sample: Sample = Sample()
    webhook: WebhookTable = WebhookTable()

    @property
    def looks_at(self) -> Literal["list", "batch"]:
        """Where looks come from."""
        return self.looks or ("list" if self.batch is None else "batch")

    @property
    def counted(self) -> frozenset[str]:
        """The counts that are held against the lists."""
        told = {name for name in COUNTED if getattr(self.fields.batch.counts, name) is not None}
        return frozenset(told if self.trusted is None else self.trusted)

    @model_validator(mode="after")
    def _endpoints_fit(self) -> Self:
        if self.listing is None and self.batch is None:
            raise ValueError("needs list or batch: where a batch's status is told")
        if self.listing is None and not self.batches:
            raise ValueError("without list, batches must name the batches to watch")
        if (self.looks == "list" and self.listing is None) or (
            self.looks == "batch" and self.batch is None
        ):
            raise ValueError(f'looks = "{self.looks}" needs the table {self.looks}')
        for name, endpoint in (("batch", self.batch), ("items", self.items)):
            if endpoint is not None and not endpoint.holds(BATCH_ID):
                raise ValueError(f"{name} needs {BATCH_ID} in its path, params or body")
        return self

    @model_validator(mode="after")
    def _key_is_shown(self) -> Self:
        if (self.api_key is None) != (self.auth is None):
            raise ValueError("api_key and auth go together: the key, and how it is shown")
        return self

    @model_validator(mode="after")
    def _secrets_fit(self) -> Self:
        for each in self.webhook_secret or ():
            secret = each.get_secret_value()
            if secret != UNREADABLE_CREDENTIAL:
                try:
                    self.webhook.check_secret(secret)
                except ValueError as error:
                    raise ValueError(f"webhook_secret: {error}") from error
        return self

    @model_validator(mode="after")
    def _units_fit(self) -> Self:
        call = self.fields.call
        if call.cost is not None and call.currency is None and self.units.currency is None:
            raise ValueError("fields.call.cost needs units.currency, or fields.call.currency")
        missing = [
            name for name in self.trusted or () if getattr(self.fields.batch.counts, name) is None
        ]
        if missing:
            raise ValueError(f"trusted names {missing[0]}, which fields.batch.counts has not")
        return self
