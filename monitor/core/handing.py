"""What is handed on in a call or after it: transfers to people, and deliveries of its result."""

from dataclasses import dataclass
from datetime import datetime

from monitor.core.baseline import Counted
from monitor.core.calls import CallLog, Field
from monitor.core.failures import Case
from monitor.core.model import Outcome
from monitor.core.words import UNDELIVERED


@dataclass(frozen=True, slots=True)
class Handing:
    """One kind of it: how it is called, and which of them failed."""

    one: str
    many: str
    case: Case


def transfers() -> Handing:
    """Calls that were to be handed to somebody."""
    case = Case(
        wrong=lambda call: call.transferred is False,
        count=_transfers,
        bad="failed transfers",
        verb="were not handed over",
        todo="Call the number that these calls were to be handed to.",
        among=lambda call: call.transferred is not None,
    )
    return Handing("transfer", "transfers", case)


def _transfers(log: CallLog, start: datetime, end: datetime) -> Counted:
    return Counted(*log.transfers(start, end))


def deliveries() -> Handing:
    """Calls that went well, and of which something was to be handed on after their end."""
    case = Case(
        wrong=lambda call: call.error_class == UNDELIVERED,
        count=_deliveries,
        bad="failed deliveries",
        verb="were not delivered",
        todo="Look at the system that receives what comes after a call.",
        skip=frozenset({Field.ERROR}),
        among=lambda call: call.outcome is Outcome.COMPLETED,
    )
    return Handing("delivery after a call", "deliveries after a call", case)


def _deliveries(log: CallLog, start: datetime, end: datetime) -> Counted:
    failed = log.having(start, end, Field.ERROR, UNDELIVERED)
    return Counted(failed, log.having(start, end, Field.OUTCOME, Outcome.COMPLETED.value))
