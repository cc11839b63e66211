"""Every secret of a configuration, so that the logs can be kept free of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from monitor.config.model import Config
from monitor.providers.signing import path_secret
from monitor.settings import UNREADABLE_CREDENTIAL


def secrets_of(config: Config) -> tuple[str, ...]:
    """Their texts, and those of the addresses that are made from them."""
    tables = (
        config.monitor,
        config.web,
        *config.providers.values(),
        *config.receivers.values(),
    )
    found = [secret for table in tables for secret in secrets_in(table)]
    made = [
        path_secret(name, each.get_secret_value())
        for name, settings in config.providers.items()
        for each in settings.webhook_secret or ()
        if each.get_secret_value() != UNREADABLE_CREDENTIAL
    ]
    return tuple(secret for secret in (*found, *made) if secret != UNREADABLE_CREDENTIAL)


def secrets_in(value: Any) -> Iterator[str]:
    """The texts of the secrets of one table, or of one value in it."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from secrets_in(each)
    elif isinstance(value, tuple):
        for each in value:
            yield from secrets_in(each)
