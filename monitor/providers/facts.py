"""What a vendor documents besides its lists: its webhooks and its actions.

Data only: each adapter package states its vendor's facts once, and says where they are
documented. What a vendor does not document is None or missing here, never a guess; the address
of a batch in its dashboard is documented by none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Scheme(StrEnum):
    """How a webhook proves who sent it."""

    HMAC_SHA256_HEX = "hmac_sha256_hex"  # lower-case hex over the raw body; no time in it
    SECRET_PATH = "secret_path"  # noqa: S105 - the vendor signs nothing: a secret stands in the URL


class Proof(StrEnum):
    """What the payload of an event proves, and so what may be taken from it."""

    CALL = "call"  # the whole record of one call
    CALL_STATUS = "call_status"  # how one call stands
    BATCH = "batch"  # how one batch stands, with its counts where it has ended
    HINT = "hint"  # something moved: ask
    NOTHING = "nothing"  # of no use here; stored as received, nothing asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One kind of webhook: how it is known, what it proves, and where the ids stand.

    ``match`` are the top-level fields that tell this kind, each with the value it has, or ""
    for any text. ``call_id``, ``batch_id`` and ``status`` are dotted paths into the payload,
    None when it has none.
    """

    name: str
    match: Mapping[str, str]
    proves: Proof
    call_id: str | None = None
    batch_id: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """A vendor's webhooks. ``header`` carries the signature; the first event that matches counts.

    ``register`` says in people's words where the URL is entered, ``by_hand`` why no program
    does it, ``retries`` what the vendor does when nobody answers. ``unsigned`` is what the
    vendor may send without a signature, where it signs the rest.
    """

    scheme: Scheme
    events: tuple[Event, ...]
    register: str
    retries: str
    header: str | None = None
    by_hand: str = "no API for it is documented"
    unsigned: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that a vendor lets its users do to a batch.

    ``path`` is relative to the base URL and holds ``{batch_id}``; ``body`` is sent as JSON.
    ``older`` is the path for batches of an older generation, where the vendor has some.
    ``final``: it cannot be undone. ``note`` says what happens, in people's words.
    """

    name: str  # pause | resume | stop
    path: str
    note: str
    method: str = "POST"
    body: Mapping[str, bool] | None = None
    final: bool = False
    older: str | None = None


class Taken(StrEnum):
    """What is known of an action that was asked for."""

    DONE = "done"  # the vendor took it
    REFUSED = "refused"  # the vendor said no, or was never asked
    UNKNOWN = "unknown"  # it may have been taken: only a look tells


class Took(NamedTuple):
    """How the vendor took an action; ``text`` is for people and holds nothing of the answer."""

    taken: Taken
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorFacts:
    """Everything of this kind about one vendor."""

    documented_at: tuple[str, ...]  # where the vendor says all this
    dashboard: str | None = None  # where people log in at the vendor, as it documents it
    webhooks: Webhooks | None = None
    actions: tuple[Action, ...] = ()

    def action(self, name: str) -> Action | None:
        """The action of this name; None where the vendor documents none."""
        return next((each for each in self.actions if each.name == name), None)
