"""The settings of an Alertmanager, or of several that are one."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from monitor.notifiers.addresses import OwnAddress
from monitor.settings import PositiveDuration, ReceiverSettings


def _bare(value: str) -> str:
    if "?" in value or value.rstrip("/").endswith("/api/v2/alerts"):
        raise ValueError("is Alertmanager's own address, such as http://127.0.0.1:9093")
    return value.rstrip("/")


class AlertmanagerSettings(ReceiverSettings):
    """Every Alertmanager of a cluster: they share silences, and not alerts.

    ``resend``: what still fires is said again so often, and ends there by itself when it was
    not said for three times as long.
    """

    kind: Literal["alertmanager"]
    urls: Annotated[
        tuple[Annotated[OwnAddress, AfterValidator(_bare)], ...],
        Field(min_length=1, max_length=10),
    ]
    resend: PositiveDuration = timedelta(minutes=1)
