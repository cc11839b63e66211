"""The settings of a PagerDuty service."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator

from monitor.settings import UNREADABLE_CREDENTIAL, BaseUrl, ReceiverSettings, Secret


def _key(value: Secret) -> Secret:
    text = value.get_secret_value()
    if text != UNREADABLE_CREDENTIAL and not re.fullmatch(r"[A-Za-z0-9]{32}", text):
        raise ValueError(
            "is the integration key of a service's Events API v2 integration: 32 characters"
        )
    return value


class PagerDutySettings(ReceiverSettings):
    """The integration key of one service; ``api_url`` for an account in the EU region."""

    kind: Literal["pagerduty"]
    routing_key: Annotated[Secret, AfterValidator(_key)]
    api_url: BaseUrl = "https://events.pagerduty.com"
