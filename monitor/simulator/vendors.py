"""Every vendor that can be simulated: its service, and the table that lets a daemon watch it."""

import json
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Protocol

from monitor.clock import Clock
from monitor.providers import http_json
from monitor.simulator.answers import Manners
from monitor.simulator.batch import Batch
from monitor.simulator.bland import bland_app
from monitor.simulator.elevenlabs import elevenlabs_app
from monitor.simulator.graine import graine_app
from monitor.simulator.ids import Vendor
from monitor.simulator.svalync import svalync_app
from monitor.simulator.vogent import vogent_app
from monitor.simulator.wire import Wire
from monitor.simulator.world import Account


class MakesApp(Protocol):
    """Makes the service of one account."""

    def __call__(
        self, account: Account, clock: Clock, manners: Manners | None = None, *, keep: bool = False
    ) -> Wire:
        """The service, ready to be served."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How one vendor is simulated, and how the configuration names it.

    ``address`` is the key that holds the address, ``root`` the path that this ends in.
    ``listed``: the vendor lists its batches, so that their ids need not be configured.
    ``shipped``: the product brings a table for this vendor. ``reads`` is a pattern of the
    requests that read a batch's people, with its id as ``{id}``.
    """

    app: MakesApp
    vendor: str
    reads: str
    address: str = "base_url"
    root: str = ""
    listed: bool = True
    shipped: bool = False


SERVICES: dict[Vendor, Service] = {
    "graine": Service(
        app=graine_app, vendor="graine", reads=r"/batches/{id}/contacts", root="/api/v1"
    ),
    "bland": Service(
        app=bland_app, vendor="bland", reads=r"/v1/batches/{id}|/v1/calls\?.*batch_id={id}"
    ),
    "vogent": Service(app=vogent_app, vendor="vogent", reads=r"/{id}/(queue|dials)", root="/api"),
    "svalync": Service(
        app=svalync_app,
        vendor="svalync",
        reads=r"{id}",
        address="url",
        root="/batch",
        listed=False,
    ),
    "elevenlabs": Service(app=elevenlabs_app, vendor="http_json", reads=r"/{id}\?", shipped=True),
}


def vendor_app(
    account: Account, clock: Clock, manners: Manners | None = None, *, keep: bool = False
) -> Wire:
    """The service of an account's vendor, ready to be served."""
    return SERVICES[account.vendor].app(account, clock, manners, keep=keep)


def was_read(batch: Batch, wire: Wire) -> bool:
    """Whether somebody has read the people of a batch from its vendor's service."""
    pattern = SERVICES[batch.vendor].reads.replace("{id}", re.escape(batch.batch_id))
    return any(
        seen.status == 200 and re.search(pattern, f"{seen.asked.path}?{seen.asked.query}")
        for seen in wire.seen
    )


def unlisted(account: Account) -> tuple[str, ...]:
    """The ids that must be configured, because no list of the vendor's shows them."""
    listed = SERVICES[account.vendor].listed
    known = account.by_number.values()
    return tuple(batch.batch_id for batch in known if batch.plan.legacy or not listed)


def vendor_table(account: Account, url: str, *lines: str) -> str:
    """The provider's tables in TOML, under the account's name, for a service at ``url``.

    ``lines`` are added to the first of them as they are.
    """
    service = SERVICES[account.vendor]
    values: dict[str, str | list[str]] = {
        "vendor": service.vendor,
        "api_key": account.key,
        service.address: f"{url}{service.root}",
    }
    if ids := unlisted(account):
        values["batches"] = list(ids)
    # A JSON text without control characters is one of TOML's too.
    own = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    shipped = _shipped(account, tuple(values)) if service.shipped else []
    return "\n".join((f"[providers.{account.name}]", *own, *lines, *shipped)) + "\n"


def _shipped(account: Account, given: tuple[str, ...]) -> list[str]:
    """The tables that come with the product: the first without its head and what is given."""
    text = files(http_json).joinpath("vendors", f"{account.vendor}.toml").read_text()
    ours = f"[providers.{account.vendor}"
    first, *rest = (part for part in re.split(r"(?m)^(?=\[)", text) if part.startswith(ours))
    kept = [line for line in first.splitlines()[1:] if line.split(" ", 1)[0] not in given]
    return kept + [part.replace(ours, f"[providers.{account.name}", 1) for part in rest]
