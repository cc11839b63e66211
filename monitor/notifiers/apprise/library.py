"""The library apprise, which only who configures it needs, and only then is imported."""

import logging
import warnings
from functools import cache
from importlib import import_module
from typing import Any


def service(url: str) -> Any:
    """The one service behind an address, ready to notify; None when the address is none.

    Redirects are not followed, and no picture is fetched from elsewhere by those who read.
    """
    apprise = _library()
    asset = apprise.AppriseAsset(
        app_id="Offhook",
        app_desc="Offhook",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        async_mode=False,
    )
    made = apprise.Apprise(asset=asset)
    if not made.add(url):
        return None
    for each in made:
        if each.overflow_mode is apprise.OverflowMode.UPSTREAM:
            # What is too long would be refused, and refused again at every repeat.
            each.overflow_mode = apprise.OverflowMode.SPLIT
    return made


def room(made: Any) -> int:
    """How many characters it takes at once."""
    return int(min(each.body_maxlen for each in made))


def knows(url: str) -> bool:
    """Whether apprise has a service for the address."""
    return service(url) is not None


@cache
def _library() -> Any:
    """Imported with all its services, and quiet: what it logs may hold addresses and tokens."""
    for name in ("apprise", "urllib3", "requests"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        # Some of its services use what Python will drop; none of that is the user's doing.
        warnings.simplefilter("ignore")
        apprise = import_module("apprise")
        apprise.Apprise().add("json://localhost")  # loads them all
    return apprise
