"""The tables. Each index names the query that it serves.

Times are whole microseconds since 1970 in UTC (``UtcDateTime`` refuses a naive one), so the
hot statements carry plain numbers. Words of closed sets are stored as their text.
"""

from monitor.core.instants import from_micros
from monitor.store.schema.alerting import alert_events, alerts, evaluations
from monitor.store.schema.delivery import conversations, deliveries, outbox
from monitor.store.schema.inbox import arrivals, inbox
from monitor.store.schema.people import erased, opt_outs, people, people_moves
from monitor.store.schema.silencing import audit, silences
from monitor.store.schema.snapshot import (
    batches,
    calls,
    changes,
    contacts,
    moved_contacts,
    page_moves,
    pages,
    provider_states,
    providers,
    settings,
)
from monitor.store.schema.times import UtcDateTime, metadata, to_micros

__all__ = [
    "UtcDateTime",
    "alert_events",
    "alerts",
    "arrivals",
    "audit",
    "batches",
    "calls",
    "changes",
    "contacts",
    "conversations",
    "deliveries",
    "erased",
    "evaluations",
    "from_micros",
    "inbox",
    "metadata",
    "moved_contacts",
    "opt_outs",
    "outbox",
    "page_moves",
    "pages",
    "people",
    "people_moves",
    "provider_states",
    "providers",
    "settings",
    "silences",
    "to_micros",
]
