"""The kinds of value that settings are made of; each plug-in's settings stand beside it.

Validation context, every key of it optional: ``in_service`` (outside a systemd service a
credential cannot be read, so ``check-config`` warns of it instead of failing), ``secrets``
(False: nobody is going to use them, so none is looked up), ``environ`` (instead of the
process's own) and ``directory`` (where relative paths start).
"""

import os
import re
import stat
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
)

from monitor.core.duration import parse_duration
from monitor.core.model import Rates
from monitor.core.money import Amount, parse_amount
from monitor.core.route import Matcher, parse_matcher

NAME = re.compile(r"[a-z][a-z0-9_]*")


class Strict(BaseModel):
    """Settings: nothing unknown, nothing changed later, no secret in an error."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True
    )


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        msg = 'a duration is a text such as "30s", "5m", "1h30m" or "2d"'
        raise ValueError(msg)  # noqa: TRY004 - pydantic reads ValueError
    return parse_duration(value)


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        msg = "must be longer than nothing"
        raise ValueError(msg)
    return value


_DURATION_TEXT = WithJsonSchema(
    {"type": "string", "pattern": r"^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$", "minLength": 2}
)
Duration = Annotated[timedelta, BeforeValidator(_duration), _DURATION_TEXT]
PositiveDuration = Annotated[
    timedelta, BeforeValidator(_duration), AfterValidator(_positive), _DURATION_TEXT
]


def _matcher(value: Any) -> Matcher:
    if isinstance(value, Matcher):
        return value
    if not isinstance(value, str):
        msg = 'a matcher is a text such as "provider=renewals"'
        raise ValueError(msg)  # noqa: TRY004 - pydantic reads ValueError
    return parse_matcher(value)


MatcherText = Annotated[
    Matcher,
    BeforeValidator(_matcher),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*(=|!=|=~|!~)"}),
]

UNREADABLE_CREDENTIAL = "\0credential outside a service"


def _secret(value: Any, info: ValidationInfo) -> Any:
    """A text, or where to read it: {env}, {file} or {credential}."""
    if isinstance(value, str | SecretStr):
        text = value if isinstance(value, str) else value.get_secret_value()
        return _filled(text, "the text is empty")
    if not isinstance(value, dict) or len(value) != 1:
        msg = 'a secret is a text, { env = "NAME" }, { file = "path" } or { credential = "name" }'
        raise ValueError(msg)
    ((kind, name),) = value.items()
    context: Mapping[str, Any] = info.context or {}
    if not isinstance(name, str):
        msg = f"{kind} takes a text"
        raise ValueError(msg)  # noqa: TRY004 - pydantic reads ValueError
    if kind not in {"env", "file", "credential"}:
        msg = f"a secret cannot come from {kind!r}; env, file and credential are known"
        raise ValueError(msg)
    if not context.get("secrets", True):
        return UNREADABLE_CREDENTIAL
    environ: Mapping[str, str] = context.get("environ", os.environ)
    match kind:
        case "env":
            return _filled(environ.get(name, ""), f"the environment has no {name}")
        case "file":
            return _from_file(Path(context.get("directory", ""), name))
        case _:
            return _from_credential(
                name,
                environ.get("CREDENTIALS_DIRECTORY"),
                in_service=context.get("in_service", True),
            )


def _filled(text: str, otherwise: str) -> str:
    if not text.strip():
        raise ValueError(otherwise)
    return text.strip()


def _from_file(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        text = path.read_text()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        msg = f"the file {path} cannot be read: {reason}"
        raise ValueError(msg) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        msg = f"the file {path} can be read by others; run: chmod 600 {path}"
        raise ValueError(msg)
    return _filled(text, f"the file {path} is empty")


def _from_credential(name: str, directory: str | None, *, in_service: bool) -> str:
    if directory is None:
        if in_service:
            msg = f"credential {name!r} exists only inside the systemd service"
            raise ValueError(msg)
        return UNREADABLE_CREDENTIAL
    try:
        return _filled(Path(directory, name).read_text(), f"credential {name!r} is empty")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        msg = f"credential {name!r} cannot be read: {reason}"
        raise ValueError(msg) from error


_SECRET_FORMS: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        *(
            {
                "type": "object",
                "properties": {kind: {"type": "string"}},
                "required": [kind],
                "additionalProperties": False,
            }
            for kind in ("env", "file", "credential")
        ),
    ]
}
Secret = Annotated[SecretStr, BeforeValidator(_secret), WithJsonSchema(_SECRET_FORMS)]


def _base_url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
        msg = "must be an http or https address without query or user, such as https://api.example.com/v1"
        raise ValueError(msg)
    if value.startswith("http://") and not re.match(
        r"http://(localhost|127\.\d+\.\d+\.\d+|\[::1\])([:/]|$)", value
    ):
        msg = "plain http is only for loopback addresses; use https"
        raise ValueError(msg)
    return value.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]


def _rates(value: Any) -> Rates | None:
    if value is None or isinstance(value, Rates):
        return value
    if not isinstance(value, dict) or not set(value) <= {"minute", "attempt"} or not value:
        msg = 'rates are written { minute = "0.09 USD", attempt = "0.015 USD" }'
        raise ValueError(msg)
    parsed = {}
    currencies = set()
    for name, text in value.items():
        match = re.fullmatch(r"(\d+(?:\.\d+)?) ([A-Z]{3})", text) if isinstance(text, str) else None
        if not match:
            msg = f'{name} is written as an amount and a currency, such as "0.09 USD"'
            raise ValueError(msg)
        parsed[name] = Decimal(match.group(1))
        currencies.add(match.group(2))
    if len(currencies) > 1:
        msg = "both rates must be in one currency"
        raise ValueError(msg)
    return Rates(**parsed, currency=currencies.pop())


def _amount(value: Any) -> Amount:
    if isinstance(value, Amount):
        return value
    if not isinstance(value, str):
        msg = 'an amount is a text such as "50 USD"'
        raise ValueError(msg)  # noqa: TRY004 - pydantic reads ValueError
    return parse_amount(value)


_RATE = {"type": "string", "pattern": r"^\d+(\.\d+)? [A-Z]{3}$"}
AmountText = Annotated[Amount, BeforeValidator(_amount), WithJsonSchema(_RATE)]
RatesTable = Annotated[
    Rates | None,
    BeforeValidator(_rates),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {"minute": _RATE, "attempt": _RATE},
            "additionalProperties": False,
            "minProperties": 1,
        }
    ),
]


SECRET_LENGTH = 16


def _one_or_many(value: Any) -> Any:
    """As a tuple: one secret is written without a list."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _long(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < SECRET_LENGTH:
        msg = f"is shorter than {SECRET_LENGTH} characters, and so could be guessed"
        raise ValueError(msg)
    return value


