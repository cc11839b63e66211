"""How a vendor that is only configured proves its webhooks: the table ``webhook``."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from monitor.providers.schemes import ELEVENLABS, RETELL, STANDARD_WEBHOOKS, SVIX
from monitor.providers.signing import (
    TOLERANCE,
    Basic,
    Hmac,
    SecretPath,
    Signing,
    StaticHeader,
)
from monitor.settings import PositiveDuration, Strict
from monitor.standard_webhooks import standard_key

_NAMED: dict[str, Signing] = {
    "standard": STANDARD_WEBHOOKS,
    "svix": SVIX,
    "elevenlabs": ELEVENLABS,
    "retell": RETELL,
    "basic": Basic(),
    "path": SecretPath(),
}
_PIECE = re.compile(r"(\{[a-z]*\})")
_DIGEST, _SECRET = "{digest}", "{secret}"
_OF_TIME = frozenset({"unit", "tolerance"})


def _header(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", value):
        raise ValueError("must be the name of a header")
    return value


def _pieces(*known: str) -> AfterValidator:
    """A text in which only these stand in braces."""

    def checked(value: str) -> str:
        if set(_PIECE.findall(value)) - set(known):
            raise ValueError(f"only {', '.join(known)} may stand in braces")
        return value

    return AfterValidator(checked)


Header = Annotated[str, AfterValidator(_header)]


class WebhookTable(Strict):
    """``webhook``: the scheme by name, or its parts.

    hmac: ``header`` holds ``value`` with ``{digest}`` and perhaps ``{time}``, several of them
    parted by ``separator``; signed is ``message``. header: ``header`` holds ``value`` with
    ``{secret}``. basic: the secret is ``user:password``. path: nothing is signed, the secret
    stands in the address. The others are known by name and take no more keys.
    """

    scheme: Literal[
        "standard", "svix", "elevenlabs", "retell", "hmac", "header", "basic", "path"
    ] = "path"
    header: Header | None = None
    value: Annotated[str, _pieces(_DIGEST, "{time}", _SECRET)] | None = None
    message: Annotated[str, _pieces("{body}", "{time}", "{id}")] = "{body}"
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    key: Literal["text", "whsec"] = "text"
    separator: Literal["", " ", ",", ";"] = ""
    id_header: Header | None = None
    time_header: Header | None = None
    unit: Literal["s", "ms"] = "s"
    tolerance: Annotated[PositiveDuration, Field(le=timedelta(hours=1))] = TOLERANCE

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = self.model_fields_set - {"scheme"}
        allowed = {"hmac": set(type(self).model_fields), "header": {"header", "value"}}
        if surplus := sorted(given - allowed.get(self.scheme, set())):
            raise ValueError(f'scheme = "{self.scheme}" takes no {surplus[0]}')
        if self.scheme in allowed and self.header is None:
            raise ValueError(f'scheme = "{self.scheme}" needs header')
        if self.scheme == "header" and not (self.value or _SECRET).endswith(_SECRET):
            raise ValueError(f"value must end with {_SECRET}")
        if self.scheme == "hmac":
            self._check_hmac(given)
        return self

    def _check_hmac(self, given: Iterable[str]) -> None:
        value = self.value or _DIGEST
        if value.count(_DIGEST) != 1 or _SECRET in value:
            raise ValueError(f"value must hold {_DIGEST} once, and no {_SECRET}")
        if "{body}" not in self.message:
            raise ValueError("message must hold {body}: else nothing says what was sent")
        timed = "{time}" in value or self.time_header is not None
        if timed != ("{time}" in self.message):
            raise ValueError(
                "a time counts only where it is signed: in message, and in value or time_header"
            )
        if ("{id}" in self.message) != (self.id_header is not None):
            raise ValueError("id_header and {id} in message go together")
        if not timed and (surplus := sorted(_OF_TIME & set(given))):
            raise ValueError(f"{surplus[0]} is for signatures with a time")

    @property
    def signing(self) -> Signing:
        """The scheme as data."""
        if self.scheme in _NAMED:
            return _NAMED[self.scheme]
        header = (self.header or "").lower()
        if self.scheme == "header":
            return StaticHeader(header=header, prefix=(self.value or "").removesuffix(_SECRET))
        return Hmac(
            header=header,
            value=self.value or _DIGEST,
            message=tuple(piece for piece in _PIECE.split(self.message) if piece),
            algorithm=self.algorithm,
            encoding=self.encoding,
            many=self.separator,
            id_header=self.id_header and self.id_header.lower(),
            time_header=self.time_header and self.time_header.lower(),
            unit=self.unit,
            key=self.key,
            tolerance=self.tolerance,
        )

    def check_secret(self, secret: str) -> None:
        """ValueError for a secret that cannot be one of this scheme."""
        signing = self.signing
        if isinstance(signing, Hmac) and signing.key == "whsec":
            standard_key(secret)
        if isinstance(signing, Basic) and ":" not in secret:
            raise ValueError("for basic it is written user:password")
