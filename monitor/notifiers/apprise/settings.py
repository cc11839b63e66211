"""The settings of a service that apprise speaks to."""

from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import AfterValidator

from monitor.notifiers.apprise.library import knows
from monitor.settings import UNREADABLE_CREDENTIAL, ReceiverSettings, Secret


def _url(value: Secret) -> Secret:
    if find_spec("apprise") is None:
        raise ValueError("needs a package more; install it with: pip install 'offhook[apprise]'")
    text = value.get_secret_value()
    if text != UNREADABLE_CREDENTIAL and not knows(text):
        raise ValueError("is none of apprise's addresses, or lacks a part; see its documentation")
    return value


class AppriseSettings(ReceiverSettings):
    """One address, as apprise's documentation gives it for the service; it holds secrets."""

    kind: Literal["apprise"]
    url: Annotated[Secret, AfterValidator(_url)]