# What proves to Offhook who asks, so nobody may guess it.
LongSecret = Annotated[Secret, AfterValidator(_long)]
# One, or all that are valid now: while a secret is changed, the old and the new.
WebhookSecrets = Annotated[
    tuple[LongSecret, ...],
    BeforeValidator(_one_or_many),
    Field(min_length=1, max_length=5),
    WithJsonSchema(
        {"anyOf": [_SECRET_FORMS, {"type": "array", "items": _SECRET_FORMS, "minItems": 1}]}
    ),
]


class ProviderSettings(Strict):
    """What every vendor's table has; a vendor's own settings class adds to it.

    ``calendar`` is the name as written; the loader checks it and hands the Calendar over.
    """

    poll_every: PositiveDuration = timedelta(seconds=30)
    discover_every: PositiveDuration = timedelta(seconds=60)
    discover_since: PositiveDuration = timedelta(days=7)
    match: tuple[MatcherText, ...] = ()
    batches: tuple[str, ...] = ()
    calendar: str | None = None
    blind_after: PositiveDuration = timedelta(minutes=5)
    requests_per_minute: Annotated[int, Field(ge=6, le=60_000)] = 1200
    rates: RatesTable = None
    webhook_secret: WebhookSecrets | None = None


class AccountSettings(ProviderSettings):
    """What the table of a vendor with a key has besides."""

    api_key: Secret
    actions: bool = False  # whether people may pause, resume and stop batches from here


class ReceiverSettings(Strict):
    """What every receiver's table has."""

    send_resolved: bool = True
