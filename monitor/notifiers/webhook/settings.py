"""The settings of a signed webhook."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from monitor.notifiers.addresses import check_address
from monitor.settings import UNREADABLE_CREDENTIAL, ReceiverSettings, Secret
from monitor.standard_webhooks import standard_key

_LEAST, _MOST = 24, 64  # bytes of a key, as Standard Webhooks asks


def _address(value: Secret) -> Secret:
    if value.get_secret_value() != UNREADABLE_CREDENTIAL:
        check_address(value.get_secret_value())
    return value


def _key(value: Secret) -> Secret:
    text = value.get_secret_value()
    if text != UNREADABLE_CREDENTIAL and not _LEAST <= len(standard_key(text)) <= _MOST:
        raise ValueError(
            f"must hold {_LEAST} to {_MOST} bytes as base64; make one with:"
            " echo whsec_$(openssl rand -base64 32)"
        )
    return value


class WebhookSettings(ReceiverSettings):
    """Where to post, and the Standard Webhooks secret to sign with.

    The address is kept as a secret: many hold one.
    """

    kind: Literal["webhook"]
    url: Annotated[Secret, AfterValidator(_address)]
    secret: Annotated[Secret, AfterValidator(_key)]
