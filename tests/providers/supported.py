"""What can be told at each vendor, as the adapters claim it: the table in README.md.

``python -m tests.providers.supported`` writes it there, between two marks.
"""

import tomllib
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from monitor.app.senders import signing_of
from monitor.core.model import Capabilities
from monitor.providers.build import AnyProviderSettings, capabilities, facts_of
from monitor.providers.signing import Hmac
from monitor.simulator.hours import WorkingHours
from monitor.simulator.ids import Vendor
from monitor.simulator.script import Mix, Plan
from monitor.simulator.vendors import vendor_table
from monitor.simulator.world import World
from tests.simulator.hand import START

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- what is told: begin -->\n", "<!-- what is told: end -->\n"
YES, NO, ESTIMATE = "yes", "no", "an estimate"
OWN_RATES, OWN_CURRENCY = "from your rates", "in the currency of your rates"
OWN_CALENDAR, OWN_IDS = "your calendar", "of the ids you name"
UNNUMBERED = "as their call, without a number"
SIGNED, ADDRESS = "signed", "a secret in the address"

_HOURS = WorkingHours(
    zone="Asia/Kolkata", days=dict.fromkeys(("sunday", "monday"), ("08:00", "23:00"))
)
_MIX = Mix(no_answer=0.3, busy=0.1, failed=0.05)
_PLAN = Plan(name="Survey", contacts=60, talk=(9.0, 30.0), mix=_MIX)
_AGAIN = Plan(name="Survey", contacts=60, talk=(9.0, 30.0), mix=_MIX, max_retries=2, cooldown=600.0)
_LEGACY = Plan(name="Survey", contacts=60, talk=(9.0, 30.0), mix=_MIX, legacy=True)


class Told(NamedTuple):
    """One row of the table: what a vendor tells."""

    batches: str
    counts: str
    people: str
    calls: str
    retries: str
    cost: str
    hours: str
    webhooks: str


_HEADS = Told(
    batches="New batches are found",
    counts="How many are done",
    people="Each person",
    calls="Each call",
    retries="When a retry is due",
    cost="Cost",
    hours="Calling hours",
    webhooks="Webhooks",
)


class Watched(NamedTuple):
    """One row's vendor, with a batch that has all that this vendor knows of."""

    title: str
    vendor: Vendor
    plan: Plan
    hours: WorkingHours | None = None


ROWS = (
    Watched("Graine", "graine", _AGAIN, _HOURS),
    Watched("Bland, v2 batches", "bland", _PLAN),
    Watched("Bland, v1 batches", "bland", _LEGACY),
    Watched("Vogent", "vogent", _PLAN, _HOURS),
    Watched("Svalync", "svalync", _PLAN),
    Watched("ElevenLabs (`http_json`)", "elevenlabs", _PLAN),
)


def settings_at(table: str) -> AnyProviderSettings:
    """The settings that a provider's tables make."""
    ((_, values),) = tomllib.loads(table)["providers"].items()
    made: AnyProviderSettings = TypeAdapter(AnyProviderSettings).validate_python(values)
    return made


def claimed(row: Watched) -> Told:
    """What the adapter says that this vendor tells."""
    account = World(1, START).account("account", row.vendor, "key")
    account.open(row.plan)
    settings = settings_at(vendor_table(account, "http://127.0.0.1:9"))
    can = capabilities(settings)
    return Told(
        batches=YES if can.discovery and not row.plan.legacy else OWN_IDS,
        counts=_counts(can),
        people=_people(can),
        calls=YES if can.calls else NO,
        retries=YES if can.retries else NO,
        cost=_cost(can),
        hours=YES if can.calling_hours else OWN_CALENDAR,
        webhooks=_webhooks(settings),
    )


def _people(can: Capabilities) -> str:
    if can.contacts:
        return YES if can.numbers else UNNUMBERED
    return NO


def _counts(can: Capabilities) -> str:
    if can.counts:
        return YES
    return ESTIMATE if can.unlisted_for else NO


def _cost(can: Capabilities) -> str:
    on_rates = any("rates" in text for text in can.blind_to)
    if can.cost:
        return OWN_CURRENCY if on_rates else YES
    return OWN_RATES if on_rates else NO


def _webhooks(settings: AnyProviderSettings) -> str:
    facts = facts_of(settings)
    if facts.webhooks is None and settings.vendor != "http_json":
        return NO
    return SIGNED if isinstance(signing_of(settings, facts), Hmac) else ADDRESS


def text() -> str:
    """The table, in Markdown."""
    heads = ("Vendor", *_HEADS)
    rows = [(row.title, *claimed(row)) for row in ROWS]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (heads, ["---"] * len(heads), *rows))


if __name__ == "__main__":
    head, rest = README.read_text().split(BEGIN)
    README.write_text(head + BEGIN + text() + END + rest.split(END)[1])
